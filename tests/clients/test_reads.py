"""What a query gives, and on what exactly it depends.

The queries of `reads` draw a random number in every run. `runs` is therefore what the client saw
of the query's life: it grows when the query ran again, and only then.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.clients.conftest import Connect
from tests.server import ServerProcess
from tests.sync_client import SyncClient
from tests.wire_values import exact, float64, int64


class Probe:
    """A live query of `reads`, and a writer beside it."""

    def __init__(self, watcher: SyncClient, writer: SyncClient, query: int) -> None:
        self.watcher = watcher
        self.writer = writer
        self.query = query

    @property
    def rows(self) -> Any:
        return self.watcher.results[self.query].value["rows"]

    @property
    def runs(self) -> int:
        return len(self.watcher.history[self.query])

    async def write(self, path: str, **args: Any) -> Any:
        """Commits, and waits until the watcher has all that it is owed for it."""
        response = await self.writer.mutation(path, args)
        assert response["success"], response["result"]
        await self.watcher.catch_up(response["ts"])
        return response["result"]


Watch = Callable[..., Awaitable[Probe]]


@pytest.fixture
def watch(lab: ServerProcess, connect: Connect) -> Watch:
    async def start(path: str, **args: Any) -> Probe:
        watcher, writer = await connect(lab.sync_url), await connect(lab.sync_url)
        query = await watcher.subscribe(path, args)
        assert watcher.results[query].error is None, watcher.results[query].error
        return Probe(watcher, writer, query)

    return start


@pytest.fixture
async def ids(lab: ServerProcess, connect: Connect, name: str) -> list[str]:
    """Items with the ranks 0, 10, 20, 30 and 40 in the list of this test's name."""
    client = await connect(lab.sync_url)
    found: list[str] = await client.run(
        "items:fill", {"list_name": name, "ranks": [0, 10, 20, 30, 40]}
    )
    return found


# --- Dependencies ---


async def test_first_depends_on_rows_up_to_the_one_found(
    watch: Watch, name: str, ids: list[str]
) -> None:
    probe = await watch("reads:first", list_name=name)
    assert probe.rows == [0]
    await probe.write("items:add", list_name=name, rank=5)
    await probe.write("items:relabel", item=ids[1], label="behind")
    assert probe.runs == 1
    await probe.write("items:add", list_name=name, rank=-5)
    assert probe.runs == 2
    assert probe.rows == [-5]


async def test_first_runs_again_when_its_row_changes(
    watch: Watch, name: str, ids: list[str]
) -> None:
    probe = await watch("reads:first", list_name=name)
    await probe.write("items:relabel", item=ids[0], label="changed")
    assert probe.runs == 2
    await probe.write("items:remove", item=ids[0])
    assert probe.rows == [10]


async def test_take_depends_on_rows_up_to_the_last_one_taken(
    watch: Watch, name: str, ids: list[str]
) -> None:
    probe = await watch("reads:take", list_name=name, count=2)
    assert probe.rows == [0, 10]
    await probe.write("items:relabel", item=ids[2], label="behind")
    await probe.write("items:add", list_name=name, rank=11)
    assert probe.runs == 1
    await probe.write("items:add", list_name=name, rank=9)
    assert probe.rows == [0, 9]


async def test_take_of_more_than_there_is_depends_on_the_end(
    watch: Watch, name: str, ids: list[str]
) -> None:
    probe = await watch("reads:take", list_name=name, count=6)
    assert len(probe.rows) == len(ids)
    await probe.write("items:add", list_name=name, rank=1000)
    assert probe.rows == [0, 10, 20, 30, 40, 1000]


async def test_descending_take_depends_on_the_end_of_the_range_only(
    watch: Watch, name: str, ids: list[str]
) -> None:
    probe = await watch("reads:take", list_name=name, count=1, order="desc")
    assert probe.rows == [40]
    await probe.write("items:add", list_name=name, rank=39)
    await probe.write("items:remove", item=ids[0])
    assert probe.runs == 1
    await probe.write("items:add", list_name=name, rank=41)
    assert probe.rows == [41]


