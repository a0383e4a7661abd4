// Everything here compiles: a front end as it would be written for Convex.
import { ConvexClient, ConvexHttpClient } from "convex/browser";
import {
  ConvexReactClient,
  insertAtTop,
  optimisticallyUpdateValueInPaginatedQuery,
  useAction,
  useConvex,
  useMutation,
  usePaginatedQuery,
  useQueries,
  useQuery,
  type PaginatedQueryItem,
} from "convex/react";
import {
  getFunctionName,
  type DocumentByName,
  type FieldPaths,
  type FunctionArgs,
  type FunctionReference,
  type FunctionReturnType,
  type GenericDataModel,
  type GenericDocument,
  type GenericQueryCtx,
  type IndexNames,
  type NamedTableInfo,
  type SearchIndexNames,
  type TableNamesInDataModel,
  type VectorIndexNames,
  type WithoutSystemFields,
} from "convex/server";
import type { Value } from "convex/values";

import { api, internal } from "../convex/_generated/api";
import type {
  Color,
  DataModel,
  Doc,
  Id,
  Node,
  Profile,
  ProfileInput,
  TableNames,
} from "../convex/_generated/dataModel";

type Same<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function same<A, B>(..._proof: Same<A, B> extends true ? [] : ["they differ"]): void {}

declare const user: Id<"users">;
declare const message: Doc<"messages">;

export function Component() {
  const { results, status, loadMore } = usePaginatedQuery(
    api.messages.list,
    { author: user },
    { initialNumItems: 10 },
  );
  same<typeof results, Doc<"messages">[]>();
  if (status === "CanLoadMore") loadMore(5);
  usePaginatedQuery(api.messages.list, "skip", { initialNumItems: 10 });

  const recent = useQuery(api.messages.recent, { author: user });
  same<typeof recent, Doc<"messages">[] | undefined>();
  useQuery(api.messages.recent, { author: user, limit: 3 });
  useQuery(api.messages.recent, user ? { author: user } : "skip");
  const newest = useQuery(api.messages.default);
  same<typeof newest, Doc<"messages"> | null | undefined>();
  useQuery(api.messages.default, {});
  const threads = useQuery(api.chat.threads.list, {});
  const title: string = threads?.[0]?.title;

  const send = useMutation(api.messages.send).withOptimisticUpdate((store, args) => {
    same<typeof args, { author: Id<"users">; body: string; from?: string }>();
    const known = store.getQuery(api.messages.recent, { author: args.author });
    if (known === undefined) return;
    const fresh: Doc<"messages"> = { ...message, body: args.body, from: args.from ?? "me" };
    store.setQuery(api.messages.recent, { author: args.author }, [fresh, ...known]);
    insertAtTop({
      paginatedQuery: api.messages.list,
      argsToMatch: { author: args.author },
      localQueryStore: store,
      item: fresh,
    });
    optimisticallyUpdateValueInPaginatedQuery(
      store,
      api.messages.list,
      { author: args.author },
      (each) => ({ ...each, status: "complete" as const }),
    );
  });
  const sent: Promise<Id<"messages">> = send({ author: user, body: "Hello" });
  void sent.then((id) => useMutation(api.messages.delete)({ message: id }));

  const run = useAction(api.chat.threads.run);
  void run({ prompt: "Hi", temperature: 1 });
  useQueries({ a: { query: api.messages.recent, args: { author: user } } });
  const client = useConvex();
  void client.query(api.kinds.raw, { value: new ArrayBuffer(2) });
  return <p title={title}>{results.map((each) => each.body)}</p>;
}

export async function clients(url: string) {
  const http = new ConvexHttpClient(url);
  const found = await http.query(api.kinds.plain, {
    nothing: null,
    flag: true,
    whole: 1,
    real: 1.5,
    big: 1n,
    text: "x",
  });
  same<typeof found, [null, boolean, number, number, bigint, string]>();
  const joined = await http.mutation(api.messages.join, {
    name: "Ada",
    profile: { country: "UK" },
  });
  same<typeof joined, Id<"users">>();
  await http.action(api.chat.threads.run, { prompt: "Hi" });

  const live = new ConvexClient(url);
  const { unsubscribe } = live.onUpdate(api.messages.recent, { author: joined }, (messages) => {
    same<typeof messages, Doc<"messages">[]>();
  });
  unsubscribe();
  const page = await live.query(api.messages.list, {
    author: user,
    paginationOpts: { numItems: 1, cursor: null },
  });
  const next: string = page.continueCursor;

  const react = new ConvexReactClient(url);
  const watch = react.watchQuery(api.kinds.tree, {
    node: { label: "root", children: [{ label: "leaf" }] },
  });
  const tree: Node | undefined = watch.localQueryResult();
  react.prewarmQuery({ query: api.messages.default, args: {} });
  return [next, tree?.children[0]?.parent?.label];
}

