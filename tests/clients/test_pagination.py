"""Pages: their boundaries stay where they were while rows come and go."""

from typing import Any

import pytest

from tests.clients.conftest import Connect
from tests.server import ServerProcess
from tests.sync_client import Result, SyncClient

Page = dict[str, Any]


def options(count: int = 5, cursor: str | None = None, **more: Any) -> dict[str, Any]:
    """What `usePaginatedQuery` sends."""
    return {"numItems": count, "cursor": cursor, "id": 1, **more}


async def filled(client: SyncClient, name: str, count: int) -> list[str]:
    """A list of `count` items with the ranks 0, 10, 20 and so on; gives their ids."""
    ranks = [number * 10 for number in range(count)]
    ids: list[str] = await client.run("items:fill", {"list_name": name, "ranks": ranks})
    return ids


def ranks(result: Result) -> list[float]:
    assert result.error is None, result.error
    return [item["rank"] for item in result.value["page"]]


async def page(client: SyncClient, name: str, paging: Page, **more: Any) -> Result:
    return await client.query("items:page", {"list_name": name, "paginationOpts": paging, **more})


async def live_page(client: SyncClient, name: str, paging: Page, **extra: Any) -> int:
    return await client.subscribe(
        "items:page", {"list_name": name, "paginationOpts": paging}, **extra
    )


async def test_shape_of_a_page(lab: ServerProcess, connect: Connect, name: str) -> None:
    client = await connect(lab.sync_url)
    ids = await filled(client, name, 7)
    result = await page(client, name, options(5))
    assert set(result.value) >= {"page", "isDone", "continueCursor"}
    assert set(result.value) <= {
        "page",
        "isDone",
        "continueCursor",
        "splitCursor",
        "pageStatus",
    }
    assert result.value["isDone"] is False
    assert isinstance(result.value["continueCursor"], str)
    assert result.value.get("pageStatus") is None
    assert isinstance(result.journal, str)
    first = result.value["page"][0]
    assert first == {
        "_id": ids[0],
        "_creationTime": first["_creationTime"],
        "list_name": name,
        "rank": 0,
        "label": "label 0",
    }


@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_cursors_walk_the_whole_list(
    lab: ServerProcess, connect: Connect, name: str, order: str
) -> None:
    client = await connect(lab.sync_url)
    await filled(client, name, 12)
    walked: list[float] = []
    sizes, cursor, done = [], None, False
    while not done:
        result = await page(client, name, options(5, cursor), order=order)
        walked += ranks(result)
        sizes.append(len(result.value["page"]))
        cursor, done = result.value["continueCursor"], result.value["isDone"]
    expected = [number * 10 for number in range(12)]
    assert walked == (expected if order == "asc" else expected[::-1])
    assert sizes == [5, 5, 2]


async def test_empty_list_is_one_page(lab: ServerProcess, connect: Connect, name: str) -> None:
    client = await connect(lab.sync_url)
    result = await page(client, name, options(5))
    assert result.value["page"] == []
    assert result.value["isDone"] is True
    beyond = await page(client, name, options(5, result.value["continueCursor"]))
    assert beyond.value["page"] == []
    assert beyond.value["isDone"] is True


async def test_page_grows_in_place_and_the_next_one_stays(
    lab: ServerProcess, connect: Connect, name: str
) -> None:
    client = await connect(lab.sync_url)
    await filled(client, name, 12)
    first = await live_page(client, name, options(5))
    cursor = client.results[first].value["continueCursor"]
    second = await live_page(client, name, options(5, cursor))
    await client.run("items:add", {"list_name": name, "rank": 15})
    await client.until(lambda: len(client.history[first]) == 2)
    await client.run("items:add", {"list_name": name, "rank": 16})
    await client.until(lambda: len(client.history[first]) == 3)
    assert ranks(client.results[first]) == [0, 10, 15, 16, 20, 30, 40]
    assert client.results[first].value["continueCursor"] == cursor
    assert ranks(client.results[second]) == [50, 60, 70, 80, 90]
    assert len(client.history[second]) == 1


async def test_row_behind_the_last_one_belongs_to_the_next_page(
    lab: ServerProcess, connect: Connect, name: str
) -> None:
    """Between the last row of a page and the first of the next there is exactly one home."""
    client = await connect(lab.sync_url)
    await filled(client, name, 12)
    first = await live_page(client, name, options(5))
    cursor = client.results[first].value["continueCursor"]
    second = await live_page(client, name, options(5, cursor))
    await client.run("items:add", {"list_name": name, "rank": 45})
    await client.until(lambda: len(client.history[second]) == 2)
    assert ranks(client.results[first]) == [0, 10, 20, 30, 40]
    assert ranks(client.results[second]) == [45, 50, 60, 70, 80, 90]


