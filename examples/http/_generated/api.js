/* eslint-disable */
/**
 * References to the functions of the app.
 *
 * Made by `reactive codegen` from schema.py and functions/. Do not edit it: run
 * the command again when they have changed.
 *
 * @module
 */

import { anyApi } from "convex/server";

/** The functions that clients may call, as `api.module.function`. */
export const api = anyApi;

/** The functions that only other functions may call. */
export const internal = anyApi;
