import type { Token, Tokens } from "marked";
import { memo, useEffect, useRef, useState, type ReactNode } from "react";
import { BlockReader, decodeEntities, safeAddress, type Block } from "./blocks.ts";
import { CheckIcon, CopyIcon } from "./icons.tsx";

const COPIED_MS = 1_600;

/**
 * Markdown as elements: no HTML of an answer ever reaches the page, what looks like it is shown as
 * text. A block that is finished is not drawn again while the text grows.
 */
export function Markdown({ text }: { text: string }) {
  const reader = useRef<BlockReader>(null);
  reader.current ??= new BlockReader();
  return reader.current.read(text).map((block) => <BlockView key={block.start} block={block} />);
}

const BlockView = memo(
  ({ block }: { block: Block }) => blockOf(block.token),
  (before, after) =>
    before.block.raw === after.block.raw && before.block.token.type === after.block.token.type,
);

function blockOf(token: Token): ReactNode {
  switch (token.type) {
    case "heading":
      return heading(token as Tokens.Heading);
    case "paragraph":
      return <p>{inline(token.tokens)}</p>;
    case "text":
      // The words of a list's item: no paragraph of their own.
      return <>{token.tokens ? inline(token.tokens) : decodeEntities(token.text)}</>;
    case "blockquote":
      return <blockquote>{blocks(token.tokens)}</blockquote>;
    case "list":
      return list(token as Tokens.List);
    case "code":
      return <Code language={token.lang ?? ""} text={token.text} />;
    case "table":
      return table(token as Tokens.Table);
    case "hr":
      return <hr />;
    case "space":
    case "def":
      return null;
    default:
      return <p>{token.raw}</p>;
  }
}

function blocks(tokens: Token[] | undefined): ReactNode[] {
  return (tokens ?? []).map((token, at) => <BlockItem key={at} token={token} />);
}

function BlockItem({ token }: { token: Token }) {
  return blockOf(token);
}

function heading({ depth, tokens }: Tokens.Heading): ReactNode {
  // The page's own headings are above: a thread's title is the first.
  const Level = depth === 1 ? "h3" : depth === 2 ? "h4" : "h5";
  return <Level>{inline(tokens)}</Level>;
}

function list({ ordered, start, items }: Tokens.List): ReactNode {
  const entries = items.map((item, at) => (
    <li key={at} data-task={item.task ? String(item.checked ?? false) : undefined}>
      {item.task && <input type="checkbox" checked={item.checked ?? false} readOnly disabled />}
      {blocks(item.tokens.filter((token) => token.type !== "checkbox"))}
    </li>
  ));
  return ordered ? <ol start={start === "" ? 1 : start}>{entries}</ol> : <ul>{entries}</ul>;
}

function table({ header, rows }: Tokens.Table): ReactNode {
  const align = (cell: Tokens.TableCell) => ({ textAlign: cell.align ?? ("start" as const) });
  return (
    <div className="table" tabIndex={0} role="region" aria-label="Table">
      <table>
        <thead>
          <tr>
            {header.map((cell, at) => (
              <th key={at} style={align(cell)}>
                {inline(cell.tokens)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, line) => (
            <tr key={line}>
              {row.map((cell, at) => (
                <td key={at} style={align(cell)}>
                  {inline(cell.tokens)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function inline(tokens: Token[] | undefined): ReactNode[] {
  return (tokens ?? []).map((token, at) => <Inline key={at} token={token} />);
}

function Inline({ token }: { token: Token }): ReactNode {
  switch (token.type) {
    case "text":
      return token.tokens ? inline(token.tokens) : decodeEntities(token.text);
    case "escape":
      return token.text;
    case "strong":
      return <strong>{inline(token.tokens)}</strong>;
    case "em":
      return <em>{inline(token.tokens)}</em>;
    case "del":
      return <del>{inline(token.tokens)}</del>;
    case "codespan":
      return <code>{token.text}</code>;
    case "br":
      return <br />;
    case "link":
      return <Link address={token.href}>{inline(token.tokens)}</Link>;
    case "image":
      // Loading it would tell somebody else's server who reads this.
      return <Link address={token.href}>{token.text || token.href}</Link>;
    default:
      return token.raw;
  }
}

function Link({ address, children }: { address: string; children: ReactNode }) {
  const safe = safeAddress(address);
  if (safe === null) return <>{children}</>;
  return (
    <a href={safe} target="_blank" rel="noopener noreferrer nofollow">
      {children}
    </a>
  );
}

function Code({ language, text }: { language: string; text: string }) {
  return (
    <figure className="code">
      <figcaption>
        <span>{language.split(/\s/, 1)[0] || "text"}</span>
        <CopyButton text={text} label="Copy the code" />
      </figcaption>
      <pre tabIndex={0}>
        <code>{text}</code>
      </pre>
    </figure>
  );
}

export function CopyButton({ text, label }: { text: string; label: string }) {
  const [isCopied, setCopied] = useState(false);
  useEffect(() => {
    if (!isCopied) return;
    const timer = setTimeout(() => setCopied(false), COPIED_MS);
    return () => clearTimeout(timer);
  }, [isCopied]);
  // The clipboard is there only on pages that came safely, or from this machine.
  if (!("clipboard" in navigator)) return null;
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setCopied(true);
    } catch {
      // The browser's user has forbidden it; the text can still be selected.
    }
  };
  return (
    <button type="button" className="mini" aria-label={label} onClick={() => void copy()}>
      {isCopied ? <CheckIcon /> : <CopyIcon />}
      <span aria-live="polite">{isCopied ? "Copied" : "Copy"}</span>
    </button>
  );
}
