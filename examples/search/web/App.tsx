import { useMutation, usePaginatedQuery } from "convex/react";
import { useDeferredValue, useState } from "react";
import { Page } from "../../_shared/Page";
import { api } from "../_generated/api";
import { AddNote } from "./AddNote";
import { Highlighted } from "./Highlighted";
import { KINDS, type Kind, kinds } from "./kinds";
import { useLatest } from "./useLatest";

const PAGE_ITEMS = 6;

export function App() {
  const [typed, setTyped] = useState("");
  const [kind, setKind] = useState<Kind>();
  const text = useDeferredValue(typed);
  const { results, status, loadMore } = useLatest(
    usePaginatedQuery(
      api.notes.search,
      { text, ...(kind && { kind }) },
      { initialNumItems: PAGE_ITEMS },
    ),
  );
  const loadSamples = useMutation(api.notes.loadSamples);
  const isEmpty = status === "Exhausted" && results.length === 0;

  return (
    <Page
      title="Field notes"
      lead="Search as you type. The results are live: a new note takes its place."
    >
      <search className="stack">
        <label className="visually-hidden" htmlFor="text">
          Search the notes
        </label>
        <input
          id="text"
          type="search"
          value={typed}
          onChange={(event) => setTyped(event.target.value)}
          placeholder="Try “win” or “red berries”"
          autoComplete="off"
          autoFocus
        />
        <div className="row spread">
          <div className="choices" role="group" aria-label="Kind of note">
            <button type="button" aria-pressed={!kind} onClick={() => setKind(undefined)}>
              All
            </button>
            {kinds.map((one) => (
              <button
                key={one}
                type="button"
                aria-pressed={one === kind}
                onClick={() => setKind(one)}
              >
                {KINDS[one]}
              </button>
            ))}
          </div>
        </div>
      </search>
      {isEmpty && text === "" && !kind && (
        <div className="card empty stack" style={{ alignItems: "center" }}>
          <p>The notebook is empty.</p>
          <button type="button" className="primary" onClick={() => void loadSamples()}>
            Load some notes
          </button>
        </div>
      )}
      {isEmpty && (text !== "" || kind) && <p className="card empty">No note says that.</p>}
      <ul className="card list" aria-label="Notes" hidden={results.length === 0}>
        {results.map((note) => (
          <li key={note._id}>
            <p className="grow note">
              <strong>
                <Highlighted text={note.title} words={text} />
              </strong>{" "}
              <Highlighted text={note.text.slice(note.title.length + 2)} words={text} />
            </p>
            <span className="tag">{note.kind}</span>
          </li>
        ))}
      </ul>
      {status === "CanLoadMore" && (
        <p>
          <button type="button" onClick={() => loadMore(PAGE_ITEMS)}>
            More
          </button>
        </p>
      )}
      <AddNote />
    </Page>
  );
}
