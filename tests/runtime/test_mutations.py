"""Mutations: exactly once, in order, all or nothing, and again when what they read has changed."""

import asyncio
import sys
from dataclasses import replace

import pytest

from reactive.backend import ANYBODY, MutationRequest
from reactive.errors import OverloadedError, StorageError
from reactive.limits import DEFAULT_LIMITS
from reactive.runtime.registry import FunctionRegistry
from reactive.storage.memory import MemoryStore
from reactive.testing.clock import ManualClock
from reactive.testing.faults import FaultyStore
from reactive.values.encoding import to_wire
from tests.runtime.harness import Calls, FailedError, Server, serving, turns, user

SESSION = "00000000-0000-0000-0000-000000000001"
QUICK = replace(DEFAULT_LIMITS, retry_backoff_s=0.001)


def slow(server: Server, *paths: str) -> None:
    """These mutations run in a thread, as after they have held the loop for too long."""
    for path in paths:
        server.service.project.registry.find(path, None, is_admin=True).is_slow = True


async def thread_is_free(server: Server) -> None:
    """Returns when what runs in the only thread is done, by running something else there."""
    slow(server, "faults:where")

    assert "MainThread" != await server.query("faults:where")


# Exactly once


async def test_mutation_that_is_sent_again_is_answered_from_its_receipt() -> None:
    async with serving() as server:
        calls = Calls(server)
        lane = await server.service.resume(SESSION)
        calls.mutate("first", "counters:add", session=SESSION, request=0, lane=lane, name="a")
        await turns()
        executions = server.service.executions
        again = await server.service.resume(SESSION)
        calls.mutate("again", "counters:add", session=SESSION, request=0, lane=again, name="a")
        await turns()
        (_, first), (_, second) = calls.ended

        assert executions == server.service.executions
        assert (first.value, first.ts, first.log_lines) == (
            second.value,
            second.ts,
            second.log_lines,
        )
        assert {"a": 1} == await server.counters("a")


async def test_receipt_outlives_the_server() -> None:
    store = MemoryStore()
    for name in ("first", "again"):
        async with serving(store=store) as server:
            calls = Calls(server)
            lane = await server.service.resume(SESSION)
            calls.mutate(name, "counters:add", session=SESSION, request=7, lane=lane, name="a")
            await turns()

            assert {name: 1} == calls.values
            assert {"a": 1} == await server.counters("a")


async def test_receipts_are_found_among_many() -> None:
    async with serving() as server:
        calls = Calls(server)
        lane = await server.service.resume(SESSION)
        for requests in ((0, 3, 5), (1, 3), (0, 1, 5)):
            for request in requests:
                name = f"{request} of {requests}"
                calls.mutate(
                    name, "counters:add", session=SESSION, request=request, lane=lane, name="a"
                )
            await turns()

        assert {"a": 4} == await server.counters("a")
        assert {
            "0 of (0, 3, 5)": 1,
            "3 of (0, 3, 5)": 2,
            "5 of (0, 3, 5)": 3,
            "1 of (1, 3)": 4,
            "3 of (1, 3)": 2,
            "0 of (0, 1, 5)": 1,
            "1 of (0, 1, 5)": 4,
            "5 of (0, 1, 5)": 3,
        } == calls.values


async def test_mutation_that_is_sent_again_while_it_runs_is_joined() -> None:
    async with serving() as server:
        slow(server, "counters:add")
        calls = Calls(server)
        lane = await server.service.resume(SESSION)
        for name in ("first", "again", "and again"):
            calls.mutate(name, "counters:add", session=SESSION, request=0, lane=lane, name="a")

        assert {"first", "again", "and again"} == set(await calls.wait(3))
        assert {"first": 1, "again": 1, "and again": 1} == calls.values
        assert 1 == server.service.executions
        assert {"a": 1} == await server.counters("a")


async def test_mutation_that_failed_runs_again_when_it_is_sent_again() -> None:
    async with serving() as server:
        calls = Calls(server)
        lane = await server.service.resume(SESSION)
        path = "counters:add_and_fail"
        calls.mutate("first", path, session=SESSION, request=0, lane=lane, name="a")
        await turns()
        calls.mutate("again", path, session=SESSION, request=0, lane=lane, name="a", error=False)
        await turns()

        assert "after the write" in calls.values["first"]
        assert 1 == calls.values["again"]


