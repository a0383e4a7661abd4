"""The recent past of a store that keeps only the newest version of each document.

A snapshot that is older than the newest commit reads the present and takes back, from here, what
the commits since then changed. Pure; bounded in entries, bytes and age.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence

from reactive.errors import OutOfRetentionError
from reactive.limits import Limits
from reactive.values.document import CommitEntry, Revision, Row, StoredDocument
from reactive.values.text import TextMatches, TextSearch
from reactive.values.timestamp import Timestamp


def merge_rows(
    rows: Iterable[Row], hidden: set[str], extra: list[Row], *, descending: bool, limit: int
) -> list[Row]:
    """Rows without the hidden documents and with the extra ones, in order, cut to `limit`."""
    merged = [row for row in rows if row.id not in hidden]
    if extra:
        merged.extend(extra)
        merged.sort(key=lambda row: row.key, reverse=descending)
    return merged[:limit]


class History:
    """The newest commits, oldest first.

    Invariant: every commit after `floor` is here.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._age_ns = int(limits.log_age_s * 1e9)
        self._entries: deque[CommitEntry] = deque()
        self._bytes = 0
        self.floor: Timestamp = 0

    def append(self, entry: CommitEntry) -> None:
        """Remembers one more commit and forgets what is beyond the bounds."""
        limits, entries = self._limits, self._entries
        entries.append(entry)
        self._bytes += entry.size
        oldest_kept = entry.ts - self._age_ns
        while (
            self._bytes > limits.log_bytes_max
            or len(entries) > limits.log_entries_max
            or entries[0].ts < oldest_kept
        ) and len(entries) > 1:
            gone = entries.popleft()
            self._bytes -= gone.size
            self.floor = max(self.floor, gone.ts)

    def restart(self, at: Timestamp) -> None:
        """Forgets everything up to the timestamp."""
        self._entries.clear()
        self._bytes = 0
        self.floor = at

    def after(self, at: Timestamp) -> list[CommitEntry] | None:
        """The commits after the timestamp, oldest first; None when some are forgotten."""
        if at < self.floor:
            return None
        found: list[CommitEntry] = []
        for entry in reversed(self._entries):
            if entry.ts <= at:
                break
            found.append(entry)
        found.reverse()
        return found


class Rewind:
    """What has to be taken back to see the past."""

    def __init__(self, entries: Sequence[CommitEntry] | None) -> None:
        if entries is None:
            raise OutOfRetentionError("the snapshot is older than the commits that are kept")
        self._entries = entries

    def _first_changes(self) -> Iterator[Revision]:
        seen: set[str] = set()
        for entry in self._entries:
            for revision in entry.revisions:
                if revision.id not in seen:
                    seen.add(revision.id)
                    yield revision

    def get(self, index: int, key: bytes, present: StoredDocument | None) -> StoredDocument | None:
        """What the key led to then, from what it leads to now."""
        for revision in self._first_changes():
            if index in revision.indexes:
                at = revision.indexes.index(index)
                if revision.before is not None and revision.before_keys[at].joined == key:
                    return revision.before
                if present is not None and present.id == revision.id:
                    present = None
        return present

    def rows(self, index: int, lower: bytes, upper: bytes) -> tuple[set[str], list[Row]]:
        """The documents to hide from the index as it is, and the rows to put in their place."""
        hidden: set[str] = set()
        extra: list[Row] = []
        for revision in self._first_changes():
            if index not in revision.indexes:
                continue
            hidden.add(revision.id)
            if revision.before is not None:
                key = revision.before_keys[revision.indexes.index(index)].joined
                if lower <= key < upper:
                    extra.append(Row.of(key, revision.before))
        return hidden, extra

    def texts(self, index: int, search: TextSearch, matches: TextMatches) -> None:
        """Turns what the search finds now into what it found then."""
        for revision in self._first_changes():
            matches.drop(revision.id)
            before = [entry for entry in revision.before_texts if entry.number == index]
            matches.add(revision.id, search, before)
