"""What jobs leave behind."""

from reactive import Document, Id, Int64, index


class Mark(Document, table="marks"):
    label: str
    seen: str

    by_label = index("label")


class Counter(Document, table="counters"):
    name: str
    value: int
    big: Int64 = Int64(0)

    by_name = index("name")


class Owner(Document, table="owners"):
    mark: Id[Mark]
