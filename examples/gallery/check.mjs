// A picture that one uploads is seen by the other, byte for byte, until it is taken down.
import assert from "node:assert/strict";
import { check, connect, refused, watch } from "../_shared/harness.mjs";
import { api } from "./_generated/api.js";

const { pictures } = api;
const DOT =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

async function upload(client, bytes, type) {
  const url = await client.mutation(pictures.generateUploadUrl, {});
  const headers = { "Content-Type": type };
  const response = await fetch(url, { method: "POST", headers, body: bytes });
  assert.equal(response.status, 200);
  return (await response.json()).storageId;
}

await check(async () => {
  const [ada, grace] = [connect(), connect()];
  const wall = watch(grace, pictures.list);
  const dot = Buffer.from(DOT, "base64");

  const file = await upload(ada, dot, "image/png");
  const id = await ada.mutation(pictures.hang, { file, caption: " A dot " });
  const [picture] = await wall.until((list) => list.length === 1);
  assert.deepEqual([picture.id, picture.caption, picture.size], [id, "A dot", dot.length]);

  const shown = await fetch(picture.url);
  assert.equal(shown.headers.get("content-type"), "image/png");
  assert.deepEqual(Buffer.from(await shown.arrayBuffer()), dot);
  assert.equal(await grace.mutation(pictures.hang, { file, caption: "again" }), id);

  const text = await upload(ada, "no picture", "text/plain");
  assert.equal(await ada.mutation(pictures.hang, { file: text, caption: "x" }), null);
  await refused(ada.mutation(pictures.hang, { file: text, caption: "x" }), "no_file");

  await grace.mutation(pictures.takeDown, { id });
  await wall.until((list) => list.length === 0);
  assert.equal((await fetch(picture.url)).status, 404);
});
