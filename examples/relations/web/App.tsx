import { useMutation, useQuery } from "convex/react";
import { type FormEvent, useState } from "react";
import { reasonOf } from "../../_shared/errors";
import { Page } from "../../_shared/Page";
import { api } from "../_generated/api";
import { BookRow } from "./BookRow";

export function App() {
  const [tag, setTag] = useState<string>();
  const books = useQuery(api.library.list, tag === undefined ? {} : { tag });
  const tags = useQuery(api.library.tags);
  const add = useMutation(api.library.add);
  const [refusal, setRefusal] = useState("");

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = event.currentTarget;
    const data = new FormData(form);
    const [title, author] = [String(data.get("title")), String(data.get("author"))];
    setRefusal("");
    try {
      await add({ title, author, year: Number(data.get("year")) });
      form.reset();
    } catch (error) {
      setRefusal(reasonOf(error));
    }
  }

  return (
    <Page
      title="Library"
      lead="Books, joined with their authors, tags and reviews. Add the same book twice to see an error of the app's own."
    >
      <form className="card" onSubmit={(event) => void submit(event)}>
        <div className="row" style={{ alignItems: "end" }}>
          <Field name="title" label="Title" />
          <Field name="author" label="Author" />
          <div className="field" style={{ width: "6rem" }}>
            <label htmlFor="year">Year</label>
            <input id="year" name="year" type="number" min={0} max={2100} required />
          </div>
          <button type="submit">Add</button>
        </div>
      </form>
      {refusal && (
        <p role="alert" className="alert">
          {refusal}
        </p>
      )}
      {tags !== undefined && tags.length > 0 && (
        <div className="choices" role="group" aria-label="Tag">
          <button type="button" aria-pressed={!tag} onClick={() => setTag(undefined)}>
            All
          </button>
          {tags.map((one) => (
            <button key={one} type="button" aria-pressed={one === tag} onClick={() => setTag(one)}>
              {one}
            </button>
          ))}
        </div>
      )}
      {books?.length === 0 && <p className="card empty">The shelf is empty.</p>}
      <ul className="card list" aria-label="Books" hidden={!books?.length}>
        {books?.map((book) => (
          <BookRow key={book.id} book={book} />
        ))}
      </ul>
    </Page>
  );
}

function Field({ name, label }: { name: string; label: string }) {
  return (
    <div className="field grow">
      <label htmlFor={name}>{label}</label>
      <input id={name} name={name} required maxLength={120} autoComplete="off" />
    </div>
  );
}
