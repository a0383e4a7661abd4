// A chat without React over the AI SDK's own transport, and what the checks ask of the app.

import { url } from "../../clients/js/harness.mjs";

const sdk = await import(process.env.AI_SDK);

class State {
  messages = [];
  status = "ready";
  error = undefined;
  pushMessage = (message) => (this.messages = [...this.messages, message]);
  popMessage = () => (this.messages = this.messages.slice(0, -1));
  replaceMessage = (index, message) =>
    (this.messages = this.messages.map((each, at) => (at === index ? message : each)));
  snapshot = (value) => structuredClone(value);
}

export class Chat extends sdk.AbstractChat {
  constructor({ id, server = url, body, ...options }) {
    const transport = new sdk.DefaultChatTransport({ api: `${server}/api/chat`, body });
    const finished = [];
    super({ id, transport, state: new State(), onFinish: (end) => finished.push(end), ...options });
    this.finished = finished;
  }

  get answer() {
    return this.messages.findLast((message) => message.role === "assistant");
  }

  parts(type) {
    return this.answer.parts.filter((part) => part.type === type);
  }

  get text() {
    return this.answer === undefined ? "" : this.parts("text").map((part) => part.text).join("");
  }
}

export async function call(kind, path, args, server = url) {
  const response = await fetch(`${server}/api/${kind}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ path, args, format: "json" }),
  });
  const { status, value, errorMessage } = await response.json();
  if (status !== "success") throw new Error(errorMessage);
  return value;
}

/** The thread's rows, oldest first. */
export async function stored(name) {
  const threadId = await call("mutation", "threads:create", { externalId: name });
  const paginationOpts = { numItems: 100, cursor: null };
  const { page } = await call("query", "messages:list", { threadId, paginationOpts });
  return page.reverse();
}