async def test_take_zero_depends_on_nothing(watch: Watch, name: str, ids: list[str]) -> None:
    probe = await watch("reads:take", list_name=name, count=0)
    assert probe.rows == []
    await probe.write("items:remove", item=ids[0])
    await probe.write("items:add", list_name=name, rank=-1)
    assert probe.runs == 1


async def test_broken_iteration_depends_on_what_it_consumed(
    watch: Watch, name: str, ids: list[str]
) -> None:
    """What was fetched ahead of the loop is no dependency."""
    probe = await watch("reads:broken_off", list_name=name, count=3)
    assert probe.rows == [0, 10, 20]
    await probe.write("items:relabel", item=ids[3], label="fetched, not consumed")
    await probe.write("items:add", list_name=name, rank=25)
    assert probe.runs == 1
    await probe.write("items:relabel", item=ids[2], label="consumed")
    assert probe.runs == 2


async def test_range_depends_on_its_bounds(watch: Watch, name: str, ids: list[str]) -> None:
    probe = await watch("reads:between", list_name=name, low=10, high=30)
    assert probe.rows == [10, 20]
    for rank in (9, 30, 31):
        await probe.write("items:add", list_name=name, rank=rank)
    await probe.write("items:relabel", item=ids[3], label="outside")
    assert probe.runs == 1
    await probe.write("items:add", list_name=name, rank=29)
    assert probe.rows == [10, 20, 29]
    await probe.write("items:add", list_name=name, rank=10)
    assert probe.rows == [10, 10, 20, 29]


async def test_exclusive_lower_bound(watch: Watch, name: str, ids: list[str]) -> None:
    probe = await watch("reads:above", list_name=name, low=20)
    assert probe.rows == [30, 40]
    await probe.write("items:relabel", item=ids[2], label="equal to the bound")
    assert probe.runs == 1


async def test_row_that_leaves_its_range_runs_it_again(
    watch: Watch, name: str, ids: list[str]
) -> None:
    probe = await watch("reads:between", list_name=name, low=10, high=30)
    await probe.write("items:move", item=ids[1], rank=100)
    assert probe.rows == [20]
    await probe.write("items:move", item=ids[1], rank=25)
    assert probe.rows == [20, 25]


async def test_empty_range_runs_again_on_the_first_insert(watch: Watch, name: str) -> None:
    probe = await watch("reads:between", list_name=name, low=0, high=10)
    assert probe.rows == []
    await probe.write("items:add", list_name=name, rank=10)
    assert probe.runs == 1
    await probe.write("items:add", list_name=name, rank=3)
    assert probe.rows == [3]


async def test_rows_that_a_filter_drops_are_dependencies(
    watch: Watch, name: str, ids: list[str]
) -> None:
    probe = await watch("reads:filtered", list_name=name, label="label 10")
    assert probe.rows == [10]
    await probe.write("items:relabel", item=ids[4], label="label 10")
    assert probe.rows == [10, 40]
    await probe.write("items:relabel", item=ids[3], label="still dropped")
    assert probe.runs == 3


async def test_unique_depends_on_the_whole_range(watch: Watch, name: str) -> None:
    probe = await watch("reads:only", list_name=name)
    assert probe.rows == []
    await probe.write("items:add", list_name=name, rank=7)
    assert probe.rows == [7]
    response = await probe.writer.mutation("items:add", {"list_name": name, "rank": 8})
    await probe.watcher.catch_up(response["ts"])
    assert probe.watcher.results[probe.query].error is not None


async def test_unique_names_two_ids_when_there_are_more(
    lab_dev: ServerProcess, connect: Connect, name: str
) -> None:
    client = await connect(lab_dev.sync_url)
    made = await client.run("items:fill", {"list_name": name, "ranks": [1, 2, 3]})
    result = await client.query("reads:only", {"list_name": name})
    assert result.error is not None
    assert made[0] in result.error
    assert made[1] in result.error


