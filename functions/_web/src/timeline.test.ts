import assert from "node:assert/strict";
import { test } from "node:test";
import type { Message } from "./api.ts";
import type { Refused } from "./outbox.ts";
import { buildTimeline, dayLabel, pendingMessage, type Group } from "./timeline.ts";

const NOON = new Date(2026, 4, 20, 12).getTime();
const MINUTE = 60_000;

function message(content: string, time: number, more: Partial<Message> = {}): Message {
  return {
    _id: `id:${content}`,
    _creationTime: time,
    threadId: "t",
    order: 0,
    role: "user",
    status: "complete",
    content,
    author: "Ada",
    lastUpdated: time,
    ...more,
  };
}

function refused(prompt: string, time: number): Refused {
  return { threadId: "t", prompt, author: "Ada", clientMessageId: `c:${prompt}`, time, reason: "no" };
}

/** Days as "-", groups as the author and what he wrote. */
function sketch(messages: Message[], kept: Refused[] = []): string[] {
  return buildTimeline(messages, kept, "Ada").map((row) =>
    row.kind === "day" ? "-" : `${row.author}: ${row.entries.map((one) => one.content).join(" ")}`,
  );
}

function groups(messages: Message[], kept: Refused[] = []): Group[] {
  return buildTimeline(messages, kept, "Ada").filter((row) => row.kind === "group");
}

test("an empty thread has no rows", () => {
  assert.deepEqual(sketch([]), []);
});

test("messages come newest first and are shown oldest first", () => {
  assert.deepEqual(sketch([message("two", NOON + 1), message("one", NOON)]), ["-", "Ada: one two"]);
});

test("another author, role or a pause begins a group", () => {
  const rows = sketch([
    message("e", NOON + 7 * MINUTE),
    message("d", NOON + 2 * MINUTE),
    message("c", NOON + 2 * MINUTE, { role: "assistant" }),
    message("b", NOON + MINUTE, { author: "Grace" }),
    message("a", NOON),
  ]);
  assert.deepEqual(rows, ["-", "Ada: a", "Grace: b", "Ada: c", "Ada: d", "Ada: e"]);
});

test("a group goes on as long as no single pause is long", () => {
  const rows = sketch([
    message("c", NOON + 8 * MINUTE),
    message("b", NOON + 4 * MINUTE),
    message("a", NOON),
  ]);
  assert.deepEqual(rows, ["-", "Ada: a b c"]);
});

test("a new day begins with its date, and with a group", () => {
  const midnight = new Date(2026, 4, 21).getTime();
  assert.deepEqual(sketch([message("b", midnight), message("a", midnight - 1)]), [
    "-",
    "Ada: a",
    "-",
    "Ada: b",
  ]);
});

test("only what a user wrote under the own name is one's own", () => {
  const own = groups([
    message("c", NOON, { role: "assistant" }),
    message("b", NOON, { author: "Grace" }),
    message("a", NOON),
  ]).map((group) => group.isOwn);
  assert.deepEqual(own, [true, false, false]);
});

test("a message without an author is somebody's, or the assistant's", () => {
  const { author: _author, ...anonymous } = message("a", NOON);
  const names = groups([{ ...anonymous, role: "assistant" }, anonymous]).map((one) => one.author);
  assert.deepEqual(names, ["Somebody", "Assistant"]);
});

test("a pending message and the confirmed one have the same key", () => {
  const sent = { threadId: "t", prompt: "hi", author: "Ada", clientMessageId: "c1" };
  const [before] = groups([pendingMessage(sent, NOON)]);
  const [after] = groups([message("hi", NOON + 5, { clientMessageId: "c1" })]);
  assert.equal(before?.entries[0]?.state, "pending");
  assert.equal(after?.entries[0]?.state, "complete");
  assert.equal(before?.entries[0]?.key, after?.entries[0]?.key);
});

test("refused messages stand at the end and carry their reason", () => {
  const [group] = groups([message("b", NOON + MINUTE)], [refused("a", NOON)]);
  assert.deepEqual(
    group?.entries.map((one) => [one.content, one.state, one.refused?.reason]),
    [
      ["b", "complete", undefined],
      ["a", "refused", "no"],
    ],
  );
});

test("a message that is being sent again is not shown as refused too", () => {
  const again = message("a", NOON, { clientMessageId: "c:a", status: "pending" });
  assert.deepEqual(sketch([again], [refused("a", NOON)]), ["-", "Ada: a"]);
});

test("a message that is stored already is not shown as pending too", () => {
  const known = message("a", NOON, { clientMessageId: "c" });
  const again = { ...known, _id: "pending:c", _creationTime: NOON + 1, status: "pending" as const };
  assert.deepEqual(
    groups([again, known]).map((group) => group.entries.map((one) => one.state)),
    [["complete"]],
  );
});

test("an answer that has not begun is no message that waits to be sent", () => {
  const { author: _author, ...answer } = message("", NOON, { role: "assistant", status: "pending" });
  assert.deepEqual(
    groups([{ ...answer, _id: "a2" }, answer]).map((group) => group.entries.map((one) => one.state)),
    [["pending", "pending"]],
  );
});

test("an answer knows the words that it answers, if they are loaded", () => {
  const answer = (id: string) => message("", NOON, { _id: id, role: "assistant", author: "A" });
  const entries = groups([answer("c"), message("why", NOON), answer("b"), answer("a")])
    .flatMap((group) => group.entries)
    .map((entry) => [entry.key, entry.answer?.prompt]);
  assert.deepEqual(entries, [
    ["a", undefined],
    ["b", undefined],
    ["id:why", undefined],
    ["c", "why"],
  ]);
});

test("days have names a person would use", () => {
  const day = (year: number, month: number, date: number) =>
    dayLabel(new Date(year, month, date, 23, 59).getTime(), NOON, "en-GB");
  assert.equal(day(2026, 4, 20), "Today");
  assert.equal(day(2026, 4, 19), "Yesterday");
  assert.equal(day(2026, 4, 18), "Monday 18 May");
  assert.match(day(2025, 4, 20), /2025/);
});
