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
import type { Id, Shelved } from "./dataModel.js";

/** The functions that clients may call, as `api.module.function`. */
export declare const api: {
  library: {
    /**
     * The books, all or those of one tag, newest on the shelf first.
     *
     * It depends on the rows that it reads and on nothing else: a review of a book that is not shown
     * runs it for nobody.
     */
    list: FunctionReference<"query", "public", { tag?: string }, Shelved[]>;
    /** The names of all tags, in the order of the alphabet. */
    tags: FunctionReference<"query", "public", Record<string, never>, string[]>;
    /**
     * Add a book, and its author if need be.
     *
     * Raises:
     *     ApplicationError: the author has a book of this title already; the data has its id.
     */
    add: FunctionReference<
      "mutation",
      "public",
      { title: string; author: string; year: number },
      Id<"books">
    >;
    /**
     * Give a book a tag, which is made if it is new. Once is enough, twice is no error.
     */
    tag: FunctionReference<
      "mutation",
      "public",
      { book: Id<"books">; name: string },
      null
    >;
    /** Say how good a book is. */
    review: FunctionReference<
      "mutation",
      "public",
      { book: Id<"books">; stars: number },
      null
    >;
    /**
     * Remove a book with all that hangs on it: its reviews, and tags that no other book has.
     */
    remove: FunctionReference<
      "mutation",
      "public",
      { book: Id<"books"> },
      null
    >;
  };
};

/** The functions that only other functions may call. */
export declare const internal: {};
