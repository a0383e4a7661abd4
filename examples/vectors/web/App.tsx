import { useAction, useMutation, useQuery } from "convex/react";
import { type CSSProperties, type FormEvent, useState } from "react";
import { Page } from "../../_shared/Page";
import { api } from "../_generated/api";
import type { Doc, Found } from "../_generated/dataModel";

type Topic = Doc<"answers">["topic"];

const TOPICS: Topic[] = ["kitchen", "garden", "bicycle"];

export function App() {
  const count = useQuery(api.answers.count);
  const ask = useAction(api.answers.ask);
  const loadSamples = useMutation(api.answers.loadSamples);
  const [topic, setTopic] = useState<Topic>();
  const [question, setQuestion] = useState("");
  const [found, setFound] = useState<Found[]>();

  async function search(chosen: Topic | undefined) {
    setTopic(chosen);
    if (question.trim() === "") return;
    setFound(await ask({ question, ...(chosen && { topic: chosen }) }));
  }

  function submit(event: FormEvent) {
    event.preventDefault();
    void search(topic);
  }

  return (
    <Page
      title="Ask"
      lead="Answers to questions that resemble yours, spelled as you like. The embedding is a toy; the search is not."
    >
      <form className="bar" onSubmit={submit}>
        <label className="visually-hidden" htmlFor="question">
          Your question
        </label>
        <input
          id="question"
          value={question}
          onChange={(event) => setQuestion(event.target.value)}
          placeholder="my tyre is flatt"
          autoComplete="off"
          autoFocus
        />
        <button type="submit">Ask</button>
      </form>
      <div className="row spread">
        <div className="choices" role="group" aria-label="Topic">
          <button type="button" aria-pressed={!topic} onClick={() => void search(undefined)}>
            All
          </button>
          {TOPICS.map((one) => (
            <button
              key={one}
              type="button"
              aria-pressed={one === topic}
              onClick={() => void search(one)}
            >
              {one}
            </button>
          ))}
        </div>
        <p className="muted small number count">{count === undefined ? "…" : `${count} answers`}</p>
      </div>
      {count === 0 && (
        <div className="card empty stack" style={{ alignItems: "center" }}>
          <p>There is nothing to find yet.</p>
          <button type="button" className="primary" onClick={() => void loadSamples()}>
            Load some answers
          </button>
        </div>
      )}
      <ul className="card list" aria-label="Answers" hidden={!found?.length}>
        {found?.map(({ id, topic, question, answer, score }) => (
          <li key={id}>
            <div className="grow">
              <p>
                <strong className="question">{question}</strong>
              </p>
              <p className="muted">{answer}</p>
            </div>
            <span className="tag">{topic}</span>
            <span
              className="meter"
              role="img"
              aria-label={`${Math.round(score * 100)} percent alike`}
              style={{ "--part": Math.max(0, score) } as CSSProperties}
            />
          </li>
        ))}
      </ul>
    </Page>
  );
}
