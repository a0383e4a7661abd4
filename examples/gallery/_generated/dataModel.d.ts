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
  pictures: {
    document: Picture;
    fieldPaths: "_id" | "_creationTime" | "file" | "caption";
    indexes: {
      by_id: ["_id"];
      by_creation_time: ["_creationTime"];
      by_file: ["file", "_creationTime"];
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

export type Picture = {
  _id: Id<"pictures">;
  _creationTime: number;
  file: Id<"_storage">;
  caption: string;
};

/**
 * A picture as the page shows it: with a URL and the size in bytes of its file.
 */
export type Hung = {
  id: Id<"pictures">;
  caption: string;
  url: string;
  size: number;
};
