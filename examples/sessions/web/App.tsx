import { useSessionMutation, useSessionQuery } from "convex-helpers/react/sessions";
import { useQuery } from "convex/react";
import { type CSSProperties, type FormEvent, useState } from "react";
import { reasonOf } from "../../_shared/errors";
import { Page } from "../../_shared/Page";
import { api } from "../_generated/api";

export function App() {
  const choices = useQuery(api.poll.results);
  const mine = useSessionQuery(api.poll.mine);
  const vote = useSessionMutation(api.poll.vote);
  const propose = useSessionMutation(api.poll.propose);
  const [refusal, setRefusal] = useState("");
  const all = choices?.reduce((sum, { votes }) => sum + votes, 0) ?? 0;

  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const label = String(new FormData(event.currentTarget).get("label")).trim();
    setRefusal("");
    if (label !== "") propose({ label }).catch((error: unknown) => setRefusal(reasonOf(error)));
    event.currentTarget.reset();
  }

  return (
    <Page
      title="What shall we eat?"
      lead="One vote for each tab, and no account. Open a second tab to vote again; reload this one, and it knows you."
    >
      <fieldset className="card list" hidden={!choices?.length}>
        <legend className="visually-hidden">Your choice</legend>
        {choices?.map(({ _id: id, label, votes }) => (
          <label key={id} className="choice">
            <input
              type="radio"
              name="choice"
              checked={id === mine}
              onChange={() => void vote({ choice: id })}
            />
            <span className="grow">{label}</span>
            <span className="meter" style={{ "--part": votes / (all || 1) } as CSSProperties} />
            <span className="number votes">{votes}</span>
          </label>
        ))}
      </fieldset>
      {choices?.length === 0 && <p className="card empty">Nobody has an idea yet.</p>}
      <form className="bar" onSubmit={submit}>
        <label className="visually-hidden" htmlFor="label">
          Another idea
        </label>
        <input
          id="label"
          name="label"
          maxLength={60}
          required
          autoComplete="off"
          placeholder="Dumplings?"
        />
        <button type="submit">Propose</button>
      </form>
      {refusal && (
        <p role="alert" className="alert">
          {refusal}
        </p>
      )}
      <p className="muted small number">{all === 1 ? "1 vote" : `${all} votes`}</p>
    </Page>
  );
}
