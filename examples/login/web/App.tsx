import { Authenticated, AuthLoading, Unauthenticated } from "convex/react";
import { Page } from "../../_shared/Page";
import { Notes } from "./Notes";
import { SignIn } from "./SignIn";

export function App() {
  return (
    <Page
      title="Private notes"
      lead="Sign in here, and as somebody else in a second window: each sees only their own notes."
    >
      <AuthLoading>
        <p className="card empty">Signing in…</p>
      </AuthLoading>
      <Unauthenticated>
        <SignIn />
      </Unauthenticated>
      <Authenticated>
        <Notes />
      </Authenticated>
    </Page>
  );
}
