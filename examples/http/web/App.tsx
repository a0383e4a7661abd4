import { useQuery } from "convex/react";
import { Page } from "../../_shared/Page";
import { api } from "../_generated/api";
import { Countdown } from "./Countdown";
import { Sender } from "./Sender";

export function App() {
  const deliveries = useQuery(api.deliveries.list, {});
  return (
    <Page
      title="HTTP"
      lead="Endpoints for everybody who is no Convex client. What comes in by the webhook is shown here, live."
    >
      <Sender />
      <section className="stack">
        <h2>Delivered</h2>
        {deliveries?.length === 0 && <p className="card empty">Nothing yet.</p>}
        <ul className="card list" aria-label="Deliveries" hidden={!deliveries?.length}>
          {deliveries?.map(({ _id: id, kind, data, _creationTime: time }) => (
            <li key={id}>
              <span className="tag">{kind}</span>
              <code className="grow body">{JSON.stringify(data)}</code>
              <time className="muted small number">{new Date(time).toLocaleTimeString()}</time>
              <a className="small" href={`/deliveries/${id}`}>
                JSON
              </a>
            </li>
          ))}
        </ul>
      </section>
      <Countdown />
    </Page>
  );
}