async def test_page_shrinks_to_nothing_in_place(
    lab: ServerProcess, connect: Connect, name: str
) -> None:
    client = await connect(lab.sync_url)
    await filled(client, name, 12)
    first = await live_page(client, name, options(5))
    cursor = client.results[first].value["continueCursor"]
    second = await live_page(client, name, options(5, cursor))
    removed = await client.run("items:remove_between", {"list_name": name, "low": 0, "high": 40})
    assert removed == 5
    await client.until(lambda: len(client.history[first]) == 2)
    assert ranks(client.results[first]) == []
    assert client.results[first].value["isDone"] is False
    assert client.results[first].value["continueCursor"] == cursor
    assert len(client.history[second]) == 1


async def test_last_page_stays_open_at_the_end(
    lab: ServerProcess, connect: Connect, name: str
) -> None:
    client = await connect(lab.sync_url)
    await filled(client, name, 3)
    only = await live_page(client, name, options(5))
    assert client.results[only].value["isDone"] is True
    await client.run("items:add", {"list_name": name, "rank": 1000})
    await client.until(lambda: len(client.history[only]) == 2)
    assert ranks(client.results[only]) == [0, 10, 20, 1000]
    assert client.results[only].value["isDone"] is True


async def test_journal_keeps_the_boundary_over_a_reconnect(
    lab: ServerProcess, connect: Connect, name: str
) -> None:
    client = await connect(lab.sync_url)
    await filled(client, name, 12)
    first = await live_page(client, name, options(5))
    await client.run("items:add", {"list_name": name, "rank": 15})
    await client.until(lambda: len(client.history[first]) == 2)
    known = client.results[first]
    assert ranks(known) == [0, 10, 15, 20, 30, 40]
    await client.run("items:add", {"list_name": name, "rank": 5})
    await client.drop()

    second = await connect(
        lab.sync_url, session_id=client.session_id, connection_count=1, first_request=50
    )
    with_journal = await live_page(second, name, options(5), journal=known.journal)
    assert ranks(second.results[with_journal]) == [0, 5, 10, 15, 20, 30, 40]
    assert second.results[with_journal].value["continueCursor"] == known.value["continueCursor"]
    # A fresh page, without the journal, has its own end.
    fresh = await live_page(second, name, options(5, id=2))
    assert ranks(second.results[fresh]) == [0, 5, 10, 15, 20]


async def test_end_cursor_gives_exactly_the_interval(
    lab: ServerProcess, connect: Connect, name: str
) -> None:
    client = await connect(lab.sync_url)
    await filled(client, name, 12)
    end = (await page(client, name, options(7))).value["continueCursor"]
    start = (await page(client, name, options(2))).value["continueCursor"]
    # `numItems` counts for nothing where the end is given.
    result = await page(client, name, options(1, start, endCursor=end))
    assert ranks(result) == [20, 30, 40, 50, 60]
    assert result.value["continueCursor"] == end


async def test_halves_of_a_split_make_the_page(
    lab: ServerProcess, connect: Connect, name: str
) -> None:
    client = await connect(lab.sync_url)
    await filled(client, name, 20)
    whole = await page(client, name, options(11))
    split, end = whole.value["splitCursor"], whole.value["continueCursor"]
    assert isinstance(split, str)
    low = await page(client, name, options(11, endCursor=split))
    high = await page(client, name, options(11, split, endCursor=end))
    assert ranks(low) + ranks(high) == ranks(whole)
    assert 1 <= len(ranks(low)) <= 10
    assert 1 <= len(ranks(high)) <= 10


async def test_short_page_has_no_split(lab: ServerProcess, connect: Connect, name: str) -> None:
    client = await connect(lab.sync_url)
    await filled(client, name, 5)
    result = await page(client, name, options(2))
    assert result.value.get("splitCursor") is None


async def test_outgrown_page_can_be_split(lab: ServerProcess, connect: Connect, name: str) -> None:
    client = await connect(lab.sync_url)
    await filled(client, name, 12)
    first = await live_page(client, name, options(5))
    end = client.results[first].value["continueCursor"]
    await client.run(
        "items:fill", {"list_name": name, "ranks": [11, 12, 13, 14, 15, 16, 17, 18, 19]}
    )
    await client.until(lambda: len(client.history[first]) == 2)
    grown = client.results[first]
    assert len(ranks(grown)) == 14
    split = grown.value["splitCursor"]
    low = await page(client, name, options(5, endCursor=split))
    high = await page(client, name, options(5, split, endCursor=end))
    assert ranks(low) + ranks(high) == ranks(grown)
    assert low.value["page"]
    assert high.value["page"]


async def test_read_limit_and_filter_make_progress_row_by_row(
    lab: ServerProcess, connect: Connect, name: str
) -> None:
    client = await connect(lab.sync_url)
    await filled(client, name, 4)
    steps, cursor, done = [], None, False
    while not done:
        result = await client.query(
            "items:page_filtered",
            {
                "list_name": name,
                "label": "label 20",
                "paginationOpts": options(10, cursor, maximumRowsRead=1),
            },
        )
        steps.append(ranks(result))
        cursor, done = result.value["continueCursor"], result.value["isDone"]
        assert len(steps) <= 5, "the end was never reported"
    assert [step for step in steps if step] == [[20]]
    # Row by row; the end is found with the last row or with one empty page after it.
    assert steps[:4] == [[], [], [20], []]


