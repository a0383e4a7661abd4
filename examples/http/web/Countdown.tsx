import { useState } from "react";

export function Countdown() {
  const [text, setText] = useState("");
  const [busy, setBusy] = useState(false);

  async function read() {
    setBusy(true);
    setText("");
    const response = await fetch("/countdown");
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      const { value } = part;
      setText((before) => before + value);
    }
    setBusy(false);
  }

  return (
    <section className="card row">
      <button type="button" disabled={busy} onClick={() => void read()}>
        Stream an answer
      </button>
      <output className="grow countdown" aria-live="polite">
        {text || <span className="muted">It comes a piece at a time.</span>}
      </output>
    </section>
  );
}
