import { memo, useEffect, useState } from "react";
import {
  activityOf,
  duration,
  endingOf,
  isLive,
  lengthOf,
  type AnswerInfo,
  type Ending,
  type PartView,
  type TextView,
} from "./answer.ts";
import type { Message } from "./api.ts";
import { useParts, useSmoothText } from "./live.ts";
import { AlertIcon, ChevronIcon, CloseIcon, GaugeIcon, RetryIcon, StopIcon } from "./icons.tsx";
import { CopyButton, Markdown } from "./Markdown.tsx";
import { meters } from "./meter.ts";
import { modelTitle } from "./model.ts";
import { ToolCard } from "./ToolCard.tsx";

/** What a reader can do about an answer. */
export interface AnswerActions {
  stop: (streamId: string) => void;
  /** Sends the same words again, to the same model. */
  ask: (prompt: string, model: string | undefined) => void;
  /** Hides an answer that has failed, in every window. */
  dismiss: (messageId: string) => void;
  /** Shows the figures of the answer's stream. */
  inspect: (streamId: string) => void;
}

interface Props {
  answer: AnswerInfo;
  actions: AnswerActions;
}

export const Answer = memo(function Answer({ answer, actions }: Props) {
  const { message } = answer;
  const parts = useParts(message);
  const ending = endingOf(message);
  const live = isLive(message);
  useMeasure(message, lengthOf(parts));

  return (
    <div
      className="message answer"
      data-testid="answer"
      data-state={message.status}
      data-key={message._id}
      aria-busy={live}
    >
      {parts.map((part) => (
        <PartItem key={`${part.kind}:${part.key}`} part={part} isLive={live} />
      ))}
      {live && <Activity message={message} parts={parts} stop={actions.stop} />}
      {ending && <EndingNote ending={ending} answer={answer} actions={actions} />}
      {!live && <Foot message={message} inspect={actions.inspect} />}
    </div>
  );
});

function PartItem({ part, isLive }: { part: PartView; isLive: boolean }) {
  if (part.kind === "tool") return <ToolCard tool={part} />;
  if (part.kind === "reasoning") return <Reasoning part={part} isLive={isLive} />;
  return <Words part={part} isLive={isLive} />;
}

function Words({ part, isLive }: { part: TextView; isLive: boolean }) {
  const text = useSmoothText(part.text, part.isOpen);
  return (
    <div
      className="prose"
      data-testid="answer-text"
      data-growing={(isLive && part.isOpen) || text.length < part.text.length}
    >
      <Markdown text={text} />
    </div>
  );
}

function Reasoning({ part, isLive }: { part: TextView; isLive: boolean }) {
  const [isUnfolded, setUnfolded] = useState(false);
  const thinks = isLive && part.isOpen;
  const took = part.seconds === null ? "" : ` for ${duration(part.seconds)}`;
  return (
    <details
      className="reasoning"
      data-testid="reasoning"
      data-thinking={thinks}
      onToggle={(event) => setUnfolded(event.currentTarget.open)}
    >
      <summary data-testid="reasoning-summary">
        <span className="reasoning-label">{thinks ? "Thinking…" : `Thought${took}`}</span>
        <ChevronIcon />
      </summary>
      {isUnfolded && <Thoughts part={part} />}
    </details>
  );
}

/** Drawn only while it is unfolded: thoughts are long, and few look at them. */
function Thoughts({ part }: { part: TextView }) {
  const text = useSmoothText(part.text, part.isOpen);
  return (
    <div className="prose" data-testid="reasoning-text">
      <Markdown text={text} />
    </div>
  );
}

function Activity({
  message,
  parts,
  stop,
}: {
  message: Message;
  parts: readonly PartView[];
  stop: (streamId: string) => void;
}) {
  const [isStopping, setStopping] = useState(false);
  const { streamId } = message;
  return (
    <p className="activity">
      <span className="pulse" aria-hidden="true" />
      <span data-testid="activity">{isStopping ? "Stopping…" : activityOf(parts)}</span>
      {streamId !== undefined && !isStopping && (
        <button
          type="button"
          className="mini"
          data-testid="stop-answer"
          onClick={() => {
            setStopping(true);
            stop(streamId);
          }}
        >
          <StopIcon /> Stop
        </button>
      )}
    </p>
  );
}

function EndingNote({
  ending,
  answer,
  actions,
}: {
  ending: Ending;
  answer: AnswerInfo;
  actions: AnswerActions;
}) {
  const { prompt, message } = answer;
  return (
    <div className="ending" data-testid="ending" data-kind={ending.kind}>
      <p className="ending-sentence">
        {ending.kind !== "stopped" && <AlertIcon />}
        <span>
          <span data-testid="ending-sentence">{ending.sentence}</span>{" "}
          {ending.code !== "" && <code data-testid="ending-code">{ending.code}</code>}
        </span>
      </p>
      {ending.detail !== "" && <p className="ending-detail">{ending.detail}</p>}
      {ending.canRetry && (
        <p className="ending-actions">
          {prompt !== undefined && (
            <button
              type="button"
              className="mini"
              data-testid="ask-again"
              onClick={() => actions.ask(prompt, message.model)}
            >
              <RetryIcon /> Try again
            </button>
          )}
          {ending.kind === "error" && (
            <button
              type="button"
              className="mini"
              aria-label="Dismiss this failed answer"
              data-testid="dismiss-answer"
              onClick={() => actions.dismiss(message._id)}
            >
              <CloseIcon /> Dismiss
            </button>
          )}
        </p>
      )}
    </div>
  );
}

function Foot({ message, inspect }: { message: Message; inspect: (streamId: string) => void }) {
  const { streamId, model, usage, content } = message;
  const tokens = usage?.outputTokens;
  return (
    <p className="answer-foot">
      {model !== undefined && <span title={model}>{modelTitle(model)}</span>}
      {tokens !== undefined && tokens > 0 && <span>{tokens.toLocaleString()} tokens</span>}
      {content !== "" && <CopyButton text={content} label="Copy the answer" />}
      {streamId !== undefined && (
        <button
          type="button"
          className="mini"
          aria-label="Figures of this answer"
          data-testid="inspect"
          onClick={() => inspect(streamId)}
        >
          <GaugeIcon /> Figures
        </button>
      )}
    </p>
  );
}

/** Measures an answer from when this window sees it in the making. */
function useMeasure(message: Message, length: number): void {
  const live = isLive(message);
  useEffect(() => {
    if (live) meters.begin(message._id, performance.now());
  }, [live, message._id]);
  useEffect(() => {
    meters.find(message._id)?.note(length, performance.now());
  }, [message._id, length]);
}
