import assert from "node:assert/strict";
import { test } from "node:test";
import { BlockReader, decodeEntities, safeAddress } from "./blocks.ts";

const TEXT = `# Title

First paragraph
goes on.

- one
- two

  still two

| a | b |
|---|---|
| 1 | 2 |

\`\`\`py
print("*no* markdown")

# nor a title
\`\`\`

Last words.`;

const sketch = (reader: BlockReader, text: string) =>
  reader.read(text).map(({ token, raw }) => `${token.type} ${raw.trim()}`);

test("a text read while it grows has the blocks of the whole text", () => {
  const growing = new BlockReader();
  for (let length = 0; length <= TEXT.length; length += 1) growing.read(TEXT.slice(0, length));
  assert.deepEqual(sketch(growing, TEXT), sketch(new BlockReader(), TEXT));
  const types = new BlockReader().read(TEXT).map(({ token }) => token.type);
  assert.deepEqual(types, ["heading", "paragraph", "list", "table", "code", "paragraph"]);
});

test("finished blocks stay the very same objects", () => {
  const reader = new BlockReader();
  const before = reader.read(TEXT);
  const after = reader.read(`${TEXT} And more.\n\nAnd more still.`);
  assert.equal(after.length, before.length + 1);
  for (const [at, block] of before.slice(0, -1).entries()) assert.equal(after[at], block);
  assert.deepEqual(
    after.map((block) => block.start),
    [...new Set(after.map((block) => block.start))].sort((one, other) => one - other),
  );
});

test("a text that is replaced is read anew", () => {
  const reader = new BlockReader();
  reader.read(TEXT);
  assert.deepEqual(sketch(reader, "Another.\n\nOne."), ["paragraph Another.", "paragraph One."]);
});

test("line ends of every kind count as one", () => {
  const reader = new BlockReader();
  const read = sketch(reader, "a\r\n\r\nb\r\n\r\nc");
  assert.deepEqual(read, ["paragraph a", "paragraph b", "paragraph c"]);
});

test("character references are shown as characters, others as they are", () => {
  const decoded = decodeEntities("a &lt; b &amp;&amp; &#99; &#x64; &unknown; &#0; &");
  assert.equal(decoded, "a < b && c d &unknown; &#0; &");
});

test("links lead to the web and to mail, and nowhere else", () => {
  assert.equal(safeAddress("https://example.org/a"), "https://example.org/a");
  assert.equal(safeAddress("mailto:ada@example.org"), "mailto:ada@example.org");
  const others = ["javascript:a()", " JavaScript:a()", "data:text/html,x", "file:///etc", "x"];
  for (const address of others) {
    assert.equal(safeAddress(address), null, address);
  }
});
