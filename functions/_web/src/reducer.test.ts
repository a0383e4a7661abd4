import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { test } from "node:test";
import type { StreamEvent } from "./events.ts";
import { apply, contentOf, EMPTY, reduce, type StreamState } from "./reducer.ts";

// What the Python reducer runs, too; tests are started in the folder of the page.
const FOLDER = join(process.cwd(), "..", "..", "tests", "ai", "vectors");

type Vector = { events: StreamEvent[] } & (
  | { state: StreamState; content: string }
  | { refused: number }
);

const vectors = readdirSync(FOLDER)
  .filter((name) => name.endsWith(".json"))
  .map((name): [string, Vector] => [
    basename(name, ".json"),
    JSON.parse(readFileSync(join(FOLDER, name), "utf8")),
  ]);

test("there are vectors of every kind", () => {
  assert.ok(vectors.length >= 12);
  assert.ok(vectors.some(([, vector]) => "refused" in vector));
});

for (const [name, vector] of vectors) {
  test(`vector ${name}`, () => {
    if ("refused" in vector) {
      const last = vector.events.at(-1);
      assert.ok(last);
      assert.equal(last.seq, vector.refused);
      const before = reduce(vector.events.slice(0, -1));
      assert.throws(() => apply(before, last));
    } else {
      const state = reduce(vector.events);
      assert.deepEqual(state, vector.state);
      assert.equal(contentOf(state), vector.content);
    }
  });
}

test("an earlier state stays as it was", () => {
  for (const [, { events }] of vectors.filter(([, vector]) => "state" in vector)) {
    let state = EMPTY;
    for (const event of events) {
      const copy = structuredClone(state);
      const next = apply(state, event);
      assert.deepEqual(state, copy);
      state = next;
    }
  }
});

test("parts that an event does not touch are the very same objects", () => {
  const [before, after] = [
    [
      { seq: 1, ts: 0, type: "stream-start", messageId: "m", model: "a/b", attempt: 1 },
      { seq: 2, ts: 0, type: "text-start", partId: "p" },
      { seq: 3, ts: 0, type: "text-end", partId: "p" },
      { seq: 4, ts: 0, type: "text-start", partId: "q" },
    ],
    [{ seq: 5, ts: 0, type: "text-delta", partId: "q", delta: "x" }],
  ] satisfies [StreamEvent[], StreamEvent[]];
  const state = reduce(before);
  const next = reduce(after, state);
  assert.equal(next.parts[0], state.parts[0]);
  assert.notEqual(next.parts[1], state.parts[1]);
});
