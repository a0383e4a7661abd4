// Two clients share the list: what one does, the other sees; one sees its own change before the server.
import assert from "node:assert/strict";
import { check, connect, refused, watch } from "../_shared/harness.mjs";
import { api } from "./_generated/api.js";

const { todos } = api;

await check(async () => {
  const [ada, grace] = [connect(), connect()];
  const [hers, theirs] = [watch(ada, todos.list), watch(grace, todos.list)];
  await theirs.until((list) => list.length === 0);

  const id = await ada.mutation(todos.add, { text: "  Buy milk " });
  const [todo] = await theirs.until((list) => list.length === 1);
  assert.deepEqual([todo._id, todo.text, todo.isDone], [id, "Buy milk", false]);

  const showDone = (store, { isDone }) => {
    const [one] = store.getQuery(todos.list, {});
    store.setQuery(todos.list, {}, [{ ...one, text: "(optimistic)", isDone }]);
  };
  const seen = hers.values.length;
  const args = { id, isDone: true };
  const ticking = ada.mutation(todos.setDone, args, { optimisticUpdate: showDone });
  await hers.until(([one]) => one.isDone);
  await ticking;
  await hers.until(([one]) => one.text === "Buy milk");
  const texts = hers.values.slice(seen).map(([one]) => `${one.text} ${one.isDone}`);
  assert.deepEqual(texts, ["(optimistic) true", "Buy milk true"]);
  await theirs.until(([one]) => one.isDone);

  await grace.mutation(todos.add, { text: "Call Grace" });
  assert.equal(await grace.mutation(todos.removeDone, {}), 1);
  await hers.until((list) => list.length === 1 && list[0].text === "Call Grace");
  await ada.mutation(todos.setDone, args);
  const [rest] = hers.values.at(-1);
  await ada.mutation(todos.remove, { id: rest._id });
  await theirs.until((list) => list.length === 0);

  await refused(ada.mutation(todos.add, { text: " " }), "bad_text");
});
