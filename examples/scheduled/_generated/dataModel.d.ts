/* eslint-disable */
/**
 * The tables of the app, and the types that its functions use.
 *
 * Made by `reactive codegen` from schema.py and functions/. Do not edit it: run
 * the command again when they have changed.
 *
 * @module
 */

import type {
  SystemDataModel,
  SystemTableNames,
  TableNamesInDataModel,
} from "convex/server";
import type { GenericId } from "convex/values";

/** The tables of schema.py: their documents and indexes. */
export type DataModel = {
  messages: {
    document: Message;
    fieldPaths: "_id" | "_creationTime" | "body" | "destructsAt";
    indexes: {
      by_id: ["_id"];
      by_creation_time: ["_creationTime"];
    };
    searchIndexes: {};
    vectorIndexes: {};
  };
  planned: {
    document: Planned;
    fieldPaths:
      "_id" | "_creationTime" | "body" | "sendAt" | "lifetimeS" | "job";
    indexes: {
      by_id: ["_id"];
      by_creation_time: ["_creationTime"];
      by_send_at: ["sendAt", "_creationTime"];
    };
    searchIndexes: {};
    vectorIndexes: {};
  };
  clock: {
    document: Clock;
    fieldPaths: "_id" | "_creationTime" | "strikes" | "struckAt";
    indexes: {
      by_id: ["_id"];
      by_creation_time: ["_creationTime"];
    };
    searchIndexes: {};
    vectorIndexes: {};
  };
};

/** The names of all tables, the system's own among them. */
export type TableNames = TableNamesInDataModel<DataModel> | SystemTableNames;

/** A document of a table. */
export type Doc<TableName extends TableNames> = (DataModel &
  SystemDataModel)[TableName]["document"];

/** The id of a document: a string whose type knows the table. */
export type Id<TableName extends TableNames> = GenericId<TableName>;

/**
 * `destructs_at` is when it deletes itself, in milliseconds since the epoch.
 */
export type Message = {
  _id: Id<"messages">;
  _creationTime: number;
  body: string;
  destructsAt?: number;
};

/**
 * A message that waits for its time. `job` is the scheduled call that will send it.
 */
export type Planned = {
  _id: Id<"planned">;
  _creationTime: number;
  body: string;
  sendAt: number;
  lifetimeS?: number;
  job?: Id<"_scheduled_functions">;
};

/** How often the cron has run, and when it last did. There is one of it. */
export type Clock = {
  _id: Id<"clock">;
  _creationTime: number;
  strikes: number;
  struckAt: number;
};

/** A scheduled call, as the page shows it. */
export type Job = {
  id: string;
  name: string;
  scheduledTime: number;
  state: string;
};
