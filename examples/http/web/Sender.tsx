import { type FormEvent, useState } from "react";

/** Stands for the other system: it signs what it sends with the secret that both know. */
async function send(kind: string, note: string, secret: string): Promise<string> {
  const body = JSON.stringify({ key: crypto.randomUUID(), kind, data: { note } });
  const bytes = (text: string) => new TextEncoder().encode(text);
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", bytes(secret), algorithm, false, ["sign"]);
  const signature = new Uint8Array(await crypto.subtle.sign("HMAC", key, bytes(body)));
  const hex = [...signature].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const headers = { "X-Signature": hex };
  const response = await fetch("/webhook", { method: "POST", body, headers });
  if (response.ok) return "";
  const { message } = (await response.json()) as { message: string };
  return `${response.status}: ${message}`;
}

export function Sender() {
  const [refusal, setRefusal] = useState("");

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = event.currentTarget;
    const field = (name: string) => String(new FormData(form).get(name));
    setRefusal(await send(field("kind"), field("note"), field("secret")));
  }

  return (
    <form className="card" onSubmit={(event) => void submit(event)}>
      <div className="row" style={{ alignItems: "end" }}>
        <div className="field">
          <label htmlFor="kind">Kind</label>
          <select id="kind" name="kind">
            <option>order.paid</option>
            <option>order.sent</option>
            <option>order.lost</option>
          </select>
        </div>
        <div className="field grow">
          <label htmlFor="note">Note</label>
          <input id="note" name="note" required autoComplete="off" placeholder="Three apples" />
        </div>
        <div className="field grow">
          <label htmlFor="secret">Secret</label>
          <input id="secret" name="secret" required defaultValue="only for trying out" />
        </div>
        <button type="submit">Call the webhook</button>
      </div>
      {refusal && (
        <p role="alert" className="alert">
          {refusal}
        </p>
      )}
    </form>
  );
}
