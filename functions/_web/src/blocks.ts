// Markdown that grows, read block by block: what is finished is never read, or drawn, again.
import { lexer, type Token } from "marked";

export interface Block {
  /** Where it begins in the text; stays the same while the text grows. */
  start: number;
  /** Its source. Equal sources at an equal start are drawn equally. */
  raw: string;
  token: Token;
}

/** Reads a text again and again as it grows; only from its last block on, which may still change. */
export class BlockReader {
  private text = "";
  private settled: Block[] = [];
  private settledLength = 0;

  read(source: string): readonly Block[] {
    const text = source.replace(/\r\n?/g, "\n");
    if (!text.startsWith(this.text.slice(0, this.settledLength))) {
      this.settled = [];
      this.settledLength = 0;
    }
    this.text = text;
    const fresh: Block[] = [];
    let start = this.settledLength;
    for (const token of lexer(text.slice(start), { gfm: true, breaks: true })) {
      fresh.push({ start, raw: token.raw, token });
      start += token.raw.length;
    }
    const blocks = [...this.settled, ...fresh.filter(isVisible)];
    // A token's source may differ from the text (tabs): then its length can't be relied upon.
    if (start === text.length) this.settle(fresh);
    return blocks;
  }

  private settle(fresh: readonly Block[]): void {
    const open = fresh.findLast(isVisible);
    if (!open) return;
    this.settled.push(...fresh.filter((block) => isVisible(block) && block.start < open.start));
    this.settledLength = open.start;
  }
}

function isVisible({ token }: Block): boolean {
  return token.type !== "space" && token.type !== "def";
}

const ENTITIES: Record<string, string> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
  nbsp: "\u00a0",
};

/** The text with its character references replaced, as a browser would show it. */
export function decodeEntities(text: string): string {
  return text.replace(/&(#x[0-9a-f]{1,6}|#\d{1,7}|[a-z]+);/gi, (whole, name: string) => {
    if (!name.startsWith("#")) return ENTITIES[name] ?? whole;
    const isHex = /^#x/i.test(name);
    const code = Number.parseInt(name.slice(isHex ? 2 : 1), isHex ? 16 : 10);
    return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
}

const SAFE_SCHEMES = new Set(["http:", "https:", "mailto:"]);

/** An address that a link may lead to; null for scripts, data, and what is no whole address. */
export function safeAddress(address: string): string | null {
  if (!URL.canParse(address)) return null;
  const { href, protocol } = new URL(address);
  return SAFE_SCHEMES.has(protocol) ? href : null;
}
