import assert from "node:assert/strict";
import { test } from "node:test";
import { linkAfter, noticeChangesIn, noticeFor, type Link } from "./link.ts";

const STARTING: Link = { isUp: false, since: 0, outageMs: 0 };

function kindAt(link: Link, now: number, hasEverConnected = true) {
  return noticeFor(link, hasEverConnected, now)?.kind ?? null;
}

test("a page that connects at once says nothing", () => {
  const up = linkAfter(STARTING, true, 200);
  assert.equal(kindAt(STARTING, 199, false), null);
  assert.equal(kindAt(up, 200), null);
  assert.equal(noticeChangesIn(up, 200), null);
});

test("a page that can't connect says so after a moment", () => {
  const wait = noticeChangesIn(STARTING, 0);
  assert.ok(wait !== null);
  assert.equal(kindAt(STARTING, wait - 1, false), null);
  assert.equal(kindAt(STARTING, wait, false), "connecting");
  assert.equal(noticeChangesIn(STARTING, wait), null);
});

test("a lost connection is told, and its return for a while", () => {
  const lost = linkAfter({ isUp: true, since: 0, outageMs: 0 }, false, 10_000);
  assert.equal(kindAt(lost, 10_000), null);
  assert.equal(kindAt(lost, 12_000), "lost");
  const back = linkAfter(lost, true, 15_000);
  assert.equal(back.outageMs, 5_000);
  assert.equal(kindAt(back, 15_000), "restored");
  const wait = noticeChangesIn(back, 15_000);
  assert.ok(wait !== null);
  assert.equal(kindAt(back, 15_000 + wait), null);
});

test("a short break passes without a word", () => {
  const lost = linkAfter({ isUp: true, since: 0, outageMs: 0 }, false, 10_000);
  const back = linkAfter(lost, true, 10_300);
  assert.equal(kindAt(back, 10_300), null);
  assert.equal(noticeChangesIn(back, 10_300), null);
});

test("news that is none changes nothing", () => {
  assert.equal(linkAfter(STARTING, false, 500), STARTING);
});
