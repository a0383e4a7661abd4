"""Author's code that does what it should not: nobody suffers but its caller."""

import asyncio
import threading
from dataclasses import replace

import pytest

from reactive.limits import DEFAULT_LIMITS
from tests.runtime.harness import FailedError, Server, serving, until
from tests.session.peers import Add

LIMITS = replace(DEFAULT_LIMITS, loop_hold_s=0.03, user_time_s=0.15)
PATIENT = replace(DEFAULT_LIMITS, loop_hold_s=60, user_time_s=60)


def is_slow(server: Server, path: str) -> bool:
    return server.service.project.registry.find(path, None, is_admin=True).is_slow


def move_to_thread(server: Server, path: str) -> None:
    server.service.project.registry.find(path, None, is_admin=True).is_slow = True


# Code that takes too long


@pytest.mark.parametrize("name", ["endless", "endless_in_a_comprehension", "stubborn", "blocking"])
async def test_query_that_does_not_end_is_ended(name: str) -> None:
    async with serving(limits=LIMITS) as server:
        with pytest.raises(FailedError) as caught:
            await server.query(f"faults:{name}")

        assert "FunctionTimedOut" == caught.value.failure.code
        assert "Function execution timed out (maximum duration: 0.15s)" in str(caught.value)
        assert 0 == await server.query("counters:get", name="a")


async def test_others_are_served_while_a_query_does_not_end() -> None:
    async with serving(limits=LIMITS) as server:
        client = await server.client(Add("counters:get", {"name": "a"}))
        move_to_thread(server, "faults:endless")
        endless = asyncio.ensure_future(server.query("faults:endless"))
        added = 0
        while not endless.done():
            added += 1
            assert added == await server.mutate("counters:add", name="a")
            await asyncio.sleep(0)
        with pytest.raises(FailedError, match="timed out"):
            await endless

        assert added > 10
        assert [added] == client.values


async def test_mutation_that_does_not_end_writes_nothing() -> None:
    async with serving(limits=LIMITS) as server:
        with pytest.raises(FailedError, match="timed out"):
            await server.mutate("faults:endless_after_a_write", name="a")

        assert {"a": 0} == await server.counters("a")
        assert 1 == await server.mutate("counters:add", name="a")


async def test_thread_that_listens_is_used_again_and_one_that_does_not_is_left() -> None:
    limits = replace(LIMITS, worker_threads=1)
    async with serving(limits=limits) as server:
        for name in ("faults:endless", "faults:blocking", "faults:endless", "faults:where"):
            move_to_thread(server, name)
        for name in ("endless", "blocking", "endless"):
            with pytest.raises(FailedError, match="timed out"):
                await server.query(f"faults:{name}")

        assert "reactive-worker" == await server.query("faults:where")


async def test_slow_function_moves_to_a_thread() -> None:
    limits = replace(LIMITS, user_time_s=30)
    async with serving(limits=limits) as server:
        await server.mutate("counters:put", name="a", value=2)

        assert not is_slow(server, "faults:slow")
        assert 4 == await server.query("faults:slow", name="a", seconds=0.1)
        assert is_slow(server, "faults:slow")

        await server.mutate("counters:put", name="a", value=3)

        assert 6 == await server.query("faults:slow", name="a", seconds=0.0)


async def test_slow_mutation_moves_to_a_thread_and_commits_once() -> None:
    limits = replace(LIMITS, user_time_s=30)
    async with serving(limits=limits) as server:
        assert 1 == await server.mutate("faults:slow_add", name="a", seconds=0.1)
        assert is_slow(server, "faults:slow_add")
        assert {"a": 1} == await server.counters("a")


async def test_code_in_a_thread_reads_and_writes_through_the_loop() -> None:
    async with serving(limits=PATIENT) as server:
        assert "MainThread" == await server.query("faults:where")
        assert "MainThread" == await server.mutate("faults:where_mutation", name="a")

        move_to_thread(server, "faults:where")
        move_to_thread(server, "faults:where_mutation")
        await server.mutate("counters:put", name="x", value=1)

        assert "reactive-worker" == await server.query("faults:where")
        assert "reactive-worker" == await server.mutate("faults:where_mutation", name="a")
        assert {"a": 2} == await server.counters("a")


async def test_live_query_in_a_thread_is_told_like_any_other() -> None:
    async with serving(limits=PATIENT) as server:
        move_to_thread(server, "counters:pair")
        added = Add("counters:pair", {"left": "a", "right": "b"})
        clients = [await server.client(added, Add("counters:get", {"name": "a"})) for _ in range(3)]
        for _ in range(5):
            await server.mutate("counters:move", left="a", right="b")
        await until(lambda: all([[-5, 5], -5] == client.values for client in clients))


async def test_time_of_waiting_is_not_the_authors() -> None:
    """Only an author's own code counts, not what the store takes."""
    async with serving(limits=replace(DEFAULT_LIMITS, user_time_s=0.05)) as server:
        move_to_thread(server, "counters:everything")
        names = [f"c{number}" for number in range(50)]
        for name in names:
            await server.mutate("counters:put", name=name, value=1)

        assert len(names) == len(await server.query("counters:everything"))


async def test_threads_end_with_the_server() -> None:
    before = set(threading.enumerate())
    async with serving(limits=PATIENT) as server:
        move_to_thread(server, "faults:where")
        await server.query("faults:where")
        (worker,) = set(threading.enumerate()) - before
    worker.join(timeout=5)

    assert not worker.is_alive()


# Code that awaits what it must not


@pytest.mark.parametrize(
    ("name", "culprit"),
    [
        ("sleeps", "sleep (tasks.py)"),
        ("yields", "sleep (tasks.py)"),
        ("sleeps_deep_inside", "sleep (tasks.py)"),
        ("waits_for_a_future", "waits_for_a_future (faults.py): Future"),
        ("takes_a_lock", "Lock.acquire (locks.py)"),
        ("moves_to_a_thread", "to_thread (threads.py)"),
        ("gathers", "gathers (faults.py): _GatheringFuture"),
    ],
)
async def test_foreign_await_is_named(name: str, culprit: str) -> None:
    async with serving(limits=PATIENT) as server:
        with pytest.raises(FailedError) as caught:
            await server.query(f"faults:{name}")

        assert "ForeignAwait" == caught.value.failure.code
        assert culprit in str(caught.value)
        assert "use an action" in str(caught.value)


@pytest.mark.parametrize("name", ["sleeps", "yields", "waits_for_a_future", "moves_to_a_thread"])
async def test_foreign_await_in_a_thread_fails_where_it_stands(name: str) -> None:
    async with serving(limits=PATIENT) as server:
        move_to_thread(server, f"faults:{name}")
        with pytest.raises(FailedError, match=rf"at {name} \(functions/faults.py:\d+\)"):
            await server.query(f"faults:{name}")


async def test_mutation_with_a_foreign_await_writes_nothing() -> None:
    async with serving(limits=PATIENT) as server:
        with pytest.raises(FailedError, match="ForeignAwait"):
            await server.mutate("faults:sleeps_after_a_write", name="a")

        assert {"a": 0} == await server.counters("a")


async def test_foreign_await_is_an_error_where_it_stands() -> None:
    async with serving(limits=PATIENT) as server:
        assert "UsageError" == await server.mutate("faults:goes_on_after_a_sleep", name="a")
        assert {"a": 1} == await server.counters("a")
