"""What recurring jobs leave behind."""

from reactive import Document, index


class Run(Document, table="runs"):
    name: str
    at: float

    by_name = index("name")


class Word(Document, table="words"):
    text: str
