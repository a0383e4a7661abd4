import { useMutation, useQuery } from "convex/react";
import { type FormEvent, useState } from "react";
import { reasonOf } from "../../_shared/errors";
import { api } from "../_generated/api";
import { signOut } from "./login";

export function Notes() {
  const name = useQuery(api.notes.whoami);
  const notes = useQuery(api.notes.list);
  const add = useMutation(api.notes.add);
  const remove = useMutation(api.notes.remove);
  const [refusal, setRefusal] = useState("");

  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const text = String(new FormData(event.currentTarget).get("text"));
    setRefusal("");
    add({ text }).catch((error: unknown) => setRefusal(reasonOf(error)));
    event.currentTarget.reset();
  }

  return (
    <>
      <div className="row spread">
        <p>
          Signed in as <strong className="name">{name}</strong>
        </p>
        <button type="button" className="quiet" onClick={signOut}>
          Sign out
        </button>
      </div>
      <form className="bar" onSubmit={submit}>
        <label className="visually-hidden" htmlFor="text">
          Note
        </label>
        <input id="text" name="text" required autoComplete="off" placeholder="Note to self" />
        <button type="submit">Keep</button>
      </form>
      {refusal && (
        <p role="alert" className="alert">
          {refusal}
        </p>
      )}
      {notes?.length === 0 && <p className="card empty">No notes yet.</p>}
      <ul className="card list" aria-label="Your notes" hidden={!notes?.length}>
        {notes?.map(({ _id: id, text }) => (
          <li key={id}>
            <p className="grow body">{text}</p>
            <button
              type="button"
              className="quiet"
              aria-label={`Delete ${text}`}
              onClick={() => void remove({ id })}
            >
              Delete
            </button>
          </li>
        ))}
      </ul>
    </>
  );
}