async def test_two_clients_may_use_the_same_numbers() -> None:
    async with serving() as server:
        calls = Calls(server)
        for session in (SESSION, SESSION.replace("1", "2")):
            lane = await server.service.resume(session)
            calls.mutate(session, "counters:add", session=session, request=0, lane=lane, name="a")
        await turns()

        assert {"a": 2} == await server.counters("a")


async def test_mutation_without_a_name_runs_each_time() -> None:
    async with serving() as server:
        for _ in range(3):
            await server.mutate("counters:add", name="a")

        assert {"a": 3} == await server.counters("a")


class LateStore(FaultyStore):
    """Takes its time to say what a client has sent before."""

    def __init__(self) -> None:
        super().__init__(MemoryStore())
        self.may_answer = asyncio.Event()

    async def last_receipt(self, session: str) -> tuple[int, int]:
        await self.may_answer.wait()
        return await super().last_receipt(session)


async def test_client_that_comes_back_twice_in_a_hurry_is_recognised() -> None:
    """The second Connect must not do without what the first is still waiting for."""
    store = LateStore()
    store.may_answer.set()
    async with serving(store=store) as server:
        calls = Calls(server)
        lane = await server.service.resume(SESSION)
        calls.mutate("first", "counters:add", session=SESSION, request=0, lane=lane, name="a")
        await turns()
    store.may_answer.clear()
    async with serving(store=store) as server:
        calls = Calls(server)
        broken = asyncio.ensure_future(server.service.resume(SESSION))
        await turns()
        second = asyncio.ensure_future(server.service.resume(SESSION))
        await turns()
        store.may_answer.set()
        await broken
        lane = await second
        calls.mutate("again", "counters:add", session=SESSION, request=0, lane=lane, name="a")
        await turns()

        assert {"a": 1} == await server.counters("a")


async def test_client_that_comes_back_twice_in_a_hurry_does_not_overtake() -> None:
    store = LateStore()
    store.may_answer.set()
    async with serving(store=store) as server:
        calls = Calls(server)
        lane = await server.service.resume(SESSION)
        calls.mutate("first", "counters:add", session=SESSION, request=0, lane=lane, name="a")
        await turns()
    store.may_answer.clear()
    async with serving(store=store) as server:
        calls = Calls(server)
        broken = asyncio.ensure_future(server.service.resume(SESSION))
        await turns()
        second = asyncio.ensure_future(server.service.resume(SESSION))
        await turns()
        if second.done():
            # It did not wait: then it must look the receipt up all the same.
            calls.mutate(
                "again", "counters:add", session=SESSION, request=0, lane=second.result(), name="a"
            )
            await turns()
        store.may_answer.set()
        await asyncio.gather(broken, second)

        assert {"a": 1} == await server.counters("a")


# In order


async def test_mutations_of_a_lane_keep_their_order() -> None:
    async with serving() as server:
        calls = Calls(server)
        lane = await server.service.resume(SESSION)
        for value in range(10):
            calls.mutate(str(value), "counters:put", lane=lane, name="a", value=value)

        assert [str(value) for value in range(10)] == await calls.wait(10)
        assert {"a": 9} == await server.counters("a")


async def test_lane_waits_for_a_mutation_that_runs_in_a_thread() -> None:
    async with serving() as server:
        slow(server, "counters:add")
        calls = Calls(server)
        lane = await server.service.resume(SESSION)
        calls.mutate("0", "counters:put", lane=lane, name="a", value=1)
        calls.mutate("1", "counters:add", lane=lane, name="a", by=10)
        calls.mutate("2", "counters:put", lane=lane, name="a", value=2)
        calls.mutate("3", "counters:add", lane=lane, name="a", by=10)
        calls.mutate("4", "counters:read_only", lane=lane, name="a")
        calls.mutate("other", "counters:put", name="b", value=1)

        assert {"other", "0", "1", "2", "3", "4"} == set(await calls.wait(6))
        names = [name for name, _ in calls.ended]

        assert ["0", "1", "2", "3", "4"] == [name for name in names if name != "other"]
        assert names.index("other") < names.index("1"), "other lanes go on"
        assert (11, 2, 12, 12) == tuple(calls.values[name] for name in "1234")


