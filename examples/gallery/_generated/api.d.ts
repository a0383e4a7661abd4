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
import type { Hung, Id } from "./dataModel.js";

/** The functions that clients may call, as `api.module.function`. */
export declare const api: {
  pictures: {
    /** The pictures on the wall, newest first. */
    list: FunctionReference<"query", "public", Record<string, never>, Hung[]>;
    /**
     * Where the browser may POST one file. Whoever may upload is decided here.
     */
    generateUploadUrl: FunctionReference<
      "mutation",
      "public",
      Record<string, never>,
      string
    >;
    /**
     * Hang a file that was uploaded on the wall. One that is no picture is deleted instead.
     *
     * It gives None then: an error would undo the deletion, like everything that the mutation did.
     */
    hang: FunctionReference<
      "mutation",
      "public",
      { file: Id<"_storage">; caption: string },
      Id<"pictures"> | null
    >;
    /**
     * Take a picture off the wall, and delete its file with it: both, or neither.
     */
    takeDown: FunctionReference<
      "mutation",
      "public",
      { id: Id<"pictures"> },
      null
    >;
  };
};

/** The functions that only other functions may call. */
export declare const internal: {};
