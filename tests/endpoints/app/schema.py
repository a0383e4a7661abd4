"""What the app of the endpoint tests keeps."""

from reactive import Document, index


class Note(Document, table="notes"):
    text: str

    by_text = index("text")
