// A stream's log, read page by page and understood by the reducer: the check that what the page
// shows is what the events say.
import type { EventPage } from "./api.ts";
import type { StreamEvent } from "./events.ts";
import { apply, EMPTY, type StreamState } from "./reducer.ts";

/** How many of the newest events are kept to be shown. */
const KEPT = 40;

export interface LogView {
  state: StreamState;
  latest: readonly StreamEvent[];
  isDone: boolean;
  /** Why the log makes no sense; it is not read further then. */
  fault: string;
}

export const UNREAD: LogView = { state: EMPTY, latest: [], isDone: false, fault: "" };

/** The log after one more page. Events that are known already are passed over. */
export function readPage(view: LogView, page: EventPage): LogView {
  const fresh = page.events.filter((event) => event.seq > view.state.lastSeq);
  const isDone = page.isDone && page.lastSeq >= view.state.lastSeq;
  if (view.fault !== "" || (fresh.length === 0 && isDone === view.isDone)) return view;
  try {
    const state = fresh.reduce(apply, view.state);
    return { state, latest: [...view.latest, ...fresh].slice(-KEPT), isDone, fault: "" };
  } catch (error) {
    return { ...view, fault: error instanceof Error ? error.message : String(error) };
  }
}

/** An event in a few words. */
export function gist(event: StreamEvent): string {
  switch (event.type) {
    case "text-delta":
    case "reasoning-delta":
    case "tool-input-delta":
      return event.delta;
    case "tool-input-start":
    case "tool-call":
      return event.toolName;
    case "tool-result":
      return event.success ? "success" : (event.errorText ?? "failure");
    case "stream-start":
      return `${event.model}, attempt ${event.attempt}`;
    case "attempt-reset":
      return `attempt ${event.from} is void, ${event.to} begins`;
    case "stream-finish":
      return event.finishReason;
    case "stream-stopped":
      return event.reason;
    case "stream-error":
      return event.code;
    default:
      return "";
  }
}
