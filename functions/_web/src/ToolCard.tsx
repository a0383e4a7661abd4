import { duration, type ToolState, type ToolView } from "./answer.ts";
import { AlertIcon, CheckIcon, ChevronIcon, Spinner } from "./icons.tsx";

const STATES: Record<ToolState, string> = {
  pending: "Preparing",
  running: "Running",
  completed: "Done",
  error: "Failed",
};

/** A tool's call: what it is asked and what it said are folded away, what it is doing is not. */
export function ToolCard({ tool }: { tool: ToolView }) {
  const { state, input, output, errorText, seconds } = tool;
  return (
    <details className="tool" data-testid="tool" data-state={state} data-name={tool.name}>
      <summary>
        <StateIcon state={state} />
        <span className="tool-name">{tool.name}</span>
        {state === "error" && <span className="tool-error">{errorText}</span>}
        <span className="tool-state" data-testid="tool-state">
          {STATES[state]}
          {seconds !== null && ` · ${duration(seconds)}`}
        </span>
        <ChevronIcon />
      </summary>
      <div className="tool-body">
        <Field label="Input" text={state === "pending" ? "Still being written…" : input} />
        {state === "completed" && <Field label="Output" text={output} />}
        {state === "error" && <Field label="Error" text={errorText} />}
      </div>
    </details>
  );
}

function StateIcon({ state }: { state: ToolState }) {
  if (state === "completed") return <CheckIcon />;
  if (state === "error") return <AlertIcon />;
  return <Spinner />;
}

function Field({ label, text }: { label: string; text: string }) {
  return (
    <div className="tool-field" data-testid={`tool-${label.toLowerCase()}`}>
      <h3>{label}</h3>
      <pre tabIndex={0}>{text || "nothing"}</pre>
    </div>
  );
}
