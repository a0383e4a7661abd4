"""What a write costs the searches that it does not concern: nothing."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.runtime.harness import Client, Server, serving
from tests.session.peers import Add

APP = Path(__file__).with_name("app")


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with serving(APP) as server:
        yield server


async def runs(server: Server, path: str, **args: Any) -> int:
    """How many queries are run again because of a mutation."""
    before = server.service.executions
    await server.mutate(path, **args)
    return server.service.executions - before - 1


def search(text: str, **filters: Any) -> Add:
    return Add("notes:search", {"text": text, "filters": filters})


async def settled(client: Client) -> list[Any]:
    await client.say()
    return client.values


async def test_only_searches_that_a_write_concerns_run_again(server: Server) -> None:
    client = await server.client(search("red fo"), search("blue"), search("red", channel="side"))
    for number in range(20):
        body = {"body": f"yellow {number}"}
        assert await runs(server, "notes:add", key=f"k{number}", fields=body) == 0
    assert await runs(server, "notes:add", key="fox", fields={"body": "a fox"}) == 1
    assert await runs(server, "notes:add", key="red", fields={"body": "Red"}) == 1
    side = {"body": "red", "channel": "side"}
    assert await runs(server, "notes:add", key="side", fields=side) == 2
    assert await settled(client) == [["side", "red", "fox"], [], ["side"]]


async def test_a_write_concerns_what_a_document_was_and_is(server: Server) -> None:
    client = await server.client(search("red"), search("blue"), search("green"))
    await server.mutate("notes:add", key="x", fields={"body": "red"})
    await client.say()
    assert await runs(server, "notes:patch", key="x", fields={"body": "blue"}) == 2
    await client.say()
    assert await runs(server, "notes:patch", key="x", fields={"seen": 3}) == 1
    await client.say()
    assert await runs(server, "notes:patch", key="x", fields={"body": None}) == 1
    await client.say()
    assert await runs(server, "notes:patch", key="x", fields={"body": "yellow"}) == 0
    assert await runs(server, "notes:delete", key="x") == 0


async def test_a_failed_nested_mutation_concerns_nobody(server: Server) -> None:
    steps = [["fail", [["add", "x", {"body": "red"}]]], ["add", "y", {"body": "blue"}]]
    unwatched = await runs(server, "notes:act", steps=steps)
    client = await server.client(search("red"))
    assert await runs(server, "notes:act", steps=steps) == unwatched
    assert await settled(client) == [[]]


async def test_an_empty_search_depends_on_nothing(server: Server) -> None:
    await server.client(search(""), search("?!"))
    assert await runs(server, "notes:add", key="x", fields={"body": "red"}) == 0


async def test_equal_searches_run_once(server: Server) -> None:
    clients = [await server.client(search("red")) for _ in range(10)]
    assert await runs(server, "notes:add", key="x", fields={"body": "red"}) == 1
    assert [await settled(each) for each in clients] == [[["x"]]] * 10


async def test_probes_do_not_grow_with_the_searches(server: Server) -> None:
    await server.client(*(search(f"word{n}", channel=f"c{n}") for n in range(200)))
    before = server.database.probes
    await server.mutate("notes:add", key="x", fields={"body": "a few words of no interest"})
    assert server.database.probes - before <= 2


async def test_pages_of_a_live_search_stay_whole(server: Server) -> None:
    """At every commit the pages together are what the search finds, without gap and overlap."""
    bodies = ["red " * (n % 4 + 1) + "blue" for n in range(12)]
    await server.mutate("notes:add_many", bodies=bodies)

    def page(cursor: str | None) -> Add:
        options = {"numItems": 5, "cursor": cursor, "id": 1}
        return Add("notes:page", {"text": "red", "paginationOpts": options})

    client = await server.client(page(None))
    await client.watch(page(client.values[0]["continueCursor"]))
    await client.watch(page(client.values[1]["continueCursor"]))
    assert [len(each["page"]) for each in client.values] == [5, 5, 2]
    for step in range(6):
        if step % 3 == 2:
            await server.mutate("notes:delete", key=f"main {step}")
        else:
            body = {"body": "red " * step + "red"}
            await server.mutate("notes:add", key=f"new {step}", fields=body)
        await client.say()
        shown = [each["key"] for page in client.values for each in page["page"]]
        assert shown == await server.query("notes:search", text="red")
        assert [len(each["page"]) for each in client.values[:2]] == [5, 5]


async def test_functions_in_threads_search_too(server: Server) -> None:
    """Their mutations are prepared beside others, and run again when a search was changed."""
    registry = server.service.project.registry
    for path in ("notes:search", "notes:act", "notes:add_if_alone"):
        registry.find(path, None, is_admin=True).is_slow = True
    steps = [["add", "x", {"body": "red"}], ["search", "red", {}], ["delete", "x"]]
    assert await server.mutate("notes:act", steps=[*steps, ["search", "red", {}]]) == [["x"], []]
    added = await asyncio.gather(
        *(server.mutate("notes:add_if_alone", text="only red") for _ in range(5))
    )
    assert sorted(added) == [False, False, False, False, True]
    assert await server.query("notes:search", text="red") == ["only red"]
