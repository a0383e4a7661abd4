"""Any store against a dictionary of versions.

The model keeps the whole state of the database after each commit, and so knows what any snapshot
must answer. It allows a store to refuse what it need no longer keep, and nothing else.
"""

import asyncio
import tempfile
from abc import abstractmethod
from collections.abc import Coroutine, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from reactive.errors import OutOfRetentionError
from reactive.limits import DEFAULT_LIMITS, Limits
from reactive.storage.interface import Snapshot, Store
from reactive.testing.documents import Fields, document, revision, wire_of
from reactive.values.document import CommitEntry, Receipt, Revision, Row, StoredDocument
from reactive.values.keys import encode_part, prefix_end
from reactive.values.tables import (
    IndexDefinition,
    TableDefinition,
    TableSpec,
    TextIndexDefinition,
    TextSpec,
)
from reactive.values.text import TextMatches, TextSearch, search_words
from reactive.values.timestamp import Timestamp

T = TypeVar("T")
State = Mapping[tuple[str, str], Fields]
"""All documents by the name of their table and their id."""

ENTRIES_MAX = 5
LIMITS = replace(
    DEFAULT_LIMITS,
    log_entries_max=ENTRIES_MAX,
    receipts_unindexed_max=2,
    recent_range_rows_max=2,
    recent_window_rows_max=3,
)
CLIENTS = ("ann", "bob", "eve")
TABLES = {"items": ("p", "q", "r", "s"), "users": ("x", "y")}  # an id is in one table only
KEYS = [(table, document_id) for table, ids in TABLES.items() for document_id in ids]
SCHEMAS: list[list[TableSpec]] = [
    [],
    [TableSpec("items", {"by_a": (("a",),)})],
    [TableSpec("items", {"by_a": (("a",),), "by_b_a": (("b",), ("a",))}), TableSpec("users", {})],
    [TableSpec("items", {"by_a": (("b",),)}), TableSpec("users", {"by_a": (("a",),)})],
    [TableSpec("items", {}, {"by_text": TextSpec(("a",), (("b",),))})],
    [
        TableSpec(
            "items", {}, {"by_text": TextSpec(("a",), (("b",),)), "by_b": TextSpec(("b",), ())}
        ),
        TableSpec("users", {}, {"by_text": TextSpec(("b",), ())}),
    ],
]
SEARCHES = ["a", "b", "a b", "b a", "c a"]

values = st.sampled_from([None, 0.0, 1.0, "", "\0", "a", "a b", "ab a a"])
fields = st.dictionaries(st.sampled_from("ab"), values, max_size=2)
changes = st.dictionaries(st.sampled_from(KEYS), st.none() | fields, max_size=3)
batches = st.lists(changes, min_size=1, max_size=3)
bounds = st.one_of(
    st.just(b""),
    st.just(prefix_end(b"")),
    values.map(encode_part),
    st.sampled_from("pqrsxy").map(encode_part),
)
steps_back = st.integers(0, 8)


