"""Vector search against the cosine that one would write down."""

import asyncio
import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from reactive.limits import DEFAULT_LIMITS
from reactive.runtime.indexes import VectorFields
from reactive.runtime.vector_matrix import VectorMatrix, VectorView
from reactive.runtime.vectors import _LiveIndex, stored_vector
from reactive.storage.catalog import Catalog
from tests.runtime.harness import Server, serving
from tests.vectors.conftest import APP

DIMENSIONS = 3
EPSILON = 1e-6

Filters = Sequence[tuple[int, bytes]]


@dataclass(frozen=True)
class Entry:
    vector: tuple[float, ...]
    values: tuple[bytes, ...]


def cosine(one: Sequence[float], other: Sequence[float]) -> float:
    lengths = math.hypot(*one) * math.hypot(*other)
    return sum(a * b for a, b in zip(one, other, strict=True)) / lengths if lengths else 0.0


def check_hits(
    entries: Mapping[str, Entry],
    vector: Sequence[float],
    filters: Filters,
    limit: int,
    hits: Sequence[tuple[str, float]],
) -> None:
    """The hits are the nearest, with their cosines and in their order."""
    scores = {
        key: cosine(entry.vector, vector)
        for key, entry in entries.items()
        if not filters or any(entry.values[at] == value for at, value in filters)
    }
    found = [key for key, _ in hits]
    assert len(found) == len(set(found)) == min(limit, len(scores))
    assert [scores[key] for key in found] == pytest.approx([s for _, s in hits], abs=EPSILON)
    assert sorted(hits, key=lambda hit: (-hit[1], hit[0])) == list(hits)
    if found:
        least = min(scores[key] for key in found)
        assert all(s <= least + EPSILON for key, s in scores.items() if key not in found)


numbers = st.one_of(
    st.sampled_from([0.0, 1.0, -1.0, 2.0, 0.5]),
    st.floats(-1e6, 1e6, allow_subnormal=False).filter(lambda n: n == 0 or abs(n) > 1e-6),
)
vectors = st.tuples(*[numbers] * DIMENSIONS)
values = st.sampled_from([b"", b"a", b"b", b"a\0"])
filters = st.lists(st.tuples(st.integers(0, 1), values), max_size=3)
limits = st.integers(1, 12)


class MatrixMachine(RuleBasedStateMachine):
    """Vectors come, change and go, and views of the past stay what they were."""

    def __init__(self) -> None:
        super().__init__()
        self.matrix = VectorMatrix(DIMENSIONS, 2, chunk_bytes=4 * DIMENSIONS * 3)
        self.entries: dict[str, Entry] = {}
        self.held: list[tuple[VectorView, dict[str, Entry]]] = []

    @rule(
        keys=st.lists(st.integers(0, 15), min_size=1, max_size=6),
        vector=vectors,
        pair=st.tuples(values, values),
    )
    def put(self, keys: list[int], vector: tuple[float, ...], pair: tuple[bytes, bytes]) -> None:
        for key in keys:
            self.matrix.put(str(key), vector, pair)
            self.entries[str(key)] = Entry(vector, pair)

    @rule(keys=st.lists(st.integers(0, 15), min_size=1, max_size=4))
    def drop(self, keys: list[int]) -> None:
        for key in keys:
            self.matrix.drop(str(key))
            self.entries.pop(str(key), None)

    @rule()
    def hold(self) -> None:
        self.held.append((self.matrix.view(), dict(self.entries)))

    @rule(vector=vectors, filters=filters, limit=limits)
    def search_the_present(self, vector: tuple[float, ...], filters: Filters, limit: int) -> None:
        view = self.matrix.view()
        hits = view.search(vector, filters, limit)
        view.release()
        check_hits(self.entries, vector, filters, limit, hits)

    @rule(vector=vectors, filters=filters, limit=limits)
    def search_the_past(self, vector: tuple[float, ...], filters: Filters, limit: int) -> None:
        if self.held:
            view, entries = self.held.pop(0)
            check_hits(entries, vector, filters, limit, view.search(vector, filters, limit))
            view.release()

    @invariant()
    def has_all(self) -> None:
        assert len(self.matrix) == len(self.entries)


TestMatrix = MatrixMachine.TestCase
TestMatrix.settings = settings(max_examples=80, stateful_step_count=30, deadline=None)


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=2, max_size=6))
def test_any_finite_vector_is_next_to_itself(vector: list[float]) -> None:
    """Of numbers whose squares are none, too."""
    matrix = VectorMatrix(len(vector), 0)
    matrix.put("itself", vector, [])
    ((key, score),) = matrix.view().search(vector, [], 1)
    assert key == "itself"
    assert score == pytest.approx(1.0 if any(vector) else 0.0, abs=1e-6)


def test_equal_vectors_have_equal_scores_wherever_they_lie() -> None:
    dice = random.Random(7)
    vector = [dice.gauss(0, 1) for _ in range(301)]
    matrix = VectorMatrix(301, 0, chunk_bytes=4 * 301 * 17)
    for number in range(100):
        matrix.put(f"{number:03}", vector, [])
    hits = matrix.view().search([dice.gauss(0, 1) for _ in range(301)], [], 100)
    assert [f"{number:03}" for number in range(100)] == [key for key, _ in hits]
    assert len({score for _, score in hits}) == 1


