import assert from "node:assert/strict";
import { test } from "node:test";
import { Meters } from "./meter.ts";

test("an answer that has not begun has no figures", () => {
  const meter = new Meters().begin("m", 0);
  meter.note(0, 500);
  assert.deepEqual(meter.measured(), {
    firstTextMs: null,
    tokensPerSecond: null,
    isGuess: true,
    updates: 0,
  });
});

test("the first text is measured from the sending, whoever tells of it first", () => {
  const meters = new Meters();
  const meter = meters.begin("m", 130);
  meter.note(4, 350);
  assert.equal(meters.begin("m", 100), meter);
  assert.equal(meters.find("m")?.measured().firstTextMs, 250);
  meters.begin("m", 9_000);
  assert.equal(meter.measured().firstTextMs, 250);
});

test("tokens are guessed from characters until the provider has counted them", () => {
  const meter = new Meters().begin("m", 0);
  meter.note(40, 1_000);
  meter.note(240, 2_000);
  assert.deepEqual(meter.measured(), {
    firstTextMs: 1_000,
    tokensPerSecond: 50,
    isGuess: true,
    updates: 2,
  });
  const exact = meter.measured(120);
  assert.equal(exact.tokensPerSecond, 100);
  assert.equal(exact.isGuess, false);
});

test("a rate over no time at all is not claimed", () => {
  const meter = new Meters().begin("m", 0);
  meter.note(40, 1_000);
  meter.note(41, 1_001);
  assert.equal(meter.measured().tokensPerSecond, null);
});