async def test_mutation_that_waits_is_not_overtaken_by_one_that_comes_later() -> None:
    """The one before them commits while a later one is in the queue already."""
    store = FaultyStore(MemoryStore())
    async with serving(store=store) as server:
        slow(server, "counters:add")
        calls = Calls(server)
        lane = await server.service.resume(SESSION)
        pause = store.pause("commit", "before")
        calls.mutate("1", "counters:add", lane=lane, name="a")
        await turns()
        calls.mutate("2", "counters:put", lane=lane, name="a", value=2)
        # The first has come back from its thread and is being committed.
        await pause.reached()
        calls.mutate("3", "counters:put", lane=lane, name="a", value=3)
        pause.release()

        assert ["1", "2", "3"] == await calls.wait(3)
        assert {"a": 3} == await server.counters("a")


async def test_mutation_that_waits_is_not_overtaken_in_a_crowd() -> None:
    """The one before them is the last that fits into a batch."""
    store = FaultyStore(MemoryStore())
    limits = replace(DEFAULT_LIMITS, commit_batch_max=1, worker_threads=1)
    async with serving(limits=limits, store=store) as server:
        slow(server, "counters:add")
        calls = Calls(server)
        lane = await server.service.resume(SESSION)
        calls.mutate("1", "counters:add", lane=lane, name="a")
        calls.mutate("2", "counters:put", lane=lane, name="a", value=2)
        await turns()
        pause = store.pause("commit", "before")
        calls.mutate("other", "counters:put", name="b", value=1)
        await pause.reached()
        # The first comes back from its thread into the queue, and the third after it.
        await thread_is_free(server)
        calls.mutate("3", "counters:put", lane=lane, name="a", value=3)
        pause.release()

        answered = await calls.wait(4)
        assert ["1", "2", "3"] == [name for name in answered if name != "other"]


async def test_lane_goes_on_after_a_failure_in_a_thread() -> None:
    async with serving() as server:
        slow(server, "counters:add_and_fail")
        calls = Calls(server)
        lane = await server.service.resume(SESSION)
        calls.mutate("1", "counters:add_and_fail", lane=lane, name="a")
        calls.mutate("2", "counters:add", lane=lane, name="a")

        assert ["1", "2"] == await calls.wait(2)
        assert 1 == calls.values["2"]


async def test_full_queue_refuses_newcomers_and_loses_nobody() -> None:
    """Those that wait in a lane, or come back from a thread, were accepted before."""
    store = FaultyStore(MemoryStore())
    limits = replace(DEFAULT_LIMITS, commit_queue_max=3, worker_threads=1)
    async with serving(limits=limits, store=store) as server:
        slow(server, "counters:add")
        calls = Calls(server)
        lane = await server.service.resume(SESSION)
        calls.mutate("1", "counters:add", lane=lane, name="a")
        calls.mutate("2", "counters:put", lane=lane, name="a", value=2)
        calls.mutate("3", "counters:put", lane=lane, name="a", value=3)
        await asyncio.sleep(0)
        pause = store.pause("commit", "before")
        calls.mutate("other", "counters:put", name="b", value=1)
        await pause.reached()
        for _ in range(limits.commit_queue_max):
            calls.mutate("other", "counters:put", name="b", value=1)
        with pytest.raises(OverloadedError) as caught:
            calls.mutate("refused", "counters:put", name="b", value=1)
        await thread_is_free(server)
        pause.release()
        ended = await calls.wait(3 + 1 + limits.commit_queue_max)

        assert "CommitterFullError" == caught.value.code
        assert ["1", "2", "3"] == [name for name in ended if name != "other"]
        assert {"a": 3} == await server.counters("a")


# All or nothing


async def test_mutation_that_fails_writes_nothing() -> None:
    async with serving() as server:
        head = server.service.head
        with pytest.raises(FailedError, match="after the write"):
            await server.mutate("counters:add_and_fail", name="a")

        assert {"a": 0} == await server.counters("a")
        assert head == server.service.head


async def test_mutation_that_writes_nothing_has_a_timestamp() -> None:
    async with serving() as server:
        await server.mutate("counters:put", name="a", value=5)
        request = MutationRequest("counters:read_only", {"name": "a"}, ANYBODY)
        outcome = await server.service.mutate_and_wait(request)

        assert b"5.0" == outcome.value
        assert server.service.head == outcome.ts


