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
import type { Account, Doc, Id } from "./dataModel.js";

/** The functions that clients may call, as `api.module.function`. */
export declare const api: {
  notes: {
    /** The name of whoever asks; None for a guest. */
    whoami: FunctionReference<
      "query",
      "public",
      Record<string, never>,
      string | null
    >;
    /** The caller's own notes, newest first. */
    list: FunctionReference<
      "query",
      "public",
      Record<string, never>,
      Doc<"notes">[]
    >;
    /**
     * Write a note. Its owner is read from the token, never from an argument.
     */
    add: FunctionReference<"mutation", "public", { text: string }, Id<"notes">>;
    /** Delete a note of one's own. Somebody else's is as good as none. */
    remove: FunctionReference<"mutation", "public", { id: Id<"notes"> }, null>;
  };
};

/** The functions that only other functions may call. */
export declare const internal: {
  users: {
    /** The account of a name, if somebody has it. */
    find: FunctionReference<
      "query",
      "internal",
      { name: string },
      Account | null
    >;
    /** A new user's id; None when another was quicker and has the name. */
    create: FunctionReference<
      "mutation",
      "internal",
      { name: string; salt: ArrayBuffer; digest: ArrayBuffer },
      string | null
    >;
    /** The key as PEM, if one was made. */
    signingKey: FunctionReference<
      "query",
      "internal",
      Record<string, never>,
      string | null
    >;
    /** Keep a new key, unless another was quicker; gives the one that holds. */
    keepSigningKey: FunctionReference<
      "mutation",
      "internal",
      { pem: string },
      string
    >;
  };
};
