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
  presence: {
    /** Everybody who is here, in the order in which they came. */
    list: FunctionReference<
      "query",
      "public",
      Record<string, never>,
      Doc<"people">[]
    >;
    /**
     * Say that a window is open, and who sits at it. Windows do so every few seconds.
     */
    heartbeat: FunctionReference<
      "mutation",
      "public",
      { session: string; name: string; hue: number },
      null
    >;
    /** Say that a window closes. One that has gone already is no error. */
    leave: FunctionReference<"mutation", "public", { session: string }, null>;
  };
};

/** The functions that only other functions may call. */
export declare const internal: {
  presence: {
    /**
     * Remove somebody who has fallen silent, or look again when that could next be so.
     *
     * Each person has one such call waiting. A heartbeat need not cancel and schedule anything.
     */
    showOutIfSilent: FunctionReference<
      "mutation",
      "internal",
      { person: Id<"people"> },
      null
    >;
  };
};