async def test_get_depends_on_its_document_only(watch: Watch, name: str, ids: list[str]) -> None:
    probe = await watch("reads:by_id", item=ids[2])
    assert probe.rows == [20]
    await probe.write("items:move", item=ids[1], rank=11)
    await probe.write("items:add", list_name=name, rank=20)
    assert probe.runs == 1
    await probe.write("items:move", item=ids[2], rank=21)
    assert probe.rows == [21]
    await probe.write("items:remove", item=ids[2])
    assert probe.rows == []


async def test_query_that_reads_nothing_never_runs_again(
    watch: Watch, name: str, ids: list[str]
) -> None:
    probe = await watch("reads:nothing_at_all")
    await probe.write("items:remove", item=ids[0])
    assert probe.runs == 1


async def test_missing_table_is_empty_and_appears(watch: Watch, name: str) -> None:
    table = "appears_later"
    probe = await watch("reads:missing_table", table=table)
    assert probe.rows == []
    await probe.write("people:insert_by_name", table=table, fields={"x": name})
    assert [row["x"] for row in probe.rows] == [name]


async def test_whole_table_runs_again_on_any_write_to_it(watch: Watch, name: str) -> None:
    probe = await watch("reads:everything")
    await probe.write("items:add", list_name=name, rank=1)
    assert probe.runs == 1
    await probe.write("counters:add", name=name)
    assert probe.rows[-1] == name
    assert probe.runs == 2


async def test_called_query_adds_its_dependencies(watch: Watch, name: str, ids: list[str]) -> None:
    probe = await watch("reads:nested", list_name=name)
    assert probe.rows == [0]
    await probe.write("items:relabel", item=ids[1], label="behind")
    assert probe.runs == 1
    await probe.write("items:remove", item=ids[0])
    assert probe.rows == [10]


async def test_write_of_one_list_leaves_another_alone(
    watch: Watch, name: str, ids: list[str]
) -> None:
    probe = await watch("reads:take", list_name=name, count=100)
    assert len(probe.rows) == len(ids)
    await probe.write("items:add", list_name=f"{name} other", rank=1)
    assert probe.runs == 1


async def test_patch_without_a_change_of_the_index_still_counts(
    watch: Watch, name: str, ids: list[str]
) -> None:
    """An index entry stands for the whole document."""
    probe = await watch("reads:take", list_name=name, count=100)
    await probe.write("items:relabel", item=ids[3], label="new label, old rank")
    assert probe.runs == 2


# --- Order and equality of values ---

ORDERED = [
    None,
    int64(-5),
    int64(0),
    int64(1),
    int64(2**60),
    float64(float("-inf")),
    -1.5,
    float64(-0.0),
    0,
    5e-324,
    1,
    1.5,
    float64(float("inf")),
    float64(float("nan")),
    False,
    True,
    "",
    "a",
    "aa",
    "b",
    "\uff5e",
    "\U00010000",
    {"$bytes": ""},
    {"$bytes": "AA=="},
    {"$bytes": "AAA="},
    {"$bytes": "AQ=="},
    [],
    [None],
    [1],
    [1, 1],
    [2],
    {},
    {"a": 1},
    {"a": 1, "b": 0},
    {"a": 2},
    {"b": 0},
]


async def test_values_of_all_kinds_have_one_order(
    lab: ServerProcess, connect: Connect, name: str
) -> None:
    client = await connect(lab.sync_url)
    shuffled = ORDERED[1::3] + ORDERED[::3] + ORDERED[2::3]
    await client.run("samples:store", {"group": name, "values": shuffled})
    ascending = await client.query("samples:in_order", {"group": name})
    assert exact(ascending.value) == exact(ORDERED)
    descending = await client.query("samples:in_order", {"group": name, "order": "desc"})
    assert exact(descending.value) == exact(ORDERED[::-1])


