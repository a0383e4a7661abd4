// Mutations that show at once what they will do. When the server answers, its truth takes over.
import { useMutation } from "convex/react";
import { api } from "../_generated/api";
import type { Id } from "../_generated/dataModel";

export function useAdd() {
  return useMutation(api.todos.add).withOptimisticUpdate((store, { text }) => {
    const todos = store.getQuery(api.todos.list);
    if (todos === undefined) return;
    const _id = `new:${crypto.randomUUID()}` as Id<"todos">;
    const todo = { _id, _creationTime: Date.now(), text: text.trim(), isDone: false };
    store.setQuery(api.todos.list, {}, [todo, ...todos]);
  });
}

export function useSetDone() {
  return useMutation(api.todos.setDone).withOptimisticUpdate((store, { id, isDone }) => {
    const todos = store.getQuery(api.todos.list);
    if (todos === undefined) return;
    const updated = todos.map((todo) => (todo._id === id ? { ...todo, isDone } : todo));
    store.setQuery(api.todos.list, {}, updated);
  });
}

export function useRemove() {
  return useMutation(api.todos.remove).withOptimisticUpdate((store, { id }) => {
    const todos = store.getQuery(api.todos.list);
    if (todos === undefined) return;
    store.setQuery(
      api.todos.list,
      {},
      todos.filter((todo) => todo._id !== id),
    );
  });
}
