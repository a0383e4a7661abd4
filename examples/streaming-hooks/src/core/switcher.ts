// Reads one answer on the path that the flag names, and goes on where it was when that changes.
import { answerOfChunks, emptyAnswer, isOver, withChunk, type Answer } from "./answer.ts";
import type { StreamChunk } from "./events.ts";
import { LogFollower } from "./follower.ts";
import { readLog, type LiveClient, type LogReader } from "./live.ts";
import type { Path } from "./path.ts";
import type { Since } from "./socket.ts";

export interface SwitcherListener {
  onChange(answer: Answer | null): void;
  onError(error: Error): void;
  /** The chunks after `since()` are wanted from now on. */
  onWantsChunks(): void;
}

/**
 * The text comes from one path at a time. Going over to the old sockets the answer goes on with the
 * chunk after its last event. Going over to the log it does as well, unless chunks had a part in it:
 * they do not say which text they belong to, so the log is read from its start, and shown from where
 * it has caught up.
 */
export class PathSwitcher {
  readonly #client: LiveClient;
  readonly #listener: SwitcherListener;
  #path: Path | null = null;
  #answer: Answer | null = null;
  #isOfLog = true;
  #reader: LogReader | null = null;

  constructor(client: LiveClient, listener: SwitcherListener) {
    this.#client = client;
    this.#listener = listener;
  }

  get answer(): Answer | null {
    return this.#answer;
  }

  get path(): Path | null {
    return this.#path;
  }

  /** The last event that is known of the stream. */
  since(): Since | undefined {
    if (this.#answer === null) return undefined;
    return { streamId: this.#answer.streamId, seq: this.#answer.lastSeq };
  }

  setPath(path: Path): void {
    if (path === this.#path) return;
    this.#path = path;
    this.#start();
  }

  /** Reads another answer, or none. */
  follow(streamId: string | null): void {
    if (streamId === (this.#answer?.streamId ?? null)) return;
    this.#answer = streamId === null ? null : emptyAnswer(streamId);
    this.#isOfLog = true;
    this.#start();
    this.#listener.onChange(this.#answer);
  }

  close(): void {
    this.#reader?.stop();
    this.#reader = null;
    this.#answer = null;
  }

  onChunk(chunk: StreamChunk): void {
    const answer = this.#onSockets(chunk.streamId);
    if (answer === null || chunk.seq <= answer.lastSeq) return;
    this.#show(withChunk(answer, chunk), false);
  }

  onState(chunks: readonly StreamChunk[], streamId: string, seq: number): void {
    const answer = this.#onSockets(streamId);
    if (answer === null) return;
    if (chunks.length === 0) {
      this.#show({ ...answer, parts: [] }, false);
      return;
    }
    const told = answerOfChunks(streamId, chunks, seq);
    if (told.lastSeq >= answer.lastSeq) this.#show(told, false);
  }

  onStreamError(streamId: string, error: { code: string; message: string }): void {
    if (this.#path !== "legacy" || this.#answer?.streamId !== streamId) return;
    this.#show({ ...this.#answer, error }, false);
  }

  /** The answer, if this stream's text is read from the sockets now. */
  #onSockets(streamId: string): Answer | null {
    const answer = this.#answer;
    if (this.#path !== "legacy" || answer?.streamId !== streamId || isOver(answer)) return null;
    return answer;
  }

  #show(answer: Answer, isOfLog: boolean): void {
    this.#answer = answer;
    this.#isOfLog = isOfLog;
    this.#listener.onChange(answer);
  }

  #start(): void {
    this.#reader?.stop();
    this.#reader = null;
    const answer = this.#answer;
    if (answer === null || isOver(answer)) return;
    if (this.#path === "legacy") this.#listener.onWantsChunks();
    if (this.#path === "reactive") this.#readLog(answer);
  }

  #readLog(answer: Answer): void {
    const { streamId } = answer;
    const log = new LogFollower(streamId, this.#isOfLog ? answer : emptyAnswer(streamId));
    const read = () => {
      this.#reader = readLog(
        this.#client,
        streamId,
        log.lastSeq,
        (events) => {
          const before = log.lastSeq;
          const isWhole = log.offer(events);
          if (log.lastSeq > before && log.lastSeq >= (this.#answer?.lastSeq ?? 0)) {
            this.#show(log.answer, true);
          }
          if (isWhole || this.#answer?.streamId !== streamId) return;
          this.#reader?.stop();
          read();
        },
        (error) => this.#listener.onError(error),
      );
    };
    read();
  }
}
