import { type FormEvent, useState } from "react";
import { signIn } from "./login";

export function SignIn() {
  const [refusal, setRefusal] = useState("");
  const [busy, setBusy] = useState(false);

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const data = new FormData(event.currentTarget);
    setBusy(true);
    setRefusal("");
    try {
      await signIn(String(data.get("name")), String(data.get("password")));
    } catch (error) {
      setRefusal(error instanceof Error ? error.message : String(error));
    } finally {
      setBusy(false);
    }
  }

  return (
    <form className="card" onSubmit={(event) => void submit(event)}>
      <div className="row">
        <div className="field grow">
          <label htmlFor="name">Name</label>
          <input id="name" name="name" required maxLength={40} autoComplete="username" autoFocus />
        </div>
        <div className="field grow">
          <label htmlFor="password">Password</label>
          <input
            id="password"
            name="password"
            type="password"
            required
            minLength={8}
            autoComplete="current-password"
          />
        </div>
      </div>
      {refusal && (
        <p role="alert" className="alert">
          {refusal}
        </p>
      )}
      <div className="row">
        <button type="submit" disabled={busy}>
          {busy ? "Signing in…" : "Sign in"}
        </button>
        <span className="muted small">A new name gets an account at once.</span>
      </div>
    </form>
  );
}
