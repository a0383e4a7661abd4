// Follows a log: each event once, in order, whatever the way it comes.
import { emptyAnswer, isOver, withEvent, type Answer } from "./answer.ts";
import type { StreamEvent } from "./events.ts";

export class LogFollower {
  #answer: Answer;

  /** `from` is an answer as far as this log has told it, for a reader that goes on from there. */
  constructor(streamId: string, from: Answer = emptyAnswer(streamId)) {
    this.#answer = from;
  }

  get answer(): Answer {
    return this.#answer;
  }

  get lastSeq(): number {
    return this.#answer.lastSeq;
  }

  get isOver(): boolean {
    return isOver(this.#answer);
  }

  /**
   * Applies each event that is the next one and drops those that are known. False when one is
   * missing: what came before it is applied, and the log has to be read again after `lastSeq`.
   */
  offer(events: Iterable<StreamEvent>): boolean {
    for (const event of events) {
      if (event.seq <= this.lastSeq) continue;
      if (event.seq > this.lastSeq + 1) return false;
      this.#answer = withEvent(this.#answer, event);
    }
    return true;
  }
}
