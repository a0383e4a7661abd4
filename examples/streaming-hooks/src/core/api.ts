// The server's functions that the hooks call, and what they answer.
import {
  makeFunctionReference,
  type PaginationOptions,
  type PaginationResult,
} from "convex/server";
import type { PartState, ToolExecution } from "./answer.ts";
import type { StreamEvent, Usage } from "./events.ts";

export interface Message {
  _id: string;
  _creationTime: number;
  threadId: string;
  order: number;
  role: "user" | "assistant" | "system";
  status: "pending" | "streaming" | "complete" | "stopped" | "error";
  content: string;
  streamId?: string;
  model?: string;
  usage?: Usage;
  finishReason?: string;
  errorCode?: string;
  errorText?: string;
  clientMessageId?: string;
  lastUpdated: number;
}

export interface PartPlace {
  index: number;
  segment: number;
  type: "text" | "reasoning" | "tool";
  state: PartState;
  sealed: boolean;
}

export interface PartRow {
  type: "text" | "reasoning" | "tool";
  state: PartState;
  text?: string;
  toolCallId?: string;
  toolName?: string;
  input?: unknown;
  output?: unknown;
  errorText?: string;
  startedAt?: number;
  endedAt?: number;
}

export interface StreamFigures {
  eventCount: number;
  countsByType: Record<string, number>;
  lastSeq: number;
  durableSeq: number;
  lagMs: number | null;
  bytes: number;
  attempt: number;
  variant: string;
  reason: string;
}

export interface EventPage {
  events: StreamEvent[];
  lastSeq: number;
  isDone: boolean;
}

export interface Decided {
  key: string;
  variant: string;
  reason: string;
  revision: number;
}

// Convex infers arguments from type aliases: an interface has no index signature.
type OfThread = { threadId: string };
type OfStream = { streamId: string };
type OfMessage = { messageId: string };
type NewMessage = {
  threadId: string;
  prompt: string;
  model?: string;
  systemPrompt?: string;
  clientMessageId?: string;
};
export type Sent = { userMessageId: string; messageId: string; streamId: string };

export const api = {
  threads: {
    create: makeFunctionReference<
      "mutation",
      { title?: string; kind?: string; externalId?: string },
      string
    >("threads:create"),
  },
  messages: {
    list: makeFunctionReference<
      "query",
      OfThread & { paginationOpts: PaginationOptions },
      PaginationResult<Message>
    >("messages:list"),
    legacyView: makeFunctionReference<"query", OfThread, Message[]>("messages:legacyView"),
    send: makeFunctionReference<"mutation", NewMessage, Sent>("messages:send"),
    dismiss: makeFunctionReference<"mutation", OfMessage, null>("messages:dismiss"),
  },
  parts: {
    order: makeFunctionReference<"query", OfMessage, PartPlace[]>("parts:order"),
    get: makeFunctionReference<
      "query",
      OfMessage & { index: number; segment: number },
      PartRow | null
    >("parts:get"),
  },
  streams: {
    stop: makeFunctionReference<"mutation", OfStream, null>("streams:stop"),
    debugInfo: makeFunctionReference<"query", OfStream, StreamFigures>("streams:debugInfo"),
  },
  streamEvents: {
    getStreamEvents: makeFunctionReference<
      "query",
      OfStream & { after?: number; limit?: number },
      EventPage
    >("streamEvents:getStreamEvents"),
    reconstructStreamContent: makeFunctionReference<
      "query",
      OfStream,
      { content: string; parts: PartRow[]; toolExecutions: ToolExecution[] }
    >("streamEvents:reconstructStreamContent"),
  },
  flags: {
    get: makeFunctionReference<"query", { key: string }, Decided>("flags:get"),
  },
};
