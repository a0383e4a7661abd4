"""New indexes are filled while commits go on.

A table is walked in the order of its ids, a slice at a time, each slice in the commit slot and
followed by everybody else's commits. What is behind the walk is in the new indexes and follows
every commit; what is ahead of it will be found when the walk gets there. So nothing has to be
caught up with at the end, and a commit costs more only for tables that are being walked.

Nobody reads the new numbers before the plan is adopted. Rows of numbers that no table has, as a
crash or a change of mind leaves them, are removed by `Store.sweep`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

from reactive.storage.interface import SchemaChange
from reactive.values.document import Revision, StoredDocument
from reactive.values.encoding import load_json
from reactive.values.keys import IndexKey, after, prefix_end
from reactive.values.tables import TableDefinition
from reactive.values.text import TextEntry

_END = prefix_end(b"")


@dataclass(slots=True)
class Filling:
    """One table's new indexes, and how far they are filled.

    `table` has no other indexes than the two built in and the new ones. A document whose `by_id`
    key is below `reached` is in all of them, as the newest commit left it; others are in none.
    """

    table: TableDefinition
    numbers: tuple[int, ...] = field(init=False)
    reached: bytes = b""
    done: int = 0

    def __post_init__(self) -> None:
        self.numbers = self.table.index_numbers[2:]

    @property
    def is_done(self) -> bool:
        return self.reached == _END

    def revision(
        self, document_id: str, before: StoredDocument | None, after: StoredDocument | None
    ) -> Revision:
        """The change of a document as the new indexes see it."""
        old_keys, old_texts = self._places(before)
        new_keys, new_texts = self._places(after)
        return Revision(
            document_id, self.numbers, before, after, old_keys, new_keys, old_texts, new_texts
        )

    def _places(
        self, document: StoredDocument | None
    ) -> tuple[tuple[IndexKey, ...], tuple[TextEntry, ...]]:
        if document is None:
            return (), ()
        wire = load_json(document.json)
        return self.table.keys(wire)[2:], self.table.text_entries(wire)

    def advance(self, last: bytes | None, documents: int) -> None:
        """So many more documents are in, the last of them with this key; None at the end."""
        self.reached = _END if last is None else after(last)
        self.done += documents


class Backfill:
    """All indexes that are being filled."""

    def __init__(self, planned: Iterable[TableDefinition], known: Iterable[int]) -> None:
        """Of the planned tables' indexes, text ones too, those that are not known are new."""
        old = frozenset(known)
        self._fillings: dict[int, Filling] = {}
        for table in planned:
            new = tuple(index for index in table.indexes[2:] if index.number not in old)
            texts = tuple(index for index in table.text_indexes if index.number not in old)
            if new or texts:
                partial = TableDefinition(
                    table.number, table.name, (*table.indexes[:2], *new), texts
                )
                self._fillings[table.by_id.number] = Filling(partial)

    def __bool__(self) -> bool:
        return bool(self._fillings)

    @property
    def fillings(self) -> Sequence[Filling]:
        return tuple(self._fillings.values())

    @property
    def text_numbers(self) -> set[int]:
        return {i.number for each in self.fillings for i in each.table.text_indexes}

    @property
    def numbers(self) -> set[int]:
        return {number for each in self.fillings for number in each.numbers} | self.text_numbers

    def follow(self, revision: Revision) -> Revision | None:
        """What a commit's change of a document changes in the new indexes; None when nothing."""
        filling = self._fillings.get(revision.indexes[0])
        if filling is None:
            return None
        key = (revision.before_keys or revision.after_keys)[0].joined
        if key >= filling.reached:
            return None
        return filling.revision(revision.id, revision.before, revision.after)


async def fill_all(
    fillings: Iterable[Filling],
    slot: Callable[[], AbstractAsyncContextManager[object]],
    fill: Callable[[Filling], Awaitable[None]],
    change: SchemaChange,
) -> None:
    """Walks the tables; `fill` does one slice and moves the filling on.

    A table of one slice is done without suspending.
    """
    for filling in fillings:
        while not filling.is_done:
            async with slot():
                await fill(filling)
            if not filling.is_done:
                await change.progress(filling.table, filling.done)
                await asyncio.sleep(0)