// What arguments and results are.

export async function kinds(http: ConvexHttpClient) {
  const shapes = await http.query(api.kinds.shapes, { shape: { shape: "square", side: 1 } });
  const sizes: number[] = shapes.map((each) => (each.shape === "circle" ? each.radius : each.side));
  const color: Color = "red";
  await http.query(api.kinds.choices, { literal: 1, color, level: 2, quotes: 'say "hi"' });
  await http.query(api.kinds.dicts, {
    counts: { anything: 1 },
    named: { a: 1 },
    colored: { red: 2 },
    by_user: { [user]: 0.5 },
  });
  await http.query(api.kinds.optional, { nullable: null, both: null });
  await http.query(api.kinds.aliases, {
    tree: [1, { a: [2] }],
    pair: [1, 2],
    json: { a: ["b", null, true] },
  });
  await http.query(api.kinds.point, { value: [1] });
  await http.query(api.kinds.span, { value: { start: 1 }, range: { least: 1 } });
  await http.query(api.kinds.keywords, { new: 1, "content-length": 2, "2nd": 3 });
  const renamed = await http.query(api.kinds.renamed, { value: { in: "x" } });
  const at: string[] = await http.query(api.kinds.times, {
    at: "2026-01-01T00:00:00Z",
    day: "2026-01-01",
    wait: "PT1S",
    key: "9b2e1e1e-0000-4000-8000-000000000000",
    price: "1.10",
  });
  await http.query(api.kinds.ids, {
    user,
    file: "f" as Id<"_storage">,
    job: "j" as Id<"_scheduled_functions">,
    any: user,
  });
  const loose: number = await http.query(api.kinds.whatever, { value: 1, other: "x", unknown: [] });
  return [sizes, renamed.out, at, loose];
}

type Sending = FunctionArgs<typeof api.kinds.shapes>;
same<Sending["shape"]["shape"], "circle" | "square">();
same<FunctionReturnType<typeof internal.chat.threads.count>, number>();
same<(typeof internal.chat.threads.clear)["_visibility"], "internal">();
same<PaginatedQueryItem<typeof api.messages.list>, Doc<"messages">>();
export const schedulable: FunctionReference<"action", "internal"> = internal.chat.threads.summarize;
export const names: string[] = [getFunctionName(api.chat.threads.list)];

// The data model, as the types of convex/server want it.

function takesModel<Model extends GenericDataModel>(): TableNamesInDataModel<Model>[] {
  return [];
}
takesModel<DataModel>();
function takesDocument<D extends GenericDocument>(document: D): Value[] {
  return Object.values(document) as Value[];
}
takesDocument(message);
export const everything: Value = message;

type Messages = NamedTableInfo<DataModel, "messages">;
same<IndexNames<Messages>, "by_id" | "by_creation_time" | "by_author">();
same<SearchIndexNames<Messages>, "search_body" | "search_sender">();
same<VectorIndexNames<Messages>, "by_embedding">();
same<DocumentByName<DataModel, "messages">, Doc<"messages">>();
same<Doc<"messages">["status"], "pending" | "streaming" | "complete" | "stopped" | "error">();
same<Doc<"messages">["size"], bigint>();
same<Doc<"messages">["from"], string>();
same<Doc<"users">["best_friend"], Id<"users"> | null>();
export const path: FieldPaths<NamedTableInfo<DataModel, "users">> = "profile.country";
export const reaction: FieldPaths<Messages> = "reactions.+1";
export const absent: Doc<"messages">["edited"] = undefined;
export const fresh: WithoutSystemFields<Doc<"users">> = {
  name: "Ada",
  profile: { country: "UK", languages: [] },
  best_friend: null,
};
export const given: ProfileInput = { country: "UK" };
export const stored: Profile = { country: "UK", languages: [] };
export const tables: TableNames[] = [
  "users",
  "messages",
  "notes",
  "_storage",
  "_scheduled_functions",
];
export const file: Doc<"_storage">["sha256"] = "";
export const note = (each: Doc<"notes">): string => each.whatever + each._id;

export async function server(ctx: GenericQueryCtx<DataModel>, id: Id<"messages">) {
  const found = await ctx.db
    .query("messages")
    .withIndex("by_author", (q) => q.eq("author", user).eq("status", "complete"))
    .collect();
  await ctx.db
    .query("users")
    .withIndex("by_country", (q) => q.eq("profile.country", "UK"))
    .first();
  await ctx.db
    .query("messages")
    .withSearchIndex("search_body", (q) => q.search("body", "x").eq("content-type", "y"))
    .take(1);
  same<typeof found, Doc<"messages">[]>();
  return (await ctx.db.get(id))?.body;
}
