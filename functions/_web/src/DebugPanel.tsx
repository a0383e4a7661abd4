import { useQuery } from "convex/react";
import { useEffect, useState, type ReactNode } from "react";
import { isLive } from "./answer.ts";
import { api, type Message } from "./api.ts";
import { CloseIcon } from "./icons.tsx";
import { gist, readPage, UNREAD, type LogView } from "./log.ts";
import { meters } from "./meter.ts";
import { contentOf } from "./reducer.ts";

const PAGE_SIZE = 500;
const MEASURE_MS = 250;

interface Props {
  message: Message | undefined;
  onClose: () => void;
}

/** The figures of one answer's stream: what the server says, and what this window measures. */
export function DebugPanel({ message, onClose }: Props) {
  const streamId = message?.streamId;
  return (
    <aside className="debug" aria-label="Figures of the stream" data-testid="debug">
      <header>
        <h2>Stream</h2>
        {message && <code>{message.model}</code>}
        <button
          type="button"
          className="icon-button"
          aria-label="Close the figures"
          data-testid="debug-close"
          onClick={onClose}
        >
          <CloseIcon />
        </button>
      </header>
      {message && streamId !== undefined ? (
        <div className="debug-body" key={streamId}>
          <Measured message={message} />
          <Served streamId={streamId} />
          <Log message={message} streamId={streamId} />
        </div>
      ) : (
        <p className="debug-none">No answer in this thread yet.</p>
      )}
    </aside>
  );
}

function Figures({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section>
      <h3>{title}</h3>
      <dl>{children}</dl>
    </section>
  );
}

function Figure({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div data-testid="figure" data-name={name}>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Measured({ message }: { message: Message }) {
  const live = isLive(message);
  const [, redraw] = useState(0);
  useEffect(() => {
    if (!live) return;
    const timer = setInterval(() => redraw((count) => count + 1), MEASURE_MS);
    return () => clearInterval(timer);
  }, [live]);
  const measured = meters.find(message._id)?.measured(message.usage?.outputTokens);
  const speed = measured?.tokensPerSecond ?? null;
  return (
    <Figures title="Measured in this window">
      <Figure name="status">{message.status}</Figure>
      <Figure name="timeToFirstToken">{number(measured?.firstTextMs ?? null, " ms")}</Figure>
      <Figure name="tokensPerSecond">
        {speed !== null && measured?.isGuess ? "≈ " : ""}
        {number(speed, "")}
      </Figure>
      <Figure name="updates">{number(measured?.updates ?? null, "")}</Figure>
    </Figures>
  );
}

function Served({ streamId }: { streamId: string }) {
  const figures = useQuery(api.streams.debugInfo, { streamId });
  if (!figures) return null;
  const counts = Object.entries(figures.countsByType).sort(([, one], [, other]) => other - one);
  return (
    <>
      <Figures title="Said by the server">
        <Figure name="eventCount">{number(figures.eventCount, "")}</Figure>
        <Figure name="lastSeq">{number(figures.lastSeq, "")}</Figure>
        <Figure name="durableSeq">{number(figures.durableSeq, "")}</Figure>
        <Figure name="lagMs">{number(figures.lagMs, " ms")}</Figure>
        <Figure name="bytes">{number(figures.bytes, "")}</Figure>
        <Figure name="attempt">{number(figures.attempt, "")}</Figure>
        <Figure name="variant">{figures.variant}</Figure>
        <Figure name="reason">{figures.reason}</Figure>
      </Figures>
      <Figures title="Events by type">
        {counts.map(([type, count]) => (
          <Figure key={type} name={type}>
            {number(count, "")}
          </Figure>
        ))}
      </Figures>
    </>
  );
}

/** The log itself, put together anew from its events: it must say what the message says. */
function Log({ message, streamId }: { message: Message; streamId: string }) {
  const [view, setView] = useState<LogView>(UNREAD);
  const after = view.state.lastSeq;
  const page = useQuery(
    api.streamEvents.getStreamEvents,
    view.isDone || view.fault !== "" ? "skip" : { streamId, after, limit: PAGE_SIZE },
  );
  useEffect(() => {
    if (page) setView((before) => readPage(before, page));
  }, [page]);
  return (
    <section>
      <h3>Log</h3>
      <p className="debug-check" data-testid="log-check" data-verdict={verdictOn(view, message)}>
        {VERDICTS[verdictOn(view, message)]}
        {view.fault !== "" && ` (${view.fault})`}
      </p>
      <ol className="events" tabIndex={0} aria-label="The newest events">
        {view.latest.toReversed().map((event) => (
          <li key={event.seq}>
            <span className="event-seq">{event.seq}</span>
            <span className="event-type">{event.type}</span>
            <span className="event-gist">{gist(event)}</span>
          </li>
        ))}
      </ol>
    </section>
  );
}

type Verdict = "reading" | "equal" | "different" | "broken";

const VERDICTS: Record<Verdict, string> = {
  reading: "The log is being read.",
  equal: "Put together from its events, the answer is what the message says.",
  different: "Put together from its events, the answer is not what the message says.",
  broken: "The log makes no sense.",
};

function verdictOn({ fault, isDone, state }: LogView, message: Message): Verdict {
  if (fault !== "") return "broken";
  if (!isDone || isLive(message)) return "reading";
  return contentOf(state) === message.content ? "equal" : "different";
}

function number(value: number | null, unit: string): string {
  if (value === null) return "–";
  return `${value.toLocaleString(undefined, { maximumFractionDigits: value < 100 ? 1 : 0 })}${unit}`;
}
