// A task on both connections: text on the path of the flag, all else from the sockets.
import type { Socket } from "socket.io-client";
import type { Answer } from "./answer.ts";
import type { LiveClient } from "./live.ts";
import { watchPath, type Path } from "./path.ts";
import { TaskSocket, type FsChange, type TaskStatus, type TerminalEntry } from "./socket.ts";
import { PathSwitcher } from "./switcher.ts";

export interface HybridState {
  isConnected: boolean;
  path: Path | null;
  answer: Answer | null;
  status: TaskStatus | null;
  terminal: readonly TerminalEntry[];
  lastFsChange: FsChange | null;
  error: Error | null;
}

const TERMINAL_ENTRIES_MAX = 1_000;
/** So long live queries may be away before the text is read from the sockets meanwhile. */
const FALLBACK_MS = 3_000;

/** A store: `subscribe` and `getSnapshot` are what React's `useSyncExternalStore` takes. */
export class HybridTask {
  readonly #task: TaskSocket;
  readonly #switcher: PathSwitcher;
  readonly #client: LiveClient;
  readonly #listeners = new Set<() => void>();
  readonly #fallbackMs: number;
  #stopWatching: (() => void) | null = null;
  #away: ReturnType<typeof setTimeout> | null = null;
  #isFallback = false;
  #state: HybridState = {
    isConnected: false,
    path: null,
    answer: null,
    status: null,
    terminal: [],
    lastFsChange: null,
    error: null,
  };

  constructor(client: LiveClient, socket: Socket, taskId: string, fallbackMs = FALLBACK_MS) {
    this.#client = client;
    this.#fallbackMs = fallbackMs;
    this.#switcher = new PathSwitcher(client, {
      onChange: (answer) => this.#set({ answer }),
      onError: (error) => this.#set({ error }),
      onWantsChunks: () => this.#task.join(),
    });
    this.#task = new TaskSocket(socket, taskId, {
      since: () => this.#switcher.since(),
      isFallback: () => this.#isFallback,
      onConnected: (isConnected) => this.#set({ isConnected }),
      onPath: (path) => this.#setPath(path),
      onChunk: (chunk) => this.#switcher.onChunk(chunk),
      onState: (chunks, streamId, seq) => this.#switcher.onState(chunks, streamId, seq),
      onStreamError: (streamId, error) => this.#switcher.onStreamError(streamId, error),
      onStatus: (status) => this.#set({ status }),
      onTerminal: (entry) => this.#addTerminal(entry),
      onFsChange: (lastFsChange) => this.#set({ lastFsChange }),
      onError: (error) => this.#set({ error }),
    });
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly getSnapshot = (): HybridState => this.#state;

  open(): void {
    const stopPath = watchPath(this.#client, (path) => this.#setPath(path));
    const onState = ({ isWebSocketConnected }: { isWebSocketConnected: boolean }) =>
      this.#onLive(isWebSocketConnected);
    const stopState = this.#client.subscribeToConnectionState(onState);
    this.#stopWatching = () => {
      stopPath();
      stopState();
    };
    onState(this.#client.connectionState());
    this.#task.open();
  }

  close(): void {
    this.#stopWatching?.();
    if (this.#away !== null) clearTimeout(this.#away);
    this.#task.close();
    this.#switcher.close();
  }

  follow(streamId: string | null): void {
    this.#switcher.follow(streamId);
  }

  send(message: string, options?: { llmModel?: string; clientMessageId?: string }) {
    return this.#task.send(message, options);
  }

  stop(): Promise<void> {
    return this.#task.stop();
  }

  #setPath(path: Path): void {
    this.#set({ path });
    this.#switcher.setPath(path);
  }

  /** While live queries are away for long, the sockets are asked for the text. */
  #onLive(isConnected: boolean): void {
    if (!isConnected) {
      this.#away ??= setTimeout(() => this.#setFallback(true), this.#fallbackMs);
      return;
    }
    if (this.#away !== null) clearTimeout(this.#away);
    this.#away = null;
    if (this.#isFallback) this.#setFallback(false);
  }

  /** The acknowledgement says which path it is then. */
  #setFallback(isFallback: boolean): void {
    this.#isFallback = isFallback;
    this.#task.join();
  }

  /** After a reconnect the server tells the kept lines again. */
  #addTerminal(entry: TerminalEntry): void {
    const { terminal } = this.#state;
    if (terminal.some(({ id }) => id === entry.id)) return;
    this.#set({ terminal: [...terminal, entry].slice(-TERMINAL_ENTRIES_MAX) });
  }

  #set(change: Partial<HybridState>): void {
    this.#state = { ...this.#state, ...change };
    for (const listener of [...this.#listeners]) listener();
  }
}
