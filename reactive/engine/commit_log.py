"""What was committed lately, and whether a transaction can still stand."""

from dataclasses import dataclass

from reactive.storage.history import History
from reactive.values.document import CommitEntry
from reactive.values.ranges import ReadSet
from reactive.values.timestamp import Timestamp


@dataclass(frozen=True, slots=True)
class Conflict:
    """A commit that changed something a transaction had read."""

    ts: Timestamp
    document_id: str
    source: str


def conflict_with(reads: ReadSet, entry: CommitEntry) -> Conflict | None:
    """How the commit touches the read set, if it does."""
    for revision in entry.revisions:
        for keys in (revision.before_keys, revision.after_keys):
            for index, key in zip(revision.indexes, keys, strict=False):
                if reads.overlaps(index, key):
                    return Conflict(entry.ts, revision.id, entry.source)
        if reads.texts and any(map(reads.finds, (*revision.before_texts, *revision.after_texts))):
            return Conflict(entry.ts, revision.id, entry.source)
    return None


class CommitLog(History):
    """The published commits of the recent past, in order.

    Invariant: every commit that was published and is newer than what was trimmed is here before
    anybody is told of it.
    """

    def first_conflict(self, reads: ReadSet, after: Timestamp) -> Conflict | None:
        """The first commit after the timestamp that changed what was read.

        What is no longer known counts as a conflict.
        """
        entries = self.after(after)
        if entries is None:
            return Conflict(self.floor, "", "a commit that is no longer kept")
        for entry in entries:
            conflict = conflict_with(reads, entry)
            if conflict is not None:
                return conflict
        return None