class StoreMachine(RuleBasedStateMachine):
    """Commits to a store and reads any of its past."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        self.store = self.new_store(Path(self.folder.name), LIMITS)
        assert self.run(self.store.open()) == 0
        self.head: Timestamp = 0
        self.states: dict[Timestamp, State] = {0: {}}
        self.entries: list[CommitEntry] = []
        # The store may refuse what lies before this.
        self.floor: Timestamp = 0
        self.receipts: dict[tuple[str, int], tuple[Timestamp, Receipt]] = {}
        self.requests = 0
        self.held: list[tuple[Timestamp, Snapshot]] = []
        self.numbers: dict[str, int] = {}

    @abstractmethod
    def new_store(self, folder: Path, limits: Limits) -> Store: ...

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    def teardown(self) -> None:
        self.run(self.store.close())
        self.runner.close()
        self.folder.cleanup()

    # Writing

    @rule(
        batch=batches,
        is_left=st.booleans(),
        is_looked_at=st.booleans(),
        with_receipts=st.booleans(),
    )
    def commit(
        self,
        batch: list[dict[tuple[str, str], Fields | None]],
        is_left: bool,
        is_looked_at: bool,
        with_receipts: bool,
    ) -> None:
        self.run(
            self._commit(
                batch, is_left=is_left, is_looked_at=is_looked_at, with_receipts=with_receipts
            )
        )

    async def _commit(
        self,
        batch: list[dict[tuple[str, str], Fields | None]],
        *,
        is_left: bool,
        is_looked_at: bool,
        with_receipts: bool,
    ) -> None:
        state, ts = dict(self.states[self.head]), self.head
        states: dict[Timestamp, State] = {}
        entries: list[CommitEntry] = []
        async with self.store.commit_slot() as slot:
            assert self.head == slot.head
            for change in batch:
                ts += 10
                revisions = [self._apply(state, key, after) for key, after in change.items()]
                receipt = self._new_receipt() if with_receipts else None
                entries.append(
                    CommitEntry(ts, [each for each in revisions if each is not None], receipt)
                )
                await slot.append(entries[-1])
                states[ts] = dict(state)
                if is_looked_at:
                    await self._compare_everything(slot.snapshot(), state)
                    await self._compare_everything(
                        self.store.snapshot(self.head), self.states[self.head]
                    )
            if not is_left:
                await slot.commit()
                assert ts == slot.head
        if is_left:
            # Whoever is not answered sends the same requests again.
            self.requests -= sum(entry.receipt is not None for entry in entries)
        else:
            self._committed(entries, states)

    def _apply(
        self, state: dict[tuple[str, str], Fields], key: tuple[str, str], after: Fields | None
    ) -> Revision | None:
        before = state.pop(key, None)
        if after is not None:
            state[key] = after
        if before is None and after is None:
            return None
        return revision(self.store.table(key[0]), key[1], before, after)

    def _new_receipt(self) -> Receipt:
        self.requests += 1
        client = CLIENTS[self.requests * self.requests % len(CLIENTS)]
        return Receipt(client, self.requests, b"%d" % self.head, b"[]")

    def _committed(self, entries: list[CommitEntry], states: dict[Timestamp, State]) -> None:
        self.states |= states
        self.head = entries[-1].ts
        self.entries += entries
        if len(self.entries) > ENTRIES_MAX:
            self.floor = max(self.floor, self.entries[-ENTRIES_MAX - 1].ts)
        for entry in entries:
            if entry.receipt is not None:
                self.receipts[entry.receipt[:2]] = (entry.ts, entry.receipt)
            for each in entry.revisions:
                (table,) = (t for t in self.store.tables() if t.by_id.number == each.indexes[0])
                assert table.number == self.numbers.setdefault(table.name, table.number)

    @rule(schema=st.sampled_from(SCHEMAS))
    def define(self, schema: list[TableSpec]) -> None:
        self.run(self.store.define(schema))
        # What an index that is made now looked like in the past need not be known.
        self.floor = self.head
        for spec in schema:
            defined = self.store.table(spec.name)
            assert spec.indexes == {each.name: each.fields for each in defined.indexes[2:]}
            assert spec.text_indexes == {each.name: each.spec for each in defined.text_indexes}
            assert defined.number == self.numbers.setdefault(spec.name, defined.number)

    @rule(before=steps_back)
    def forget_receipts(self, before: int) -> None:
        ts = self._past(before)
        self.run(self.store.forget_receipts(ts))
        self.receipts = {key: each for key, each in self.receipts.items() if each[0] >= ts}

    # Reading

    def _past(self, back: int) -> Timestamp:
        """A timestamp so many commits ago; every other one lies between two commits."""
        known = sorted(self.states)
        ts = known[max(0, len(known) - 1 - back // 2)]
        return ts + back % 2

    def _state_at(self, ts: Timestamp) -> State:
        return self.states[max(known for known in self.states if known <= ts)]

    @rule(back=steps_back)
    def hold(self, back: int) -> None:
        ts = self._past(back)
        self.held.append((ts, self.store.snapshot(ts)))

    def _snapshot(self, back: int) -> tuple[Timestamp, Snapshot]:
        if self.held and back % 3 == 0:
            return self.held[back % len(self.held)]
        ts = self._past(back)
        return ts, self.store.snapshot(ts)

    @rule(
        back=steps_back,
        place=st.sampled_from(KEYS),
        version=fields,
        number=st.integers(0, 3),
    )
    def get(self, back: int, place: tuple[str, str], version: Fields, number: int) -> None:
        ts, snapshot = self._snapshot(back)
        name, document_id = place
        table = self.store.table(name)
        at = number % len(table.indexes)
        key = table.keys(wire_of(document_id, version))[at].joined
        now = self._state_at(ts).get(place)
        expected: StoredDocument | None = None
        if now is not None and table.keys(wire_of(document_id, now))[at].joined == key:
            expected = document(document_id, now)
        try:
            found = self.run(snapshot.get(table.indexes[at], key))
        except OutOfRetentionError:
            assert ts < self.floor
        else:
            assert expected == found

    @rule(
        back=steps_back,
        name=st.sampled_from(list(TABLES)),
        number=st.integers(0, 3),
        lower=bounds,
        upper=bounds,
        descending=st.booleans(),
        limit=st.integers(0, 5),
    )
    def scan(
        self,
        back: int,
        name: str,
        number: int,
        lower: bytes,
        upper: bytes,
        descending: bool,
        limit: int,
    ) -> None:
        ts, snapshot = self._snapshot(back)
        table = self.store.table(name)
        index = table.indexes[number % len(table.indexes)]
        expected = _rows(self._state_at(ts), table, index)
        expected = [row for row in expected if lower <= row.key < upper]
        try:
            found = self.run(snapshot.scan(index, lower, upper, descending=descending, limit=limit))
        except OutOfRetentionError:
            assert ts < self.floor
        else:
            assert expected[:: -1 if descending else 1][:limit] == found

    @rule(
        back=steps_back,
        name=st.sampled_from(list(TABLES)),
        number=st.integers(0, 3),
        parts=st.lists(values, max_size=2),
        descending=st.booleans(),
        limit=st.integers(0, 5),
    )
    def find(
        self,
        back: int,
        name: str,
        number: int,
        parts: list[Any],
        descending: bool,
        limit: int,
    ) -> None:
        lower = b"".join(map(encode_part, parts))
        self.scan(back, name, number, lower, prefix_end(lower), descending, limit)

    @rule(
        back=steps_back,
        name=st.sampled_from(list(TABLES)),
        number=st.integers(0, 1),
        text=st.sampled_from(SEARCHES),
        value=st.none() | values,
    )
    def search(self, back: int, name: str, number: int, text: str, value: Any) -> None:
        ts, snapshot = self._snapshot(back)
        table = self.store.table(name)
        if not table.text_indexes:
            return
        index = table.text_indexes[number % len(table.text_indexes)]
        filters = ((0, encode_part(value)),) if index.spec.filters else ()
        search = TextSearch(search_words(text), filters)
        try:
            found = self.run(snapshot.search(index, search))
        except OutOfRetentionError:
            assert ts < self.floor
        else:
            assert _found(self._state_at(ts), table, index, search) == found.ranked(100)

    async def _compare_everything(self, snapshot: Snapshot, state: State) -> None:
        for table in self.store.tables():
            for index in table.indexes:
                found = await snapshot.scan(index, b"", prefix_end(b""), limit=100)
                assert _rows(state, table, index) == found
                for lower in (b"", *map(encode_part, ("a", None))):
                    # Few rows with the same beginning are what stores remember best.
                    few = await snapshot.scan(index, lower, prefix_end(lower), limit=3)
                    expected = [row for row in found if lower <= row.key < prefix_end(lower)]
                    assert expected[:3] == few
            for text_index in table.text_indexes:
                search = TextSearch(("a",), ())
                matches = await snapshot.search(text_index, search)
                assert _found(state, table, text_index, search) == matches.ranked(100)

    # Always

    @invariant()
    def the_newest_state_is_readable(self) -> None:
        self.run(self._compare_everything(self.store.snapshot(self.head), self.states[self.head]))

    @invariant()
    def commits_are_whole_and_in_order(self) -> None:
        for ts in {0, self.floor, self.head, *(entry.ts for entry in self.entries[-3:])}:
            found = self.run(self.store.commits_after(ts))
            if found is None:
                assert ts < self.floor
            else:
                assert [entry for entry in self.entries if entry.ts > ts] == list(found)

    @invariant()
    def receipts_are_kept(self) -> None:
        for client in CLIENTS:
            newest: tuple[int, Timestamp] = (-1, 0)
            for request in range(1, self.requests + 4):
                expected = self.receipts.get((client, request))
                assert expected == self.run(self.store.receipt(client, request))
                if expected is not None:
                    newest = request, expected[0]
            assert newest == self.run(self.store.last_receipt(client))

    @invariant()
    def tables_keep_their_numbers(self) -> None:
        for name, number in self.numbers.items():
            assert number == self.store.table(name).number


class DurableStoreMachine(StoreMachine):
    """Closes and opens the store as well."""

    @abstractmethod
    def new_store(self, folder: Path, limits: Limits) -> Store: ...

    @precondition(lambda self: self.head > 0)
    @rule()
    def reopen(self) -> None:
        self.run(self.store.close())
        self.store = self.new_store(Path(self.folder.name), LIMITS)
        assert self.head == self.run(self.store.open())
        self.floor = self.head
        self.held.clear()


def _found(
    state: State, table: TableDefinition, index: TextIndexDefinition, search: TextSearch
) -> list[str]:
    matches = TextMatches(len(search.words))
    for (name, document_id), each in state.items():
        if name == table.name:
            entries = table.text_entries(wire_of(document_id, each))
            own = [entry for entry in entries if entry.number == index.number]
            matches.add(document_id, search, own)
    return matches.ranked(100)


def _rows(state: State, table: TableDefinition, index: IndexDefinition) -> list[Row]:
    at = table.indexes.index(index)
    return sorted(
        Row.of(table.keys(wire_of(document_id, each))[at].joined, document(document_id, each))
        for (name, document_id), each in state.items()
        if name == table.name
    )
