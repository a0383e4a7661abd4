// Messages that the server refused. They are kept here, with the reason, until their author decides.
import type { NewMessage } from "./api.ts";

export interface Refused extends NewMessage {
  time: number;
  reason: string;
}

export type OutboxEvent =
  | { type: "refused"; message: Refused }
  | { type: "taken"; clientMessageId: string };

/** "taken" is what retry, edit and dismiss have in common: the message is no longer kept. */
export function outbox(state: readonly Refused[], event: OutboxEvent): readonly Refused[] {
  const id = event.type === "refused" ? event.message.clientMessageId : event.clientMessageId;
  const others = state.filter((message) => message.clientMessageId !== id);
  return event.type === "refused" ? [...others, event.message] : others;
}

const NO_REASON = "The server could not do this. Try again in a moment.";

/** The reason that a person can read: the application's own message, never a stack trace. */
export function refusalReason(error: unknown, otherwise = NO_REASON): string {
  const data: unknown = typeof error === "object" && error !== null && "data" in error && error.data;
  if (typeof data === "string" && data !== "") return data;
  if (typeof data === "object" && data !== null && "message" in data) {
    if (typeof data.message === "string" && data.message !== "") return data.message;
  }
  return otherwise;
}
