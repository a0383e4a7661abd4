// What a stream's events mean: the twin of `reactive/ai/reducer.py`. Both run the vectors of
// `tests/ai/vectors`. No framework here: a state and an event give the next state.
import type { StreamEvent, Usage } from "./events.ts";

export type PartState = "streaming" | "done" | "pending" | "running" | "completed" | "error";

/** One piece of an answer. Times are milliseconds since the epoch. */
export interface Part {
  index: number;
  type: "text" | "reasoning" | "tool";
  /**
   * Text and reasoning are `streaming`, then `done`; a tool is `pending` while its arguments are
   * written, `running`, then `completed` or `error`.
   */
  state: PartState;
  partId: string;
  text: string;
  toolCallId: string;
  toolName: string;
  inputText: string;
  input: unknown;
  output: unknown;
  errorText: string;
  startedAt: number;
  endedAt: number | null;
}

export interface StreamState {
  parts: readonly Part[];
  status: "pending" | "streaming" | "finished" | "stopped" | "error";
  lastSeq: number;
  attempt: number;
  messageId: string;
  model: string;
  usage: Usage | null;
  finishReason: string | null;
  errorCode: string | null;
  errorText: string | null;
  startedAt: number | null;
  endedAt: number | null;
  counts: Readonly<Record<string, number>>;
}

export const EMPTY: StreamState = {
  parts: [],
  status: "pending",
  lastSeq: 0,
  attempt: 0,
  messageId: "",
  model: "",
  usage: null,
  finishReason: null,
  errorCode: null,
  errorText: null,
  startedAt: null,
  endedAt: null,
  counts: {},
};

const UNFINISHED_TOOL = "the answer ended before the tool did";

/** The visible text: that of all text parts, one after another. */
export function contentOf(state: StreamState): string {
  return state.parts.map((part) => (part.type === "text" ? part.text : "")).join("");
}

export function isOver({ status }: StreamState): boolean {
  return status === "finished" || status === "stopped" || status === "error";
}

export function isOpen({ state }: { state: PartState }): boolean {
  return state === "streaming" || state === "pending" || state === "running";
}

/**
 * The state after the next event. Throws when it is not the next one, follows the end, or speaks of
 * a part that is not there.
 */
export function apply(state: StreamState, event: StreamEvent): StreamState {
  if (event.seq !== state.lastSeq + 1) {
    throw new Error(`event ${event.seq} came after ${state.lastSeq}`);
  }
  if (isOver(state)) throw new Error(`event ${event.seq} came after the end`);
  return {
    ...state,
    ...change(state, event),
    lastSeq: event.seq,
    counts: { ...state.counts, [event.type]: (state.counts[event.type] ?? 0) + 1 },
  };
}

export function reduce(events: Iterable<StreamEvent>, from: StreamState = EMPTY): StreamState {
  let state = from;
  for (const event of events) state = apply(state, event);
  return state;
}

function change(state: StreamState, event: StreamEvent): Partial<StreamState> {
  switch (event.type) {
    case "stream-start":
      return {
        status: "streaming",
        attempt: event.attempt,
        messageId: event.messageId,
        model: event.model,
        startedAt: state.startedAt ?? event.ts,
      };
    case "text-start":
    case "reasoning-start": {
      const type = event.type === "text-start" ? "text" : "reasoning";
      return added(state, { type, state: "streaming", partId: event.partId, startedAt: event.ts });
    }
    case "text-delta":
    case "reasoning-delta": {
      const part = openPart(state, event);
      return replaced(state, part, { text: part.text + event.delta });
    }
    case "text-end":
    case "reasoning-end":
      return replaced(state, openPart(state, event), { state: "done", endedAt: event.ts });
    case "tool-input-start":
    case "tool-input-delta":
    case "tool-call":
    case "tool-result":
      return toolChange(state, event);
    case "step-finish":
      return {};
    case "attempt-reset":
      return { parts: [], attempt: event.to };
    case "stream-finish":
      return {
        ...ended(state, event.ts),
        status: "finished",
        finishReason: event.finishReason,
        usage: event.usage,
      };
    case "stream-stopped":
      return { ...ended(state, event.ts), status: "stopped", finishReason: "stopped" };
    case "stream-error":
      return {
        ...ended(state, event.ts),
        status: "error",
        finishReason: "error",
        errorCode: event.code,
        errorText: event.message,
      };
    default:
      throw new Error(`there is no event of type ${JSON.stringify((event as StreamEvent).type)}`);
  }
}

type ToolChange = Extract<StreamEvent, { toolCallId: string }>;

function toolChange(state: StreamState, event: ToolChange): Partial<StreamState> {
  const { toolCallId } = event;
  if (event.type === "tool-input-start") return added(state, newTool(event));
  const part = state.parts.find((one) => one.type === "tool" && one.toolCallId === toolCallId);
  if (event.type === "tool-call") {
    const running = { state: "running", input: event.input } as const;
    if (!part) return added(state, { ...newTool(event), ...running });
    return replaced(state, part, running);
  }
  if (!part) throw new Error(`${event.type} ${event.seq}: no call "${toolCallId}" is known`);
  if (event.type === "tool-input-delta") {
    return replaced(state, part, { inputText: part.inputText + event.delta });
  }
  return replaced(state, part, {
    endedAt: event.ts,
    ...(event.success
      ? { state: "completed", output: event.output ?? null }
      : { state: "error", errorText: event.errorText ?? "" }),
  });
}

function newTool(event: { toolCallId: string; toolName: string; ts: number }) {
  const { toolCallId, toolName, ts } = event;
  return { type: "tool", state: "pending", toolCallId, toolName, startedAt: ts } as const;
}

type NewPart = Pick<Part, "type" | "state" | "startedAt"> & Partial<Part>;

function added(state: StreamState, part: NewPart): Partial<StreamState> {
  const blank = {
    partId: "",
    text: "",
    toolCallId: "",
    toolName: "",
    inputText: "",
    input: null,
    output: null,
    errorText: "",
    endedAt: null,
  };
  return { parts: [...state.parts, { ...blank, ...part, index: state.parts.length }] };
}

function replaced(state: StreamState, part: Part, changes: Partial<Part>): Partial<StreamState> {
  return { parts: state.parts.with(part.index, { ...part, ...changes }) };
}

function openPart(state: StreamState, event: StreamEvent & { partId: string }): Part {
  const part = state.parts.findLast(
    (one) => one.partId === event.partId && one.type !== "tool" && isOpen(one),
  );
  if (part) return part;
  throw new Error(`${event.type} ${event.seq}: no part "${event.partId}" is open`);
}

function ended(state: StreamState, ts: number): Partial<StreamState> {
  const closed = (part: Part): Part => {
    if (!isOpen(part)) return part;
    if (part.type !== "tool") return { ...part, state: "done", endedAt: ts };
    const errorText = part.errorText || UNFINISHED_TOOL;
    return { ...part, state: "error", errorText, endedAt: ts };
  };
  return { parts: state.parts.map(closed), endedAt: ts };
}
