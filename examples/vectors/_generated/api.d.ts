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
import type { Doc, Found, Id } from "./dataModel.js";

/** The functions that clients may call, as `api.module.function`. */
export declare const api: {
  answers: {
    /** How many answers there are to search. */
    count: FunctionReference<"query", "public", Record<string, never>, number>;
    /**
     * The answers whose questions are nearest, nearest first.
     *
     * A vector search is for actions: embedding a text usually means to call somebody else's API.
     */
    ask: FunctionReference<
      "action",
      "public",
      { question: string; topic?: "kitchen" | "garden" | "bicycle" },
      Found[]
    >;
    /** Add an answer, embedded before it is written. */
    add: FunctionReference<
      "action",
      "public",
      {
        topic: "kitchen" | "garden" | "bicycle";
        question: string;
        answer: string;
      },
      Id<"answers">
    >;
    /** Fill an empty table; tells how many answers were added. */
    loadSamples: FunctionReference<
      "mutation",
      "public",
      Record<string, never>,
      number
    >;
  };
};

/** The functions that only other functions may call. */
export declare const internal: {
  answers: {
    /** Write an answer with its embedding. */
    insert: FunctionReference<
      "mutation",
      "internal",
      {
        topic: "kitchen" | "garden" | "bicycle";
        question: string;
        answer: string;
        embedding: number[];
      },
      Id<"answers">
    >;
    /**
     * The answers of these ids, in their order; one that was deleted meanwhile is left out.
     */
    read: FunctionReference<
      "query",
      "internal",
      { ids: Id<"answers">[] },
      Doc<"answers">[]
    >;
  };
};
