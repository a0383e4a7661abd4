// Files as the demo of Convex uses them: a URL, an upload by fetch, an id, a URL again.

import { createHash } from "node:crypto";
import { ConvexClient, ConvexHttpClient } from "convex/browser";
import { anyApi } from "convex/server";
import { assert, check, run, uniqueName, until, url } from "./harness.mjs";

const { files } = anyApi;

const http = new ConvexHttpClient(url, { logger: false });
const client = new ConvexClient(url, { logger: false });

async function upload(body, headers = {}) {
  const to = await http.mutation(files.generate_upload_url, {});
  const answer = await fetch(to, { method: "POST", headers, body });
  assert.equal(answer.status, 200);
  return (await answer.json()).storageId;
}

check("a picture goes up and comes back", async () => {
  const name = uniqueName();
  const bytes = new Uint8Array(300_000).map((_, at) => (at * 7919) % 251);
  const picture = new Blob([bytes], { type: "image/png" });
  const file = await upload(picture, { "Content-Type": picture.type });
  await http.mutation(files.save, { name, file });

  const [saved] = await http.query(files.list, { name });
  const answer = await fetch(saved.url);
  assert.equal(answer.status, 200);
  assert.equal(answer.headers.get("content-type"), "image/png");
  assert.deepEqual(new Uint8Array(await answer.arrayBuffer()), bytes);

  const facts = await http.query(files.facts, { file });
  assert.deepEqual(Object.keys(facts).sort(), [
    "_creationTime",
    "_id",
    "contentType",
    "sha256",
    "size",
  ]);
  assert.equal(facts._id, file);
  assert.equal(facts.size, bytes.length);
  assert.equal(facts.sha256, createHash("sha256").update(bytes).digest("base64"));
});

check("a body without a length goes up", async () => {
  const pieces = new ReadableStream({
    start(controller) {
      for (const piece of ["one ", "two ", "three"]) {
        controller.enqueue(new TextEncoder().encode(piece));
      }
      controller.close();
    },
  });
  const to = await http.mutation(files.generate_upload_url, {});
  const answer = await fetch(to, { method: "POST", body: pieces, duplex: "half" });
  const file = (await answer.json()).storageId;
  const from = await http.query(files.url, { file });
  assert.equal(await (await fetch(from)).text(), "one two three");
});

check("a live query hears of an upload and of a deletion", async () => {
  const name = uniqueName();
  const seen = [];
  client.onUpdate(files.list, { name }, (value) => seen.push(value));
  await until(() => seen.length === 1, "an empty list");
  const file = await upload("live");
  await client.mutation(files.save, { name, file });
  await until(() => seen.at(-1).length === 1, "a picture");
  const from = seen.at(-1)[0].url;
  assert.equal(await (await fetch(from)).text(), "live");

  await client.mutation(files.remove, { file });
  await until(() => seen.at(-1)[0].url === null, "a picture without a file");
  assert.equal((await fetch(from)).status, 404);
});

check("part of a file", async () => {
  const file = await upload("0123456789");
  const from = await http.query(files.url, { file });
  const answer = await fetch(from, { headers: { Range: "bytes=2-4" } });
  assert.equal(answer.status, 206);
  assert.equal(answer.headers.get("content-range"), "bytes 2-4/10");
  assert.equal(await answer.text(), "234");
});

await run();
