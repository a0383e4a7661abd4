import { useMutation, usePaginatedQuery } from "convex/react";
import { useCallback, useMemo, useRef, useState } from "react";
import type { AnswerActions } from "./Answer.tsx";
import { isLive } from "./answer.ts";
import { api } from "./api.ts";
import { Composer } from "./Composer.tsx";
import { DebugPanel } from "./DebugPanel.tsx";
import { useAnchoredScroll, useAnnouncement, useDismiss, useKey, useSend } from "./hooks.ts";
import { DownIcon } from "./icons.tsx";
import { randomId } from "./identity.ts";
import { LoadOnSight } from "./LoadOnSight.tsx";
import { MessageRows, type RefusalActions } from "./MessageRows.tsx";
import type { ModelChoice } from "./model.ts";
import type { OutboxEvent, Refused } from "./outbox.ts";
import { Samples } from "./Samples.tsx";
import { buildTimeline } from "./timeline.ts";

const MESSAGES_AT_ONCE = 40;

interface Props {
  threadId: string;
  name: string;
  refused: readonly Refused[];
  report: (event: OutboxEvent) => void;
  model: ModelChoice;
  isDebugging: boolean;
  onDebug: (isOn: boolean) => void;
}

/** Drafts outlive the conversation that is shown, so that changing threads loses no words. */
const drafts = new Map<string, string>();

export function Conversation(props: Props) {
  const { threadId, name, refused, report, model, isDebugging, onDebug } = props;
  const messages = usePaginatedQuery(
    api.messages.list,
    { threadId },
    { initialNumItems: MESSAGES_AT_ONCE },
  );
  const rows = useMemo(
    () =>
      buildTimeline(
        messages.results,
        refused.filter((message) => message.threadId === threadId),
        name,
      ),
    [messages.results, refused, threadId, name],
  );
  const scroller = useRef<HTMLDivElement>(null);
  const { isAtEnd, onScroll, toEnd } = useAnchoredScroll(scroller, rows);
  const send = useSend(report);
  const stop = useMutation(api.streams.stop);
  const dismiss = useDismiss(threadId);
  const [inspected, setInspected] = useState<string>();
  const said = useAnnouncement(
    messages.results,
    messages.status === "LoadingFirstPage",
    name,
  );
  const answers = messages.results.filter((message) => message.streamId !== undefined);
  const live = answers.find(isLive);
  const shown = answers.find((message) => message.streamId === inspected) ?? answers[0];
  const [draft, setDraft] = useState(drafts.get(threadId) ?? "");

  const changeDraft = useCallback(
    (text: string) => {
      drafts.set(threadId, text);
      setDraft(text);
    },
    [threadId],
  );
  const ask = useCallback(
    (prompt: string, chosen: string | undefined) => {
      const named = chosen === undefined || chosen === "" ? {} : { model: chosen };
      send({ threadId, prompt, author: name, clientMessageId: randomId(), ...named });
      toEnd();
    },
    [send, threadId, name, toEnd],
  );
  const stopStream = useCallback(
    // Who presses stop can do nothing about a refusal: the answer is over, or gone.
    (streamId: string) => void stop({ streamId }).catch(() => undefined),
    [stop],
  );
  useKey(
    (event) => live !== undefined && event.key === "Escape" && !document.querySelector(":popover-open"),
    () => {
      if (live?.streamId !== undefined) stopStream(live.streamId);
    },
  );
  const answerActions = useMemo<AnswerActions>(
    () => ({
      stop: stopStream,
      ask,
      dismiss,
      inspect: (streamId) => {
        setInspected(streamId);
        onDebug(true);
      },
    }),
    [stopStream, ask, dismiss, onDebug],
  );
  const refusalActions = useMemo<RefusalActions>(() => {
    const dismiss = ({ clientMessageId }: Refused) => report({ type: "taken", clientMessageId });
    return {
      retry: ({ reason: _reason, time: _time, ...message }) => send(message),
      edit: (message) => {
        dismiss(message);
        changeDraft(message.prompt);
      },
      dismiss,
    };
  }, [send, report, changeDraft]);

  return (
    <div className="conversation">
      <p className="visually-hidden" role="status" data-testid="announcer">
        {said}
      </p>
      <div className="scroll-area">
        <div
          ref={scroller}
          className="scroller"
          role="log"
          aria-label="Messages"
          aria-live="off"
          aria-busy={messages.isLoading}
          tabIndex={0}
          data-testid="messages"
          onScroll={onScroll}
        >
          <div className="timeline">
            {messages.status === "CanLoadMore" && (
              <LoadOnSight
                label="Older messages"
                onSight={() => messages.loadMore(MESSAGES_AT_ONCE)}
              />
            )}
            {messages.status === "LoadingMore" && <p className="load-more">Loading…</p>}
            {messages.status === "LoadingFirstPage" && <Skeleton />}
            {messages.status === "Exhausted" && rows.length === 0 && (
              <div className="blank" data-testid="no-messages">
                <h2>What shall it be?</h2>
                <p>Ask below. Everybody who has this thread open sees the answer grow.</p>
                <Samples onAsk={ask} />
              </div>
            )}
            <MessageRows rows={rows} refusals={refusalActions} answers={answerActions} />
          </div>
        </div>
        {!isAtEnd && (
          <button type="button" className="jump" data-testid="jump" onClick={toEnd}>
            <DownIcon /> Latest
          </button>
        )}
      </div>
      <Composer
        draft={draft}
        onChange={changeDraft}
        model={model}
        onSend={(prompt) => {
          ask(prompt, model.get());
          changeDraft("");
        }}
        onStop={
          live?.streamId === undefined ? undefined : () => stopStream(live.streamId ?? "")
        }
      />
      {isDebugging && <DebugPanel message={shown} onClose={() => onDebug(false)} />}
    </div>
  );
}

function Skeleton() {
  return (
    <div className="skeleton" aria-hidden="true">
      <span /> <span /> <span />
    </div>
  );
}