def test_the_best_are_measured_finely_before_the_rest_is_cut_off() -> None:
    """Vectors so near to each other that float32 cannot tell which is nearer."""
    dice = random.Random(5)
    vector = [dice.gauss(0, 1) for _ in range(300)]
    matrix = VectorMatrix(300, 0, chunk_bytes=4 * 300 * 50)
    for number in range(400):
        near = [part * (1 + dice.gauss(0, 1e-6)) for part in vector]
        matrix.put(f"{number:03}", near, [])
    view = matrix.view()
    for _ in range(5):
        searched = [dice.gauss(0, 1) for _ in range(300)]
        everything = view.search(searched, [], 400)
        assert everything[:5] == view.search(searched, [], 5)


def test_what_was_written_is_newer_than_what_is_read() -> None:
    """A slice of a table may be read before a commit and taken in after it."""
    table = Catalog().table("notes")
    fields = VectorFields("v", ("v",), 2, (), ())
    live = _LiveIndex(table, fields, VectorMatrix(2, 0))
    live.follow("changed", {"v": [0.0, 1.0]})
    live.follow("gone", None)
    for key in ("changed", "gone", "read"):
        live.read(key, {"v": [1.0, 0.0]})
    hits = live.matrix.view().search([1.0, 0.0], [], 10)
    assert hits == [("read", 1.0), ("changed", 0.0)]


@pytest.mark.parametrize(
    ("wire", "expected"),
    [
        ([1, 2.5], [1, 2.5]),
        ([{"$float": "AAAAAAAAAIA="}, 1], [-0.0, 1]),
        ([{"$float": "AAAAAAAA+H8="}, 1], None),
        ([{"$float": "AAAAAAAA8H8="}, 1], None),
        ([{"$integer": "AQAAAAAAAAA="}, 1], None),
        ([True, 1], None),
        (["1", 1], None),
        ([None], None),
        ([], None),
        ("12", None),
        ({"0": 1}, None),
        (None, None),
    ],
)
def test_stored_vectors(wire: Any, expected: list[float] | None) -> None:
    assert expected == stored_vector(wire)


LIMITS = replace(DEFAULT_LIMITS, slice_documents_max=4)


async def all_hits(server: Server, vector: list[float]) -> list[tuple[str, float]]:
    hits = await server.act("notes:hits", vector=vector, limit=256)
    return [(hit["_id"], hit["_score"]) for hit in hits]


async def test_writes_while_the_index_is_read() -> None:
    """In front of, at and behind the place up to which the table has been read."""
    dice = random.Random(11)

    def some_vector() -> list[float]:
        return [dice.gauss(0, 1) for _ in range(DIMENSIONS)]

    for _ in range(12):
        async with serving(APP, limits=LIMITS) as server:
            first = [some_vector() for _ in range(60)]
            ids = await server.mutate("notes:fill", vectors=first)
            entries = {
                key: Entry(tuple(vector), ()) for key, vector in zip(ids, first, strict=True)
            }
            before = dict(entries)
            searching = asyncio.ensure_future(all_hits(server, [1.0, 2.0, 3.0]))
            for _ in range(25):
                key = dice.choice(ids)
                change = dice.choice(["patch", "unset", "delete", "add"])
                if change == "add" or key not in entries:
                    vector = some_vector()
                    made = await server.mutate("notes:add", key="x", fields={"embedding": vector})
                    entries[made] = Entry(tuple(vector), ())
                elif change == "patch":
                    vector = some_vector()
                    await server.mutate("notes:patch", note=key, fields={"embedding": vector})
                    entries[key] = Entry(tuple(vector), ())
                elif change == "unset":
                    await server.mutate("notes:patch", note=key, fields={"embedding": None})
                    ids.remove(key)
                    del entries[key]
                else:
                    await server.mutate("notes:delete", note=key)
                    ids.remove(key)
                    del entries[key]
                for _ in range(dice.randrange(3)):
                    await asyncio.sleep(0)
            known = {*before, *entries}
            assert {key for key, _ in await searching} <= known
            vector = some_vector()
            check_hits(entries, vector, [], 256, await all_hits(server, vector))


async def test_one_who_gives_up_takes_the_vectors_from_nobody() -> None:
    async with serving(APP, limits=LIMITS) as server:
        await server.mutate("notes:fill", vectors=[[1.0, 0.0, float(n)] for n in range(40)])
        searches = [asyncio.ensure_future(all_hits(server, [0.0, 0.0, 1.0])) for _ in range(3)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        searches[0].cancel()
        assert len(await searches[1]) == len(await searches[2]) == 40


async def test_vectors_are_read_anew_when_commits_were_missed() -> None:
    async with serving(APP, limits=LIMITS) as server:
        await server.mutate("notes:fill", vectors=[[1.0, 0.0, float(n)] for n in range(40)])
        searching = asyncio.ensure_future(all_hits(server, [0.0, 0.0, 1.0]))
        for _ in range(8):
            await asyncio.sleep(0)
        server.service.vectors.missed()
        assert len(await searching) == 40
        assert len(await all_hits(server, [0.0, 0.0, 1.0])) == 40
