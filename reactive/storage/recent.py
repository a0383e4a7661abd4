"""The documents of a SQLite file that were read by their ids or changed of late, as they are now.

A read of a document that is asked for again and again, a user or a thread, then costs a look-up,
and its text is the same object each time, so that others can keep what they made of it. A change of
one that is changed again and again need not look for its row.
"""

from collections import OrderedDict

from reactive.values.document import StoredDocument

_SHARE_MAX = 64
_OWN_BYTES = 500
"""What a document takes beside its text: the row, the id, the key and its place."""


class RecentDocuments:
    """Documents by their keys in `by_id`, each with its row's number; bounded in bytes of memory.

    Invariant: what is here is what a read by the writing connection would give.
    """

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._bytes = 0
        self._documents: OrderedDict[bytes, tuple[StoredDocument, int]] = OrderedDict()

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
        self.drop(key)
        if len(document.json) > self._bytes_max // _SHARE_MAX:
            return
        self._documents[key] = document, number
        self._bytes += len(document.json) + _OWN_BYTES
        while self._bytes > self._bytes_max:
            self.drop(next(iter(self._documents)))

    def drop(self, key: bytes) -> None:
        """Forgets a document; one that is not here is no error."""
        found = self._documents.pop(key, None)
        if found is not None:
            self._bytes -= len(found[0].json) + _OWN_BYTES

    def clear(self) -> None:
        """Forgets everything."""
        self._documents.clear()
        self._bytes = 0
