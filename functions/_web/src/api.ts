// The server's functions and documents, as schema.py and functions/*.py declare them.
import {
  makeFunctionReference,
  type PaginationOptions,
  type PaginationResult,
} from "convex/server";

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
  lastUpdated: number;
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
};
type NewThread = { title?: string; kind?: string; externalId?: string };
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
    send: makeFunctionReference<"mutation", NewMessage, { userMessageId: string }>("messages:send"),
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
export const PROMPT_LENGTH_MAX = 4_000;
export const TITLE_LENGTH_MAX = 80;
export const NAME_LENGTH_MAX = 40;
