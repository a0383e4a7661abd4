import assert from "node:assert/strict";
import { test } from "node:test";
import type { StreamEvent } from "./events.ts";
import { gist, readPage, UNREAD } from "./log.ts";
import { contentOf } from "./reducer.ts";

const usage = { inputTokens: 1, outputTokens: 2, cachedTokens: 0, reasoningTokens: 0 };

const EVENTS: StreamEvent[] = [
  { seq: 1, ts: 0, type: "stream-start", messageId: "m", model: "scripted/echo", attempt: 1 },
  { seq: 2, ts: 1, type: "text-start", partId: "p" },
  { seq: 3, ts: 2, type: "text-delta", partId: "p", delta: "Hello" },
  { seq: 4, ts: 3, type: "text-end", partId: "p" },
  { seq: 5, ts: 4, type: "stream-finish", finishReason: "stop", usage },
];

function page(from: number, to: number, isDone = false) {
  return { events: EVENTS.slice(from - 1, to), lastSeq: to, isDone };
}

test("pages are read one after another, and each event once", () => {
  const half = readPage(UNREAD, page(1, 3));
  const again = readPage(half, page(2, 3));
  assert.equal(again, half);
  const whole = readPage(half, page(3, 5, true));
  assert.equal(contentOf(whole.state), "Hello");
  assert.equal(whole.state.status, "finished");
  assert.ok(whole.isDone);
  assert.deepEqual(whole.latest, EVENTS);
});

test("a gap is named, and nothing is read after it", () => {
  const view = readPage(readPage(UNREAD, page(1, 2)), page(4, 5));
  assert.equal(view.fault, "event 4 came after 2");
  assert.equal(view.state.lastSeq, 2);
  assert.equal(readPage(view, page(3, 5)), view);
});

test("an event in a few words", () => {
  assert.deepEqual(EVENTS.map(gist), ["scripted/echo, attempt 1", "", "Hello", "", "stop"]);
});
