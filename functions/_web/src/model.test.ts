import assert from "node:assert/strict";
import { test } from "node:test";
import { isModelName, ModelChoice, modelTitle, offersOf } from "./model.ts";

function storage(kept: Record<string, string> = {}) {
  const items = new Map(Object.entries(kept));
  return {
    getItem: (key: string) => items.get(key) ?? null,
    setItem: (key: string, value: string) => void items.set(key, value),
  };
}

test("a choice is kept for the next load of the window, and told to who listens", () => {
  const kept = storage();
  const choice = new ModelChoice(kept);
  let told = 0;
  const stop = choice.subscribe(() => (told += 1));
  assert.equal(choice.get(), "");
  choice.set("scripted/story");
  choice.set("scripted/story");
  stop();
  choice.set("openai/gpt-x");
  assert.equal(told, 1);
  assert.equal(new ModelChoice(kept).get(), "openai/gpt-x");
});

test("without storage, or with nonsense in it, the server chooses", () => {
  const choice = new ModelChoice(null);
  choice.set("scripted/echo");
  assert.equal(choice.get(), "scripted/echo");
  assert.equal(new ModelChoice(storage({ "reactive-chat-model": "nonsense" })).get(), "");
});

test("a storage that is full forgets, and nothing else", () => {
  const full = {
    getItem: () => null,
    setItem: () => {
      throw new Error("full");
    },
  };
  const choice = new ModelChoice(full);
  choice.set("scripted/echo");
  assert.equal(choice.get(), "scripted/echo");
});

test("models are named provider/model", () => {
  for (const name of ["openai/gpt-5", "openrouter/meta/llama"]) assert.ok(isModelName(name), name);
  for (const name of ["", "gpt-5", "/x", "x/", "a b/c"]) assert.ok(!isModelName(name), name);
  assert.equal(modelTitle("scripted/echo"), "Echo");
  assert.equal(modelTitle("openai/gpt-5"), "gpt-5");
});

test("the first model that the server names is its default", () => {
  const offers = offersOf(["openai/gpt-5", "scripted/echo"]);
  assert.deepEqual(
    offers.map((offer) => [offer.name, offer.title, offer.note]),
    [
      ["openai/gpt-5", "gpt-5", "openai/gpt-5; the default"],
      ["scripted/echo", "Echo", "says your words again"],
    ],
  );
});
