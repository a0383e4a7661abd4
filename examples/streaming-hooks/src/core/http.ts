// An answer over HTTP: asked for by POST, read as server-sent events, taken up again by its last id.
import type { Answer } from "./answer.ts";
import { backoffMs, pause } from "./backoff.ts";
import type { StreamEvent } from "./events.ts";
import { LogFollower } from "./follower.ts";

const REPETITIONS_MAX = 8;

export interface HttpQuestion {
  /** Of the server, such as `https://chat.example`. */
  url: string;
  threadId: string;
  prompt: string;
  model?: string;
  systemPrompt?: string;
  /** Makes it safe to ask again when nobody knows whether the question arrived. */
  clientMessageId: string;
  /** The bearer token, asked for at every request. */
  token?: () => string | null | Promise<string | null>;
  signal: AbortSignal;
  onStart?(names: { streamId: string; messageId: string }): void;
  onAnswer(answer: Answer): void;
}

/** An answer of the server that is no success. */
export class HttpError extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.name = "HttpError";
    this.status = status;
    this.code = code;
  }

  /** Whether the same request may well succeed later. */
  get isPassing(): boolean {
    return this.status >= 500;
  }
}

/**
 * Asks, and reads to the end; gives the answer as it has ended. A connection that breaks is taken
 * up again after the last event, at growing intervals.
 *
 * Throws `HttpError` for a refusal, the signal's reason when it is aborted, and the last error when
 * it was tried in vain too often.
 */
export async function askOverHttp(question: HttpQuestion): Promise<Answer> {
  let log: LogFollower | null = null;
  for (let failures = 0; ; failures += 1) {
    const before = log?.lastSeq ?? 0;
    let failure: unknown = new Error("the connection broke off");
    try {
      const response = log === null ? await post(question) : await resume(question, log);
      log ??= begin(question, response);
      await readInto(log, response, question.onAnswer);
    } catch (error) {
      question.signal.throwIfAborted();
      if (error instanceof HttpError && !error.isPassing) throw error;
      failure = error;
    }
    if (log?.isOver) return log.answer;
    if ((log?.lastSeq ?? 0) > before) failures = 0;
    if (failures >= REPETITIONS_MAX) throw failure;
    await pause(backoffMs(failures), question.signal);
  }
}

/** Has the server stop an answer; what there is of it stays. */
export async function stopOverHttp(
  { url, token }: Pick<HttpQuestion, "url" | "token">,
  streamId: string,
): Promise<void> {
  const response = await fetch(`${url}/stream-chat/${streamId}/stop`, {
    method: "POST",
    headers: await authorization(token),
  });
  await refuseBad(response);
}

async function post(question: HttpQuestion): Promise<Response> {
  const { url, threadId, prompt, model, systemPrompt, clientMessageId, token, signal } = question;
  const response = await fetch(`${url}/stream-chat`, {
    method: "POST",
    headers: {
      "Content-Type": "application/json",
      Accept: "text/event-stream",
      ...(await authorization(token)),
    },
    body: JSON.stringify({ threadId, prompt, model, systemPrompt, clientMessageId }),
    signal,
  });
  return refuseBad(response);
}

async function resume({ url, token, signal }: HttpQuestion, log: LogFollower): Promise<Response> {
  const response = await fetch(`${url}/stream-chat/${log.answer.streamId}`, {
    headers: { "Last-Event-ID": String(log.lastSeq), ...(await authorization(token)) },
    signal,
  });
  return refuseBad(response);
}

function begin(question: HttpQuestion, { headers }: Response): LogFollower {
  const streamId = headers.get("x-stream-id");
  const messageId = headers.get("x-message-id");
  if (streamId === null || messageId === null) throw new Error("the server names no stream");
  question.onStart?.({ streamId, messageId });
  return new LogFollower(streamId);
}

async function readInto(
  log: LogFollower,
  { body }: Response,
  onAnswer: (answer: Answer) => void,
): Promise<void> {
  if (body === null) return;
  for await (const data of sseData(body)) {
    // A gap ends this reading; the next one begins after the last event that fits.
    if (!log.offer([JSON.parse(data) as StreamEvent])) return;
    onAnswer(log.answer);
    if (log.isOver) return;
  }
}

async function authorization(token: HttpQuestion["token"]): Promise<Record<string, string>> {
  const known = await token?.();
  return known ? { Authorization: `Bearer ${known}` } : {};
}

async function refuseBad(response: Response): Promise<Response> {
  if (response.ok) return response;
  const text = await response.text();
  let told: { code?: string; message?: string } = {};
  try {
    told = JSON.parse(text) as typeof told;
  } catch (error) {
    // What stands between here and the server may answer with a page of its own.
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new HttpError(
    response.status,
    told.code ?? "http_error",
    told.message ?? `HTTP ${response.status}`,
  );
}

/**
 * The data of each frame that has an id, and so is an event of the log. A frame that the end of the
 * body cuts short is left out.
 */
export async function* sseData(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const frames = (rest + decoder.decode(value, { stream: true })).split(/\r?\n\r?\n/);
      rest = frames.pop() ?? "";
      for (const frame of frames) {
        const fields = frame.split(/\r?\n/).map((line) => /^([^:]*):? ?(.*)$/s.exec(line));
        if (!fields.some((field) => field?.[1] === "id")) continue;
        const data = fields.filter((field) => field?.[1] === "data").map((field) => field?.[2]);
        yield data.join("\n");
      }
    }
  } finally {
    // One that was aborted is cancelled already, and says so by rejecting.
    await reader.cancel().catch(() => undefined);
  }
}
