// Which way an answer's text takes to this client: the old sockets, or live queries.
import { api } from "./api.ts";
import type { LiveClient } from "./live.ts";

export type Path = "legacy" | "reactive";

export const FLAG = "realtime";

/** What is shown on a variant of the flag; what nobody knows is `legacy`. */
export function pathOf(variant: string): Path {
  return variant === "reactive" || variant === "mirror" || variant === "reactive-only"
    ? "reactive"
    : "legacy";
}

/** Tells the caller's path, and each change of it. A flag that can't be read is `legacy`. */
export function watchPath(client: LiveClient, onPath: (path: Path) => void): () => void {
  return client.onUpdate(
    api.flags.get,
    { key: FLAG },
    ({ variant }) => onPath(pathOf(variant)),
    () => onPath("legacy"),
  );
}
