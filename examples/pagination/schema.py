"""Entries of a logbook."""

from reactive import Document, index


class Entry(Document, table="entries"):
    ship: str
    text: str

    by_ship = index("ship")
