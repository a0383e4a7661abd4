// The generated `api`, called in plain JavaScript: what its types promise is what the server does.

import { ConvexClient, ConvexHttpClient } from "convex/browser";
import { getFunctionName } from "convex/server";
import { api, internal } from "../convex/_generated/api.js";
import { assert, check, run, url } from "./harness.mjs";

const http = new ConvexHttpClient(url, { logger: false });
const { kinds, messages } = api;

async function refused(call) {
  await assert.rejects(call, /ArgumentValidationError|Could not find public function/);
}

check("functions of modules, of folders, and named default", async () => {
  const author = await http.mutation(messages.join, { name: "Ada", profile: { country: "UK" } });
  const id = await http.mutation(messages.send, { author, body: "Hello", from: "Ada" });
  const options = { numItems: 10, cursor: null };
  const page = await http.query(messages.list, { author, paginationOpts: options });
  assert.deepEqual(
    page.page.map((each) => each._id),
    [id],
  );
  assert.equal(page.isDone, true);
  const newest = await http.query(messages.default, {});
  assert.equal(newest.from, "Ada");
  assert.equal(newest["content-type"], "text/plain");
  assert.equal(newest.size, 5n);
  assert.equal(newest.attachment.byteLength, 2);
  assert.equal("edited" in newest, false);
  assert.deepEqual(await http.query(api.chat.threads.list, {}), []);
  assert.deepEqual(await http.action(api.chat.threads.run, { prompt: "Hi", heat: 1 }), {
    prompt: "Hi",
    options: { heat: 1 },
  });
  assert.equal(await http.mutation(messages.delete, { message: id }), null);
});

check("a live query", async () => {
  const client = new ConvexClient(url);
  const author = await http.mutation(messages.join, { name: "Bo", profile: { country: "SE" } });
  const bodies = await new Promise((resolve, reject) => {
    client.onUpdate(
      messages.recent,
      { author },
      (found) => {
        if (found.length === 0) void client.mutation(messages.send, { author, body: "Live" });
        else resolve(found.map((each) => each.body));
      },
      reject,
    );
  });
  await client.close();
  assert.deepEqual(bodies, ["Live"]);
});

check("internal functions have references, and are not for clients", async () => {
  assert.equal(getFunctionName(internal.chat.threads.count), "chat/threads:count");
  await refused(http.query(internal.chat.threads.count, {}));
});

check("scalars, lists and dicts", async () => {
  const args = { nothing: null, flag: true, whole: 1, real: 1.5, big: 2n ** 60n, text: "é" };
  assert.deepEqual(await http.query(kinds.plain, args), Object.values(args));
  await refused(http.query(kinds.plain, { ...args, big: 1 }));
  const value = new Uint8Array([1, 2]).buffer;
  assert.deepEqual(await http.query(kinds.raw, { value }), value);
  const many = { many: [1], fixed: [1, "a"], same: [1, 2], distinct: ["a", "a"], some: [null] };
  assert.deepEqual(await http.query(kinds.lists, { ...many, loose: [true] }), [
    [1],
    [1, "a"],
    [1, 2],
    ["a"],
    [1, 1],
  ]);
  const dicts = { counts: { any: 1 }, named: { a: 1 } };
  assert.deepEqual(await http.query(kinds.dicts, { ...dicts, colored: { red: 1 } }), dicts);
  await refused(http.query(kinds.dicts, { ...dicts, named: { c: 1 } }));
});

check("literals, enums and what may be absent", async () => {
  const choices = { literal: "a", color: "red", level: 2 };
  assert.deepEqual(await http.query(kinds.choices, { ...choices, quotes: 'say "hi"' }), choices);
  await refused(http.query(kinds.choices, { ...choices, color: "RED", quotes: "né" }));
  assert.deepEqual(await http.query(kinds.optional, { nullable: null }), [null, "x", null]);
  await refused(http.query(kinds.optional, { nullable: null, defaulted: null }));
});

check("dates, UUIDs and decimals are text", async () => {
  const times = {
    at: "2026-01-02T03:04:05Z",
    day: "2026-01-02",
    wait: "PT1M",
    key: "9b2e1e1e-0000-4000-8000-000000000000",
    price: "1.10",
  };
  assert.deepEqual(await http.query(kinds.times, times), Object.values(times));
  assert.deepEqual(await http.query(kinds.stamped, { value: times }), times);
});

check("classes with fields", async () => {
  const leaf = { label: "leaf", children: [], parent: null };
  const tree = await http.query(kinds.tree, { node: { label: "root", children: [leaf] } });
  assert.deepEqual(tree, { label: "root", children: [leaf], parent: null });
  const boxes = { ints: { content: 1, label: "x" }, texts: { content: ["a"] } };
  assert.deepEqual(await http.query(kinds.boxes, boxes), { content: { content: 1, label: "x" } });
  const shape = { shape: "square", side: 2 };
  assert.deepEqual(await http.query(kinds.shapes, { shape }), [{ ...shape, color: "red" }]);
  await refused(http.query(kinds.shapes, { shape: { side: 2 } }));
  const options = { depth: 1 };
  assert.deepEqual(await http.query(kinds.typed_dict, { options }), options);
  assert.deepEqual(await http.query(kinds.point, { value: [1] }), [1, 0]);
  const spans = { value: { start: 1 }, range: { least: 1 } };
  const span = { least: { start: 1, end: 10 }, most: null };
  assert.deepEqual(await http.query(kinds.span, spans), span);
  const renamed = { in: "x", out: 1, described: 0, more: true };
  assert.deepEqual(await http.query(kinds.renamed, { value: { in: "x", more: true } }), renamed);
  assert.deepEqual(await http.query(kinds.root, { value: ["a"] }), ["a"]);
});

check("aliases and names", async () => {
  const tree = { tree: [1, { a: [2] }], pair: [1, 2], json: { a: [null] } };
  assert.deepEqual(await http.query(kinds.aliases, tree), [tree.tree, 1, 2]);
  const names = { slug: "s", score: 1, strict: "t", url: "https://example.com" };
  assert.equal(await http.query(kinds.names, names), "s");
  const keywords = { new: 1, "content-length": 2, "2nd": 3 };
  assert.equal(await http.query(kinds.keywords, keywords), 6);
});

await run();
