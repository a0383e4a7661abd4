const SAMPLES = [
  {
    title: "Tell a story",
    note: "watch it grow",
    prompt: "Tell me a story about the harbor.",
    model: "scripted/story",
  },
  {
    title: "Use tools",
    note: "two at once",
    prompt: "What time is it, and how long is this text?",
    model: "scripted/tools",
  },
  {
    title: "Take your time",
    note: "three seconds of patience",
    prompt: "Good things come to those who wait.",
    model: "scripted/slow",
  },
  {
    title: "Break off",
    note: "and be asked again",
    prompt: "This answer will not reach the end of its own sentence.",
    model: "scripted/fail",
  },
];

/** Something to begin with: each shows another side of an answer, and none needs a key. */
export function Samples({ onAsk }: { onAsk: (prompt: string, model: string) => void }) {
  return (
    <ul className="samples">
      {SAMPLES.map(({ title, note, prompt, model }) => (
        <li key={model}>
          <button
            type="button"
            data-testid="sample"
            data-model={model}
            onClick={() => onAsk(prompt, model)}
          >
            <span className="sample-title">{title}</span>
            <span className="sample-note">{note}</span>
          </button>
        </li>
      ))}
    </ul>
  );
}
