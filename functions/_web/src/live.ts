// Live text: which rows of an answer to subscribe to, and how much of it to show.
import { useQueries, useQuery } from "convex/react";
import { useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import { isLive, rowKey, viewContent, viewParts, type PartView } from "./answer.ts";
import { api, type Message, type PartKey, type PartRow } from "./api.ts";
import { cutAt, Smoother } from "./smoother.ts";

/** Drawing more often than this costs more than a reader gains. */
const FRAME_MS = 30;

const NO_ROWS: readonly PartKey[] = [];

/**
 * An answer's parts. Each row is subscribed to by itself, so that a growing text is sent once: what
 * the server sends again is the one row that still grows.
 */
export function useParts(message: Message): PartView[] {
  const live = isLive(message);
  const wasLive = useRef(live);
  wasLive.current ||= live;
  const order = useQuery(api.parts.order, { messageId: message._id });
  // The list has the text of an answer that is over: its rows are needed only for what else it has.
  const isPlain = !wasLive.current && (order ?? NO_ROWS).every((row) => row.type === "text");
  const wanted = isPlain ? NO_ROWS : (order ?? NO_ROWS);
  const names = wanted.map(rowKey).join(" ");
  const requests = useMemo(
    () => Object.fromEntries(names.split(" ").filter(Boolean).map(requestOf(message._id))),
    [message._id, names],
  );
  const answers = useQueries(requests) as Record<string, PartRow | null | undefined | Error>;

  const rowOf = (key: string): PartRow | null | undefined => {
    const row = answers[key];
    if (row instanceof Error) throw row;
    return row;
  };
  const isLoading = wanted.length === 0 || (!live && wanted.some((row) => !rowOf(rowKey(row))));
  if (!wasLive.current && isLoading) return viewContent(message.content);
  return viewParts(wanted, rowOf);
}

function requestOf(messageId: string) {
  return (key: string) => {
    const [index = 0, segment = 0] = key.split(":").map(Number);
    return [key, { query: api.parts.get, args: { messageId, index, segment } }] as const;
  };
}

/** `text`, growing evenly as long as it is open; at once for those who want no motion. */
export function useSmoothText(text: string, isOpen: boolean): string {
  const isStill = useReducedMotion();
  const smoother = useRef<Smoother>(null);
  smoother.current ??= new Smoother(text.length, performance.now());
  const [shown, setShown] = useState(text.length);

  useEffect(() => {
    const current = smoother.current;
    if (!current) return;
    current.arrive(text.length, isOpen, performance.now());
    if (current.isSettled) {
      setShown(text.length);
      return;
    }
    let drawnAt = -Infinity;
    let frame = requestAnimationFrame(function draw(now) {
      if (now - drawnAt >= FRAME_MS) {
        drawnAt = now;
        setShown(current.step(now));
      }
      if (!current.isSettled) frame = requestAnimationFrame(draw);
    });
    return () => cancelAnimationFrame(frame);
  }, [text, isOpen]);

  return isStill ? text : cutAt(text, shown);
}

const still = matchMedia("(prefers-reduced-motion: reduce)");

function useReducedMotion(): boolean {
  return useSyncExternalStore(
    (listener) => {
      still.addEventListener("change", listener);
      return () => still.removeEventListener("change", listener);
    },
    () => still.matches,
  );
}
