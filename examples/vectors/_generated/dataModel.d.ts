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
  answers: {
    document: Answer;
    fieldPaths:
      "_id" | "_creationTime" | "topic" | "question" | "answer" | "embedding";
    indexes: {
      by_id: ["_id"];
      by_creation_time: ["_creationTime"];
    };
    searchIndexes: {};
    vectorIndexes: {
      by_embedding: {
        vectorField: "embedding";
        dimensions: number;
        filterFields: "topic";
      };
    };
  };
};

/** The names of all tables, the system's own among them. */
export type TableNames = TableNamesInDataModel<DataModel> | SystemTableNames;

/** A document of a table. */
export type Doc<TableName extends TableNames> = (DataModel &
  SystemDataModel)[TableName]["document"];

/** The id of a document: a string whose type knows the table. */
export type Id<TableName extends TableNames> = GenericId<TableName>;

export type Answer = {
  _id: Id<"answers">;
  _creationTime: number;
  topic: "kitchen" | "garden" | "bicycle";
  question: string;
  answer: string;
  embedding: number[];
};

/**
 * An answer and how near its question is: 1 is the same, 0 has nothing in common.
 */
export type Found = {
  id: Id<"answers">;
  topic: "kitchen" | "garden" | "bicycle";
  question: string;
  answer: string;
  score: number;
};
