"""What the app of the file tests keeps beside its files."""

from reactive import Document, Id, index


class Picture(Document, table="pictures"):
    name: str
    file: Id["_storage"]

    by_name = index("name")
