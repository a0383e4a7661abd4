import { useConvexConnectionState } from "convex/react";
import type { ReactNode } from "react";

interface Props {
  title: string;
  /** What one can try here, in a sentence. */
  lead: ReactNode;
  children: ReactNode;
}

/** The frame of every example: a title, what to try, and whether the page is connected. */
export function Page({ title, lead, children }: Props) {
  const { isWebSocketConnected, hasEverConnected } = useConvexConnectionState();
  const state = isWebSocketConnected ? "live" : hasEverConnected ? "reconnecting" : "connecting";
  return (
    <main className="page">
      <header className="page-header">
        <h1>{title}</h1>
        <p role="status" className="connection" data-state={state}>
          {state}
        </p>
        <p className="lead">{lead}</p>
      </header>
      {children}
    </main>
  );
}
