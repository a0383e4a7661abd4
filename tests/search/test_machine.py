"""Random writes and searches, in mutations that call mutations and fail, against the oracle.

Live searches are watched all the time: each must show what the oracle has, whoever wrote last.
"""

import asyncio
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from reactive.storage.interface import Store
from reactive.storage.memory import MemoryStore
from reactive.storage.sqlite import SQLiteStore
from tests.runtime.harness import serving
from tests.search.oracle import Text, check_result, words_of
from tests.session.peers import Add

APP = Path(__file__).with_name("app")
T = TypeVar("T")
Fields = dict[str, Any]
WATCHED: list[tuple[str, Fields]] = [
    ("a", {}),
    ("b a", {}),
    ("ab", {"channel": "x"}),
    ("a c", {"channel": "y", "author": None}),
    ("c", {"author": "UNSET"}),
]

bodies = st.lists(st.sampled_from(["a", "ab", "abc", "b", "c", "D"]), max_size=6).map(" ".join)
fields = st.fixed_dictionaries(
    {},
    optional={
        "body": bodies | st.none() | st.just(7),
        "channel": st.sampled_from("xy"),
        "author": st.sampled_from([None, "ann"]),
        "seen": st.integers(0, 3),
    },
)
searches = st.tuples(
    st.lists(st.sampled_from(["a", "ab", "b", "c", "d", ""]), max_size=3).map(" ".join),
    st.fixed_dictionaries(
        {},
        optional={
            "channel": st.sampled_from("xy"),
            "author": st.sampled_from([None, "ann", "UNSET"]),
        },
    ),
)
places = st.integers(0, 9)
simple: st.SearchStrategy[Any] = st.one_of(
    st.tuples(st.just("add"), fields),
    st.tuples(st.just("patch"), places, fields),
    st.tuples(st.just("delete"), places),
    st.tuples(st.just("search"), searches),
    st.tuples(st.just("search"), st.just(("b a", {}))),
)
steps = st.recursive(
    st.lists(simple, max_size=5),
    lambda inner: st.lists(
        simple | st.tuples(st.sampled_from(["call", "fail"]), inner), max_size=5
    ),
    max_leaves=4,
)


@dataclass(frozen=True)
class Note:
    created: float
    fields: Fields


State = dict[str, Note]


def fitting(state: State, filters: Fields) -> dict[str, Text]:
    """The documents among which a search with these filters looks."""
    found = {}
    for key, note in state.items():
        own = {"channel": "main", "author": "UNSET", **note.fields}
        body = note.fields.get("body")
        if isinstance(body, str) and all(own[name] == value for name, value in filters.items()):
            found[key] = Text(note.created, words_of(body))
    return found


class SearchMachine(RuleBasedStateMachine):
    """An app with notes, and what they should be."""

    def new_store(self) -> Store:
        return MemoryStore()

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.state: State = {}
        self.made = 0
        self.run(self._start())

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    def teardown(self) -> None:
        self.run(self.stack.aclose())
        self.runner.close()

    async def _start(self) -> None:
        self.server = await self.stack.enter_async_context(serving(APP, store=self.new_store()))
        self.client = await self.server.client(
            *(Add("notes:search", {"text": text, "filters": filters}) for text, filters in WATCHED)
        )

    @initialize(written=st.lists(fields, min_size=3, max_size=6))
    def fill(self, written: list[Fields]) -> None:
        self.act([("add", each) for each in written])

    @rule(planned=steps)
    def act(self, planned: list[Any]) -> None:
        state, expected = dict(self.state), list[Any]()
        wire = self._play(state, planned, expected)
        found = self.run(self.server.mutate("notes:act", steps=wire))
        self.state = state
        assert len(expected) == len(found)
        for (text, texts), keys in zip(expected, found, strict=True):
            check_result(keys, texts, text)

    def _play(self, state: State, planned: list[Any], expected: list[Any]) -> list[Any]:
        """Does to the state what the steps, which it gives in their wire form, will do."""
        wire: list[Any] = []
        for name, *args in planned:
            if name == "add":
                self.made += 1
                key = f"note {self.made}"
                state[key] = Note(self.made, args[0])
                wire.append(["add", key, args[0]])
            elif name in ("patch", "delete") and state:
                key = sorted(state)[args[0] % len(state)]
                wire.append([name, key, *args[1:]])
                note = state.pop(key)
                if name == "patch":
                    state[key] = Note(note.created, {**note.fields, **args[1]})
            elif name == "search":
                text, filters = args[0]
                expected.append((text, fitting(state, filters)))
                wire.append(["search", text, filters])
            elif name == "call":
                wire.append(["call", self._play(state, args[0], expected)])
            elif name == "fail":
                wire.append(["fail", self._play(dict(state), args[0], expected)])
        return wire

    @rule(search=searches)
    def search(self, search: tuple[str, Fields]) -> None:
        text, filters = search
        found = self.run(self.server.query("notes:search", text=text, filters=filters))
        check_result(found, fitting(self.state, filters), text)

    @rule(search=searches, size=st.integers(1, 3))
    def pages(self, search: tuple[str, Fields], size: int) -> None:
        text, _ = search
        found = self.run(self._pages(text, size))
        assert found == self.run(self.server.query("notes:search", text=text))

    async def _pages(self, text: str, size: int) -> list[str]:
        keys: list[str] = []
        cursor, is_done = None, False
        while not is_done:
            options = {"numItems": size, "cursor": cursor}
            page = await self.server.query("notes:page", text=text, paginationOpts=options)
            keys += [each["key"] for each in page["page"]]
            cursor, is_done = page["continueCursor"], page["isDone"]
        return keys

    @invariant()
    def live_searches_show_the_newest(self) -> None:
        for (text, filters), keys in zip(WATCHED, self.client.values, strict=True):
            check_result(keys, fitting(self.state, filters), text)


class SQLiteSearchMachine(SearchMachine):
    def new_store(self) -> Store:
        return SQLiteStore(None)


TestSearchMachine = SearchMachine.TestCase
TestSearchMachine.settings = settings(
    max_examples=40, stateful_step_count=12, derandomize=True, deadline=None
)
TestSQLiteSearchMachine = SQLiteSearchMachine.TestCase
TestSQLiteSearchMachine.settings = TestSearchMachine.settings
