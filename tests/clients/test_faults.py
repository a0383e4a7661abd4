"""A function that misbehaves hurts its caller and nobody else."""

import asyncio
import re
from collections.abc import Iterator

import pytest

from tests.clients.conftest import Connect
from tests.server import APPS, ServerProcess
from tests.sync_client import SyncClient
from tests.wire_values import float64


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server of its own: if a fault takes it down, only this file's tests are to fail."""
    store = tmp_path_factory.mktemp("faults") / "data.sqlite3"
    with ServerProcess(APPS / "lab", store, command="dev") as started:
        yield started


@pytest.fixture
async def bystander(server: ServerProcess, connect: Connect, name: str) -> SyncClient:
    """Another client, which is served before, during and after."""
    client = await connect(server.sync_url)
    await client.subscribe("counters:get", {"name": f"{name} bystander"})
    return client


async def assert_unharmed(bystander: SyncClient, name: str) -> None:
    """Another client's write is answered and shown, and soon."""
    async with asyncio.timeout(4):
        await bystander.run("counters:add", {"name": f"{name} bystander"})
        await bystander.value_becomes(0, 1)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("faults:sleep", "sleep"),
        ("faults:sleep_not_at_all", "sleep"),
        ("faults:gather", "[Gg]ather"),
        ("faults:thread", "to_thread|Future"),
        ("faults:wait_for_ever", "Future"),
        ("faults:gives_set", "set"),
        ("faults:gives_object", "object"),
        ("faults:gives_cycle", "nest|cycl|recurs"),
        ("faults:gives_surrogate", "surrogate|Unicode"),
        ("faults:interrupt", "KeyboardInterrupt"),
        ("faults:recurse", "RecursionError"),
    ],
)
async def test_query_that_breaks_a_rule_gets_a_clear_error(
    server: ServerProcess,
    connect: Connect,
    bystander: SyncClient,
    name: str,
    path: str,
    words: str,
) -> None:
    client = await connect(server.sync_url)
    query = await client.subscribe(path)
    error = client.results[query].error
    assert error is not None
    assert re.search(words, error), error
    await assert_unharmed(bystander, name)
    assert (await client.query("plain")).value == "hello world"


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("faults:loop_for_ever", r"timed out \(maximum duration: 1s\)"),
        ("faults:loop_and_swallow", r"timed out \(maximum duration: 1s\)"),
        # Time that it spends in the database is not its own, so another bound may end it.
        ("faults:loop_over_reads", "timed out"),
    ],
)
async def test_endless_query_is_stopped(
    server: ServerProcess,
    connect: Connect,
    bystander: SyncClient,
    name: str,
    path: str,
    words: str,
) -> None:
    client = await connect(server.sync_url)
    query = await client.add(path)
    await assert_unharmed(bystander, name)
    result = await client.result_becomes(query, lambda _: True, seconds=20)
    assert result.error is not None
    assert re.search(words, result.error), result.error
    assert (await client.query("plain")).value == "hello world"


async def test_endless_mutation_is_stopped_and_writes_nothing(
    server: ServerProcess, connect: Connect, bystander: SyncClient, name: str
) -> None:
    client = await connect(server.sync_url)
    request = await client.request("Mutation", "faults:write_and_loop", {"name": name})
    await assert_unharmed(bystander, name)
    response = await client.settle(request)
    assert not response["success"]
    assert "timed out (maximum duration: 1s)" in response["result"]
    assert (await client.query("counters:get", {"name": name})).value == 0


async def test_many_endless_queries_leave_room_for_others(
    server: ServerProcess, connect: Connect, bystander: SyncClient, name: str
) -> None:
    clients = [await connect(server.sync_url) for _ in range(4)]
    queries = [await client.add("faults:loop_for_ever") for client in clients]
    await assert_unharmed(bystander, name)
    for client, query in zip(clients, queries, strict=True):
        await client.result_becomes(query, lambda result: result.error is not None, seconds=15)


@pytest.mark.parametrize(
    "path", ["faults:write_and_exit", "faults:write_and_give_set", "faults:write_and_sleep"]
)
async def test_mutation_that_breaks_a_rule_writes_nothing(
    server: ServerProcess, connect: Connect, bystander: SyncClient, name: str, path: str
) -> None:
    client = await connect(server.sync_url)
    await client.fail(path, {"name": name})
    assert (await client.query("counters:get", {"name": name})).value == 0
    await assert_unharmed(bystander, name)


async def test_cancelled_action_is_a_failure(
    server: ServerProcess, connect: Connect, bystander: SyncClient, name: str
) -> None:
    client = await connect(server.sync_url)
    response = await client.action("faults:cancel")
    assert not response["success"]
    await assert_unharmed(bystander, name)


async def test_nan_is_a_value(server: ServerProcess, connect: Connect) -> None:
    client = await connect(server.sync_url)
    assert (await client.query("faults:gives_nan")).value == float64(float("nan"))


async def test_client_that_vanishes_frees_what_it_held(
    server: ServerProcess, connect: Connect, bystander: SyncClient, name: str
) -> None:
    """Cut in the middle of actions, mutations and subscriptions, many times."""
    for number in range(30):
        client = await connect(server.sync_url)
        await client.add("counters:get", {"name": f"{name} bystander"})
        await client.request("Action", "faults:slow", {"seconds": 0.2})
        await client.request("Mutation", "counters:add", {"name": name})
        if number % 2:
            await client.catch_up()
        await client.drop()
    await assert_unharmed(bystander, name)
    watcher = await connect(server.sync_url)
    query = await watcher.subscribe("counters:get", {"name": name})
    # Those that were acknowledged had been read; the others may have been cut before.
    await watcher.result_becomes(query, lambda result: 15 <= result.value <= 30)


async def test_flood_of_sockets(
    server: ServerProcess, connect: Connect, bystander: SyncClient, name: str
) -> None:
    clients = await asyncio.gather(*(connect(server.sync_url) for _ in range(100)))
    results = await asyncio.gather(*(client.query("plain") for client in clients))
    assert {result.value for result in results} == {"hello world"}
    await assert_unharmed(bystander, name)
