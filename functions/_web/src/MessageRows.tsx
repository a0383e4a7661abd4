import { memo } from "react";
import { Answer, type AnswerActions } from "./Answer.tsx";
import { AlertIcon, Mark } from "./icons.tsx";
import type { Refused } from "./outbox.ts";
import { Avatar } from "./People.tsx";
import { dayLabel, type Entry, type Group, type Row } from "./timeline.ts";

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const precise = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "medium" });

/** What an author can do about a refused message. */
export interface RefusalActions {
  retry: (message: Refused) => void;
  edit: (message: Refused) => void;
  dismiss: (message: Refused) => void;
}

interface Props {
  rows: readonly Row[];
  refusals: RefusalActions;
  answers: AnswerActions;
}

/** Memoised, because the conversation renders with every key that is typed. */
export const MessageRows = memo(function MessageRows({ rows, ...actions }: Props) {
  return rows.map((row) =>
    row.kind === "day" ? (
      <p key={row.key} className="day">
        <span>{dayLabel(row.time, Date.now())}</span>
      </p>
    ) : (
      <MessageGroup key={row.key} group={row} {...actions} />
    ),
  );
});

type GroupProps = Omit<Props, "rows"> & { group: Group };

function MessageGroup({ group, refusals, answers }: GroupProps) {
  return (
    <section
      className="group"
      data-own={group.isOwn}
      data-role={group.role}
      aria-label={`${group.author}, ${clock.format(group.time)}`}
    >
      {group.role === "assistant" ? <AssistantAvatar /> : <Avatar name={group.author} />}
      <div className="group-body">
        <p className="group-head">
          <span className="author">{group.author}</span>
          {group.isOwn && <span className="own-mark">you</span>}
          <Time at={group.time} />
        </p>
        {group.entries.map((entry) =>
          entry.answer ? (
            <Answer key={entry.key} answer={entry.answer} actions={answers} />
          ) : (
            <MessageEntry key={entry.key} entry={entry} actions={refusals} />
          ),
        )}
      </div>
    </section>
  );
}

function MessageEntry({ entry, actions }: { entry: Entry; actions: RefusalActions }) {
  const { refused } = entry;
  return (
    <div
      className="message"
      data-testid="message"
      data-state={entry.state}
      data-key={entry.key}
      title={precise.format(entry.time)}
    >
      <p className="message-text" data-testid="message-text">
        {entry.content}
      </p>
      {entry.state === "pending" && <span className="pending">Sending…</span>}
      {refused && (
        <div className="refusal" role="alert">
          <p className="reason" data-testid="refusal-reason">
            <AlertIcon />
            {refused.reason}
          </p>
          <div className="refusal-actions">
            <button type="button" data-testid="retry" onClick={() => actions.retry(refused)}>
              Send again
            </button>
            <button type="button" data-testid="edit" onClick={() => actions.edit(refused)}>
              Edit
            </button>
            <button type="button" data-testid="dismiss" onClick={() => actions.dismiss(refused)}>
              Dismiss
            </button>
          </div>
        </div>
      )}
    </div>
  );
}

function AssistantAvatar() {
  return (
    <span className="avatar avatar-assistant" aria-hidden="true">
      <Mark />
    </span>
  );
}

function Time({ at }: { at: number }) {
  return <time dateTime={new Date(at).toISOString()}>{clock.format(at)}</time>;
}
