"""What was read of a SQLite file, or changed, of late, as it is now.

A read of a document that is asked for again and again, a user or a thread, then costs a look-up,
and its text is the same object each time, so that others can keep what they made of it. A change of
one that was read before need not look for its row.
"""

from collections import OrderedDict
from collections.abc import Iterator

from reactive.limits import Limits
from reactive.storage.windows import Windows
from reactive.values.document import Revision, Row, StoredDocument
from reactive.values.keys import IndexKey, encode_part, prefix_end

_SHARE_MAX = 64
_OWN_BYTES = 500
"""What a document takes beside its text: the row, the id, the key and its place."""

_Range = list[tuple[bytes, bytes]]


class Recent:
    """Documents by their keys in `by_id`, each with its row's number; bounded in bytes of memory.

    Of the small ranges that were read whole, all keys with the same leading components, it also
    knows which documents are in them: most indexes are there to find one. Parts of longer ones are
    in its `windows`.

    Invariant: what is here is what a read by the writing connection would give.
    """

    def __init__(self, limits: Limits) -> None:
        self._bytes_max = limits.recent_documents_bytes_max
        self._ranges_max = limits.recent_ranges_max
        self.rows_max = limits.recent_range_rows_max
        self._bytes = 0
        self._documents: OrderedDict[bytes, tuple[StoredDocument, int]] = OrderedDict()
        self._ranges: OrderedDict[tuple[int, bytes], _Range] = OrderedDict()
        self._indexes: set[int] = set()
        self.windows = Windows(limits)

    # Documents

    def get(self, key: bytes) -> StoredDocument | None:
        """The document, None when it is not here."""
        found = self._documents.get(key)
        return None if found is None else found[0]

    def number(self, key: bytes) -> int | None:
        """The number of the document's row, None when it is not here."""
        found = self._documents.get(key)
        return None if found is None else found[1]

    def add(self, key: bytes, document: StoredDocument, number: int) -> None:
        """Takes in what was read or written; what came first goes first when there is no room.

        A document that would push many others out stays out itself.
        """
        known = self._documents.get(key)
        if len(document.json) > self._bytes_max // _SHARE_MAX:
            self.drop(key)
            return
        self._documents[key] = document, number
        self._bytes += len(document.json) + _OWN_BYTES
        if known is not None:
            self._bytes -= len(known[0].json) + _OWN_BYTES
        while self._bytes > self._bytes_max:
            self.drop(next(iter(self._documents)))

    def drop(self, key: bytes) -> None:
        """Forgets a document; one that is not here is no error."""
        found = self._documents.pop(key, None)
        if found is not None:
            self._bytes -= len(found[0].json) + _OWN_BYTES

    # Ranges

    def rows(self, index: int, lower: bytes, upper: bytes) -> list[Row] | None:
        """All rows of a range in the index's order, None when they are not here."""
        found = self._ranges.get((index, lower))
        if found is None or upper != prefix_end(lower):
            return None
        rows = []
        for key, own in found:
            document = self._documents.get(own)
            if document is None:
                return None
            rows.append(Row.of(key, document[0]))
        return rows

    def add_rows(
        self,
        index: int,
        lower: bytes,
        upper: bytes,
        rows: list[Row],
        numbers: list[int],
        *,
        descending: bool,
    ) -> None:
        """Takes in a range with all of its rows, unless it is none that is kept."""
        if upper != prefix_end(lower):
            return
        place = []
        for row, number in zip(rows, numbers, strict=True):
            own = encode_part(row.id)
            place.append((row.key, own))
            if own not in self._documents:
                self.add(own, row.document, number)
        self._ranges[index, lower] = place[::-1] if descending else place
        self._indexes.add(index)
        if len(self._ranges) > self._ranges_max:
            self._ranges.popitem(last=False)

    def written(self, revision: Revision) -> None:
        """A document has come into ranges, or has left some, or is another one in them."""
        self.windows.written(revision)
        if revision.before_keys is not revision.after_keys:
            self._forget_ranges(revision)

    def unwritten(self, revision: Revision) -> None:
        """What was written is taken back: what is here of it is not going to be."""
        self.drop((revision.before_keys or revision.after_keys)[0].joined)
        self.windows.unwritten(revision)
        self._forget_ranges(revision)

    def _forget_ranges(self, revision: Revision) -> None:
        before, after = revision.before_keys, revision.after_keys
        if self._indexes.isdisjoint(revision.indexes):
            return
        for at, index in enumerate(revision.indexes):
            if index in self._indexes:
                for keys in (before, after):
                    for prefix in _prefixes(keys[at]) if keys else ():
                        self._ranges.pop((index, prefix), None)

    def clear(self) -> None:
        """Forgets everything."""
        self._documents.clear()
        self._ranges.clear()
        self._indexes.clear()
        self.windows.clear()
        self._bytes = 0


def _prefixes(key: IndexKey) -> Iterator[bytes]:
    prefix = b""
    yield prefix
    for part in key.parts:
        prefix += part
        yield prefix
