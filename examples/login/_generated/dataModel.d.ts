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
  notes: {
    document: Note;
    fieldPaths: "_id" | "_creationTime" | "owner" | "text";
    indexes: {
      by_id: ["_id"];
      by_creation_time: ["_creationTime"];
      by_owner: ["owner", "_creationTime"];
    };
    searchIndexes: {};
    vectorIndexes: {};
  };
  users: {
    document: User;
    fieldPaths: "_id" | "_creationTime" | "name" | "salt" | "digest";
    indexes: {
      by_id: ["_id"];
      by_creation_time: ["_creationTime"];
      by_name: ["name", "_creationTime"];
    };
    searchIndexes: {};
    vectorIndexes: {};
  };
  signing_keys: {
    document: SigningKey;
    fieldPaths: "_id" | "_creationTime" | "pem";
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

/** `owner` is the `token_identifier` of whoever wrote it. */
export type Note = {
  _id: Id<"notes">;
  _creationTime: number;
  owner: string;
  text: string;
};

/** `salt` and `digest` are of the password, which nobody keeps. */
export type User = {
  _id: Id<"users">;
  _creationTime: number;
  name: string;
  salt: ArrayBuffer;
  digest: ArrayBuffer;
};

/**
 * The key that tokens are signed with. A secret: no public function reads this table.
 */
export type SigningKey = {
  _id: Id<"signing_keys">;
  _creationTime: number;
  pem: string;
};

/** What a password is compared with. */
export type Account = {
  id: string;
  salt: ArrayBuffer;
  digest: ArrayBuffer;
};
