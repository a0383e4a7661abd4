"""Isolation, calls between functions, and what a run may know of time and chance."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from tests.clients.conftest import Connect
from tests.server import ServerProcess
from tests.sync_client import Message, SyncClient


@pytest.fixture
async def client(lab_dev: ServerProcess, connect: Connect) -> SyncClient:
    """In development, where an error says what it is about."""
    return await connect(lab_dev.sync_url)


@pytest.fixture
def crowd(lab: ServerProcess, connect: Connect) -> Callable[..., Awaitable[list[Message]]]:
    """Runs one mutation many times at once, each on a socket of its own."""

    async def run(count: int, path: str, args: list[Message]) -> list[Message]:
        clients = [await connect(lab.sync_url) for _ in range(count)]
        async with asyncio.timeout(60):
            return await asyncio.gather(
                *(
                    client.mutation(path, args[number % len(args)])
                    for number, client in enumerate(clients)
                )
            )

    return run


Crowd = Callable[..., Awaitable[list[Message]]]


# --- Isolation ---


async def test_hot_counter_loses_and_doubles_nothing(
    lab: ServerProcess, connect: Connect, crowd: Crowd, name: str
) -> None:
    responses = await crowd(50, "counters:add", [{"name": name}])
    results = sorted(response["result"] for response in responses if response["success"])
    assert results == list(range(1, len(results) + 1))
    client = await connect(lab.sync_url)
    assert (await client.query("counters:get", {"name": name})).value == len(results)
    stamps = {response["ts"] for response in responses if response["success"]}
    assert len(stamps) == len(results) >= 1


async def test_slow_and_quick_writers_of_one_row(
    lab: ServerProcess, connect: Connect, name: str
) -> None:
    """A long transaction between many short ones reads one snapshot or runs again."""
    slow, quick = await connect(lab.sync_url), await connect(lab.sync_url)
    request = await slow.request("Mutation", "counters:add_slowly", {"name": name, "reads": 300})
    quick_requests = [
        await quick.request("Mutation", "counters:add", {"name": name}) for _ in range(30)
    ]
    answers = [await quick.settle(one) for one in quick_requests]
    answers.append(await slow.settle(request))
    succeeded = [answer for answer in answers if answer["success"]]
    values = sorted(
        answer["result"]["value"] if isinstance(answer["result"], dict) else answer["result"]
        for answer in succeeded
    )
    assert values == list(range(1, len(succeeded) + 1))
    assert len(succeeded) >= 30
    assert (await quick.query("counters:get", {"name": name})).value == len(succeeded)


async def test_no_write_skew(lab: ServerProcess, connect: Connect, crowd: Crowd, name: str) -> None:
    """Each reads that somebody else is on call and signs off; one must notice the other."""
    client = await connect(lab.sync_url)
    for round_number in range(10):
        team = f"{name} {round_number}"
        people = ["Ada", "Bob", "Eve"]
        await client.run("shifts:set_up", {"team": team, "people": people})
        responses = await crowd(
            3, "shifts:sign_off", [{"team": team, "person": person} for person in people]
        )
        left = (await client.query("shifts:on_call", {"team": team})).value
        assert len(left) == 1
        assert sum(response["success"] for response in responses) == 2


async def test_reads_of_a_failed_call_still_count(
    lab: ServerProcess, connect: Connect, crowd: Crowd, name: str
) -> None:
    """What a caller learned from a call that was undone must still be true at the commit."""
    responses = await crowd(20, "nested:claim_next", [{"key": name}])
    succeeded = [response["result"] for response in responses if response["success"]]
    client = await connect(lab.sync_url)
    claims = (await client.query("nested:claims", {"key": name})).value
    assert claims == list(range(len(succeeded)))
    assert sorted(succeeded) == claims


async def test_transaction_that_read_what_changed_runs_again(
    lab: ServerProcess, connect: Connect, name: str
) -> None:
    """With a new snapshot, a new clock and new chance."""
    slow, quick = await connect(lab.sync_url), await connect(lab.sync_url)
    request = await slow.request(
        "Mutation", "counters:add_after_spin", {"name": name, "seconds": 0.4}
    )
    attempts: list[Message] = []
    while not attempts:
        attempts = (await quick.action("counters:attempts", {"name": name}))["result"]
    assert await quick.run("counters:add", {"name": name}) == 1
    assert (await slow.settle(request))["result"] == 2
    attempts = (await quick.action("counters:attempts", {"name": name}))["result"]
    assert attempts[0]["read"] == 0
    assert attempts[-1]["read"] == 1
    assert len({attempt["random"] for attempt in attempts}) == len(attempts)
    times = [attempt["now"] for attempt in attempts]
    assert times == sorted(times)
    assert times[-1] > times[0]


async def test_slow_transaction_under_constant_fire(
    lab: ServerProcess, connect: Connect, name: str
) -> None:
    """It may lose in the end, but is told so, and nothing is lost or counted twice."""
    slow, quick = await connect(lab.sync_url), await connect(lab.sync_url)
    request = await slow.request(
        "Mutation", "counters:add_after_spin", {"name": name, "seconds": 0.3}
    )
    settled = asyncio.create_task(slow.settle(request))
    count = 0
    async with asyncio.timeout(20):
        while not settled.done():
            await quick.run("counters:add", {"name": name})
            count += 1
    response = settled.result()
    assert count > 10
    total = count + (1 if response["success"] else 0)
    assert (await quick.query("counters:get", {"name": name})).value == total
    attempts = (await quick.action("counters:attempts", {"name": name}))["result"]
    assert len(attempts) >= 2


# --- Calls between functions ---


async def test_failed_call_is_undone_and_the_caller_goes_on(client: SyncClient, name: str) -> None:
    assert await client.run("nested:parent_catches", {"name": name}) == 1
    assert (await client.query("counters:get", {"name": name})).value == 1
    assert (await client.query("counters:get", {"name": f"{name} after"})).value == 11


async def test_failed_call_that_nobody_catches_fails_the_caller(
    client: SyncClient, name: str
) -> None:
    response = await client.mutation("nested:parent_does_not_catch", {"name": name})
    assert not response["success"]
    assert response["errorData"] == "the child failed"
    assert (await client.query("counters:get", {"name": name})).value == 0


async def test_mutation_sees_its_own_writes(client: SyncClient, name: str) -> None:
    assert await client.run("nested:sees_its_own_writes", {"name": name}) == [5, 5, 5]


async def test_bad_argument_of_a_call_can_be_caught(client: SyncClient, name: str) -> None:
    message = await client.run("nested:bad_argument_is_caught", {"name": name})
    assert "by" in message
    assert message != "no error"
    assert (await client.query("counters:get", {"name": name})).value == 1


@pytest.mark.parametrize("path", ["nested:query_runs_mutation", "nested:query_writes"])
async def test_query_cannot_write(client: SyncClient, path: str) -> None:
    assert (await client.query(path)).error is not None
    assert (await client.query("counters:get", {"name": "never"})).value == 0


async def test_calls_go_eight_deep(client: SyncClient) -> None:
    assert (await client.query("nested:deep", {"depth": 7})).value == 7
    deeper = await client.query("nested:deep", {"depth": 9})
    assert deeper.error is not None
    assert "MaximumCallDepthExceeded" in deeper.error


async def test_action_runs_each_call_in_its_own_transaction(client: SyncClient, name: str) -> None:
    response = await client.action("nested:two_transactions", {"name": name})
    assert response["result"] == [1, 3]


async def test_failed_action_keeps_what_it_committed(client: SyncClient, name: str) -> None:
    response = await client.action("nested:keeps_first", {"name": name})
    assert not response["success"]
    assert (await client.query("counters:get", {"name": name})).value == 1


async def test_decorated_function_runs_in_the_callers_transaction(
    client: SyncClient, name: str
) -> None:
    assert await client.run("nested:direct_call_in_transaction", {"name": name}) == 7
    assert (await client.query("nested:direct_call", {"name": name})).value == 7


async def test_internal_functions_are_callable_from_within(client: SyncClient) -> None:
    assert (await client.query("hidden:through_query")).value == "a secret"
    response = await client.action("hidden:through_action")
    assert response["result"] == ["a secret"] * 3


async def test_gather_of_the_context(client: SyncClient) -> None:
    await client.run("counters:put", {"name": "b", "value": 2})
    assert (await client.query("faults:gather_by_context")).value == [0, 2]


# --- Time and chance ---


async def test_clock_stands_still_in_a_query(client: SyncClient) -> None:
    assert (await client.query("counters:frozen_clock")).value is True


async def test_every_run_has_its_own_chance(client: SyncClient) -> None:
    throws = [await client.run("counters:dice") for _ in range(20)]
    assert len({throw["random"] for throw in throws}) == 20
    times = [throw["now"] for throw in throws]
    assert times == sorted(times)
    assert all(0 <= throw["random"] < 1 for throw in throws)
