/* eslint-disable */
/**
 * References to the functions of the app, with their types.
 *
 * Made by `reactive codegen` from schema.py and functions/. Do not edit it: run
 * the command again when they have changed.
 *
 * @module
 */

import type {
  FunctionReference,
  PaginationOptions,
  PaginationResult,
} from "convex/server";
import type { Doc, Id } from "./dataModel.js";

/** The functions that clients may call, as `api.module.function`. */
export declare const api: {
  notes: {
    /**
     * Notes with any of the words, best first; the last word may be only the beginning of one.
     *
     * Without words these are all notes, newest first. A note that somebody adds while one looks at
     * the results takes its place among them.
     */
    search: FunctionReference<
      "query",
      "public",
      {
        text: string;
        paginationOpts: PaginationOptions;
        kind?: "bird" | "tree" | "mushroom";
      },
      PaginationResult<Doc<"notes">>
    >;
    /**
     * Add a note. Its title is searched, too: it is the beginning of its text.
     */
    add: FunctionReference<
      "mutation",
      "public",
      { title: string; kind: "bird" | "tree" | "mushroom"; text: string },
      Id<"notes">
    >;
    /**
     * Fill an empty notebook with the sample notes; tells how many were added.
     */
    loadSamples: FunctionReference<
      "mutation",
      "public",
      Record<string, never>,
      number
    >;
  };
};

/** The functions that only other functions may call. */
export declare const internal: {};
