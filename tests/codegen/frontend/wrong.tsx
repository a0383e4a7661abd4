// Every line below a directive is refused; a directive without an error is an error itself.
import { ConvexClient, ConvexHttpClient } from "convex/browser";
import { useAction, useMutation, usePaginatedQuery, useQuery } from "convex/react";
import type { FunctionReference, GenericQueryCtx } from "convex/server";

import { api, internal } from "../convex/_generated/api";
import type { DataModel, Doc, Id, TableNames } from "../convex/_generated/dataModel";

declare const user: Id<"users">;
declare const message: Id<"messages">;
declare const http: ConvexHttpClient;
declare const live: ConvexClient;
declare const ctx: GenericQueryCtx<DataModel>;

export function Component() {
  // @ts-expect-error: an argument is missing
  useQuery(api.messages.recent);
  // @ts-expect-error: an argument is missing
  useQuery(api.messages.recent, {});
  // @ts-expect-error: an id of another table
  useQuery(api.messages.recent, { author: message });
  // @ts-expect-error: a string is no id
  useQuery(api.messages.recent, { author: "ada" });
  // @ts-expect-error: limit is a number
  useQuery(api.messages.recent, { author: user, limit: "3" });
  // @ts-expect-error: null is not absence
  useQuery(api.messages.recent, { author: user, limit: null });
  // @ts-expect-error: an argument that does not exist
  useQuery(api.messages.recent, { author: user, limits: 3 });
  // @ts-expect-error: it takes no arguments
  useQuery(api.messages.default, { author: user });
  // @ts-expect-error: no such function
  useQuery(api.messages.recents, { author: user });
  // @ts-expect-error: no such module
  useQuery(api.thread.list, {});
  // @ts-expect-error: a mutation is no query
  useQuery(api.messages.send, { author: user, body: "" });
  // @ts-expect-error: a query is no mutation
  useMutation(api.messages.recent);
  // @ts-expect-error: a query is no action
  useAction(api.messages.recent);
  // @ts-expect-error: an internal function
  useMutation(internal.chat.threads.clear);
  // @ts-expect-error: internal functions are not in api
  useMutation(api.chat.threads.clear);
  // @ts-expect-error: public functions are not in internal
  useQuery(internal.messages.recent, { author: user });
  // @ts-expect-error: not paginated
  usePaginatedQuery(api.messages.recent, { author: user }, { initialNumItems: 1 });
  // @ts-expect-error: an argument is missing
  usePaginatedQuery(api.messages.list, {}, { initialNumItems: 1 });
  const page = usePaginatedQuery(api.messages.list, { author: user }, { initialNumItems: 1 });
  // @ts-expect-error: no such field
  void page.results[0]?.text;
  const newest = useQuery(api.messages.default);
  // @ts-expect-error: it may be null
  if (newest !== undefined) void newest.body;
  const send = useMutation(api.messages.send);
  // @ts-expect-error: the wire's name is `from`
  void send({ author: user, body: "", sender: "x" });
  useMutation(api.messages.send).withOptimisticUpdate((store, args) => {
    // @ts-expect-error: the query's result is a list
    store.setQuery(api.messages.recent, { author: args.author }, null);
    // @ts-expect-error: no such argument
    void args.sender;
  });
  return null;
}

export async function clients() {
  const most = { nothing: null, flag: true, whole: 1, real: 1, text: "" };
  // @ts-expect-error: a number is no bigint
  await http.query(api.kinds.plain, { ...most, big: 1 });
  // @ts-expect-error: a mutation is no query
  await http.query(api.messages.send, { author: user, body: "" });
  // @ts-expect-error: text is no bytes
  await http.query(api.kinds.raw, { value: "x" });
  // @ts-expect-error: no such color
  await http.query(api.kinds.choices, { literal: 1, color: "blue", level: 1, quotes: "né" });
  // @ts-expect-error: no such literal
  await http.query(api.kinds.choices, { literal: false, color: "red", level: 1, quotes: "né" });
  // @ts-expect-error: a circle has a radius
  await http.query(api.kinds.shapes, { shape: { shape: "circle", side: 1 } });
  // @ts-expect-error: what tells shapes apart is needed
  await http.query(api.kinds.shapes, { shape: { side: 1 } });
  // @ts-expect-error: no such key
  await http.query(api.kinds.dicts, { counts: {}, named: { c: 1 } });
  // @ts-expect-error: deep inside
  await http.query(api.kinds.tree, { node: { label: "", children: [{ label: 1 }] } });
  // @ts-expect-error: null is no absence
  await http.query(api.kinds.optional, { nullable: null, defaulted: null });
  // @ts-expect-error: the label is needed
  await http.query(api.kinds.tree, { node: {} });
  // @ts-expect-error: a date is sent as text
  await http.query(api.kinds.times, { at: new Date(), day: "", wait: "", key: "", price: "" });
  // @ts-expect-error: a pair has two
  await http.query(api.kinds.aliases, { tree: 1, pair: [1], json: null });
  // @ts-expect-error: functions are no JSON
  await http.query(api.kinds.aliases, { tree: 1, pair: [1, 2], json: () => 1 });
  // @ts-expect-error: what is sent has no id yet
  await http.query(api.kinds.span, { value: { start: 1, _id: user }, range: { least: 1 } });
  // @ts-expect-error: a message has more fields
  await http.query(api.kinds.documents, { message: { author: user, body: "" } });
  // @ts-expect-error: the callback gets a list
  live.onUpdate(api.messages.recent, { author: user }, (found: string) => found);
}

// @ts-expect-error: it is internal
export const visible: FunctionReference<"action", "public"> = internal.chat.threads.summarize;
// @ts-expect-error: ids of two tables
export const id: Id<"users"> = message;
// @ts-expect-error: no such table
export const table: TableNames = "people";
// @ts-expect-error: no such table
export type Person = Doc<"people">;
// @ts-expect-error: a table without a class has no documents
export type Audit = Doc<"audit">;
// @ts-expect-error: no such status
export const status: Doc<"messages">["status"] = "done";
// @ts-expect-error: no such index
ctx.db.query("messages").withIndex("by_body");
// @ts-expect-error: not the index's first field
ctx.db.query("messages").withIndex("by_author", (q) => q.eq("status", "error"));
