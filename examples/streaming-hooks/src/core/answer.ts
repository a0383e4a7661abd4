// An answer put together from what has come of it, on whichever path. Values, never changed in place.
import type { StreamChunk, StreamEvent, Usage } from "./events.ts";

export type PartState = "streaming" | "done" | "pending" | "running" | "completed" | "error";

/** One piece of an answer. Times are milliseconds of the server's clock, null where it is silent. */
export interface Part {
  type: "text" | "reasoning" | "tool";
  state: PartState;
  /** What the log calls it: a text's `partId`, a tool's `toolCallId`. Texts of chunks have none. */
  name: string;
  text: string;
  toolName: string;
  inputText: string;
  input: unknown;
  output: unknown;
  errorText: string;
  startedAt: number | null;
  endedAt: number | null;
}

export interface ToolExecution {
  toolCallId: string;
  toolName: string;
  status: "pending" | "running" | "completed" | "error";
  input: unknown;
  output: unknown;
  startTime: number | null;
  endTime: number | null;
}

export interface Answer {
  streamId: string;
  status: "pending" | "streaming" | "complete" | "stopped" | "error";
  lastSeq: number;
  parts: readonly Part[];
  finishReason: string | null;
  usage: Usage | null;
  error: { code: string; message: string } | null;
  /** How many events of each type have come. */
  counts: Readonly<Record<string, number>>;
}

type Change = Partial<Omit<Answer, "streamId" | "lastSeq" | "counts">>;

export function emptyAnswer(streamId: string): Answer {
  return {
    streamId,
    status: "pending",
    lastSeq: 0,
    parts: [],
    finishReason: null,
    usage: null,
    error: null,
    counts: {},
  };
}

export function isOver({ status }: Pick<Answer, "status">): boolean {
  return status === "complete" || status === "stopped" || status === "error";
}

/** The visible text: that of all text parts, one after another. */
export function contentOf({ parts }: Pick<Answer, "parts">): string {
  return parts.map((part) => (part.type === "text" ? part.text : "")).join("");
}

export function toolExecutionsOf({ parts }: Pick<Answer, "parts">): ToolExecution[] {
  return parts
    .filter((part) => part.type === "tool")
    .map((part) => ({
      toolCallId: part.name,
      toolName: part.toolName,
      status: part.state as ToolExecution["status"],
      input: part.input,
      output: part.output,
      startTime: part.startedAt,
      endTime: part.endedAt,
    }));
}

/** The answer after an event of the log. Whether it is the next one is for `LogFollower` to say. */
export function withEvent(answer: Answer, event: StreamEvent): Answer {
  return { ...advanced(answer, event), ...changeByEvent(answer, event) };
}

/** The answer after a chunk of the old sockets. */
export function withChunk(answer: Answer, chunk: StreamChunk): Answer {
  return { ...advanced(answer, chunk), ...changeByChunk(answer, chunk) };
}

/** The answer up to an event, as the chunks of a `stream-state` tell it from the start. */
export function answerOfChunks(streamId: string, chunks: readonly StreamChunk[], seq: number): Answer {
  const answer = chunks.reduce(withChunk, emptyAnswer(streamId));
  return { ...answer, lastSeq: Math.max(answer.lastSeq, seq) };
}

function advanced(answer: Answer, { seq, type }: { seq: number; type: string }): Answer {
  const counts = { ...answer.counts, [type]: (answer.counts[type] ?? 0) + 1 };
  return { ...answer, lastSeq: seq, counts };
}

function changeByEvent(answer: Answer, event: StreamEvent): Change {
  switch (event.type) {
    case "stream-start":
      return { status: "streaming" };
    case "text-start":
    case "reasoning-start": {
      const type = event.type === "text-start" ? "text" : "reasoning";
      return added(answer, { type, state: "streaming", name: event.partId, startedAt: event.ts });
    }
    case "text-delta":
    case "reasoning-delta": {
      const at = openText(answer, (part) => part.name === event.partId);
      return changed(answer, at, (part) => ({ text: part.text + event.delta }));
    }
    case "text-end":
    case "reasoning-end": {
      const at = openText(answer, (part) => part.name === event.partId);
      return changed(answer, at, () => ({ state: "done", endedAt: event.ts }));
    }
    case "tool-input-start":
      return toolAdded(answer, event.toolCallId, event.toolName, event.ts);
    case "tool-input-delta":
      return toolChanged(answer, event.toolCallId, (part) => ({
        inputText: part.inputText + event.delta,
      }));
    case "tool-call":
      return toolCalled(answer, event.toolCallId, event.toolName, event.input, event.ts);
    case "tool-result":
      return toolChanged(answer, event.toolCallId, () => ({
        endedAt: event.ts,
        ...(event.success
          ? { state: "completed", output: event.output ?? null }
          : { state: "error", errorText: event.errorText ?? "" }),
      }));
    case "step-finish":
      return {};
    case "attempt-reset":
      return { parts: [] };
    case "stream-finish":
      return {
        status: "complete",
        finishReason: event.finishReason,
        usage: event.usage,
        parts: closed(answer.parts, event.ts),
      };
    case "stream-stopped":
      return { status: "stopped", finishReason: "stopped", parts: closed(answer.parts, event.ts) };
    case "stream-error":
      return {
        status: "error",
        finishReason: "error",
        error: { code: event.code, message: event.message },
        parts: closed(answer.parts, event.ts),
      };
  }
}

