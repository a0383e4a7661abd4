// The link to the server, and when the page should speak about it.

/** A reconnect that is over sooner than this is not worth a word. */
const GRACE_MS = 800;
const RESTORED_MS = 2_500;

export interface Link {
  isUp: boolean;
  since: number;
  /** How long the outage before the present connection was; 0 if there was none. */
  outageMs: number;
}

export interface Notice {
  kind: "connecting" | "lost" | "restored";
  text: string;
}

export function linkAfter(link: Link, isUp: boolean, now: number): Link {
  if (link.isUp === isUp) return link;
  return { isUp, since: now, outageMs: isUp ? now - link.since : 0 };
}

export function noticeFor(link: Link, hasEverConnected: boolean, now: number): Notice | null {
  const age = now - link.since;
  if (!link.isUp) {
    if (age < GRACE_MS) return null;
    if (!hasEverConnected) return { kind: "connecting", text: "Connecting to the server…" };
    return {
      kind: "lost",
      text: "No connection to the server. Trying again; what you send now goes out when it is back.",
    };
  }
  if (link.outageMs >= GRACE_MS && age < RESTORED_MS) {
    return { kind: "restored", text: "Connected." };
  }
  return null;
}

/** In how many milliseconds the notice changes if nothing else happens; null if it does not. */
export function noticeChangesIn(link: Link, now: number): number | null {
  const age = now - link.since;
  const next = link.isUp ? (link.outageMs >= GRACE_MS ? RESTORED_MS : 0) : GRACE_MS;
  return age < next ? next - age : null;
}
