"""Tables whose rows go out and in: one that names another, one of any value."""

from typing import Any

from reactive import Document, Id, index, search_index


class Author(Document, table="authors"):
    name: str


class Post(Document, table="posts"):
    author: Id[Author]
    title: str
    score: int = 0

    by_author = index("author", "score")
    search_title = search_index("title", filter_fields=["author"])


class Sample(Document, table="samples"):
    value: Any
