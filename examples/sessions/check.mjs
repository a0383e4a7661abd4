// A session has one vote, which may move; counts follow for all; nobody learns a session.
import assert from "node:assert/strict";
import { check, connect, watch } from "../_shared/harness.mjs";
import { api } from "./_generated/api.js";

const { poll } = api;
const votes =
  (...expected) =>
  (list) =>
    list.map((one) => one.votes).join() === expected.join();

await check(async () => {
  const [ada, grace] = [connect(), connect()];
  const [hers, theirs] = [crypto.randomUUID(), crypto.randomUUID()];
  const results = watch(grace, poll.results);
  const mine = watch(ada, poll.mine, { sessionId: hers });
  await mine.until((choice) => choice === null);

  const soup = await ada.mutation(poll.propose, { sessionId: hers, label: "Soup" });
  await mine.until((choice) => choice === soup);
  const cake = await grace.mutation(poll.propose, { sessionId: theirs, label: "Cake" });
  await results.until(votes(1, 1));
  await ada.mutation(poll.vote, { sessionId: hers, choice: cake });
  await results.until(votes(0, 2));
  await ada.mutation(poll.vote, { sessionId: hers, choice: cake });
  assert.equal(await grace.mutation(poll.propose, { sessionId: theirs, label: "Soup" }), soup);
  const list = await results.until(votes(1, 1));
  await mine.until((choice) => choice === cake);
  assert.ok(!JSON.stringify(list).includes(hers));

  // Many at once on two counters: none is lost.
  const many = Array.from({ length: 40 }, (_, n) => [n % 2 ? ada : grace, crypto.randomUUID()]);
  await Promise.all(
    many.map(([one, sessionId]) => one.mutation(poll.vote, { sessionId, choice: soup })),
  );
  await results.until(votes(41, 1));
  await assert.rejects(ada.mutation(poll.vote, { sessionId: "short", choice: soup }), /session/i);
});
