// The colors of app.css against each other, as WCAG 2.2 measures them: 4.5 to 1 for text.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

const AA = 4.5;

/** Text, and what it stands on. */
const PAIRS: readonly [string, string][] = [
  ["text", "panel"],
  ["text", "raised"],
  ["text", "bubble"],
  ["text", "tint"],
  ["text", "code"],
  ["text", "danger-tint"],
  ["muted", "ground"],
  ["muted", "panel"],
  ["muted", "raised"],
  ["muted", "code"],
  ["accent-strong", "panel"],
  ["accent-strong", "tint"],
  ["on-accent", "accent"],
  ["danger", "danger-tint"],
  ["danger", "raised"],
  ["warn", "warn-tint"],
];

const css = readFileSync(join(process.cwd(), "src", "app.css"), "utf8");
const [light = "", dark = ""] = [...css.matchAll(/:root \{([^}]*)\}/g)].map(
  (match) => match[1] ?? "",
);

function colors(block: string): Map<string, string> {
  const found = block.matchAll(/--([a-z-]+): (#[0-9a-f]{6});/g);
  return new Map([...found].map(([, name = "", hex = ""]) => [name, hex]));
}

function luminance(hex: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const value = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(one: string, other: string): number {
  const [darker = 0, lighter = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (lighter + 0.05) / (darker + 0.05);
}

for (const [scheme, block] of Object.entries({ light, dark })) {
  test(`text can be read in the ${scheme} scheme`, () => {
    const named = colors(block);
    const poor = PAIRS.flatMap(([text, ground]) => {
      const [one, other] = [named.get(text), named.get(ground)];
      assert.ok(one && other, `${text} on ${ground}`);
      const ratio = contrast(one, other);
      return ratio < AA ? [`${text} on ${ground}: ${ratio.toFixed(2)}`] : [];
    });
    assert.deepEqual(poor, []);
  });
}
