// Pages of a list that grows and shrinks meanwhile: together they have every entry once.
import assert from "node:assert/strict";
import { check, connect, watch } from "../_shared/harness.mjs";
import { api } from "./_generated/api.js";

const { log } = api;
const SIZE = 10;

await check(async () => {
  const [ada, grace] = [connect(), connect()];
  await ada.mutation(log.sail, { days: 12 });

  // As usePaginatedQuery does: each page is a live query that begins where the one before ended.
  const pages = [];
  for (let cursor = null, isDone = false; !isDone;) {
    const page = watch(grace, log.list, { paginationOpts: { numItems: SIZE, cursor } });
    ({ continueCursor: cursor, isDone } = await page.until(
      (result) => result.page.length > 0 || result.isDone,
    ));
    pages.push(page);
  }
  const shown = () => pages.flatMap((page) => page.values.at(-1).page.map((entry) => entry._id));
  const before = shown();
  assert.equal(before.length, 36);
  assert.equal(new Set(before).size, 36);

  const [first, second] = pages;
  const struck = second.values.at(-1).page[3]._id;
  await ada.mutation(log.strike, { id: struck });
  await second.until((result) => result.page.length === SIZE - 1);
  const id = await ada.mutation(log.write, { ship: "Fram", text: "Land!" });
  await first.until((result) => result.page[0]._id === id && result.page.length === SIZE + 1);
  assert.deepEqual(shown(), [id, ...before.filter((one) => one !== struck)]);

  const fram = { ship: "Fram", paginationOpts: { numItems: 100, cursor: null } };
  const { page, isDone } = await ada.query(log.list, fram);
  assert.deepEqual([new Set(page.map((entry) => entry.ship)).size, isDone], [1, true]);
  const forged = { paginationOpts: { numItems: SIZE, cursor: "nonsense" } };
  await assert.rejects(
    ada.query(log.list, forged),
    (error) => error.data.paginationError === "InvalidCursor",
  );
});
