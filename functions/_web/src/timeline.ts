// From documents to what the message list shows: days, and groups of messages that belong together.
import type { AnswerInfo } from "./answer.ts";
import type { Message, NewMessage } from "./api.ts";
import type { Refused } from "./outbox.ts";

/** Messages of one author that are further apart than this begin a new group. */
const GROUP_GAP_MS = 5 * 60_000;

export interface Entry {
  /** The same before and after the server confirms a message, so that the page keeps its element. */
  key: string;
  content: string;
  time: number;
  state: Message["status"] | "refused";
  refused?: Refused;
  /** Of an answer; `state` is then its status. */
  answer?: AnswerInfo;
}

export interface Group {
  kind: "group";
  key: string;
  author: string;
  role: Message["role"];
  isOwn: boolean;
  time: number;
  entries: Entry[];
}

export interface Day {
  kind: "day";
  key: string;
  time: number;
}

export type Row = Day | Group;

interface Authored extends Entry {
  author: string;
  role: Message["role"];
}

/** What the list shows for a message until the server has answered. */
export function pendingMessage(message: NewMessage, time: number): Message {
  return {
    _id: `pending:${message.clientMessageId}`,
    _creationTime: time,
    threadId: message.threadId,
    order: Number.MAX_SAFE_INTEGER,
    role: "user",
    status: "pending",
    content: message.prompt,
    author: message.author,
    clientMessageId: message.clientMessageId,
    lastUpdated: time,
  };
}

/**
 * Rows from the oldest to the newest. `messages` come newest first, as the server pages them;
 * refused ones stand at the end, where their author looks, until they are sent again or dismissed.
 */
export function buildTimeline(
  messages: readonly Message[],
  refused: readonly Refused[],
  self: string,
): Row[] {
  const idsOf = (some: readonly Message[]) => new Set(some.map((one) => one.clientMessageId));
  const isPending = (message: Message) => message.role === "user" && message.status === "pending";
  // A message that is sent again may be stored already: its answer was lost, not the message.
  const stored = idsOf(messages.filter((message) => !isPending(message)));
  const shown = messages.filter(
    (message) => !isPending(message) || !stored.has(message.clientMessageId),
  );
  const known = idsOf(shown);
  const entries = [
    ...withPrompts(shown.toReversed()),
    ...refused.filter((one) => !known.has(one.clientMessageId)).map(fromRefused),
  ];
  const rows: Row[] = [];
  let group: Group | undefined;
  let last: Authored | undefined;
  for (const entry of entries) {
    if (!last || !isSameDay(last.time, entry.time)) {
      rows.push({ kind: "day", key: `day:${entry.key}`, time: entry.time });
      group = undefined;
    }
    if (!group || !last || !belongsTo(group, last, entry)) {
      group = {
        kind: "group",
        key: `group:${entry.key}`,
        author: entry.author,
        role: entry.role,
        isOwn: entry.role === "user" && entry.author === self,
        time: entry.time,
        entries: [],
      };
      rows.push(group);
    }
    const { author: _author, role: _role, ...bare } = entry;
    group.entries.push(bare);
    last = entry;
  }
  return rows;
}

function belongsTo(group: Group, last: Authored, entry: Authored): boolean {
  return (
    group.author === entry.author &&
    group.role === entry.role &&
    entry.time - last.time < GROUP_GAP_MS
  );
}

/** `messages` come oldest first: an answer follows what it answers. */
function withPrompts(messages: readonly Message[]): Authored[] {
  let prompt: string | undefined;
  return messages.map((message) => {
    if (message.role === "user") prompt = message.content;
    return fromMessage(message, prompt);
  });
}

function fromMessage(message: Message, prompt: string | undefined): Authored {
  return {
    key: message.clientMessageId ?? message._id,
    content: message.content,
    time: message._creationTime,
    state: message.status,
    author: message.author ?? (message.role === "user" ? "Somebody" : "Assistant"),
    role: message.role,
    ...(message.role === "assistant" ? { answer: { message, prompt } } : {}),
  };
}

function fromRefused(refused: Refused): Authored {
  return {
    key: refused.clientMessageId,
    content: refused.prompt,
    time: refused.time,
    state: "refused",
    refused,
    author: refused.author,
    role: "user",
  };
}

function isSameDay(one: number, other: number): boolean {
  return new Date(one).toDateString() === new Date(other).toDateString();
}

/** "Today", "Yesterday", or the date; the year only where it is not this one. */
export function dayLabel(time: number, now: number, locale?: string): string {
  if (isSameDay(time, now)) return "Today";
  const yesterday = new Date(now);
  yesterday.setDate(yesterday.getDate() - 1);
  if (isSameDay(time, yesterday.getTime())) return "Yesterday";
  const isThisYear = new Date(time).getFullYear() === new Date(now).getFullYear();
  return new Intl.DateTimeFormat(locale, {
    weekday: "long",
    day: "numeric",
    month: "long",
    ...(isThisYear ? {} : { year: "numeric" }),
  }).format(time);
}