async def test_store_that_refuses_fails_the_whole_batch_and_nothing_else() -> None:
    store = FaultyStore(MemoryStore())
    async with serving(store=store) as server:
        await server.mutate("counters:put", name="a", value=1)
        client = await server.client()
        store.fail("commit", "before", StorageError("the disk is full"))
        calls = Calls(server)
        for name in ("x", "y"):
            calls.mutate(name, "counters:add", name="a")
        await calls.wait(2)

        assert all("the disk is full" in message for message in calls.values.values())
        assert {"a": 1} == await server.counters("a")

        await client.say(client.peer.call("Mutation", "counters:add", {"name": "a"}))

        assert {"a": 2} == await server.counters("a")


@pytest.mark.parametrize("passing", [0, 1, 2])
async def test_store_that_refuses_in_the_middle_of_a_batch_leaves_nobody_waiting(
    passing: int,
) -> None:
    store = FaultyStore(MemoryStore())
    async with serving(store=store) as server:
        store.fail("append", "before", StorageError("the disk is full"), passing=passing)
        calls = Calls(server)
        for name in ("x", "y", "z"):
            calls.mutate(name, "counters:add", name=name)
        await turns()

        assert {"x", "y", "z"} == {name for name, _ in calls.ended}
        assert {"x": 0, "y": 0, "z": 0} == await server.counters("x", "y", "z")


# Conflicts


async def test_conflict_is_retried_with_a_new_clock_and_new_dice() -> None:
    """Conformance 28 and 30: what a mutation in a thread read has changed when it commits."""
    clock = ManualClock()
    async with serving(limits=QUICK, clock=clock) as server:
        path = "counters:seen_by_chance"
        slow(server, path)
        calls = Calls(server)
        calls.mutate("slow", path, name="a")
        await asyncio.sleep(0)
        # It has begun; another one commits before it, and time goes by.
        await server.mutate("counters:put", name="a", value=10)
        clock.advance(100)
        await calls.wait(1)
        first, second = sys.modules["functions.counters"].runs

        assert second == calls.values["slow"]
        assert {"a": 11} == await server.counters("a")
        assert (1, 11) == (first["value"], second["value"])
        assert pytest.approx(100) == second["now"] - first["now"]
        assert first["dice"] != second["dice"]
        assert all(run["now"] == run["later"] for run in (first, second))


async def test_only_one_of_two_may_leave() -> None:
    """Conformance 28, write skew: each reads both rows and writes one."""
    async with serving(limits=QUICK) as server:
        await server.mutate("shifts:start", people=["ada", "bob"])
        slow(server, "shifts:leave")
        calls = Calls(server)
        for person in ("ada", "bob"):
            calls.mutate(person, "shifts:leave", person=person)
        await calls.wait(2)

        assert {True, False} == set(calls.values.values())
        assert 1 == await server.query("shifts:on_call")


async def test_hot_counter_loses_and_doubles_nothing() -> None:
    """Conformance 29: who does not get through after five attempts has written nothing."""
    async with serving(limits=QUICK) as server:
        slow(server, "counters:add")
        calls = Calls(server)
        for number in range(30):
            calls.mutate(str(number), "counters:add", name="a")
        await calls.wait(30)
        done = [value for value in calls.values.values() if isinstance(value, int)]
        lost = [value for value in calls.values.values() if isinstance(value, str)]

        assert list(range(1, len(done) + 1)) == sorted(done)
        assert {"a": len(done)} == await server.counters("a")
        assert all("was changed by" in message for message in lost)


async def test_function_that_is_gone_when_it_is_to_be_retried_fails_alone() -> None:
    async with serving(limits=replace(QUICK, worker_threads=1)) as server:
        slow(server, "counters:add")
        await server.mutate("counters:put", name="a", value=1)
        calls = Calls(server)
        calls.mutate("gone", "counters:add", name="a")
        await asyncio.sleep(0)
        whole = server.service.project
        await server.mutate("counters:put", name="a", value=2)
        server.service.serve(replace(whole, registry=FunctionRegistry((), "exact")))
        await calls.wait(1)
        server.service.serve(whole)

        assert {"gone": "Could not find public function for 'counters:add'."} == calls.values
        assert 5 == await server.mutate("counters:put", name="a", value=5)


# Nested calls


