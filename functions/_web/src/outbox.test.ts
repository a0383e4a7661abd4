import assert from "node:assert/strict";
import { test } from "node:test";
import { ConvexError } from "convex/values";
import { outbox, refusalReason, type Refused } from "./outbox.ts";

function refused(clientMessageId: string, reason = "no"): Refused {
  return { threadId: "t", prompt: "p", author: "Ada", clientMessageId, time: 0, reason };
}

test("refused messages are kept in the order in which they were refused", () => {
  const state = ["a", "b"].reduce<readonly Refused[]>(
    (before, id) => outbox(before, { type: "refused", message: refused(id) }),
    [],
  );
  assert.deepEqual(state, [refused("a"), refused("b")]);
});

test("a message that is refused again is kept once, with the new reason", () => {
  const state = outbox([refused("a"), refused("b")], {
    type: "refused",
    message: refused("a", "still no"),
  });
  assert.deepEqual(state, [refused("b"), refused("a", "still no")]);
});

test("a message that is taken is no longer kept", () => {
  const kept = [refused("a"), refused("b")];
  assert.deepEqual(outbox(kept, { type: "taken", clientMessageId: "a" }), [refused("b")]);
  assert.deepEqual(outbox(kept, { type: "taken", clientMessageId: "unknown" }), kept);
});

test("the reason is the application's own message", () => {
  assert.equal(refusalReason(new ConvexError({ code: "c", message: "Too long." })), "Too long.");
  assert.equal(refusalReason(new ConvexError("Too long.")), "Too long.");
});

test("what the application did not say stays out of sight", () => {
  const general = refusalReason(new Error("[CONVEX M(messages:send)] Server Error\n  at send"));
  assert.doesNotMatch(general, /CONVEX|send/);
  for (const error of [new ConvexError({ code: "c" }), new ConvexError(""), "x", null, undefined]) {
    assert.equal(refusalReason(error), general);
    assert.equal(refusalReason(error, "Look it up."), "Look it up.");
  }
});
