import { useMutation, usePaginatedQuery, useQueries } from "convex/react";
import { useCallback, useMemo } from "react";
import type { Answer, PartState } from "../core/answer.ts";
import { api, type Message, type PartPlace, type PartRow } from "../core/api.ts";

const MESSAGES_AT_ONCE = 50;

/** A part of an answer that is being made. */
export interface StreamingPart {
  id: string;
  messageId: string;
  type: "text" | "reasoning" | "tool";
  state: PartState;
  text: string;
  toolCallId?: string;
  toolName?: string;
  input?: unknown;
  output?: unknown;
  errorText?: string;
  startedAt?: number;
  endedAt?: number;
}

export interface MessageStreaming {
  /** Oldest first. The content of one that is being made is in the parts. */
  messages: readonly Message[];
  isStreaming: boolean;
  /** The parts of the answers that are being made, by the ids in `streamingPartsOrder`. */
  streamingPartsMap: ReadonlyMap<string, StreamingPart>;
  streamingPartsOrder: readonly string[];
  dismissMessage: DismissMessage;
}

/**
 * Hides an answer that has failed from everybody; its rows stay on the server. Rejects with what the
 * server says if it is no such answer. Again is no error.
 */
export type DismissMessage = (messageId: string) => Promise<void>;

export function isLive({ role, status }: Message): boolean {
  return role === "assistant" && (status === "pending" || status === "streaming");
}

/** The newest messages of a thread, oldest first. An undefined id subscribes to nothing. */
export function useMessages(threadId: string | undefined): readonly Message[] {
  const { results } = usePaginatedQuery(
    api.messages.list,
    threadId === undefined ? "skip" : { threadId },
    { initialNumItems: MESSAGES_AT_ONCE },
  );
  return useMemo(() => results.toReversed(), [results]);
}

/** By the Convex client, whichever way the text of answers comes. */
export function useDismissMessage(): DismissMessage {
  const dismiss = useMutation(api.messages.dismiss);
  return useCallback(
    async (messageId) => {
      await dismiss({ messageId });
    },
    [dismiss],
  );
}

/** A thread's messages, and the parts of those that are being made, by live queries alone. */
export function useMessageStreaming(taskId: string | undefined): MessageStreaming {
  const messages = useMessages(taskId);
  const live = useMemo(() => messages.filter(isLive).map(({ _id }) => _id), [messages]);
  const orders = useOrders(live);
  const rows = useRows(orders);
  const dismissMessage = useDismissMessage();
  return useMemo(() => {
    const streamingPartsMap = partsOf(orders, rows);
    return {
      messages,
      isStreaming: live.length > 0,
      streamingPartsMap,
      streamingPartsOrder: [...streamingPartsMap.keys()],
      dismissMessage,
    };
  }, [messages, live, orders, rows, dismissMessage]);
}

type Orders = Record<string, PartPlace[] | undefined>;
type Rows = Record<string, PartRow | null | undefined>;

function useOrders(messageIds: readonly string[]): Orders {
  const queries = useMemo(
    () =>
      Object.fromEntries(
        messageIds.map((messageId) => [messageId, { query: api.parts.order, args: { messageId } }]),
      ),
    [messageIds],
  );
  return known(useQueries(queries)) as Orders;
}

function useRows(orders: Orders): Rows {
  const names = Object.entries(orders).flatMap(([messageId, places = []]) =>
    places.map(({ index, segment }) => `${messageId} ${index} ${segment}`),
  );
  // The order changes with each state; which rows there are does not.
  const key = names.join("\n");
  const queries = useMemo(() => {
    const wanted = key === "" ? [] : key.split("\n");
    return Object.fromEntries(
      wanted.map((name) => {
        const [messageId = "", index, segment] = name.split(" ");
        const args = { messageId, index: Number(index), segment: Number(segment) };
        return [name, { query: api.parts.get, args }];
      }),
    );
  }, [key]);
  return known(useQueries(queries)) as Rows;
}

/** The results, once none of them is an error, which is thrown as `useQuery` does. */
function known(results: Record<string, unknown>): Record<string, unknown> {
  for (const result of Object.values(results)) if (result instanceof Error) throw result;
  return results;
}

/** In reading order. A row that has not come yet ends a message's parts: what follows comes with it. */
function partsOf(orders: Orders, rows: Rows): Map<string, StreamingPart> {
  const parts = new Map<string, StreamingPart>();
  for (const [messageId, places = []] of Object.entries(orders)) {
    for (const { index, segment } of places) {
      const row = rows[`${messageId} ${index} ${segment}`];
      if (!row) break;
      const id = partId(messageId, index);
      const text = (parts.get(id)?.text ?? "") + (row.text ?? "");
      parts.set(id, { ...row, id, messageId, text });
    }
  }
  return parts;
}

/** The same for an answer that was put together from a log or from chunks. */
export function partsOfAnswer(messageId: string, answer: Answer): Map<string, StreamingPart> {
  const parts = answer.parts.map((part, index): [string, StreamingPart] => {
    const id = partId(messageId, index);
    const { type, state, text, startedAt, endedAt } = part;
    const tool =
      type !== "tool"
        ? {}
        : {
            toolCallId: part.name,
            toolName: part.toolName,
            ...(state === "pending" ? {} : { input: part.input }),
            ...(state === "completed" ? { output: part.output } : {}),
            ...(state === "error" ? { errorText: part.errorText } : {}),
          };
    const times = {
      ...(startedAt === null ? {} : { startedAt }),
      ...(endedAt === null ? {} : { endedAt }),
    };
    return [id, { id, messageId, type, state, text, ...tool, ...times }];
  });
  return new Map(parts);
}

function partId(messageId: string, index: number): string {
  return `${messageId}:${index}`;
}
