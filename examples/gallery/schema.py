"""Pictures: the files are the storage's, what people say about them is in a table."""

from reactive import Document, Id, index

# A system table has no class of the app's, so type checkers do not know its name.
FileId = Id["_storage"]  # type: ignore[name-defined]


class Picture(Document, table="pictures"):
    file: FileId
    caption: str

    by_file = index("file")