async def test_value_equals_itself_and_nothing_else(
    lab: ServerProcess, connect: Connect, name: str
) -> None:
    """`1` and the Int64 of 1, zero and its negative, NaN, true and 1: all are what they are."""
    client = await connect(lab.sync_url)
    await client.run("samples:store", {"group": name, "values": ORDERED})
    for position, value in enumerate(ORDERED):
        found = await client.query("samples:equal", {"group": name, "value": value})
        assert exact(found.value) == exact([value])
        above = await client.query("samples:above", {"group": name, "value": value})
        assert exact(above.value) == exact(ORDERED[position + 1 :])


async def test_equal_rows_are_ordered_by_creation(
    lab: ServerProcess, connect: Connect, name: str
) -> None:
    client = await connect(lab.sync_url)
    for label in ("first", "second", "third"):
        await client.run("items:add", {"list_name": name, "rank": 1, "label": label})
    items = (await client.query("items:list", {"list_name": name})).value
    assert [item["label"] for item in items] == ["first", "second", "third"]
    later = await client.query(
        "reads:later_than",
        {"list_name": name, "rank": 1, "time": items[0]["_creationTime"]},
    )
    assert later.value == ["second", "third"]


# --- Absent, null and the rules of ranges ---


async def test_absent_is_not_null(lab: ServerProcess, connect: Connect, name: str) -> None:
    client = await connect(lab.sync_url)
    absent = await client.run("people:add_note", {"owner": name, "body": "absent", "tagged": False})
    null = await client.run("people:add_note", {"owner": name, "body": "null"})
    await client.run("people:add_note", {"owner": name, "body": "text", "tag": "x"})
    assert (await client.query("reads:untagged", {"owner": name})).value == ["absent"]
    tagged = await client.query("reads:tagged", {"owner": name, "tag": None})
    assert tagged.value == ["null"]
    stored = (await client.query("people:note", {"note": absent})).value
    assert "tag" not in stored
    assert (await client.query("people:note", {"note": null})).value["tag"] is None


async def test_equalities_in_any_order(lab: ServerProcess, connect: Connect, name: str) -> None:
    client = await connect(lab.sync_url)
    await client.run("people:add_note", {"owner": name, "body": "found", "tag": "x"})
    await client.run("people:add_note", {"owner": name, "body": "other", "tag": "y"})
    found = await client.query("reads:reversed_equalities", {"owner": name, "tag": "x"})
    assert found.value == ["found"]


@pytest.mark.parametrize(
    ("kind", "named"),
    [
        ("field not in index", "label"),
        ("not a prefix", "list_name"),
        ("two lower bounds", "rank"),
        ("bounds on two fields", "rank"),
        ("no such index", "by_nothing"),
    ],
)
async def test_bad_range_is_an_error_that_names_the_cause(
    lab_dev: ServerProcess, connect: Connect, kind: str, named: str
) -> None:
    client = await connect(lab_dev.sync_url)
    result = await client.query("reads:bad_range", {"kind": kind})
    assert result.error is not None
    assert named in result.error


@pytest.mark.parametrize("kind", ["take negative", "order twice", "used twice"])
async def test_misuse_of_the_builder_is_an_error(
    lab_dev: ServerProcess, connect: Connect, kind: str
) -> None:
    client = await connect(lab_dev.sync_url)
    result = await client.query("reads:misuse", {"kind": kind})
    assert result.error is not None
    assert "AssertionError" not in result.error


async def test_take_zero_is_empty(lab: ServerProcess, connect: Connect) -> None:
    client = await connect(lab.sync_url)
    assert (await client.query("reads:misuse", {"kind": "take zero"})).value == []


async def test_index_on_a_nested_field(lab: ServerProcess, connect: Connect, name: str) -> None:
    client = await connect(lab.sync_url)
    for person, city in (("Ada", name), ("Grace", "elsewhere"), ("Alan", name)):
        await client.run("people:insert", {"person": {"name": person, "address": {"city": city}}})
    found = await client.query("people:in_city", {"city": name})
    assert found.value == ["Ada", "Alan"]
