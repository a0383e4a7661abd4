// A message comes when its time has come, goes when its time is over, and not at all if called back.
import assert from "node:assert/strict";
import { check, connect, refused, watch } from "../_shared/harness.mjs";
import { api } from "./_generated/api.js";

const { messages, clock } = api;
const bodies =
  (...expected) =>
  (list) =>
    list.map((one) => one.body).join() === expected.join();

await check(async () => {
  const [ada, grace] = [connect(), connect()];
  const sent = watch(grace, messages.list);
  const waiting = watch(grace, messages.planned);
  const jobs = watch(grace, messages.jobs);
  await watch(grace, clock.get).until((one) => one?.strikes === 1);

  const bothWait = waiting.until(bodies("soon", "never"));
  const id = await ada.mutation(messages.plan, { body: "never", delayS: 600 });
  await ada.mutation(messages.plan, { body: "soon", delayS: 2 });
  const [plan] = await bothWait;

  await ada.mutation(messages.callBack, { id });
  const [soon] = await sent.until(bodies("soon"));
  assert.ok(soon._creationTime >= plan.sendAt);
  await waiting.until(bodies());
  await jobs.until((list) => list.map((job) => job.state).join() === "success,canceled");
  await refused(ada.mutation(messages.callBack, { id }), "too_late");

  const bothSent = sent.until(bodies("fleeting", "soon"));
  await ada.mutation(messages.plan, { body: "fleeting", lifetimeS: 1 });
  const [fleeting] = await bothSent;
  await sent.until(bodies("soon"));
  assert.ok(Date.now() >= fleeting.destructsAt - 50);

  // The functions that the scheduler calls are nobody else's.
  await assert.rejects(ada.mutation("messages:deliver", { id }));
  await refused(ada.mutation(messages.plan, { body: "x", delayS: -1 }), "bad_delay");
});
