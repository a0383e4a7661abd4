import assert from "node:assert/strict";
import { test } from "node:test";
import { cutAt, Smoother } from "./smoother.ts";

const FRAME_MS = 16;

/** Draws until `until`, and gives what was shown at each frame. */
function draw(smoother: Smoother, from: number, until: number): number[] {
  const shown = [];
  for (let now = from; now < until; now += FRAME_MS) shown.push(smoother.step(now));
  return shown;
}

/** A text of `rate` characters per ms that arrives every `every` ms, drawn all the while. */
function stream(rate: number, every: number, duration: number) {
  const smoother = new Smoother(0, 0);
  const shown: number[] = [];
  let arrived = 0;
  for (let now = 0; now < duration; now += every) {
    arrived = Math.round(now * rate);
    smoother.arrive(arrived, true, now);
    shown.push(...draw(smoother, now, now + every));
  }
  return { smoother, shown, arrived };
}

test("what was there at first is shown at once", () => {
  const smoother = new Smoother(500, 0);
  assert.equal(smoother.step(0), 500);
  assert.ok(smoother.isSettled);
});

test("text that comes in jumps grows in small steps", () => {
  const { shown, arrived } = stream(0.25, 250, 5_000);
  const steps = shown.map((length, at) => length - (shown[at - 1] ?? 0)).slice(40);
  const jump = 0.25 * 250;
  assert.ok(Math.max(...steps) < jump / 4, `a step of ${Math.max(...steps)} characters`);
  assert.ok(Math.min(...steps) >= 0);
  assert.ok(steps.filter((step) => step === 0).length < steps.length / 4, "it stands still");
  assert.ok(arrived - (shown.at(-1) ?? 0) < 2 * jump, "it falls behind");
});

test("it keeps up with a text of any speed", () => {
  for (const rate of [0.02, 0.5, 8]) {
    const { shown, arrived } = stream(rate, 60, 6_000);
    assert.ok(arrived - (shown.at(-1) ?? 0) <= rate * 500 + 1, `rate ${rate}`);
  }
});

test("a text that has ended is soon shown whole", () => {
  const smoother = new Smoother(0, 0);
  smoother.arrive(2_000, false, 100);
  const shown = draw(smoother, 100, 1_200);
  assert.equal(shown.at(-1), 2_000);
  assert.ok(smoother.isSettled);
});

test("a pause is not made up for with a jump", () => {
  const smoother = new Smoother(10, 0);
  smoother.arrive(60, true, 30_000);
  assert.ok(smoother.step(30_000 + FRAME_MS) < 30);
});

test("a text that is replaced by a shorter one is shown as it is", () => {
  const smoother = new Smoother(100, 0);
  smoother.arrive(7, true, 50);
  assert.equal(smoother.step(60), 7);
});

test("no character is cut in two", () => {
  const whole = "a👩‍👩‍👧é👍🏽b";
  const family = "👩‍👩‍👧".length;
  for (let length = 1; length < 1 + family; length += 1) assert.equal(cutAt(whole, length), "a");
  assert.equal(cutAt(whole, 1 + family), "a👩‍👩‍👧");
  assert.equal(cutAt("e\u0301x", 1), "");
  assert.equal(cutAt("👍🏽b", 2), "");
  assert.equal(cutAt("👍🏽b", 4), "👍🏽");
  assert.equal(cutAt("plain", 3), "pla");
  assert.equal(cutAt("plain", 9), "plain");
});
