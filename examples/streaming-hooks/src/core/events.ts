// What the server says about an answer: the events of its log, and the chunks of the old sockets.

export interface Usage {
  inputTokens: number;
  outputTokens: number;
  cachedTokens: number;
  reasoningTokens: number;
}

type Stamped<Kind extends string, Fields> = { seq: number; ts: number; type: Kind } & Fields;
type OfPart = { partId: string };
type OfTool = { toolCallId: string };

/** An event of the log. `seq` counts from 1 without gaps; `ts` is milliseconds, the server's clock. */
export type StreamEvent =
  | Stamped<"stream-start", { messageId: string; model: string; attempt: number }>
  | Stamped<"text-start" | "text-end" | "reasoning-start" | "reasoning-end", OfPart>
  | Stamped<"text-delta" | "reasoning-delta", OfPart & { delta: string }>
  | Stamped<"tool-input-start", OfTool & { toolName: string }>
  | Stamped<"tool-input-delta", OfTool & { delta: string }>
  | Stamped<"tool-call", OfTool & { toolName: string; input: unknown }>
  | Stamped<"tool-result", OfTool & { success: boolean; output?: unknown; errorText?: string }>
  | Stamped<"step-finish", { usage: Usage }>
  | Stamped<"attempt-reset", { from: number; to: number }>
  | Stamped<"stream-finish", { finishReason: string; usage: Usage }>
  | Stamped<"stream-stopped", { reason: string; by: string | null }>
  | Stamped<"stream-error", { code: string; message: string; retryable: boolean }>;

type Chunked<Kind extends string, Fields> = { streamId: string; seq: number; type: Kind } & Fields;

/**
 * What `stream-chunk` carries. Neighbouring pieces may come as one, under the seq of the last; some
 * events of the log have no chunk at all, so the numbers of chunks grow but do leave gaps.
 */
export type StreamChunk =
  | Chunked<"content", { content: string }>
  | Chunked<"reasoning", { reasoning: string }>
  | Chunked<"tool-call-start", { toolCallStart: { id: string; name: string } }>
  | Chunked<"tool-call-delta", { toolCallDelta: { id: string; name: string; argsTextDelta: string } }>
  | Chunked<"tool-call", { toolCall: { id: string; name: string; args: unknown } }>
  | Chunked<"tool-result", { toolResult: { id: string; result: unknown; isValid: boolean } }>
  | Chunked<"usage", { usage: Usage }>
  | Chunked<"complete", { finishReason: string }>
  | Chunked<"error", { error: string }>;
