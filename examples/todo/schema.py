"""The one table of the to-do list."""

from reactive import Document, index


class Todo(Document, table="todos"):
    text: str
    is_done: bool = False

    by_done = index("is_done")
