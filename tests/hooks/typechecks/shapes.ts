// The shapes of the old hooks and of the new ones: what compiles here is what a swap of imports needs.
import type {
  EventStreamingChat,
  HybridTaskView,
  MessageStreaming,
  StreamingChat,
} from "../../../examples/streaming-hooks/src/react/index.ts";
import {
  useEventStreamingChat,
  useHttpTutorStream,
  useHybridTask,
  useMessageStreaming,
  useStreamingChatCompat,
} from "../../../examples/streaming-hooks/src/react/index.ts";

// One import is swapped for the other, in both directions as far as the old keys go.
export const swapped: typeof useStreamingChatCompat = useEventStreamingChat;
export const chat: StreamingChat = {} as EventStreamingChat;
export const streaming: MessageStreaming = {} as HybridTaskView;
export const messages: (taskId: string | undefined) => MessageStreaming = useHybridTask;

// What the old hooks don't have is only added.
export const dismissals: ((messageId: string) => Promise<void>)[] = [
  chat.dismissMessage,
  streaming.dismissMessage,
];

// @ts-expect-error: only the new one counts events
export const back: typeof useEventStreamingChat = useStreamingChatCompat;
// @ts-expect-error: an id, or undefined while there is none
useMessageStreaming(null);

export function OldScreen({ sessionId }: { sessionId: string }): string {
  const { streamingMessage, isStreaming, streamingError, sendStreamingMessage, clearStreaming, debugInfo } =
    useEventStreamingChat({ sessionId, pollInterval: 300 });
  const send: (text: string) => Promise<unknown> = sendStreamingMessage;
  const clear: () => void = clearStreaming;
  void send("Hello.").then(clear);
  const durations = streamingMessage?.toolExecutions.map(({ startTime, endTime }) =>
    startTime === null || endTime === null ? null : endTime - startTime,
  );
  return [isStreaming, streamingError, debugInfo?.lagMs, durations].join(" ");
}

export function TutorScreen({ sessionId, userId }: { sessionId: string; userId: string }): string {
  const { sendMessage, isStreaming, streamingMessage } = useHttpTutorStream({
    sessionId,
    onMessage: (message) => console.log(message.content),
    onError: (error) => console.error(error),
    onComplete: () => console.log("done"),
  });
  void sendMessage("Hello.", userId);
  return isStreaming ? (streamingMessage?.content ?? "") : "";
}

export function TaskScreen({ taskId }: { taskId: string | undefined }): string {
  const { messages, isStreaming, streamingPartsMap, streamingPartsOrder, isConnected, sendMessage, stopStream } =
    useHybridTask(taskId);
  void sendMessage("Hello.").then(stopStream);
  const parts = streamingPartsOrder.map((id) => streamingPartsMap.get(id)?.text);
  return [messages.length, isStreaming, isConnected, ...parts].join(" ");
}
