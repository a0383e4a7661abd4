import { useMutation } from "convex/react";
import { type FormEvent, useState } from "react";
import { reasonOf } from "../../_shared/errors";
import { api } from "../_generated/api";
import { type Kind, kinds } from "./kinds";

export function AddNote() {
  const add = useMutation(api.notes.add);
  const [refusal, setRefusal] = useState("");

  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const data = new FormData(event.currentTarget);
    const [title, kind, text] = ["title", "kind", "note"].map((name) => String(data.get(name)));
    setRefusal("");
    add({ title: title!, kind: kind as Kind, text: text! }).catch((error: unknown) =>
      setRefusal(reasonOf(error)),
    );
    event.currentTarget.reset();
  }

  return (
    <details className="card">
      <summary>Add a note</summary>
      <form className="stack" onSubmit={submit}>
        <div className="row" style={{ alignItems: "end" }}>
          <div className="field grow">
            <label htmlFor="title">Title</label>
            <input id="title" name="title" required autoComplete="off" />
          </div>
          <div className="field">
            <label htmlFor="kind">Kind</label>
            <select id="kind" name="kind">
              {kinds.map((kind) => (
                <option key={kind}>{kind}</option>
              ))}
            </select>
          </div>
        </div>
        <div className="field">
          <label htmlFor="note">What you saw</label>
          <textarea id="note" name="note" rows={3} required />
        </div>
        {refusal && (
          <p role="alert" className="alert">
            {refusal}
          </p>
        )}
        <div>
          <button type="submit">Add</button>
        </div>
      </form>
    </details>
  );
}
