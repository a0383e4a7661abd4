import { useConvex, useMutation, useQueries, type RequestForQueries } from "convex/react";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import {
  contentOf,
  emptyAnswer,
  isOver,
  toolExecutionsOf,
  type Answer,
  type ToolExecution,
} from "../core/answer.ts";
import { api, type Message, type Sent, type StreamFigures } from "../core/api.ts";
import { LogFollower } from "../core/follower.ts";
import { readLog } from "../core/live.ts";
import type { Path } from "../core/path.ts";
import { Throttle } from "../core/throttle.ts";
import { useLiveClient, usePath } from "./context.tsx";
import {
  isLive,
  useDismissMessage,
  useMessages,
  type DismissMessage,
} from "./use-message-streaming.ts";

export interface ChatOptions {
  /** The thread; undefined subscribes to nothing. */
  sessionId: string | undefined;
  /** The least time between two updates, in milliseconds. Nothing is polled. */
  pollInterval?: number;
  model?: string;
}

export interface StreamingMessage {
  /** Of the stream. */
  id: string;
  messageId: string;
  content: string;
  status: Message["status"];
  /** Empty on the old path, which does not tell of them. */
  toolExecutions: readonly ToolExecution[];
}

export interface EventStreamingMessage extends StreamingMessage {
  eventCount: number;
}

/** What the old hook gives, and the new one as well; `dismissMessage` is added to it. */
export interface StreamingChat<Shown extends StreamingMessage = StreamingMessage> {
  /** The answer that is being made, or was last, until it is cleared or the next one begins. */
  streamingMessage: Shown | null;
  isStreaming: boolean;
  streamingError: string | null;
  sendStreamingMessage(text: string, options?: { clientMessageId?: string }): Promise<Sent>;
  /** Shows nothing any more; on the server nothing changes. */
  clearStreaming(): void;
  dismissMessage: DismissMessage;
}

export interface DebugInfo extends StreamFigures {
  path: Path;
  /** What this client has counted by itself. */
  client: {
    eventCount: number;
    countsByType: Readonly<Record<string, number>>;
    lastSeq: number;
    /** How often its connection was made anew. */
    reconnects: number;
  };
}

export interface EventStreamingChat extends StreamingChat<EventStreamingMessage> {
  debugInfo: DebugInfo | null;
}

const POLL_INTERVAL_MS = 300;

/**
 * The new hook: the answer put together from the events of its log. While the flag says `legacy` for
 * the caller its text is that of the old hook, and it goes on with the log once it says otherwise.
 */
export function useEventStreamingChat(options: ChatOptions): EventStreamingChat {
  const { sessionId, pollInterval = POLL_INTERVAL_MS } = options;
  const client = useConvex();
  const path = usePath(sessionId !== undefined);
  const chat = useChat(options);
  const { target } = chat;
  const log = useLog(path === "reactive" ? target : null, pollInterval);
  const view = useLegacyView(path === "legacy" ? sessionId : undefined);
  const content = useSteady(target?.streamId, path, path === "legacy" ? view?.(target) : log?.content);
  const figures = useFigures(target?.streamId);

  const answer = log?.answer ?? (target ? emptyAnswer(target.streamId) : null);
  const streamingMessage = useMemo(
    (): EventStreamingMessage | null =>
      target && answer
        ? {
            ...shown(target, content),
            toolExecutions: toolExecutionsOf(answer),
            eventCount: answer.lastSeq,
          }
        : null,
    [target, answer, content],
  );
  const debugInfo = useMemo(
    (): DebugInfo | null =>
      figures && answer && path
        ? {
            ...figures,
            path,
            client: {
              eventCount: Object.values(answer.counts).reduce((sum, count) => sum + count, 0),
              countsByType: answer.counts,
              lastSeq: answer.lastSeq,
              reconnects: Math.max(0, client.connectionState().connectionCount - 1),
            },
          }
        : null,
    [figures, answer, path, client],
  );
  return { ...chat.face, streamingMessage, debugInfo };
}

/** The old hook, for the way back: the same keys, the text of messages that grow. */
export function useStreamingChatCompat(options: ChatOptions): StreamingChat {
  const chat = useChat(options);
  const { target } = chat;
  const view = useLegacyView(options.sessionId);
  const content = view?.(target) ?? "";
  const streamingMessage = useMemo(
    () => (target ? { ...shown(target, content), toolExecutions: [] } : null),
    [target, content],
  );
  return { ...chat.face, streamingMessage };
}

interface Target {
  streamId: string;
  message: Message;
}

