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
  deliveries: {
    /** The newest deliveries. */
    list: FunctionReference<
      "query",
      "public",
      { limit?: number },
      Doc<"deliveries">[]
    >;
    /** The delivery of an id; None for a text that is the id of none. */
    get: FunctionReference<
      "query",
      "public",
      { id: string },
      Doc<"deliveries"> | null
    >;
  };
};

/** The functions that only other functions may call. */
export declare const internal: {
  deliveries: {
    /** Keep a delivery, once however often it is sent. */
    record: FunctionReference<
      "mutation",
      "internal",
      { key: string; kind: string; data: Record<string, any> },
      Id<"deliveries">
    >;
  };
};
