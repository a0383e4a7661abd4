"""The schema that these tests edit."""

from reactive import Document, index


class Task(Document, table="tasks"):
    title: str
    points: int = 1

    by_title = index("title")


class Note(Document, table="notes"):
    body: str
