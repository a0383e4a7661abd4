"""The tables of the app that the runtime's tests serve."""

from reactive import Document, index


class Counter(Document, table="counters"):
    name: str
    value: int

    by_name = index("name")


class Entry(Document, table="entries"):
    """A row of a list, in the order of its rank."""

    list_name: str
    rank: float
    label: str = ""

    by_rank = index("list_name", "rank")


class Shift(Document, table="shifts"):
    """Who is on call: the classic of write skew."""

    person: str
    on_call: bool
