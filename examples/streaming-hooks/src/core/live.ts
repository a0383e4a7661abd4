// Reads a log by live queries. The framework's client is hidden behind `LiveClient`.
import type { ConvexReactClient } from "convex/react";
import type { FunctionArgs, FunctionReference, FunctionReturnType } from "convex/server";
import { api } from "./api.ts";
import type { StreamEvent } from "./events.ts";

type Query = FunctionReference<"query">;

/** What is needed of a client: `ConvexClient` of `convex/browser` is one as it is. */
export interface LiveClient {
  onUpdate<Q extends Query>(
    query: Q,
    args: FunctionArgs<Q>,
    callback: (result: FunctionReturnType<Q>) => unknown,
    onError?: (error: Error) => unknown,
  ): () => void;
  connectionState(): { isWebSocketConnected: boolean };
  subscribeToConnectionState(
    callback: (state: { isWebSocketConnected: boolean }) => void,
  ): () => void;
}

/** The client that React's hooks use, as a `LiveClient`. */
export function liveClientOf(client: ConvexReactClient): LiveClient {
  return {
    connectionState: () => client.connectionState(),
    subscribeToConnectionState: (callback) => client.subscribeToConnectionState(callback),
    onUpdate(query, args, callback, onError) {
      const watch = client.watchQuery(query, args);
      const look = () => {
        let result;
        try {
          result = watch.localQueryResult();
        } catch (error) {
          onError?.(error as Error);
          return;
        }
        if (result !== undefined) callback(result);
      };
      const stop = watch.onUpdate(look);
      look();
      return stop;
    },
  };
}

export interface LogReader {
  stop(): void;
}

interface Subscription {
  after: number;
  stop: () => void;
}

/**
 * A live query sends its whole result each time, so the cursor moves on once a page has so many
 * events. The next page is there before the old one is let go of: nothing falls between them.
 */
const PAGE_EVENTS = 32;

/** Reads the events after `after`, as they are written, until the last one or `stop()`. */
export function readLog(
  client: LiveClient,
  streamId: string,
  after: number,
  onEvents: (events: readonly StreamEvent[]) => void,
  onError: (error: Error) => void,
): LogReader {
  const open: Subscription[] = [];
  let isStopped = false;

  function closeBefore(cursor: number): void {
    while (open[0] !== undefined && open[0].after < cursor) open.shift()?.stop();
  }
  function stop(): void {
    isStopped = true;
    closeBefore(Infinity);
  }
  function subscribe(cursor: number): void {
    const subscription: Subscription = { after: cursor, stop: () => undefined };
    open.push(subscription);
    const unsubscribe = client.onUpdate(
      api.streamEvents.getStreamEvents,
      { streamId, after: cursor },
      (page) => {
        if (isStopped) return;
        closeBefore(cursor);
        onEvents(page.events);
        // The listener may have stopped this reader.
        if (isStopped) return;
        if (page.isDone) stop();
        else if (page.events.length >= PAGE_EVENTS && !open.some((one) => one.after >= page.lastSeq)) {
          subscribe(page.lastSeq);
        }
      },
      (error) => {
        if (isStopped) return;
        stop();
        onError(error);
      },
    );
    subscription.stop = unsubscribe;
    // It may have been answered, and stopped, before there was anything to unsubscribe.
    if (isStopped || !open.includes(subscription)) unsubscribe();
  }

  subscribe(after);
  return { stop };
}
