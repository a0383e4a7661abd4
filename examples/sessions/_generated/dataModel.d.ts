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
  choices: {
    document: Choice;
    fieldPaths: "_id" | "_creationTime" | "label" | "votes";
    indexes: {
      by_id: ["_id"];
      by_creation_time: ["_creationTime"];
      by_label: ["label", "_creationTime"];
    };
    searchIndexes: {};
    vectorIndexes: {};
  };
  votes: {
    document: Vote;
    fieldPaths: "_id" | "_creationTime" | "session" | "choice";
    indexes: {
      by_id: ["_id"];
      by_creation_time: ["_creationTime"];
      by_session: ["session", "_creationTime"];
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

/** `votes` is counted along, so that the result reads no vote. */
export type Choice = {
  _id: Id<"choices">;
  _creationTime: number;
  label: string;
  votes: number;
};

/**
 * The session is as good as a password: whoever knows it may vote for that browser.
 */
export type Vote = {
  _id: Id<"votes">;
  _creationTime: number;
  session: string;
  choice: Id<"choices">;
};
