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
  poll: {
    /**
     * The choices with their votes. All browsers share this query, as it takes no session.
     */
    results: FunctionReference<
      "query",
      "public",
      Record<string, never>,
      Doc<"choices">[]
    >;
    /** What this browser has chosen. Sessions go in and never come out. */
    mine: FunctionReference<
      "query",
      "public",
      { sessionId: string },
      Id<"choices"> | null
    >;
    /**
     * Choose, or choose something else; the counts move with the vote, or not at all.
     */
    vote: FunctionReference<
      "mutation",
      "public",
      { sessionId: string; choice: Id<"choices"> },
      null
    >;
    /**
     * Add a choice and vote for it; one that is there already gets the vote.
     */
    propose: FunctionReference<
      "mutation",
      "public",
      { sessionId: string; label: string },
      Id<"choices">
    >;
  };
};

/** The functions that only other functions may call. */
export declare const internal: {};
