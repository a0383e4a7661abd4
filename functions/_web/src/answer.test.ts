import assert from "node:assert/strict";
import { test } from "node:test";
import {
  activityOf,
  announcement,
  duration,
  endingOf,
  lengthOf,
  rowKey,
  viewContent,
  viewParts,
  type PartView,
} from "./answer.ts";
import type { Message, PartKey, PartRow } from "./api.ts";

type Row = PartKey & PartRow;

function text(index: number, segment: number, words: string, more: Partial<Row> = {}): Row {
  return { index, segment, type: "text", state: "done", sealed: true, text: words, ...more };
}

function tool(index: number, more: Partial<Row>): Row {
  const written = { type: "tool", state: "pending", sealed: false, toolName: "clock" } as const;
  return { index, segment: 0, ...written, ...more };
}

function view(rows: readonly Row[], missing: readonly string[] = []): PartView[] {
  const known = new Map(rows.map((row) => [rowKey(row), row]));
  return viewParts(rows, (key) => (missing.includes(key) ? undefined : known.get(key)));
}

function answer(more: Partial<Message> = {}): Message {
  return {
    _id: "m1",
    _creationTime: 0,
    threadId: "t",
    order: 1,
    role: "assistant",
    status: "streaming",
    content: "",
    lastUpdated: 0,
    ...more,
  };
}

test("segments of a part are one text, open as long as the last one is", () => {
  const rows = [text(0, 0, "Once "), text(0, 1, "upon", { state: "streaming", sealed: false })];
  assert.deepEqual(view(rows), [
    { kind: "text", key: "0", text: "Once upon", isOpen: true, seconds: null },
  ]);
  assert.equal(lengthOf(view(rows)), 9);
});

test("what has not come yet ends what is shown", () => {
  const rows = [text(0, 0, "a"), text(0, 1, "b"), text(0, 2, "c"), tool(1, {})];
  assert.deepEqual(view(rows, ["0:1"]).map((part) => part.key), ["0"]);
  assert.equal(lengthOf(view(rows, ["0:1"])), 1);
});

test("texts around a tool are parts of their own", () => {
  const rows = [text(0, 0, "Let me see."), tool(1, {}), text(2, 0, "It is noon.")];
  assert.deepEqual(view(rows).map((part) => part.kind), ["text", "tool", "text"]);
});

test("a tool card tells what it knows in each state", () => {
  const shown = (more: Partial<Row>) => {
    const [part] = view([tool(0, { startedAt: 1_000, ...more })]);
    assert.equal(part?.kind, "tool");
    if (part?.kind !== "tool") return [];
    return [part.state, part.input, part.output, part.errorText, part.seconds];
  };
  const input = { zone: "UTC" };
  const written = '{\n  "zone": "UTC"\n}';
  assert.deepEqual(shown({}), ["pending", "", "", "", null]);
  assert.deepEqual(shown({ state: "running", input }), ["running", written, "", "", null]);
  assert.deepEqual(shown({ state: "completed", input, output: "noon", endedAt: 1_400 }), [
    "completed",
    written,
    "noon",
    "",
    0.4,
  ]);
  assert.deepEqual(shown({ state: "error", input, errorText: "no", endedAt: 1_000 }), [
    "error",
    written,
    "",
    "no",
    0,
  ]);
});

test("an answer of which only the text is known is one part, or none", () => {
  assert.deepEqual(viewContent(""), []);
  assert.equal(lengthOf(viewContent("abc")), 3);
});

test("an answer in the making says what it does", () => {
  const open = { state: "streaming", sealed: false } as const;
  assert.equal(activityOf([]), "Waiting for the model…");
  assert.equal(activityOf(view([text(0, 0, "a", { ...open, type: "reasoning" })])), "Thinking…");
  assert.equal(activityOf(view([text(0, 0, "a", open)])), "Writing…");
  const tools = [text(0, 0, "a"), tool(1, { state: "running" }), tool(2, {})];
  assert.equal(activityOf(view(tools)), "Using clock and clock…");
  assert.equal(activityOf(view([tool(0, { state: "completed" })])), "Thinking…");
});

test("every error has a sentence, and the code for those who ask", () => {
  const failed = answer({ status: "error", errorCode: "timeout_between_tokens", errorText: "silent for 30 s" });
  assert.deepEqual(endingOf(failed), {
    kind: "error",
    sentence: "The model fell silent in mid-answer.",
    code: "timeout_between_tokens",
    detail: "Silent for 30 s.",
    canRetry: true,
  });
  assert.equal(endingOf(answer({ status: "error" }))?.sentence, "The answer has failed.");
});

test("stopped and cut answers say so, whole ones say nothing", () => {
  assert.match(endingOf(answer({ status: "stopped", content: "a" }))?.sentence ?? "", /kept/);
  assert.equal(endingOf(answer({ status: "stopped" }))?.sentence, "Stopped.");
  const cut = (finishReason: string) => endingOf(answer({ status: "complete", finishReason }));
  assert.match(cut("length")?.sentence ?? "", /limit of length/);
  assert.match(cut("content-filter")?.sentence ?? "", /content filter/);
  assert.equal(cut("length")?.canRetry, false);
  assert.equal(cut("stop"), null);
  assert.equal(endingOf(answer()), null);
});

test("durations read as a person would say them", () => {
  const read = [0.04, 9.94, 9.96, 59, 125, 120].map(duration);
  assert.deepEqual(read, ["0.0 s", "9.9 s", "10 s", "59 s", "2 min 5 s", "2 min"]);
});

test("a screen reader hears of messages and of how answers go, not of each token", () => {
  const asked = answer({ _id: "u", role: "user", status: "complete", author: "Ada", content: "Hi" });
  const none = new Map();
  assert.equal(announcement(none, [answer(), asked], "Grace"), "Ada: Hi The answer begins.");
  assert.equal(announcement(none, [answer(), asked], "Ada"), "The answer begins.");
  const known = new Map([["m1", "streaming"]] as const);
  assert.equal(announcement(known, [answer(), asked], "Grace"), "", "loaded later, not written later");
  const before = new Map([["m1", "streaming"], ["u", "complete"]] as const);
  const after = (more: Partial<Message>) => announcement(before, [answer(more), asked], "Grace");
  assert.equal(after({}), "");
  assert.equal(after({ status: "complete", content: "Hello." }), "The answer is complete.");
  assert.equal(after({ status: "stopped" }), "Stopped.");
  assert.match(after({ status: "error", errorCode: "orphaned" }), /interrupted/);
});
