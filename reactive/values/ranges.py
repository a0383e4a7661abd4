"""What a transaction read: ranges of index keys, merged where they touch, and searches."""

from collections.abc import Collection, Iterator
from typing import Final, NamedTuple

from reactive.values.keys import IndexKey, after, prefix_end
from reactive.values.text import TextEntry, TextRead

_NO_TEXTS: Final[frozenset[TextRead]] = frozenset()


class IndexRange(NamedTuple):
    """The keys from `lower` up to but not including `upper` of one index.

    All of them start with `prefix`, which is `depth` whole components long: the equality part of
    the range, and what a commit looks subscriptions up by.
    """

    number: int
    depth: int
    prefix: bytes
    lower: bytes
    upper: bytes

    def contains(self, index: int, key: bytes) -> bool:
        return index == self.number and self.lower <= key < self.upper

    def cut(self, last: bytes, *, descending: bool) -> tuple["IndexRange", "IndexRange"]:
        """The part that a walk has seen whose last key this is, and the rest."""
        index, depth, prefix, lower, upper = self
        if descending:
            return (
                IndexRange(index, depth, prefix, last, upper),
                IndexRange(index, depth, prefix, lower, last),
            )
        end = after(last)
        return (
            IndexRange(index, depth, prefix, lower, end),
            IndexRange(index, depth, prefix, end, upper),
        )


def whole_index(index: int) -> IndexRange:
    """Every key of the index."""
    return IndexRange(index, 0, b"", b"", prefix_end(b""))


def single_key(index: int, key: bytes) -> IndexRange:
    """One key of an index of one component, such as `by_id`."""
    return IndexRange(index, 1, key, key, after(key))


class ReadSet:
    """Index ranges and searches that a run depended on.

    Ranges of one prefix that touch are merged, so that walking one range in many steps, or
    getting one document many times, counts once.
    """

    __slots__ = ("_ranges", "count", "texts")

    def __init__(self) -> None:
        self._ranges: dict[tuple[int, int, bytes], list[tuple[bytes, bytes]]] = {}
        self.texts = _NO_TEXTS
        self.count = 0

    def add(self, read: IndexRange) -> None:
        """Records one more range."""
        index, depth, prefix, lower, upper = read
        place = (index, depth, prefix)
        intervals = self._ranges.get(place)
        if intervals is None:
            self._ranges[place] = [(lower, upper)]
            self.count += 1
            return
        kept = []
        for low, high in intervals:
            if high < lower or upper < low:
                kept.append((low, high))
            else:
                lower, upper = min(low, lower), max(high, upper)
        kept.append((lower, upper))
        self.count += len(kept) - len(intervals)
        self._ranges[place] = kept

    def add_text(self, read: TextRead) -> None:
        """Records one more search."""
        if read not in self.texts:
            self.texts |= {read}
            self.count += 1

    def __iter__(self) -> Iterator[IndexRange]:
        for (index, depth, prefix), intervals in self._ranges.items():
            for lower, upper in intervals:
                yield IndexRange(index, depth, prefix, lower, upper)

    def split(self, indexes: Collection[int]) -> tuple["ReadSet", "ReadSet"]:
        """The ranges of these indexes and all searches, and the other ranges."""
        inside, outside = ReadSet(), ReadSet()
        for read in self:
            (inside if read.number in indexes else outside).add(read)
        for text in self.texts:
            inside.add_text(text)
        return inside, outside

    def overlaps(self, index: int, key: IndexKey) -> bool:
        """Whether a change of this key is a change of what was read."""
        prefix = b""
        for depth in range(len(key.parts) + 1):
            intervals = self._ranges.get((index, depth, prefix))
            if intervals and any(low <= key.joined < high for low, high in intervals):
                return True
            if depth < len(key.parts):
                prefix += key.parts[depth]
        return False

    def finds(self, entry: TextEntry) -> bool:
        """Whether one of the searches finds a document with this entry."""
        return any(read.is_changed_by(entry) for read in self.texts)

    def update(self, other: "ReadSet") -> None:
        """Adds all that another read set has."""
        for read in other:
            self.add(read)
        for text in other.texts:
            self.add_text(text)
