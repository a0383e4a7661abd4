// One task on a Socket.IO connection: joined again after every reconnect, from where it was.
import type { Socket } from "socket.io-client";
import type { StreamChunk } from "./events.ts";
import { pathOf, type Path } from "./path.ts";

export interface Since {
  streamId: string;
  seq: number;
}

export interface TaskStatus {
  taskId: string;
  status: string;
  timestamp: number | string;
  errorMessage?: string;
}

export interface TerminalEntry {
  id: number;
  timestamp: number | string;
  data: string;
  type: string;
}

export interface FsChange {
  taskId: string;
  operation: string;
  filePath: string;
  timestamp: number | string;
  source: string;
  isDirectory: boolean;
}

export interface TaskListener {
  /** What to go on from when the task is joined; nothing for "as it is now". */
  since(): Since | undefined;
  /** Whether the text is wanted here although the flag says otherwise, as it does not come there. */
  isFallback(): boolean;
  onConnected(isConnected: boolean): void;
  onPath(path: Path): void;
  onChunk(chunk: StreamChunk): void;
  /** All there is of a stream up to the event `seq`, in place of what is known of it. */
  onState(chunks: readonly StreamChunk[], streamId: string, seq: number): void;
  onStreamError(streamId: string, error: { code: string; message: string }): void;
  onStatus(status: TaskStatus): void;
  onTerminal(entry: TerminalEntry): void;
  onFsChange(change: FsChange): void;
  onError(error: Error): void;
}

interface Refusal {
  error: { code: string; message: string };
}

interface Joined {
  variant: string;
  path?: Path;
  streamId?: string;
  seq?: number;
}

type Handlers = Record<string, (payload: never) => void>;

/** A refusal of the server. */
export class RefusedError extends Error {
  readonly code: string;

  constructor({ code, message }: { code: string; message: string }) {
    super(message);
    this.name = "RefusedError";
    this.code = code;
  }
}

/** A connection has each task joined once: two of these for the same one would be in each other's way. */
export class TaskSocket {
  readonly #socket: Socket;
  readonly #taskId: string;
  readonly #listener: TaskListener;
  readonly #handlers: Handlers;
  /** The join that counts; what is told before its acknowledgement belongs to the one before. */
  #joins = 0;
  #joined: Joined | null = null;
  /** The client has all of the next `stream-state` already. */
  #hasNextState = false;

  constructor(socket: Socket, taskId: string, listener: TaskListener) {
    this.#socket = socket;
    this.#taskId = taskId;
    this.#listener = listener;
    this.#handlers = {
      connect: () => {
        listener.onConnected(true);
        this.join();
      },
      disconnect: () => {
        this.#joined = null;
        listener.onConnected(false);
      },
      "stream-chunk": (chunk: StreamChunk) => {
        if (this.#joined) listener.onChunk(chunk);
      },
      "stream-state": (state: { chunks: StreamChunk[] }) => this.#onState(state.chunks),
      "stream-error": (told: { streamId: string; code: string; error: string }) => {
        const error = { code: told.code, message: told.error };
        if (this.#joined) listener.onStreamError(told.streamId, error);
      },
      "path-changed": ({ variant }: { variant: string }) => {
        if (this.#joined) listener.onPath(pathOf(variant));
      },
      "task-status-updated": this.#ofTask((status: TaskStatus) => listener.onStatus(status)),
      "terminal-output": this.#ofTask((told: { taskId: string; entry: TerminalEntry }) =>
        listener.onTerminal(told.entry),
      ),
      "fs-change": this.#ofTask((change: FsChange) => listener.onFsChange(change)),
    };
  }

  /** Joins the task, now or as soon as there is a connection. */
  open(): void {
    for (const [event, handler] of Object.entries(this.#handlers)) {
      this.#socket.on(event, handler as () => void);
    }
    if (!this.#socket.connected) return;
    this.#listener.onConnected(true);
    this.join();
  }

  close(): void {
    for (const [event, handler] of Object.entries(this.#handlers)) {
      this.#socket.off(event, handler as () => void);
    }
    this.#joins += 1;
    this.#joined = null;
    if (this.#socket.connected) this.#socket.emit("leave-task", { taskId: this.#taskId });
  }

  /** Joins (again) from the listener's cursor. Until that is acknowledged no text is taken. */
  join(): void {
    if (!this.#socket.connected) return;
    const join = ++this.#joins;
    const since = this.#listener.since();
    this.#joined = null;
    const request = {
      taskId: this.#taskId,
      ...(since === undefined ? {} : { since }),
      ...(this.#listener.isFallback() ? { fallback: true } : {}),
    };
    this.#socket.emit("join-task", request, (answer: Joined | Refusal) => {
      if (join !== this.#joins) return;
      if ("error" in answer) {
        this.#listener.onError(new RefusedError(answer.error));
        return;
      }
      this.#joined = answer;
      this.#hasNextState =
        since !== undefined && answer.streamId === since.streamId && answer.seq === since.seq;
      this.#listener.onPath(answer.path ?? pathOf(answer.variant));
    });
  }

  send(
    message: string,
    options: { llmModel?: string; clientMessageId?: string } = {},
  ): Promise<{ messageId: string; streamId: string }> {
    return this.#ask("user-message", { taskId: this.#taskId, message, ...options });
  }

  async stop(): Promise<void> {
    await this.#ask("stop-stream", { taskId: this.#taskId });
  }

  #ask<Answer>(event: string, payload: object): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#socket.emit(event, payload, (answer: Answer | Refusal | null) => {
        if (answer !== null && typeof answer === "object" && "error" in answer) {
          reject(new RefusedError(answer.error));
        } else {
          resolve(answer as Answer);
        }
      });
    });
  }

  #onState(chunks: readonly StreamChunk[]): void {
    if (!this.#joined) return;
    if (this.#hasNextState) {
      this.#hasNextState = false;
      return;
    }
    // Without chunks it is of the stream that was joined: an attempt that is void leaves none.
    const streamId = chunks[0]?.streamId ?? this.#joined.streamId;
    if (streamId === undefined) return;
    const seq = streamId === this.#joined.streamId ? (this.#joined.seq ?? 0) : 0;
    this.#listener.onState(chunks, streamId, seq);
  }

  #ofTask<Told extends { taskId: string }>(tell: (told: Told) => void): (told: Told) => void {
    return (told) => {
      if (told.taskId === this.#taskId) tell(told);
    };
  }
}
