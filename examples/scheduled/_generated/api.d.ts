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
import type { Doc, Id, Job } from "./dataModel.js";

/** The functions that clients may call, as `api.module.function`. */
export declare const api: {
  clock: {
    /** The clock; None before it has struck for the first time. */
    get: FunctionReference<
      "query",
      "public",
      Record<string, never>,
      Doc<"clock"> | null
    >;
  };
  messages: {
    /** The messages that were sent, newest first. */
    list: FunctionReference<
      "query",
      "public",
      Record<string, never>,
      Doc<"messages">[]
    >;
    /** The messages that still wait for their time, the next one first. */
    planned: FunctionReference<
      "query",
      "public",
      Record<string, never>,
      Doc<"planned">[]
    >;
    /** The newest scheduled calls, straight from the system's own table. */
    jobs: FunctionReference<"query", "public", Record<string, never>, Job[]>;
    /**
     * Have a message sent after a delay, and deleted `lifetime_s` after that if that is given.
     *
     * The plan and its scheduled call are one transaction: there are both, or there is neither.
     */
    plan: FunctionReference<
      "mutation",
      "public",
      { body: string; delayS?: number; lifetimeS?: number },
      Id<"planned">
    >;
    /** Take a planned message back, as long as it has not been sent. */
    callBack: FunctionReference<
      "mutation",
      "public",
      { id: Id<"planned"> },
      null
    >;
  };
};

/** The functions that only other functions may call. */
export declare const internal: {
  clock: {
    /** Count one more strike. */
    strike: FunctionReference<
      "mutation",
      "internal",
      Record<string, never>,
      null
    >;
  };
  messages: {
    /** Send a planned message: no client can call this, only the scheduler. */
    deliver: FunctionReference<
      "mutation",
      "internal",
      { id: Id<"planned"> },
      null
    >;
    /** Delete a message whose time is over. */
    destruct: FunctionReference<
      "mutation",
      "internal",
      { id: Id<"messages"> },
      null
    >;
  };
};
