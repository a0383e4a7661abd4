/* eslint-disable */
/**
 * References to the functions of the app, with their types.
 *
 * Made by `reactive codegen` from schema.py and functions/. Do not edit it: run
 * the command again when they have changed.
 *
 * @module
 */

import type { FunctionReference } from "convex/server";
import type { Doc, Id } from "./dataModel.js";

/** The functions that clients may call, as `api.module.function`. */
export declare const api: {
  todos: {
    /** All of them, newest first. */
    list: FunctionReference<
      "query",
      "public",
      Record<string, never>,
      Doc<"todos">[]
    >;
    /** Put something on the list. */
    add: FunctionReference<"mutation", "public", { text: string }, Id<"todos">>;
    /**
     * Tick it, or take the tick away. Nothing happens when somebody has deleted it meanwhile.
     *
     * "Set" and not "toggle": two who tick the same thing at once mean the same.
     */
    setDone: FunctionReference<
      "mutation",
      "public",
      { id: Id<"todos">; isDone: boolean },
      null
    >;
    /** Take it off the list, if it is still there. */
    remove: FunctionReference<"mutation", "public", { id: Id<"todos"> }, null>;
    /** Take everything off the list that is done; tells how many these were. */
    removeDone: FunctionReference<
      "mutation",
      "public",
      Record<string, never>,
      number
    >;
  };
};

/** The functions that only other functions may call. */
export declare const internal: {};
