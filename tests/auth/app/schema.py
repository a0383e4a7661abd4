from reactive import Document


class Note(Document, table="notes"):
    author: str | None
    text: str
