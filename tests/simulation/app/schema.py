"""The tables of the simulated app."""

from reactive import Document, index


class Counter(Document, table="counters"):
    name: str
    value: int

    by_name = index("name")


class Line(Document, table="lines"):
    """A line of a list; `place` counts from 1 without gaps."""

    list_name: str
    place: int
    text: str

    by_place = index("list_name", "place")
