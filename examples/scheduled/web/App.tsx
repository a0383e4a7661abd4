import { useMutation, useQuery } from "convex/react";
import { type FormEvent, useState } from "react";
import { reasonOf } from "../../_shared/errors";
import { Page } from "../../_shared/Page";
import { useNow } from "../../_shared/useNow";
import { api } from "../_generated/api";

const DELAYS = { 0: "now", 5: "in 5 seconds", 30: "in 30 seconds", 300: "in 5 minutes" };
const LIFETIMES = { "": "stays", 10: "for 10 seconds", 60: "for a minute" };

const timeOf = (ms: number) => new Date(ms).toLocaleTimeString();
const secondsUntil = (ms: number, now: number) => `${Math.max(0, Math.ceil((ms - now) / 1_000))} s`;

export function App() {
  const now = useNow(500);
  const messages = useQuery(api.messages.list);
  const planned = useQuery(api.messages.planned);
  const jobs = useQuery(api.messages.jobs);
  const clock = useQuery(api.clock.get);
  const plan = useMutation(api.messages.plan);
  const callBack = useMutation(api.messages.callBack);
  const [refusal, setRefusal] = useState("");

  const attempt = (work: Promise<unknown>) => {
    setRefusal("");
    work.catch((error: unknown) => setRefusal(reasonOf(error)));
  };

  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const data = new FormData(event.currentTarget);
    const lifetime = String(data.get("lifetime"));
    attempt(
      plan({
        body: String(data.get("body")),
        delayS: Number(data.get("delay")),
        ...(lifetime === "" ? {} : { lifetimeS: Number(lifetime) }),
      }),
    );
    event.currentTarget.reset();
  }

  return (
    <Page
      title="Scheduled"
      lead="Messages that are sent later. They go out even if you close this page, or the server restarts."
    >
      <form className="card" onSubmit={submit}>
        <div className="field">
          <label htmlFor="body">Message</label>
          <input id="body" name="body" required autoComplete="off" placeholder="Tea is ready" />
        </div>
        <div className="row" style={{ alignItems: "end" }}>
          <Choice name="delay" label="Send it" options={DELAYS} chosen="5" />
          <Choice name="lifetime" label="It stays there" options={LIFETIMES} chosen="" />
          <button type="submit">Schedule</button>
        </div>
      </form>
      {refusal && (
        <p role="alert" className="alert">
          {refusal}
        </p>
      )}
      <section className="stack" hidden={!planned?.length}>
        <h2>Waiting</h2>
        <ul className="card list" aria-label="Planned messages">
          {planned?.map((one) => (
            <li key={one._id}>
              <p className="grow body">{one.body}</p>
              <span className="tag number">{secondsUntil(one.sendAt, now)}</span>
              <button
                type="button"
                className="quiet"
                aria-label={`Cancel ${one.body}`}
                onClick={() => attempt(callBack({ id: one._id }))}
              >
                Cancel
              </button>
            </li>
          ))}
        </ul>
      </section>
      <section className="stack">
        <h2>Sent</h2>
        {messages?.length === 0 && <p className="card empty">Nothing yet.</p>}
        <ul className="card list" aria-label="Sent messages" hidden={!messages?.length}>
          {messages?.map((one) => (
            <li key={one._id}>
              <p className="grow body">{one.body}</p>
              {one.destructsAt !== undefined && (
                <span className="tag number">gone in {secondsUntil(one.destructsAt, now)}</span>
              )}
              <time className="muted small number">{timeOf(one._creationTime)}</time>
            </li>
          ))}
        </ul>
      </section>
      <details className="card">
        <summary>What the scheduler knows</summary>
        <ul className="stack small" aria-label="Scheduled calls">
          {jobs?.map((job) => (
            <li key={job.id} className="row">
              <time className="muted number">{timeOf(job.scheduledTime)}</time>
              <code className="grow">{job.name}</code>
              <span className="tag">{job.state}</span>
            </li>
          ))}
        </ul>
      </details>
      <p className="muted small number">
        {clock
          ? `The cron has struck ${clock.strikes === 1 ? "once" : `${clock.strikes} times`}, last at ${timeOf(clock.struckAt)}.`
          : "The cron has not struck yet."}
      </p>
    </Page>
  );
}

interface ChoiceProps {
  name: string;
  label: string;
  options: Record<string, string>;
  chosen: string;
}

function Choice({ name, label, options, chosen }: ChoiceProps) {
  return (
    <div className="field grow">
      <label htmlFor={name}>{label}</label>
      <select id={name} name={name} defaultValue={chosen}>
        {Object.entries(options).map(([value, text]) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
    </div>
  );
}
