"""Documents as the engine knows them: bytes with a name, and how a commit changed them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from reactive.values.encoding import JsonBytes
from reactive.values.keys import IndexKey
from reactive.values.text import TextEntry
from reactive.values.timestamp import Timestamp
from reactive.values.tuples import new_tuple


class StoredDocument(NamedTuple):
    """A document at rest: its JSON is made once, when it is written, and passed on as it is."""

    id: str
    json: JsonBytes
    size: int


class Row(NamedTuple):
    """A document as an index scan finds it: a `StoredDocument` with the key in front."""

    key: bytes
    id: str
    json: JsonBytes
    size: int

    @classmethod
    def of(cls, key: bytes, document: StoredDocument) -> "Row":
        return new_tuple(cls, (key, *document))

    @property
    def document(self) -> StoredDocument:
        return new_tuple(StoredDocument, self[1:])


@dataclass(slots=True)
class Revision:
    """How one transaction changed one document.

    `before_keys` and `after_keys` are its keys in `indexes`, in that order; empty where the
    document did not, or does not, exist. The texts are its entries in full-text indexes.
    """

    id: str
    indexes: tuple[int, ...]
    before: StoredDocument | None
    after: StoredDocument | None
    before_keys: tuple[IndexKey, ...]
    after_keys: tuple[IndexKey, ...]
    before_texts: tuple[TextEntry, ...] = ()
    after_texts: tuple[TextEntry, ...] = ()


class Receipt(NamedTuple):
    """The record of a client's mutation, by which it is recognised when it is sent again."""

    session: str
    request: int
    value: JsonBytes
    log_lines: JsonBytes


@dataclass(slots=True)
class CommitEntry:
    """One commit: the report that storage keeps, the log remembers and subscriptions are woken
    by.

    `size` is a rough number of bytes that keeping the entry costs.
    """

    ts: Timestamp
    revisions: Sequence[Revision]
    receipt: Receipt | None = None
    source: str = ""
    size: int = field(init=False, compare=False)

    def __post_init__(self) -> None:
        size = 200
        for revision in self.revisions:
            size += 400
            if revision.before is not None:
                size += len(revision.before.json)
            if revision.after is not None:
                size += len(revision.after.json)
            for entry in revision.before_texts + revision.after_texts:
                size += len(entry.text)
        self.size = size
