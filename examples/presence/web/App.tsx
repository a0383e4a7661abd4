import { useQuery } from "convex/react";
import { type CSSProperties, useState } from "react";
import { Page } from "../../_shared/Page";
import { api } from "../_generated/api";
import { usePresence } from "./usePresence";

const HUES = {
  Red: 25,
  Amber: 70,
  Lime: 120,
  Green: 155,
  Teal: 195,
  Blue: 250,
  Violet: 295,
  Pink: 345,
};
const NAMES = ["Birch", "Clover", "Dune", "Ember", "Fern", "Heath", "Juniper", "Sorrel"];

const any = <T,>(from: readonly T[]) => from[Math.floor(Math.random() * from.length)]!;
const colored = (hue: number) => ({ "--face": hue }) as CSSProperties;

export function App() {
  const [name, setName] = useState(() => any(NAMES));
  const [hue, setHue] = useState(() => any(Object.values(HUES)));
  const session = usePresence({ name: name.trim() || "Somebody", hue });
  const people = useQuery(api.presence.list);

  return (
    <Page
      title="Who is here"
      lead="Open this page in a second window, then close one: the other sees you come and go."
    >
      <section className="card stack" aria-label="You">
        <div className="field">
          <label htmlFor="name">Your name</label>
          <input
            id="name"
            value={name}
            maxLength={40}
            onChange={(event) => setName(event.target.value)}
          />
        </div>
        <div className="faces" role="group" aria-label="Your color">
          {Object.entries(HUES).map(([label, one]) => (
            <button
              key={label}
              type="button"
              style={colored(one)}
              aria-label={label}
              aria-pressed={one === hue}
              onClick={() => setHue(one)}
            />
          ))}
        </div>
      </section>
      <section className="stack" aria-labelledby="here">
        <h2 id="here" className="number" aria-live="polite">
          {people?.length === 1 ? "You are alone" : `${people?.length ?? "…"} people here`}
        </h2>
        <ul className="grid" aria-label="People">
          {people?.map((person) => (
            <li key={person._id} className="card person">
              <span className="face" style={colored(person.hue)} aria-hidden="true">
                {[...person.name][0]?.toUpperCase()}
              </span>
              <strong className="name">{person.name}</strong>
              <span className="muted small">
                {person.session === session ? "this window" : <Since time={person._creationTime} />}
              </span>
            </li>
          ))}
        </ul>
      </section>
    </Page>
  );
}

function Since({ time }: { time: number }) {
  return <>since {new Date(time).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })}</>;
}
