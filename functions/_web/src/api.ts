// The server's functions and documents, as schema.py and functions/*.py declare them.
import {
  makeFunctionReference,
  type PaginationOptions,
  type PaginationResult,
} from "convex/server";
import type { StreamEvent, Usage } from "./events.ts";
import type { PartState } from "./reducer.ts";

export interface Thread {
  _id: string;
  _creationTime: number;
  title?: string;
  kind?: string;
  externalId?: string;
}

export interface Message {
  _id: string;
  _creationTime: number;
  threadId: string;
  order: number;
  role: "user" | "assistant" | "system";
  status: "pending" | "streaming" | "complete" | "stopped" | "error";
  content: string;
  author?: string;
  clientMessageId?: string;
  /** Of an answer: who makes it, and how it ended. */
  streamId?: string;
  model?: string;
  usage?: Usage;
  finishReason?: string;
  errorCode?: string;
  errorText?: string;
  lastUpdated: number;
}

/** A row of an answer's part: a piece of text, or a whole tool call. A sealed one never changes. */
export interface PartKey {
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

/** One open window of a person. */
export interface Presence {
  _id: string;
  _creationTime: number;
  clientId: string;
  name: string;
  threadId?: string;
}

// Convex infers arguments from type aliases: an interface has no index signature.
type Page = { paginationOpts: PaginationOptions };
export type NewMessage = {
  threadId: string;
  prompt: string;
  author: string;
  clientMessageId: string;
  model?: string;
};
export type Sent = { userMessageId: string; messageId: string; streamId: string };
type NewThread = { title?: string; kind?: string; externalId?: string };
type OfMessage = { messageId: string };
type Place = { index: number; segment: number };
type OfStream = { streamId: string };
type OpenWindow = { clientId: string; name: string; threadId?: string };

export const api = {
  threads: {
    list: makeFunctionReference<"query", Page, PaginationResult<Thread>>("threads:list"),
    create: makeFunctionReference<"mutation", NewThread, string>("threads:create"),
  },
  messages: {
    list: makeFunctionReference<"query", Page & { threadId: string }, PaginationResult<Message>>(
      "messages:list",
    ),
    send: makeFunctionReference<"mutation", NewMessage, Sent>("messages:send"),
    dismiss: makeFunctionReference<"mutation", OfMessage, null>("messages:dismiss"),
  },
  models: {
    list: makeFunctionReference<"query", Record<string, never>, string[]>("models:list"),
  },
  parts: {
    order: makeFunctionReference<"query", OfMessage, PartKey[]>("parts:order"),
    get: makeFunctionReference<"query", OfMessage & Place, PartRow | null>("parts:get"),
  },
  streams: {
    stop: makeFunctionReference<"mutation", OfStream, null>("streams:stop"),
    debugInfo: makeFunctionReference<"query", OfStream, StreamFigures>("streams:debugInfo"),
  },
  streamEvents: {
    getStreamEvents: makeFunctionReference<
      "query",
      OfStream & { after: number; limit: number },
      EventPage
    >("streamEvents:getStreamEvents"),
  },
  presence: {
    list: makeFunctionReference<"query", Record<string, never>, Presence[]>("presence:list"),
    heartbeat: makeFunctionReference<"mutation", OpenWindow, null>("presence:heartbeat"),
  },
};

/** A window that closes can't wait for its socket: the browser still delivers a kept-alive request. */
export function leave(clientId: string): void {
  void fetch("/api/mutation", {
    method: "POST",
    keepalive: true,
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ path: "presence:leave", args: { clientId }, format: "json" }),
  });
}

// The server's own limits (functions/*.py); the page only warns before they are reached.
export const PROMPT_LENGTH_MAX = 100_000;
export const TITLE_LENGTH_MAX = 80;
export const NAME_LENGTH_MAX = 40;
