// What the page shows of an answer: its parts, what it is doing, how it ended. No framework.
import type { Message, PartKey, PartRow } from "./api.ts";
import { isOpen } from "./reducer.ts";

export interface TextView {
  kind: "text" | "reasoning";
  key: string;
  text: string;
  isOpen: boolean;
  /** How long it took; null while it goes on. */
  seconds: number | null;
}

export type ToolState = "pending" | "running" | "completed" | "error";

export interface ToolView {
  kind: "tool";
  key: string;
  name: string;
  state: ToolState;
  input: string;
  output: string;
  errorText: string;
  seconds: number | null;
}

export type PartView = TextView | ToolView;

/** An answer, and whose words it answers, as far as they are known. */
export interface AnswerInfo {
  message: Message;
  prompt: string | undefined;
}

export function isLive({ status }: Message): boolean {
  return status === "pending" || status === "streaming";
}

/** The name of a row among an answer's; `parts:get` is asked for each. */
export function rowKey({ index, segment }: Pick<PartKey, "index" | "segment">): string {
  return `${index}:${segment}`;
}

/**
 * The parts in reading order, as far as they are known. A row that has not come yet ends them: what
 * follows it comes with it, and nothing is ever shown out of order.
 */
export function viewParts(
  order: readonly PartKey[],
  rowOf: (key: string) => PartRow | null | undefined,
): PartView[] {
  const views: PartView[] = [];
  let last: TextView | undefined;
  for (const place of order) {
    const row = rowOf(rowKey(place));
    if (!row) break;
    const key = String(place.index);
    const seconds = secondsOf(row);
    if (row.type === "tool") {
      views.push(toolView(key, row, seconds));
    } else if (last?.key === key) {
      last.text += row.text ?? "";
      last.isOpen = isOpen(row);
      last.seconds = seconds;
    } else {
      last = { kind: row.type, key, text: row.text ?? "", isOpen: isOpen(row), seconds };
      views.push(last);
    }
  }
  return views;
}

/** The parts of an answer that is over and of which only the text is known. */
export function viewContent(content: string): PartView[] {
  if (content === "") return [];
  return [{ kind: "text", key: "0", text: content, isOpen: false, seconds: null }];
}

function toolView(key: string, row: PartRow, seconds: number | null): ToolView {
  return {
    kind: "tool",
    key,
    name: row.toolName ?? "tool",
    state: row.state as ToolState,
    input: row.state === "pending" ? "" : asText(row.input),
    output: asText(row.output),
    errorText: row.errorText ?? "",
    seconds,
  };
}

function secondsOf({ startedAt, endedAt }: PartRow): number | null {
  if (startedAt === undefined || endedAt === undefined || endedAt === null) return null;
  return Math.max(0, endedAt - startedAt) / 1_000;
}

function asText(value: unknown): string {
  if (value === undefined || value === null) return "";
  return typeof value === "string" ? value : JSON.stringify(value, null, 2);
}

/** "0.4 s", "12 s", "2 min 5 s". */
export function duration(seconds: number): string {
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const rest = whole % 60;
  return `${Math.floor(whole / 60)} min${rest === 0 ? "" : ` ${rest} s`}`;
}

/** How many characters of text and reasoning there are. */
export function lengthOf(parts: readonly PartView[]): number {
  return parts.reduce((sum, part) => sum + (part.kind === "tool" ? 0 : part.text.length), 0);
}

/** What an answer in the making is doing right now. */
export function activityOf(parts: readonly PartView[]): string {
  const tools = parts.filter((part) => part.kind === "tool" && isOpen(part));
  const names = tools.map((tool) => (tool as ToolView).name);
  if (names.length > 0) return `Using ${names.join(" and ")}…`;
  const last = parts.at(-1);
  if (last === undefined) return "Waiting for the model…";
  if (last.kind === "text" && last.isOpen) return "Writing…";
  return "Thinking…";
}

export interface Ending {
  kind: "error" | "stopped" | "cut";
  sentence: string;
  /** For whoever is asked for help: the error's code. */
  code: string;
  /** What the server says about it, where that adds something. */
  detail: string;
  canRetry: boolean;
}

const ERRORS: Record<string, string> = {
  rate_limited: "The model's provider is being asked too often. Try again in a moment.",
  provider_error: "The model's provider has failed.",
  provider_auth: "The provider does not accept the server's key for this model.",
  provider_disconnect: "The connection to the model's provider broke off.",
  provider_protocol: "The provider said something that makes no sense.",
  overloaded: "The model's provider is overloaded. Try again in a moment.",
  incomplete: "The answer broke off before its end.",
  empty_response: "The model gave no answer.",
  timeout_first_token: "The model took too long to begin.",
  timeout_between_tokens: "The model fell silent in mid-answer.",
  timeout_total: "The answer took too long.",
  storage_error: "The server could not store the answer.",
  orphaned: "The server was interrupted while it wrote this answer.",
  tool_error: "A tool failed in a way that the answer can't go on from.",
  invalid_request: "The model can't be asked this.",
};

const CUTS: Record<string, string> = {
  length: "The answer was cut: it has reached the model's limit of length.",
  "content-filter": "The answer was cut by the provider's content filter.",
  refusal: "The model declined to answer further.",
};

/** What to say about how an answer ended; null while it goes on, and where there is nothing to say. */
export function endingOf(message: Message): Ending | null {
  const { status, errorCode = "", errorText = "", finishReason = "" } = message;
  if (status === "error") {
    const sentence = ERRORS[errorCode] ?? "The answer has failed.";
    return { kind: "error", sentence, code: errorCode, detail: asSentence(errorText), canRetry: true };
  }
  if (status === "stopped") {
    const sentence = message.content ? "Stopped. The text so far is kept." : "Stopped.";
    return { kind: "stopped", sentence, code: "", detail: "", canRetry: true };
  }
  const cut = status === "complete" ? CUTS[finishReason] : undefined;
  if (cut === undefined) return null;
  return { kind: "cut", sentence: cut, code: finishReason, detail: "", canRetry: false };
}

/** Programs write "no key is set", people read "No key is set." */
function asSentence(text: string): string {
  const [first = "", ...rest] = text.trim();
  const sentence = first.toUpperCase() + rest.join("");
  return sentence === "" || /\p{P}$/u.test(sentence) ? sentence : `${sentence}.`;
}

/**
 * What a screen reader is told between two looks at the messages, newest first: that somebody wrote,
 * that an answer begins, and how it ends. Never the text as it grows, and not what is old already
 * when it is loaded.
 */
export function announcement(
  before: ReadonlyMap<string, Message["status"]>,
  messages: readonly Message[],
  self: string,
): string {
  const known = messages.findIndex((message) => before.has(message._id));
  const fresh = new Set(known === -1 ? messages : messages.slice(0, known));
  const said = messages.toReversed().map((message) => {
    if (fresh.has(message)) return beginWords(message, self);
    const was = before.get(message._id);
    const isNews = message.role === "assistant" && was !== undefined && was !== message.status;
    return isNews ? endWords(message) : "";
  });
  return said.filter(Boolean).join(" ");
}

function beginWords(message: Message, self: string): string {
  if (message.role === "assistant") return isLive(message) ? "The answer begins." : "";
  if (message.status !== "complete" || message.author === self) return "";
  return `${message.author ?? "Somebody"}: ${message.content}`;
}

function endWords(message: Message): string {
  const ending = endingOf(message);
  if (ending) return `${ending.sentence} ${ending.detail}`.trim();
  return message.status === "complete" ? "The answer is complete." : "";
}
