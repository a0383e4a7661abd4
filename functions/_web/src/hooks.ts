import { insertAtTop, useConvexConnectionState, useMutation } from "convex/react";
import {
  useCallback,
  useEffect,
  useLayoutEffect,
  useRef,
  useState,
  useSyncExternalStore,
  type RefObject,
} from "react";
import { anchorAfter, scrollTopFor, type Anchor, type Viewport } from "./anchor.ts";
import { announcement } from "./answer.ts";
import { api, leave, type Message, type NewMessage } from "./api.ts";
import { linkAfter, noticeChangesIn, noticeFor, type Link, type Notice } from "./link.ts";
import { meters } from "./meter.ts";
import { refusalReason, type OutboxEvent } from "./outbox.ts";
import { pendingMessage } from "./timeline.ts";

/** Well below the 20 s after which the server takes a silent window for gone. */
const HEARTBEAT_MS = 7_000;

/** The thread that the address names, as in `#<thread id>`. */
export function useThreadId(): string | undefined {
  const hash = useSyncExternalStore(
    (listener) => {
      addEventListener("hashchange", listener);
      return () => removeEventListener("hashchange", listener);
    },
    () => location.hash.slice(1),
  );
  return hash || undefined;
}

/** Tells the server that this window is open, at which thread and under which name. */
export function useHeartbeat(clientId: string, name: string, threadId: string | undefined): void {
  const heartbeat = useMutation(api.presence.heartbeat);
  const { isWebSocketConnected } = useConvexConnectionState();

  useEffect(() => {
    // Without a connection heartbeats would queue up, and all go out when it is back.
    if (!isWebSocketConnected) return;
    const beat = async () => {
      const here = { clientId, name, ...(threadId === undefined ? {} : { threadId }) };
      try {
        // An address may name a thread that does not exist: the window is open all the same.
        await heartbeat(here).catch(() => heartbeat({ clientId, name }));
      } catch {
        // Being seen is a courtesy: the next heartbeat tries again, the conversation goes on.
      }
    };
    const beatWhenShown = () => {
      if (!document.hidden) void beat();
    };
    void beat();
    const stop = every(HEARTBEAT_MS, () => void beat());
    document.addEventListener("visibilitychange", beatWhenShown);
    return () => {
      stop();
      document.removeEventListener("visibilitychange", beatWhenShown);
    };
  }, [heartbeat, isWebSocketConnected, clientId, name, threadId]);

  useEffect(() => {
    const onHide = () => leave(clientId);
    addEventListener("pagehide", onHide);
    return () => removeEventListener("pagehide", onHide);
  }, [clientId]);
}

/** An interval that hidden windows keep too: browsers slow down a page's timers, not a worker's. */
function every(ms: number, run: () => void): () => void {
  const source = new Blob([`setInterval(() => postMessage(null), ${ms})`]);
  const address = URL.createObjectURL(source);
  const worker = new Worker(address);
  URL.revokeObjectURL(address);
  worker.onmessage = run;
  return () => worker.terminate();
}

/** What to say about the connection, if anything. */
export function useLinkNotice(): Notice | null {
  const { isWebSocketConnected: isUp, hasEverConnected } = useConvexConnectionState();
  const [now, setNow] = useState(Date.now);
  const [link, setLink] = useState<Link>({ isUp, since: now, outageMs: 0 });

  useEffect(() => {
    const changed = Date.now();
    setLink((before) => linkAfter(before, isUp, changed));
    setNow(changed);
  }, [isUp]);
  useEffect(() => {
    const wait = noticeChangesIn(link, Date.now());
    if (wait === null) return;
    const timer = setTimeout(() => setNow(Date.now()), wait);
    return () => clearTimeout(timer);
  }, [link, now]);
  return noticeFor(link, hasEverConnected, now);
}

/** Sends a message, shows it before the server answers, and keeps it if the server refuses. */
export function useSend(report: (event: OutboxEvent) => void): (message: NewMessage) => void {
  const mutate = useMutation(api.messages.send);
  return useCallback(
    (message) => {
      // Taken once: an optimistic update runs again whenever the server's results change.
      const time = Date.now();
      const sentAt = performance.now();
      const send = mutate.withOptimisticUpdate((store, sent) =>
        insertAtTop({
          paginatedQuery: api.messages.list,
          argsToMatch: { threadId: sent.threadId },
          localQueryStore: store,
          item: pendingMessage(sent, time),
        }),
      );
      report({ type: "taken", clientMessageId: message.clientMessageId });
      send(message).then(
        ({ messageId }) => void meters.begin(messageId, sentAt),
        (error: unknown) =>
          report({ type: "refused", message: { ...message, time, reason: refusalReason(error) } }),
      );
    },
    [mutate, report],
  );
}

