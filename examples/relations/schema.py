"""A small library: one author has many books, books and tags go many to many."""

from typing import Annotated

from pydantic import Field

from reactive import Document, Id, index

Title = Annotated[str, Field(min_length=1, max_length=120)]
Year = Annotated[int, Field(ge=0, le=2100)]
Stars = Annotated[int, Field(ge=1, le=5)]


class Author(Document, table="authors"):
    name: Title

    by_name = index("name")


class Book(Document, table="books"):
    title: Title
    year: Year
    author: Id[Author]

    by_author_title = index("author", "title")


class Tag(Document, table="tags"):
    name: Title

    by_name = index("name")


class Tagging(Document, table="taggings"):
    """One tag of one book: the rows between two tables, with an index for each direction."""

    book: Id[Book]
    tag: Id[Tag]

    by_book_tag = index("book", "tag")
    by_tag = index("tag")


class Review(Document, table="reviews"):
    book: Id[Book]
    stars: Stars

    by_book = index("book")
