import { usePaginatedQuery, useQuery } from "convex/react";
import { useEffect, useReducer, useRef, useState, useSyncExternalStore } from "react";
import { flushSync } from "react-dom";
import { api } from "./api.ts";
import { Conversation } from "./Conversation.tsx";
import { isAlt, useHeartbeat, useKey, useLinkNotice, useThreadId } from "./hooks.ts";
import { GaugeIcon, MenuIcon } from "./icons.tsx";
import type { DisplayName } from "./identity.ts";
import type { ModelChoice } from "./model.ts";
import { outbox } from "./outbox.ts";
import { peopleHere } from "./people.ts";
import { PeopleHere } from "./People.tsx";
import { Recovery } from "./Recovery.tsx";
import { Sidebar } from "./Sidebar.tsx";

const THREADS_AT_ONCE = 30;

interface Props {
  clientId: string;
  displayName: DisplayName;
  model: ModelChoice;
}

export function App({ clientId, displayName, model }: Props) {
  const name = useSyncExternalStore(displayName.subscribe, displayName.get);
  const threadId = useThreadId();
  const threads = usePaginatedQuery(api.threads.list, {}, { initialNumItems: THREADS_AT_ONCE });
  const people = peopleHere(useQuery(api.presence.list, {}) ?? [], { clientId, name });
  const [refused, report] = useReducer(outbox, []);
  const [isMenuOpen, setMenuOpen] = useState(false);
  const [isDebugging, setDebugging] = useState(false);
  const menuButton = useRef<HTMLButtonElement>(null);
  const newThreadField = useRef<HTMLInputElement>(null);
  const notice = useLinkNotice();
  useHeartbeat(clientId, name, threadId);

  const thread = threads.results.find((one) => one._id === threadId);
  const title = thread?.title ?? (threadId === undefined ? "Welcome" : "Thread");
  useEffect(() => {
    document.title = `${title} · reactive`;
  }, [title]);

  const newest = threads.results[0]?._id;
  useEffect(() => {
    if (threadId === undefined && newest !== undefined) location.replace(`#${newest}`);
  }, [threadId, newest]);

  useEffect(() => setMenuOpen(false), [threadId]);

  const nameThread = () => {
    // A phone shows the field only once the menu has begun to open.
    flushSync(() => setMenuOpen(true));
    newThreadField.current?.focus();
  };
  useKey(isAlt("KeyN"), nameThread);
  useKey(isAlt("KeyI"), () => setDebugging(!isDebugging));

  const closeMenu = () => {
    setMenuOpen(false);
    menuButton.current?.focus();
  };

  return (
    <div
      className="app"
      data-menu={isMenuOpen ? "open" : "closed"}
      onKeyDown={(event) => {
        if (event.key !== "Escape" || !isMenuOpen) return;
        event.preventDefault();
        closeMenu();
      }}
    >
      <Sidebar
        threads={threads}
        threadId={threadId}
        people={people}
        name={name}
        newThreadField={newThreadField}
        onRename={(changed) => displayName.set(changed)}
      />
      <button
        type="button"
        className="backdrop"
        tabIndex={-1}
        aria-label="Close the list of threads"
        onClick={closeMenu}
      />
      <main className="main">
        <header className="header">
          <button
            ref={menuButton}
            type="button"
            className="icon-button menu-button"
            aria-label="Threads"
            aria-expanded={isMenuOpen}
            aria-controls="sidebar"
            data-testid="menu"
            onClick={() => setMenuOpen(true)}
          >
            <MenuIcon />
          </button>
          <h1 data-testid="thread-title">{title}</h1>
          <button
            type="button"
            className="icon-button"
            aria-label="Figures of the stream"
            aria-pressed={isDebugging}
            aria-keyshortcuts="Alt+I"
            title="Figures of the stream (Alt + I)"
            data-testid="debug-toggle"
            onClick={() => setDebugging(!isDebugging)}
          >
            <GaugeIcon />
          </button>
          <PeopleHere people={people} isOnline={notice?.kind !== "lost"} />
        </header>
        <div role="status">
          {notice && (
            <p className="notice" data-kind={notice.kind} data-testid="connection-notice">
              {notice.text}
            </p>
          )}
        </div>
        {threadId === undefined ? (
          <Welcome
            isLoading={threads.status === "LoadingFirstPage" || newest !== undefined}
            onStart={nameThread}
          />
        ) : (
          <Recovery
            key={threadId}
            title="This thread could not be shown"
            advice="Its address may be wrong. Pick a thread from the list, or try again."
          >
            <Conversation
              threadId={threadId}
              name={name}
              refused={refused}
              report={report}
              model={model}
              isDebugging={isDebugging}
              onDebug={setDebugging}
            />
          </Recovery>
        )}
      </main>
    </div>
  );
}

function Welcome({ isLoading, onStart }: { isLoading: boolean; onStart: () => void }) {
  if (isLoading) return <div className="blank" aria-busy="true" />;
  return (
    <div className="blank" data-testid="welcome">
      <h2>Nothing here yet</h2>
      <p>Name a thread and write in it. Everybody who has this page open sees it at once.</p>
      <button type="button" className="button" data-testid="start" onClick={onStart}>
        Start a thread
      </button>
    </div>
  );
}
