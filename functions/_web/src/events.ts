// What may stand in a stream's log; the same list as in `reactive/ai/events.py`.

/** Tokens; cached ones are among the input's, reasoning among the output's. */
export interface Usage {
  inputTokens: number;
  outputTokens: number;
  cachedTokens: number;
  reasoningTokens: number;
}

type TextEvent<Kind extends "text" | "reasoning"> =
  | { type: `${Kind}-start`; partId: string }
  | { type: `${Kind}-delta`; partId: string; delta: string }
  | { type: `${Kind}-end`; partId: string };

type ToolEvent =
  | { type: "tool-input-start"; toolCallId: string; toolName: string }
  | { type: "tool-input-delta"; toolCallId: string; delta: string }
  | { type: "tool-call"; toolCallId: string; toolName: string; input: unknown }
  | {
      type: "tool-result";
      toolCallId: string;
      success: boolean;
      output?: unknown;
      errorText?: string;
    };

type EndEvent =
  | { type: "stream-finish"; finishReason: string; usage: Usage }
  | { type: "stream-stopped"; reason: string; by: string }
  | { type: "stream-error"; code: string; message: string; retryable: boolean };

/** `seq` counts from 1 without gaps in its stream, `ts` is milliseconds since the epoch. */
export type StreamEvent = { seq: number; ts: number } & (
  | { type: "stream-start"; messageId: string; model: string; attempt: number }
  | TextEvent<"text">
  | TextEvent<"reasoning">
  | ToolEvent
  | { type: "step-finish"; usage: Usage }
  | { type: "attempt-reset"; from: number; to: number }
  | EndEvent
);
