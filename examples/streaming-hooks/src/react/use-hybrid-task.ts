import { useCallback, useEffect, useMemo, useState, useSyncExternalStore } from "react";
import { HybridTask, type HybridState } from "../core/hybrid.ts";
import type { Path } from "../core/path.ts";
import type { FsChange, TaskStatus, TerminalEntry } from "../core/socket.ts";
import { useConnections, useLiveClient } from "./context.tsx";
import {
  isLive,
  partsOfAnswer,
  useDismissMessage,
  useMessages,
  type MessageStreaming,
  type StreamingPart,
} from "./use-message-streaming.ts";

export interface HybridTaskView extends MessageStreaming {
  /** Of the socket. */
  isConnected: boolean;
  /** Which way the text comes; undefined until it is known. */
  path: Path | undefined;
  status: TaskStatus | null;
  terminal: readonly TerminalEntry[];
  lastFsChange: FsChange | null;
  error: Error | null;
  sendMessage(message: string, options?: SendOptions): Promise<{ messageId: string; streamId: string }>;
  stopStream(): Promise<void>;
}

export interface SendOptions {
  llmModel?: string;
  clientMessageId?: string;
}

const NOWHERE: HybridState = {
  isConnected: false,
  path: null,
  answer: null,
  status: null,
  terminal: [],
  lastFsChange: null,
  error: null,
};
const NO_PARTS: ReadonlyMap<string, StreamingPart> = new Map();

/**
 * A task on both connections. The text of the answer comes on the path of the flag, and of that one
 * only; status, terminal and files come from the socket, which also sends and stops. The newest
 * answer is followed when several are being made. An undefined id subscribes to nothing.
 */
export function useHybridTask(taskId: string | undefined): HybridTaskView {
  const messages = useMessages(taskId);
  const task = useTask(taskId);
  const { answer, path, ...state } = useSyncExternalStore(
    useCallback((listener: () => void) => task?.subscribe(listener) ?? (() => undefined), [task]),
    () => task?.getSnapshot() ?? NOWHERE,
    () => NOWHERE,
  );

  const live = messages.findLast(isLive);
  const messageId = live?._id;
  const streamId = live?.streamId ?? null;
  useEffect(() => task?.follow(streamId), [task, streamId]);

  const streamingPartsMap = useMemo(() => {
    const isOfLive = messageId !== undefined && answer?.streamId === streamId;
    return isOfLive && answer ? partsOfAnswer(messageId, answer) : NO_PARTS;
  }, [answer, messageId, streamId]);

  const sendMessage = useCallback(
    async (message: string, options?: SendOptions) => needed(task).send(message, options),
    [task],
  );
  const stopStream = useCallback(async () => needed(task).stop(), [task]);
  const dismissMessage = useDismissMessage();

  return {
    messages,
    isStreaming: live !== undefined,
    streamingPartsMap,
    streamingPartsOrder: useMemo(() => [...streamingPartsMap.keys()], [streamingPartsMap]),
    path: path ?? undefined,
    ...state,
    sendMessage,
    stopStream,
    dismissMessage,
  };
}

function useTask(taskId: string | undefined): HybridTask | null {
  const client = useLiveClient();
  const { socket } = useConnections();
  const [task, setTask] = useState<HybridTask | null>(null);
  useEffect(() => {
    if (taskId === undefined) return;
    if (socket === undefined) throw new Error("useHybridTask needs a socket of StreamingProvider");
    const opened = new HybridTask(client, socket, taskId);
    opened.open();
    setTask(opened);
    return () => {
      opened.close();
      setTask(null);
    };
  }, [client, socket, taskId]);
  return task;
}

function needed(task: HybridTask | null): HybridTask {
  if (task === null) throw new Error("there is no task yet");
  return task;
}
