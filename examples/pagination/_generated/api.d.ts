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
  log: {
    /**
     * The entries, of one ship or of all, newest first.
     *
     * A page begins after the cursor of the one before and keeps the end that it once had, so what is
     * written meanwhile makes a page longer and moves nothing to the next.
     */
    list: FunctionReference<
      "query",
      "public",
      { paginationOpts: PaginationOptions; ship?: string },
      PaginationResult<Doc<"entries">>
    >;
    /** Add an entry. */
    write: FunctionReference<
      "mutation",
      "public",
      { ship: string; text: string },
      Id<"entries">
    >;
    /** Take an entry out, if it is still there. */
    strike: FunctionReference<
      "mutation",
      "public",
      { id: Id<"entries"> },
      null
    >;
    /** Fill the logbook with so many days of all ships. */
    sail: FunctionReference<"mutation", "public", { days: number }, null>;
  };
};

/** The functions that only other functions may call. */
export declare const internal: {};
