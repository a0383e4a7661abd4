import { useMutation } from "convex/react";
import { useEffect, useState } from "react";
import { api } from "../_generated/api";

const BEAT_MS = 2_000;

/** Says every few seconds that this window is open, and goodbye when it closes. */
export function usePresence({ name, hue }: { name: string; hue: number }): string {
  const [session] = useState(() => crypto.randomUUID());
  const heartbeat = useMutation(api.presence.heartbeat);

  useEffect(() => {
    const beat = () => void heartbeat({ session, name, hue }).catch(console.error);
    beat();
    const timer = setInterval(beat, BEAT_MS);
    // A browser slows the timers of hidden windows down, so one that is shown again says so.
    document.addEventListener("visibilitychange", beat);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", beat);
    };
  }, [heartbeat, session, name, hue]);

  useEffect(() => {
    // A closing window cannot wait for a socket, but the browser still delivers this for it.
    const leave = () => {
      const call = { path: "presence:leave", args: { session }, format: "json" };
      navigator.sendBeacon("/api/mutation", new Blob([JSON.stringify(call)], JSON_TYPE));
    };
    addEventListener("pagehide", leave);
    return () => removeEventListener("pagehide", leave);
  }, [session]);

  return session;
}

const JSON_TYPE = { type: "application/json" };
