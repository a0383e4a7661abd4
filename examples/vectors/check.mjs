// The nearest question comes first, misspelled or not, within a topic or not; new ones are found at once.
import assert from "node:assert/strict";
import { check, connect, watch } from "../_shared/harness.mjs";
import { api } from "./_generated/api.js";

const { answers } = api;

await check(async () => {
  const [ada, grace] = [connect(), connect()];
  const count = watch(grace, answers.count);
  const ask = (question, more = {}) => grace.action(answers.ask, { question, ...more });
  assert.deepEqual(await ask("anything"), []);
  await ada.mutation(answers.loadSamples, {});
  await count.until((number) => number === 14);

  const [same, ...others] = await ask("How do I boil an egg?");
  assert.equal(same.question, "How do I boil an egg?");
  assert.ok(Math.abs(same.score - 1) < 1e-3);
  assert.equal(others.length, 3);
  const scores = [same, ...others].map((one) => one.score);
  assert.deepEqual(
    scores,
    scores.toSorted((one, other) => other - one),
  );

  assert.equal((await ask("patching flat tires"))[0].topic, "bicycle");
  assert.equal((await ask("tomatos planting"))[0].question, "When do I plant tomatoes?");
  const inGarden = await ask("How do I boil an egg?", { topic: "garden" });
  assert.deepEqual(new Set(inGarden.map((one) => one.topic)), new Set(["garden"]));

  const added = { topic: "kitchen", question: "Can I freeze soup?", answer: "Yes, for months." };
  const id = await ada.action(answers.add, added);
  const [newest] = await ask("freezing soups");
  assert.deepEqual([newest.id, newest.answer], [id, "Yes, for months."]);
  await assert.rejects(ada.action(answers.add, { ...added, topic: "attic" }), /topic/);
});
