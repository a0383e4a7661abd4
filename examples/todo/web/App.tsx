import { useMutation, useQuery } from "convex/react";
import { type FormEvent, useState } from "react";
import { reasonOf } from "../../_shared/errors";
import { Page } from "../../_shared/Page";
import { api } from "../_generated/api";
import { useAdd, useRemove, useSetDone } from "./mutations";

const SHOWN = { all: "All", open: "Open", done: "Done" };

export function App() {
  const todos = useQuery(api.todos.list);
  const [shown, show] = useState<keyof typeof SHOWN>("all");
  const [refusal, setRefusal] = useState("");
  const [text, setText] = useState("");
  const add = useAdd();
  const setDone = useSetDone();
  const remove = useRemove();
  const removeDone = useMutation(api.todos.removeDone);

  const isShown = (isDone: boolean) => shown === "all" || isDone === (shown === "done");
  const open = todos?.filter((todo) => !todo.isDone).length ?? 0;

  async function submit(event: FormEvent) {
    event.preventDefault();
    setRefusal("");
    setText("");
    try {
      await add({ text });
    } catch (error) {
      setText(text);
      setRefusal(reasonOf(error));
    }
  }

  return (
    <Page title="To do" lead="One list for everybody: open this page in a second window and tick.">
      <form className="bar" onSubmit={submit}>
        <label className="visually-hidden" htmlFor="text">
          What is to be done
        </label>
        <input
          id="text"
          value={text}
          onChange={(event) => setText(event.target.value)}
          placeholder="What is to be done?"
          autoComplete="off"
          autoFocus
        />
        <button type="submit" disabled={text.trim() === ""}>
          Add
        </button>
      </form>
      {refusal && (
        <p role="alert" className="alert">
          {refusal}
        </p>
      )}
      <div className="row spread">
        <div className="choices" role="group" aria-label="Show">
          {Object.entries(SHOWN).map(([key, label]) => (
            <button
              key={key}
              type="button"
              aria-pressed={key === shown}
              onClick={() => show(key as keyof typeof SHOWN)}
            >
              {label}
            </button>
          ))}
        </div>
        <p className="muted small number">{open === 1 ? "1 thing left" : `${open} things left`}</p>
      </div>
      {todos?.length === 0 && <p className="card empty">Nothing to do. Enjoy the day.</p>}
      <ul className="card list" aria-label="Things to do" hidden={!todos?.length}>
        {todos
          ?.filter((todo) => isShown(todo.isDone))
          .map(({ _id: id, text, isDone }) => (
            <li key={id}>
              <input
                id={id}
                type="checkbox"
                checked={isDone}
                onChange={(event) => void setDone({ id, isDone: event.target.checked })}
              />
              <label htmlFor={id} className={`grow ${isDone ? "done" : ""}`}>
                {text}
              </label>
              <button
                type="button"
                className="quiet"
                onClick={() => void remove({ id })}
                aria-label={`Remove ${text}`}
              >
                Remove
              </button>
            </li>
          ))}
      </ul>
      {todos?.some((todo) => todo.isDone) && (
        <p>
          <button type="button" className="quiet" onClick={() => void removeDone()}>
            Clear what is done
          </button>
        </p>
      )}
    </Page>
  );
}
