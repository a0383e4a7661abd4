import { usePaginatedQuery } from "convex/react";
import { useCallback, useMemo, useRef, useState } from "react";
import { api } from "./api.ts";
import { Composer } from "./Composer.tsx";
import { useAnchoredScroll, useSend } from "./hooks.ts";
import { DownIcon } from "./icons.tsx";
import { randomId } from "./identity.ts";
import { LoadOnSight } from "./LoadOnSight.tsx";
import { MessageRows, type RefusalActions } from "./MessageRows.tsx";
import type { OutboxEvent, Refused } from "./outbox.ts";
import { buildTimeline } from "./timeline.ts";

const MESSAGES_AT_ONCE = 40;

interface Props {
  threadId: string;
  name: string;
  refused: readonly Refused[];
  report: (event: OutboxEvent) => void;
}

/** Drafts outlive the conversation that is shown, so that changing threads loses no words. */
const drafts = new Map<string, string>();

export function Conversation({ threadId, name, refused, report }: Props) {
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
  const [draft, setDraft] = useState(drafts.get(threadId) ?? "");

  const changeDraft = useCallback(
    (text: string) => {
      drafts.set(threadId, text);
      setDraft(text);
    },
    [threadId],
  );
  const actions = useMemo<RefusalActions>(() => {
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
    <>
      <div className="scroll-area">
        <div
          ref={scroller}
          className="scroller"
          role="log"
          aria-label="Messages"
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
                <h2>No messages yet</h2>
                <p>Write the first one below.</p>
              </div>
            )}
            <MessageRows rows={rows} actions={actions} />
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
        onSend={(prompt) => {
          send({ threadId, prompt, author: name, clientMessageId: randomId() });
          changeDraft("");
          toEnd();
        }}
      />
    </>
  );
}

function Skeleton() {
  return (
    <div className="skeleton" aria-hidden="true">
      <span /> <span /> <span />
    </div>
  );
}