function changeByChunk(answer: Answer, chunk: StreamChunk): Change {
  switch (chunk.type) {
    case "content":
      return { status: "streaming", ...grown(answer, "text", chunk.content) };
    case "reasoning":
      return { status: "streaming", ...grown(answer, "reasoning", chunk.reasoning) };
    case "tool-call-start": {
      const { id, name } = chunk.toolCallStart;
      return { status: "streaming", ...toolAdded(answer, id, name, null) };
    }
    case "tool-call-delta": {
      const { id, argsTextDelta } = chunk.toolCallDelta;
      return toolChanged(answer, id, (part) => ({ inputText: part.inputText + argsTextDelta }));
    }
    case "tool-call": {
      const { id, name, args } = chunk.toolCall;
      return { status: "streaming", ...toolCalled(answer, id, name, args, null) };
    }
    case "tool-result": {
      const { id, result, isValid } = chunk.toolResult;
      return toolChanged(answer, id, () =>
        isValid
          ? { state: "completed", output: result }
          : { state: "error", errorText: String(result) },
      );
    }
    case "usage":
      return { usage: chunk.usage };
    case "complete":
      return {
        status: chunk.finishReason === "stopped" ? "stopped" : "complete",
        finishReason: chunk.finishReason,
        parts: closed(answer.parts, null),
      };
    case "error":
      return {
        status: "error",
        finishReason: "error",
        error: { code: "error", message: chunk.error },
        parts: closed(answer.parts, null),
      };
  }
}

/** Chunks do not say where a text ends: what is of another kind than the newest part begins one. */
function grown(answer: Answer, type: "text" | "reasoning", words: string): Change {
  const at = answer.parts.length - 1;
  const last = answer.parts[at];
  if (last?.type === type && last.state === "streaming") {
    return changed(answer, at, (part) => ({ text: part.text + words }));
  }
  const parts = answer.parts.map((part) =>
    part.state === "streaming" ? { ...part, state: "done" as const } : part,
  );
  return added({ ...answer, parts }, { type, state: "streaming", name: "", text: words });
}

function added(answer: Answer, part: Pick<Part, "type" | "state" | "name"> & Partial<Part>): Change {
  const blank = {
    text: "",
    toolName: "",
    inputText: "",
    input: null,
    output: null,
    errorText: "",
    startedAt: null,
    endedAt: null,
  };
  return { parts: [...answer.parts, { ...blank, ...part }] };
}

function changed(answer: Answer, at: number, change: (part: Part) => Partial<Part>): Change {
  const parts = answer.parts.map((part, index) =>
    index === at ? { ...part, ...change(part) } : part,
  );
  return { parts };
}

function openText(answer: Answer, isMeant: (part: Part) => boolean): number {
  const at = answer.parts.findLastIndex(
    (part) => part.type !== "tool" && part.state === "streaming" && isMeant(part),
  );
  if (at < 0) throw new Error(`stream ${answer.streamId}: an event speaks of no open part`);
  return at;
}

function toolAdded(answer: Answer, name: string, toolName: string, startedAt: number | null): Change {
  return added(answer, { type: "tool", state: "pending", name, toolName, startedAt });
}

function toolCalled(
  answer: Answer,
  id: string,
  toolName: string,
  input: unknown,
  startedAt: number | null,
): Change {
  const isKnown = answer.parts.some((part) => part.type === "tool" && part.name === id);
  const parts = isKnown ? answer.parts : toolAdded(answer, id, toolName, startedAt).parts;
  return toolChanged({ ...answer, parts: parts ?? [] }, id, () => ({ state: "running", input }));
}

function toolChanged(answer: Answer, id: string, change: (part: Part) => Partial<Part>): Change {
  const at = answer.parts.findIndex((part) => part.type === "tool" && part.name === id);
  if (at < 0) throw new Error(`stream ${answer.streamId}: no tool call ${JSON.stringify(id)}`);
  return changed(answer, at, change);
}

function closed(parts: readonly Part[], ts: number | null): readonly Part[] {
  return parts.map((part) => {
    if (part.state === "streaming") return { ...part, state: "done", endedAt: ts };
    if (part.state !== "pending" && part.state !== "running") return part;
    const errorText = part.errorText || "the answer ended before the tool did";
    return { ...part, state: "error", errorText, endedAt: ts };
  });
}
