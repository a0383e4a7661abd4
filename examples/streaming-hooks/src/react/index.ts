export {
  StreamingProvider,
  useConnections,
  usePath,
  useThreadId,
  type Connections,
} from "./context.tsx";
export * from "./use-event-streaming-chat.ts";
export * from "./use-http-tutor-stream.ts";
export * from "./use-hybrid-task.ts";
export {
  useMessageStreaming,
  type DismissMessage,
  type MessageStreaming,
  type StreamingPart,
} from "./use-message-streaming.ts";
