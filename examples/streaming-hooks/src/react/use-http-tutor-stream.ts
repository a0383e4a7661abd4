import { useCallback, useEffect, useRef, useState } from "react";
import { contentOf, toolExecutionsOf, type Answer, type ToolExecution } from "../core/answer.ts";
import { askOverHttp, stopOverHttp } from "../core/http.ts";
import { useConnections } from "./context.tsx";

export interface TutorMessage {
  id: string;
  streamId: string;
  content: string;
  status: Answer["status"];
  toolExecutions: readonly ToolExecution[];
}

export interface TutorOptions {
  /** The thread; nothing can be sent while it is undefined. */
  sessionId: string | undefined;
  model?: string;
  onMessage?(message: TutorMessage): void;
  onError?(error: Error): void;
  onComplete?(message: TutorMessage): void;
}

export interface TutorStream {
  /** Resolves when the answer is over. Who is asking is for the token to say, not for `userId`. */
  sendMessage(text: string, userId?: string): Promise<void>;
  /** Has the server stop; the text so far stays. */
  stop(): Promise<void>;
  isStreaming: boolean;
  streamingMessage: TutorMessage | null;
  error: Error | null;
}

/** An answer over plain HTTP, for where no socket gets through: no Convex client is needed. */
export function useHttpTutorStream(options: TutorOptions): TutorStream {
  const { url, token } = useConnections();
  const latest = useRef(options);
  useEffect(() => {
    latest.current = options;
  });
  const [streamingMessage, setStreamingMessage] = useState<TutorMessage | null>(null);
  const [isStreaming, setStreaming] = useState(false);
  const [error, setError] = useState<Error | null>(null);
  const running = useRef<{ controller: AbortController; streamId: string | null } | null>(null);

  const { sessionId, model } = options;
  useEffect(() => () => running.current?.controller.abort(), [url, sessionId]);

  const sendMessage = useCallback(
    async (text: string) => {
      if (url === undefined) throw new Error("useHttpTutorStream needs the url of StreamingProvider");
      if (sessionId === undefined) throw new Error("there is no session yet");
      running.current?.controller.abort();
      const own = { controller: new AbortController(), streamId: null as string | null };
      running.current = own;
      setStreaming(true);
      setError(null);
      setStreamingMessage(null);
      let messageId = "";
      const messageOf = (answer: Answer): TutorMessage => ({
        id: messageId,
        streamId: answer.streamId,
        content: contentOf(answer),
        status: answer.status,
        toolExecutions: toolExecutionsOf(answer),
      });
      try {
        const answer = await askOverHttp({
          url,
          threadId: sessionId,
          prompt: text,
          clientMessageId: crypto.randomUUID(),
          signal: own.controller.signal,
          ...(model === undefined ? {} : { model }),
          ...(token === undefined ? {} : { token }),
          onStart: (names) => {
            own.streamId = names.streamId;
            messageId = names.messageId;
          },
          onAnswer: (now) => {
            setStreamingMessage(messageOf(now));
            latest.current.onMessage?.(messageOf(now));
          },
        });
        if (answer.error) throw new Error(answer.error.message);
        latest.current.onComplete?.(messageOf(answer));
      } catch (caught) {
        // Whoever has left, or asks the next question, does not want to hear of this one.
        if (own.controller.signal.aborted) return;
        setError(caught as Error);
        latest.current.onError?.(caught as Error);
      } finally {
        if (running.current === own) {
          running.current = null;
          setStreaming(false);
        }
      }
    },
    [url, token, sessionId, model],
  );

  const stop = useCallback(async () => {
    const streamId = running.current?.streamId;
    if (url === undefined || !streamId) return;
    await stopOverHttp({ url, ...(token === undefined ? {} : { token }) }, streamId);
  }, [url, token]);

  return { sendMessage, stop, isStreaming, streamingMessage, error };
}