async def test_filter_fills_the_page_from_what_it_lets_through(
    lab: ServerProcess, connect: Connect, name: str
) -> None:
    client = await connect(lab.sync_url)
    for number in range(6):
        await client.run(
            "items:add",
            {"list_name": name, "rank": number, "label": "odd" if number % 2 else "even"},
        )
    result = await client.query(
        "items:page_filtered",
        {"list_name": name, "label": "odd", "paginationOpts": options(2)},
    )
    assert ranks(result) == [1, 3]
    assert result.value["isDone"] is False


async def test_dropped_row_runs_its_page_again_when_it_changes(
    lab: ServerProcess, connect: Connect, name: str
) -> None:
    client = await connect(lab.sync_url)
    ids = await filled(client, name, 4)
    args = {"list_name": name, "label": "label 20", "paginationOpts": options(10)}
    query = await client.subscribe("items:page_filtered", args)
    await client.run("items:relabel", {"item": ids[0], "label": "label 20"})
    await client.until(lambda: len(client.history[query]) == 2)
    assert ranks(client.results[query]) == [0, 20]


async def test_page_does_not_run_again_for_rows_behind_it(
    lab: ServerProcess, connect: Connect, name: str
) -> None:
    client = await connect(lab.sync_url)
    ids = await filled(client, name, 12)
    first = await live_page(client, name, options(5))
    await client.run("items:add", {"list_name": name, "rank": 55})
    await client.run("items:relabel", {"item": ids[9], "label": "behind"})
    await client.catch_up()
    assert len(client.history[first]) == 1


async def test_cursor_of_another_query_is_invalid(
    lab: ServerProcess, lab_dev: ServerProcess, connect: Connect, name: str
) -> None:
    """The data tells `usePaginatedQuery` to begin again, in production too."""
    for server in (lab, lab_dev):
        client = await connect(server.sync_url)
        await filled(client, name, 8)
        await filled(client, f"{name} other", 8)
        cursor = (await page(client, name, options(5))).value["continueCursor"]
        middle = len(cursor) // 2
        forged = cursor[:middle] + ("A" if cursor[middle] != "A" else "B") + cursor[middle + 1 :]
        for wrong in (
            await page(client, f"{name} other", options(5, cursor)),
            await page(client, name, options(5, cursor), order="desc"),
            await page(client, name, options(5, "no cursor at all")),
            await page(client, name, options(5, forged)),
            await page(client, name, options(5, None, endCursor="no cursor at all")),
        ):
            assert wrong.error is not None
            assert server is lab or "InvalidCursor" in wrong.error
            assert wrong.error_data == {
                "isConvexSystemError": True,
                "paginationError": "InvalidCursor",
            }


async def test_only_one_page_per_function(
    lab_dev: ServerProcess, connect: Connect, name: str
) -> None:
    client = await connect(lab_dev.sync_url)
    await filled(client, name, 8)
    args = {"list_name": name, "paginationOpts": options(2)}
    two = await client.query("items:two_pages", args)
    assert two.error is not None
    assert "paginat" in two.error
    nested = await client.query("items:page_and_nested_page", args)
    assert nested.value == {"outer": [0, 10], "inner": [70, 60]}


@pytest.mark.parametrize(
    "paging",
    [
        {"numItems": 0, "cursor": None},
        {"numItems": -1, "cursor": None},
        {"numItems": 1.5, "cursor": None},
        {"numItems": 32_001, "cursor": None},
        {"numItems": 5, "cursor": None, "maximumRowsRead": 0},
        {"cursor": None},
    ],
)
async def test_bad_options_are_refused(
    lab: ServerProcess, connect: Connect, name: str, paging: Page
) -> None:
    client = await connect(lab.sync_url)
    assert (await page(client, name, paging)).error is not None


async def test_query_without_pages_has_no_journal(
    lab: ServerProcess, connect: Connect, name: str
) -> None:
    client = await connect(lab.sync_url)
    assert (await client.query("counters:get", {"name": name})).journal is None


async def test_changed_row_moves_between_pages(
    lab: ServerProcess, connect: Connect, name: str
) -> None:
    """Both pages change in one Transition, so the row is never in both and never in none."""
    client = await connect(lab.sync_url)
    ids = await filled(client, name, 12)
    first = await live_page(client, name, options(5))
    cursor = client.results[first].value["continueCursor"]
    second = await live_page(client, name, options(5, cursor))
    await client.run("items:move", {"item": ids[1], "rank": 65})
    assert {change["queryId"] for change in client.transitions[-1]["modifications"]} == {
        first,
        second,
    }
    assert ranks(client.results[first]) == [0, 20, 30, 40]
    assert ranks(client.results[second]) == [50, 60, 65, 70, 80, 90]
