import { useMutation, usePaginatedQuery } from "convex/react";
import { type FormEvent, useState } from "react";
import { Page } from "../../_shared/Page";
import { api } from "../_generated/api";
import { LoadOnSight } from "./LoadOnSight";

const SHIPS = ["Beagle", "Endeavour", "Fram"];
const PAGE_ITEMS = 20;

export function App() {
  const [ship, setShip] = useState<string>();
  const { results, status, loadMore } = usePaginatedQuery(
    api.log.list,
    ship === undefined ? {} : { ship },
    { initialNumItems: PAGE_ITEMS },
  );
  const write = useMutation(api.log.write);
  const strike = useMutation(api.log.strike);
  const sail = useMutation(api.log.sail);

  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const text = String(new FormData(event.currentTarget).get("text"));
    void write({ ship: ship ?? SHIPS[0]!, text });
    event.currentTarget.reset();
  }

  return (
    <Page
      title="Logbook"
      lead="Scroll as far as you like. What others write or strike out meanwhile shifts nothing and hides nothing."
    >
      <form className="bar" onSubmit={submit}>
        <label className="visually-hidden" htmlFor="text">
          Entry of the {ship ?? SHIPS[0]}
        </label>
        <input
          id="text"
          name="text"
          required
          autoComplete="off"
          placeholder={`Log of the ${ship ?? SHIPS[0]}`}
        />
        <button type="submit">Write</button>
      </form>
      <div className="row spread">
        <div className="choices" role="group" aria-label="Ship">
          <button type="button" aria-pressed={!ship} onClick={() => setShip(undefined)}>
            All
          </button>
          {SHIPS.map((one) => (
            <button
              key={one}
              type="button"
              aria-pressed={one === ship}
              onClick={() => setShip(one)}
            >
              {one}
            </button>
          ))}
        </div>
        <p className="muted small number loaded">{results.length} loaded</p>
      </div>
      {status === "Exhausted" && results.length === 0 && (
        <div className="card empty stack" style={{ alignItems: "center" }}>
          <p>Nobody has left the harbor yet.</p>
          <button type="button" className="primary" onClick={() => void sail({ days: 100 })}>
            Sail for 100 days
          </button>
        </div>
      )}
      <ul className="card list" aria-label="Entries" hidden={results.length === 0}>
        {results.map(({ _id: id, ship, text }) => (
          <li key={id}>
            <p className="grow body">{text}</p>
            <span className="tag">{ship}</span>
            <button
              type="button"
              className="quiet"
              aria-label={`Strike out ${text} of the ${ship}`}
              onClick={() => void strike({ id })}
            >
              Strike
            </button>
          </li>
        ))}
      </ul>
      {status === "CanLoadMore" && <LoadOnSight load={() => loadMore(PAGE_ITEMS)} />}
      {status === "LoadingMore" && <p className="empty">Loading…</p>}
    </Page>
  );
}
