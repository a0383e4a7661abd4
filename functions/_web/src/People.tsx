import type { CSSProperties } from "react";
import { hueOf, initials, type Person } from "./people.ts";

const SHOWN_MAX = 4;

export function Avatar({ name, small = false }: { name: string; small?: boolean }) {
  return (
    <span
      className={small ? "avatar avatar-small" : "avatar"}
      style={{ "--hue": hueOf(name) } as CSSProperties}
      aria-hidden="true"
    >
      {initials(name)}
    </span>
  );
}

/** The people who are connected: some avatars, and all of them in a list that opens. */
export function PeopleHere({ people, isOnline }: { people: readonly Person[]; isOnline: boolean }) {
  if (people.length === 0) return null;
  return (
    <div className="people" data-offline={!isOnline}>
      <button
        type="button"
        className="people-button"
        popoverTarget="people-list"
        data-testid="people-button"
        aria-label={`Who is here: ${people.map((person) => person.name).join(", ")}`}
      >
        {people.slice(0, SHOWN_MAX).map((person) => (
          <Avatar key={person.name} name={person.name} />
        ))}
        <span className="people-count">{people.length} here</span>
      </button>
      <div id="people-list" className="people-list" popover="auto">
        <h2>Who is here</h2>
        <ul data-testid="people">
          {people.map((person) => (
            <li key={person.name} data-testid="person" data-name={person.name}>
              <Avatar name={person.name} />
              <span className="person-name">{person.name}</span>
              <span className="person-note">{noteOn(person)}</span>
            </li>
          ))}
        </ul>
      </div>
    </div>
  );
}

function noteOn(person: Person): string {
  const windows = person.windows > 1 ? `${person.windows} windows` : "";
  return [person.isSelf ? "you" : "", windows].filter(Boolean).join(", ");
}
