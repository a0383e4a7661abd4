"""Field notes, to be found by the words in them."""

from typing import Literal

from reactive import Document, index, search_index

Kind = Literal["bird", "tree", "mushroom"]


class Note(Document, table="notes"):
    title: str
    kind: Kind
    text: str

    by_kind = index("kind")
    search_text = search_index("text", filter_fields=["kind"])
