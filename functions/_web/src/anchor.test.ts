import assert from "node:assert/strict";
import { test } from "node:test";
import { anchorAfter, chooseAnchor, scrollTopFor } from "./anchor.ts";

const rows = [0, 1, 2, 3, 4].map((n) => ({ key: `r${n}`, top: n * 100, height: 100 }));

function view(scrollTop: number, scrollHeight = 500) {
  return { scrollTop, scrollHeight, clientHeight: 200 };
}

test("a list that is at its end, or nearly, holds on to the end", () => {
  assert.deepEqual(chooseAnchor(view(300), rows), { at: "end" });
  assert.deepEqual(chooseAnchor(view(280), rows), { at: "end" });
  assert.equal(scrollTopFor({ at: "end" }, view(300, 640), () => undefined), 440);
});

test("a list that fits is at its end", () => {
  assert.deepEqual(chooseAnchor(view(0, 200), []), { at: "end" });
});

test("elsewhere it holds on to the first row in view", () => {
  assert.deepEqual(chooseAnchor(view(130), rows), { at: "row", key: "r1", offset: -30 });
  assert.deepEqual(chooseAnchor(view(100), rows), { at: "row", key: "r1", offset: 0 });
});

test("rows that are added above move the list, rows below do not", () => {
  const anchor = chooseAnchor(view(130), rows);
  assert.equal(scrollTopFor(anchor, view(130, 900), () => 500), 530);
  assert.equal(scrollTopFor(anchor, view(130, 900), () => 100), 130);
});

test("without its row the list stays where it is", () => {
  const anchor = chooseAnchor(view(130), rows);
  assert.equal(scrollTopFor(anchor, view(77), () => undefined), 77);
});

test("who steps back from the end is let go of, however small the step", () => {
  const end = { at: "end" } as const;
  const second = { at: "row", key: "r2", offset: -90 };
  assert.deepEqual(anchorAfter(end, view(300), view(290), rows), second);
  assert.deepEqual(anchorAfter(end, view(300), view(290, 540), rows), second);
});

test("a list that grows or shrinks at its end holds on to it", () => {
  const end = { at: "end" } as const;
  assert.deepEqual(anchorAfter(end, view(300), view(300, 740), rows), end);
  assert.deepEqual(anchorAfter(end, view(300), view(240, 440), rows), end);
});

test("who comes near the end again holds on to it", () => {
  const row = { at: "row", key: "r1", offset: 0 } as const;
  assert.deepEqual(anchorAfter(row, view(200), view(270), rows), { at: "end" });
  assert.deepEqual(anchorAfter(row, view(200), view(210), rows), { at: "row", key: "r2", offset: -10 });
});