async def test_nested_failure_undoes_its_own_writes_only() -> None:
    """Conformance 12."""
    async with serving() as server:
        assert [2, 1] == await server.mutate("nested:outer", fail=False, catch=True)
        assert [4, 1] == await server.mutate("nested:outer", fail=True, catch=True)
        with pytest.raises(FailedError, match="after the write"):
            await server.mutate("nested:outer", fail=True, catch=False)

        assert {"outer": 4, "inner": 1} == await server.counters("outer", "inner")


async def test_nested_failure_keeps_its_reads() -> None:
    async with serving() as server:
        client = await server.client()
        watched = {"name": "inner"}
        await client.say(
            client.peer.call("Mutation", "nested:outer", {"fail": True, "catch": True})
        )

        assert {"inner": 0} == await server.counters(watched["name"])


async def test_argument_error_of_a_nested_call_can_be_caught() -> None:
    """Conformance 50."""
    async with serving() as server:
        message = await server.mutate("nested:bad_call")

        assert "ArgumentValidationError" in message
        assert "name" in message


async def test_nested_calls_share_the_clock_and_draw_their_own_dice() -> None:
    async with serving() as server:
        assert [True, True] == await server.mutate("nested:dice")


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("counters:nowhere", "no function"),
        ("counters:get", "is a query"),
        ("nested:act", "is a action"),
    ],
)
async def test_call_of_what_is_no_mutation(path: str, reason: str) -> None:
    async with serving() as server:
        with pytest.raises(FailedError, match=reason):
            await server.mutate("nested:by_path", path=path)


async def test_internal_mutation_may_be_called_from_within_only() -> None:
    async with serving() as server:
        assert 1 == await server.mutate("nested:by_path", path="nested:hidden")
        with pytest.raises(FailedError, match="Could not find public function"):
            await server.mutate("nested:hidden", name="x")


async def test_query_cannot_call_a_mutation() -> None:
    async with serving() as server:
        with pytest.raises(FailedError, match="InvalidFunctionCall"):
            await server.query("nested:query_calls_mutation")


async def test_calls_go_eight_deep() -> None:
    async with serving() as server:
        deepest = DEFAULT_LIMITS.call_depth_max

        assert deepest == await server.query("nested:deep", depth=deepest)
        with pytest.raises(FailedError, match="MaximumCallDepthExceeded"):
            await server.query("nested:deep", depth=deepest + 1)


async def test_gather_keeps_the_order_of_its_arguments() -> None:
    async with serving() as server:
        for name, value in (("a", 1), ("b", 2)):
            await server.mutate("counters:put", name=name, value=value)

        assert [2, 0, 1] == await server.query("nested:gathered", names=["b", "x", "a"])


async def test_gather_runs_all_and_raises_the_first_error() -> None:
    async with serving() as server:
        assert "after the write" == await server.mutate("nested:gather_with_a_failure")
        # A decorated function that is called directly is a part of its caller: nothing is undone.
        assert {"first": 1, "second": 1, "third": 1} == await server.counters(
            "first", "second", "third"
        )


# Actions


async def test_action_runs_each_call_as_a_transaction_of_its_own() -> None:
    async with serving() as server:
        assert [0, 1, 1] == await server.act("nested:act", name="a")
        assert [1, 2, 2, 2, 3, 3] == await server.act("nested:act_twice", name="a")


async def test_action_that_fails_keeps_what_it_committed() -> None:
    async with serving() as server:
        with pytest.raises(FailedError, match="after the commit"):
            await server.act("nested:act_and_fail", name="a")

        assert {"a": 1} == await server.counters("a")


async def test_caller_is_known_to_nested_functions() -> None:
    async with serving() as server:
        assert "ada" == await server.mutate("who:sign", user("ada"))
        assert "nobody" == await server.mutate("who:sign")


async def test_random_numbers_differ_from_run_to_run() -> None:
    async with serving() as server:
        seen = [await server.mutate("counters:seen_by_chance", name="a") for _ in range(3)]

        assert 3 == len({each["dice"] for each in seen})


async def test_wire_arguments_of_a_mutation_are_checked_before_anything_runs() -> None:
    async with serving() as server:
        request = MutationRequest("counters:add", to_wire({"name": "a", "by": "1"}), ANYBODY)
        outcome = await server.service.mutate_and_wait(request)

        assert outcome.failure is not None
        assert "ArgumentValidationError" == outcome.failure.code
        assert 0 == server.service.executions