/** What both hooks do alike: which answer is shown, whether it goes on, sending, clearing, dismissing. */
function useChat({ sessionId, model }: ChatOptions) {
  const messages = useMessages(sessionId);
  const send = useMutation(api.messages.send);
  const [shownId, setShownId] = useState<string | null>(null);
  const [clearedId, setClearedId] = useState<string | null>(null);
  const [refusal, setRefusal] = useState<string | null>(null);

  const liveId = messages.findLast(isLive)?.streamId ?? null;
  useEffect(() => {
    if (liveId !== null) setShownId(liveId);
  }, [liveId]);
  useEffect(() => setShownId(null), [sessionId]);

  const streamId = liveId ?? shownId;
  const message = messages.find((one) => one.role === "assistant" && one.streamId === streamId);
  const target = useMemo((): Target | null => {
    if (!message || streamId === null || streamId === clearedId) return null;
    return { streamId, message };
  }, [message, streamId, clearedId]);

  const sendStreamingMessage = useCallback(
    async (text: string, options: { clientMessageId?: string } = {}) => {
      if (sessionId === undefined) throw new Error("there is no session yet");
      setRefusal(null);
      const named = model === undefined ? {} : { model };
      try {
        const sent = await send({ threadId: sessionId, prompt: text, ...named, ...options });
        setShownId(sent.streamId);
        return sent;
      } catch (error) {
        setRefusal(reasonOf(error));
        throw error;
      }
    },
    [send, sessionId, model],
  );
  const clearStreaming = useCallback(() => {
    setClearedId(streamId);
    setRefusal(null);
  }, [streamId]);

  const dismissMessage = useDismissMessage();

  const failure = target?.message.status === "error" ? target.message : null;
  const streamingError = refusal ?? (failure ? (failure.errorText ?? failure.errorCode ?? "error") : null);
  const isStreaming = target !== null && isLive(target.message);
  return {
    target,
    face: { isStreaming, streamingError, sendStreamingMessage, clearStreaming, dismissMessage },
  };
}

function shown({ streamId, message }: Target, content: string | undefined) {
  const { _id: messageId, status } = message;
  // Once it is over the message itself has the text.
  const text = isLive(message) ? (content ?? "") : message.content;
  return { id: streamId, messageId, content: text, status };
}

/** The answer as its log tells it, at most once per interval. */
function useLog(
  target: Target | null,
  intervalMs: number,
): { answer: Answer; content: string } | undefined {
  const client = useLiveClient();
  const streamId = target?.streamId;
  const [answer, setAnswer] = useState<Answer>();
  const [error, setError] = useState<Error>();
  useEffect(() => {
    if (streamId === undefined) return;
    const throttle = new Throttle<Answer>(intervalMs, setAnswer);
    const log = new LogFollower(streamId);
    const reader = readLog(
      client,
      streamId,
      0,
      (events) => {
        if (!log.offer(events)) throw new Error(`stream ${streamId}: a page of its log has a gap`);
        throttle.offer(log.answer, isOver(log.answer));
      },
      setError,
    );
    return () => {
      reader.stop();
      throttle.stop();
    };
  }, [client, streamId, intervalMs]);
  if (error !== undefined) throw error;
  return useMemo(
    () => (answer?.streamId === streamId && answer ? { answer, content: contentOf(answer) } : undefined),
    [answer, streamId],
  );
}

type LegacyContent = (target: Target | null) => string | undefined;

function useLegacyView(sessionId: string | undefined): LegacyContent | undefined {
  const queries = useMemo(
    (): RequestForQueries =>
      sessionId === undefined
        ? {}
        : { view: { query: api.messages.legacyView, args: { threadId: sessionId } } },
    [sessionId],
  );
  const found = useQueries(queries)["view"] as Message[] | Error | undefined;
  if (found instanceof Error) throw found;
  return useMemo(() => {
    if (found === undefined) return undefined;
    return (target) => found.find(({ _id }) => _id === target?.message._id)?.content;
  }, [found]);
}

/** Keeps the text of the path before until the new one has caught up with it. */
function useSteady(
  streamId: string | undefined,
  path: Path | undefined,
  content: string | undefined,
): string | undefined {
  const kept = useRef({ streamId, path, content });
  const before = kept.current;
  const isBehind =
    before.streamId === streamId &&
    before.path !== path &&
    (content?.length ?? 0) < (before.content?.length ?? 0);
  const now = isBehind ? before : { streamId, path, content };
  useEffect(() => {
    kept.current = now;
  });
  return now.content;
}

function useFigures(streamId: string | undefined): StreamFigures | undefined {
  const queries = useMemo(
    (): RequestForQueries =>
      streamId === undefined
        ? {}
        : { figures: { query: api.streams.debugInfo, args: { streamId } } },
    [streamId],
  );
  const found = useQueries(queries)["figures"] as StreamFigures | Error | undefined;
  return found instanceof Error ? undefined : found;
}

function reasonOf(error: unknown): string {
  const told = (error as { data?: { message?: unknown } } | null)?.data?.message;
  if (typeof told === "string") return told;
  return error instanceof Error ? error.message : String(error);
}
