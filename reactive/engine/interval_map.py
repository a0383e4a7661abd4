"""Whose intervals contain this key?

Few intervals are simply looked through. Many are sorted by their start and cut into blocks that
know their furthest end, so that a block which ends before the key is passed over whole; what was
added since the last sorting waits in a small list of its own. One interval over everything so costs
one block, not the whole map.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

Owner = TypeVar("Owner")

_LINEAR_MAX = 64
_BLOCK = 64


class IntervalMap(Generic[Owner]):
    """Half-open intervals of bytes, each with an owner; an owner may have several."""

    __slots__ = ("_blocks", "_fresh", "_owned", "_sorted", "_starts")

    def __init__(self) -> None:
        self._owned: dict[Owner, list[tuple[bytes, bytes]]] = {}
        self._fresh: dict[Owner, None] = {}
        self._sorted = 0
        self._blocks: list[tuple[bytes, list[tuple[bytes, bytes, Owner]]]] = []
        self._starts: list[bytes] = []

    def __len__(self) -> int:
        return len(self._owned)

    def add(self, owner: Owner, lower: bytes, upper: bytes) -> None:
        self._owned.setdefault(owner, []).append((lower, upper))
        self._fresh[owner] = None

    def remove(self, owner: Owner) -> None:
        """Drops all intervals of the owner; one without any is no error."""
        self._owned.pop(owner, None)
        self._fresh.pop(owner, None)
        if 2 * len(self._owned) < self._sorted:
            # Most of what the blocks hold is gone; they would keep it alive.
            self._sort()

    def containing(self, key: bytes) -> Iterator[Owner]:
        """The owners with an interval around the key, each once."""
        if len(self._owned) <= _LINEAR_MAX:
            yield from self._look_through(self._owned, key)
            return
        if len(self._fresh) > _LINEAR_MAX + len(self._owned) // 4:
            self._sort()
        yield from self._look_through(self._fresh, key)
        seen = set()
        for number in range(bisect_right(self._starts, key)):
            furthest, block = self._blocks[number]
            if furthest <= key:
                continue
            for lower, upper, owner in block:
                if lower > key:
                    break
                if key < upper and owner not in seen and self._still(owner, lower, upper):
                    seen.add(owner)
                    yield owner

    def _look_through(self, owners: Iterable[Owner], key: bytes) -> Iterator[Owner]:
        for owner in owners:
            for lower, upper in self._owned[owner]:
                if lower <= key < upper:
                    yield owner
                    break

    def _still(self, owner: Owner, lower: bytes, upper: bytes) -> bool:
        return owner not in self._fresh and (lower, upper) in self._owned.get(owner, ())

    def _sort(self) -> None:
        everything = sorted(
            ((lower, upper, owner) for owner, each in self._owned.items() for lower, upper in each),
            key=lambda interval: interval[:2],
        )
        self._blocks = []
        self._starts = []
        self._sorted = len(self._owned)
        for at in range(0, len(everything), _BLOCK):
            block = everything[at : at + _BLOCK]
            self._blocks.append((max(upper for _, upper, _ in block), block))
            self._starts.append(block[0][0])
        self._fresh.clear()
