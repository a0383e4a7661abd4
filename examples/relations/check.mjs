// Joined rows follow their parts; what belongs together goes together; mistakes have names.
import assert from "node:assert/strict";
import { check, connect, refused, watch } from "../_shared/harness.mjs";
import { api } from "./_generated/api.js";

const { library } = api;

await check(async () => {
  const [ada, grace] = [connect(), connect()];
  const shelf = watch(grace, library.list);
  const tags = watch(grace, library.tags);
  const sea = watch(grace, library.list, { tag: "sea" });

  const whale = { title: "Moby-Dick", author: "Herman Melville", year: 1851 };
  const book = await ada.mutation(library.add, whale);
  const other = await ada.mutation(library.add, { ...whale, title: "Typee", year: 1846 });
  await shelf.until((books) => books.length === 2);
  await ada.mutation(library.tag, { book, name: "sea" });
  await ada.mutation(library.tag, { book, name: "sea" });
  await ada.mutation(library.tag, { book: other, name: "islands" });
  await ada.mutation(library.review, { book, stars: 5 });
  await ada.mutation(library.review, { book, stars: 4 });
  const [found] = await sea.until((books) => books[0]?.reviews === 2);
  const expected = { ...whale, id: book, tags: ["sea"], stars: 4.5, reviews: 2 };
  assert.deepEqual({ ...found }, expected);
  await tags.until((names) => names.join() === "islands,sea");

  // What is reviewed elsewhere is no news here.
  const seen = sea.values.length;
  await ada.mutation(library.review, { book: other, stars: 1 });
  await shelf.until(([newest]) => newest.stars === 1);
  assert.equal(sea.values.length, seen);

  assert.equal((await refused(ada.mutation(library.add, whale), "duplicate")).book, book);
  await assert.rejects(ada.mutation(library.review, { book, stars: 6 }), /stars/);
  await assert.rejects(ada.mutation(library.add, { ...whale, pages: 635 }), /pages/);
  await assert.rejects(ada.mutation(library.remove, { book: "nonsense" }), /book/);

  await ada.mutation(library.remove, { book });
  await sea.until((books) => books.length === 0);
  await tags.until((names) => names.join() === "islands");
  await refused(ada.mutation(library.review, { book, stars: 5 }), "not_found");
});
