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
  authors: {
    document: Author;
    fieldPaths: "_id" | "_creationTime" | "name";
    indexes: {
      by_id: ["_id"];
      by_creation_time: ["_creationTime"];
      by_name: ["name", "_creationTime"];
    };
    searchIndexes: {};
    vectorIndexes: {};
  };
  books: {
    document: Book;
    fieldPaths: "_id" | "_creationTime" | "title" | "year" | "author";
    indexes: {
      by_id: ["_id"];
      by_creation_time: ["_creationTime"];
      by_author_title: ["author", "title", "_creationTime"];
    };
    searchIndexes: {};
    vectorIndexes: {};
  };
  tags: {
    document: Tag;
    fieldPaths: "_id" | "_creationTime" | "name";
    indexes: {
      by_id: ["_id"];
      by_creation_time: ["_creationTime"];
      by_name: ["name", "_creationTime"];
    };
    searchIndexes: {};
    vectorIndexes: {};
  };
  taggings: {
    document: Tagging;
    fieldPaths: "_id" | "_creationTime" | "book" | "tag";
    indexes: {
      by_id: ["_id"];
      by_creation_time: ["_creationTime"];
      by_book_tag: ["book", "tag", "_creationTime"];
      by_tag: ["tag", "_creationTime"];
    };
    searchIndexes: {};
    vectorIndexes: {};
  };
  reviews: {
    document: Review;
    fieldPaths: "_id" | "_creationTime" | "book" | "stars";
    indexes: {
      by_id: ["_id"];
      by_creation_time: ["_creationTime"];
      by_book: ["book", "_creationTime"];
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

export type Author = {
  _id: Id<"authors">;
  _creationTime: number;
  name: string;
};

export type Book = {
  _id: Id<"books">;
  _creationTime: number;
  title: string;
  year: number;
  author: Id<"authors">;
};

export type Tag = {
  _id: Id<"tags">;
  _creationTime: number;
  name: string;
};

/**
 * One tag of one book: the rows between two tables, with an index for each direction.
 */
export type Tagging = {
  _id: Id<"taggings">;
  _creationTime: number;
  book: Id<"books">;
  tag: Id<"tags">;
};

export type Review = {
  _id: Id<"reviews">;
  _creationTime: number;
  book: Id<"books">;
  stars: number;
};

/** A book, joined with its author, its tags and its reviews. */
export type Shelved = {
  id: Id<"books">;
  title: string;
  year: number;
  author: string;
  tags: string[];
  stars: number | null;
  reviews: number;
};
