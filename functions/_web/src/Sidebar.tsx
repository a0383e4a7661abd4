import { useMutation, type UsePaginatedQueryResult } from "convex/react";
import { useRef, useState, type FormEvent, type RefObject } from "react";
import { api, NAME_LENGTH_MAX, TITLE_LENGTH_MAX, type Thread } from "./api.ts";
import { Mark, PencilIcon, PlusIcon } from "./icons.tsx";
import { LoadOnSight } from "./LoadOnSight.tsx";
import { refusalReason } from "./outbox.ts";
import type { Person } from "./people.ts";
import { Avatar } from "./People.tsx";

const MORE_THREADS = 30;
const AVATARS_MAX = 3;

interface Props {
  threads: UsePaginatedQueryResult<Thread>;
  threadId: string | undefined;
  people: readonly Person[];
  name: string;
  newThreadField: RefObject<HTMLInputElement | null>;
  onRename: (name: string) => void;
}

export function Sidebar({ threads, threadId, people, name, newThreadField, onRename }: Props) {
  return (
    <aside id="sidebar" className="sidebar">
      <div className="brand">
        <Mark />
        <span>reactive</span>
      </div>
      <NewThread field={newThreadField} />
      <nav aria-label="Threads">
        <ul className="threads" data-testid="thread-list">
          {threads.results.map((thread) => (
            <li key={thread._id}>
              <a
                href={`#${thread._id}`}
                className="thread"
                aria-current={thread._id === threadId ? "page" : undefined}
                data-testid="thread-link"
              >
                <span className="thread-title">{thread.title ?? "Untitled"}</span>
                <Readers people={people} threadId={thread._id} />
              </a>
            </li>
          ))}
        </ul>
        {threads.status === "CanLoadMore" && (
          <LoadOnSight label="More threads" onSight={() => threads.loadMore(MORE_THREADS)} />
        )}
      </nav>
      <Self name={name} onRename={onRename} />
    </aside>
  );
}

/** The others who look at a thread right now. */
function Readers({ people, threadId }: { people: readonly Person[]; threadId: string }) {
  const readers = people.filter((person) => !person.isSelf && person.threadIds.has(threadId));
  if (readers.length === 0) return null;
  const names = readers.map((person) => person.name).join(", ");
  return (
    <span className="readers" title={`${names} here`}>
      <span className="visually-hidden">, with {names}</span>
      {readers.slice(0, AVATARS_MAX).map((person) => (
        <Avatar key={person.name} name={person.name} small />
      ))}
    </span>
  );
}

function NewThread({ field }: { field: RefObject<HTMLInputElement | null> }) {
  const create = useMutation(api.threads.create);
  const [title, setTitle] = useState("");
  const [isBusy, setBusy] = useState(false);
  const [reason, setReason] = useState("");

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (!title.trim() || isBusy) return;
    setBusy(true);
    setReason("");
    try {
      location.hash = await create({ title: title.trim() });
      setTitle("");
    } catch (error) {
      setReason(refusalReason(error));
    } finally {
      setBusy(false);
    }
  };

  return (
    <form className="new-thread" onSubmit={(event) => void submit(event)}>
      <input
        ref={field}
        value={title}
        maxLength={TITLE_LENGTH_MAX}
        placeholder="New thread"
        aria-label="Title of a new thread"
        aria-keyshortcuts="Alt+N"
        title="Alt + N"
        aria-describedby="new-thread-reason"
        autoComplete="off"
        data-testid="new-thread-title"
        onChange={(event) => setTitle(event.target.value)}
      />
      <button
        type="submit"
        className="icon-button"
        aria-label="Create the thread"
        disabled={!title.trim() || isBusy}
        data-testid="new-thread-create"
      >
        <PlusIcon />
      </button>
      <p id="new-thread-reason" className="reason" role="alert">
        {reason}
      </p>
    </form>
  );
}

/** The name under which one writes, and the form that changes it. */
function Self({ name, onRename }: { name: string; onRename: (name: string) => void }) {
  const [draft, setDraft] = useState<string | null>(null);
  const editButton = useRef<HTMLButtonElement>(null);

  const close = (changed: string | null) => {
    if (changed !== null) onRename(changed);
    setDraft(null);
    // The button is back only after the render.
    requestAnimationFrame(() => editButton.current?.focus());
  };

  if (draft === null) {
    return (
      <div className="self">
        <Avatar name={name} />
        <span className="self-name" data-testid="display-name">
          {name}
        </span>
        <button
          ref={editButton}
          type="button"
          className="icon-button"
          aria-label="Change your name"
          data-testid="edit-name"
          onClick={() => setDraft(name)}
        >
          <PencilIcon />
        </button>
      </div>
    );
  }
  return (
    <form
      className="self"
      onSubmit={(event) => {
        event.preventDefault();
        close(draft);
      }}
    >
      <Avatar name={draft} />
      <input
        autoFocus
        value={draft}
        maxLength={NAME_LENGTH_MAX}
        aria-label="Your name"
        autoComplete="nickname"
        data-testid="name-input"
        onFocus={(event) => event.target.select()}
        onChange={(event) => setDraft(event.target.value)}
        onKeyDown={(event) => {
          if (event.key !== "Escape") return;
          event.stopPropagation();
          close(null);
        }}
        onBlur={() => {
          onRename(draft);
          setDraft(null);
        }}
      />
    </form>
  );
}
