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
  people: {
    document: Person;
    fieldPaths: "_id" | "_creationTime" | "session" | "name" | "hue";
    indexes: {
      by_id: ["_id"];
      by_creation_time: ["_creationTime"];
      by_session: ["session", "_creationTime"];
    };
    searchIndexes: {};
    vectorIndexes: {};
  };
  heartbeats: {
    document: Heartbeat;
    fieldPaths: "_id" | "_creationTime" | "person" | "lastSeen";
    indexes: {
      by_id: ["_id"];
      by_creation_time: ["_creationTime"];
      by_person: ["person", "_creationTime"];
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
 * An open window as others see it: a name, and a color by its hue in degrees.
 *
 * Written when somebody comes, goes or changes.
 */
export type Person = {
  _id: Id<"people">;
  _creationTime: number;
  session: string;
  name: string;
  hue: number;
};

/**
 * When a window was last heard of, in milliseconds since the epoch.
 *
 * Apart from `Person`, because it is written every few seconds: the query that lists people does
 * not read it, so it does not run again for everybody each time that somebody merely stays.
 */
export type Heartbeat = {
  _id: Id<"heartbeats">;
  _creationTime: number;
  person: Id<"people">;
  lastSeen: number;
};
