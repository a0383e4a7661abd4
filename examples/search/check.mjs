// Words and beginnings of words are found, page by page, within a kind, and live.
import assert from "node:assert/strict";
import { check, connect, watch } from "../_shared/harness.mjs";
import { api } from "./_generated/api.js";

const { notes } = api;
const page = (numItems, cursor = null) => ({ paginationOpts: { numItems, cursor } });
const titles = (result) => result.page.map((note) => note.title).sort();

await check(async () => {
  const [ada, grace] = [connect(), connect()];
  const search = (text, more = {}) => ada.query(notes.search, { text, ...page(50), ...more });
  assert.ok((await ada.mutation(notes.loadSamples, {})) > 30);
  assert.equal(await ada.mutation(notes.loadSamples, {}), 0);

  assert.deepEqual(titles(await search("acorns")), ["Jay", "Oak"]);
  assert.deepEqual(titles(await search("splas")), ["Kingfisher"]);
  assert.deepEqual(titles(await search("poison", { kind: "tree" })), ["Yew"]);
  assert.deepEqual(titles(await search("zeppelin")), []);
  assert.ok(titles(await search("red berries")).includes("Rowan"));
  assert.equal((await search("red berries")).page[0].title, "Rowan", "both words before one");

  const all = titles(await search("the"));
  const found = [];
  for (let cursor = null, isDone = false; !isDone;) {
    const next = await search("the", page(4, cursor));
    found.push(...titles(next));
    ({ isDone, continueCursor: cursor } = next);
  }
  assert.ok(all.length > 8);
  assert.deepEqual(found.sort(), all);

  const live = watch(grace, notes.search, { text: "zepp", kind: "bird", ...page(5) });
  await live.until((result) => result.page.length === 0);
  const note = { title: "Zeppelin", kind: "bird", text: "No bird, after all." };
  await ada.mutation(notes.add, note);
  await live.until((result) => titles(result).join() === "Zeppelin");
  await assert.rejects(ada.mutation(notes.add, { ...note, kind: "airship" }), /kind/);
});