/** Hides a failed answer in every window, in this one before the server answers. */
export function useDismiss(threadId: string): (messageId: string) => void {
  const mutate = useMutation(api.messages.dismiss);
  return useCallback(
    (messageId) => {
      const dismiss = mutate.withOptimisticUpdate((store, dismissed) => {
        for (const { args, value } of store.getAllQueries(api.messages.list)) {
          if (args.threadId !== threadId || value === undefined) continue;
          const page = value.page.filter(({ _id }) => _id !== dismissed.messageId);
          if (page.length < value.page.length) {
            store.setQuery(api.messages.list, args, { ...value, page });
          }
        }
      });
      // What the server refuses to hide is shown again: somebody has had it made anew.
      void dismiss({ messageId }).catch(() => undefined);
    },
    [mutate, threadId],
  );
}

interface AnchoredScroll {
  isAtEnd: boolean;
  onScroll: () => void;
  toEnd: () => void;
}

/**
 * Keeps a list at its end, or at the row that is being read, while rows are added above and below.
 * Rows are the elements with `data-key`; `content` is anything that changes when they do.
 */
export function useAnchoredScroll(
  scroller: RefObject<HTMLElement | null>,
  content: unknown,
): AnchoredScroll {
  const anchor = useRef<Anchor>({ at: "end" });
  const seen = useRef<Viewport>({ scrollTop: 0, scrollHeight: 0, clientHeight: 0 });
  const [isAtEnd, setAtEnd] = useState(true);

  const hold = useCallback(() => {
    const view = scroller.current;
    if (!view) return;
    view.scrollTop = scrollTopFor(anchor.current, view, (key) => {
      const row = view.querySelector(`[data-key="${CSS.escape(key)}"]`);
      return row ? topWithin(view, row) : undefined;
    });
    seen.current = viewportOf(view);
  }, [scroller]);

  useLayoutEffect(hold, [hold, content]);
  useEffect(() => {
    const view = scroller.current;
    if (!view) return;
    // The keyboard of a phone, a growing composer or a late font move the list without a render.
    const observer = new ResizeObserver(hold);
    observer.observe(view);
    for (const child of view.children) observer.observe(child);
    return () => observer.disconnect();
  }, [scroller, hold]);

  const toEnd = useCallback(() => {
    anchor.current = { at: "end" };
    setAtEnd(true);
    hold();
  }, [hold]);

  return {
    isAtEnd,
    toEnd,
    onScroll: () => {
      const view = scroller.current;
      if (!view) return;
      const now = viewportOf(view);
      anchor.current = anchorAfter(anchor.current, seen.current, now, rowsOf(view));
      seen.current = now;
      setAtEnd(anchor.current.at === "end");
    },
  };
}

function viewportOf({ scrollTop, scrollHeight, clientHeight }: HTMLElement): Viewport {
  return { scrollTop, scrollHeight, clientHeight };
}

function* rowsOf(view: HTMLElement) {
  for (const row of view.querySelectorAll<HTMLElement>("[data-key]")) {
    const key = row.dataset["key"] ?? "";
    yield { key, top: topWithin(view, row), height: row.offsetHeight };
  }
}

function topWithin(view: HTMLElement, row: Element): number {
  return row.getBoundingClientRect().top - view.getBoundingClientRect().top + view.scrollTop;
}

/** What to tell a screen reader about the messages: what is new, once. */
export function useAnnouncement(
  messages: readonly Message[],
  isLoading: boolean,
  self: string,
): string {
  const before = useRef<Map<string, Message["status"]>>(null);
  const [said, setSaid] = useState("");
  useEffect(() => {
    if (isLoading) return;
    // What was there before one came is read, not announced.
    const words = before.current === null ? "" : announcement(before.current, messages, self);
    before.current = new Map(messages.map((message) => [message._id, message.status]));
    if (words !== "") setSaid(words);
  }, [messages, isLoading, self]);
  return said;
}

/** Runs what belongs to a key that is pressed anywhere, unless somebody used the key already. */
export function useKey(matches: (event: KeyboardEvent) => boolean, run: () => void): void {
  const latest = useRef({ matches, run });
  useEffect(() => {
    latest.current = { matches, run };
  });
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.isComposing || !latest.current.matches(event)) return;
      event.preventDefault();
      latest.current.run();
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, []);
}

/** Alt and a letter: keys by place, for Alt changes what a key writes on some keyboards. */
export function isAlt(code: string) {
  return (event: KeyboardEvent) =>
    event.altKey && !event.ctrlKey && !event.metaKey && !event.shiftKey && event.code === code;
}
