"""The scheduler in one process, with a clock that a test moves."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from reactive.limits import Limits
from reactive.storage.memory import MemoryStore
from reactive.testing.clock import ManualClock
from tests.runtime.harness import FailedError, Server, serving

APP = Path(__file__).with_name("app")


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(20):
        while not await condition():
            await asyncio.sleep(0.001)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def server(clock: ManualClock) -> AsyncIterator[Server]:
    async with serving(APP, clock=clock) as running:
        yield running


async def marks(server: Server, label: str) -> Any:
    return await server.query("marks:list", label=label)


async def state_of(server: Server, job: str) -> Any:
    return await server.query("marks:state", id=job)


async def ends(server: Server, job: str, state: str) -> None:
    async def has() -> bool:
        return bool(await state_of(server, job) == state)

    await until(has)


async def test_document_that_was_read_is_one_for_its_function(server: Server) -> None:
    job = await server.mutate("marks:later_mark")
    await ends(server, job, "success")

    assert await marks(server, "kept mark") == ["True True"]
    assert await marks(server, "fresh") == ["y"]


async def test_client_cannot_say_that_a_document_was_read(server: Server) -> None:
    mark = {"_id": "x", "_creationTime": 1.0, "label": "a", "seen": "b"}
    with pytest.raises(FailedError, match="extra field `_id`"):
        await server.mutate("marks:take_mark", mark=mark)


async def test_runs_when_its_time_has_come(server: Server, clock: ManualClock) -> None:
    job = await server.mutate("marks:later", label="a", seconds=60.0)

    assert await state_of(server, job) == "pending"
    clock.advance(59.9)
    await asyncio.sleep(0.01)
    assert await marks(server, "a") == []
    clock.advance(0.2)
    await ends(server, job, "success")

    assert await marks(server, "a") == ["nobody"]


async def test_fields_on_the_wire_are_those_of_convex(server: Server, clock: ManualClock) -> None:
    job = await server.mutate("marks:later", label="a", seconds=60.0)
    scheduled = clock.now_ns() / 1e6 + 60_000
    pending = await server.query("marks:job", id=job)

    assert pending["name"] == "marks:mark"
    assert pending["args"] == [{"label": "a"}]
    assert pending["scheduledTime"] == pytest.approx(scheduled)
    assert pending["state"] == {"kind": "pending"}
    assert "completedTime" not in pending
    clock.advance(61)
    await ends(server, job, "success")
    done = await server.query("marks:job", id=job)
    assert set(done) == {*pending, "completedTime"}


async def test_is_live(server: Server, clock: ManualClock) -> None:
    from tests.session.peers import Add

    job = await server.mutate("marks:later", label="a", seconds=5.0)
    client = await server.client(Add("marks:state", {"id": job}))

    assert client.values == ["pending"]
    clock.advance(6)
    await ends(server, job, "success")
    await asyncio.sleep(0.01)
    assert client.values == ["success"]


async def test_time_that_is_over_means_now(server: Server) -> None:
    job = await server.mutate("marks:later_at", label="past", when=1_600_000_000_000.0)

    await ends(server, job, "success")
    assert (await server.query("marks:job", id=job))["scheduledTime"] == 1_600_000_000_000.0


async def test_failed_mutation_schedules_nothing(server: Server) -> None:
    with pytest.raises(FailedError):
        await server.mutate("marks:later_and_fail", label="b")

    assert await server.query("marks:jobs") == []


async def test_nested_mutation_that_fails_takes_its_jobs_with_it(server: Server) -> None:
    await server.mutate("marks:later_nested", label="c")

    async def caught() -> bool:
        return bool(await marks(server, "c caught"))

    await until(caught)
    assert await marks(server, "c") == []
    assert len(await server.query("marks:jobs")) == 1


async def test_failure_writes_nothing_but_why(server: Server) -> None:
    job = await server.mutate("marks:later_fail", label="d")

    await ends(server, job, "failed")
    assert await marks(server, "d") == []
    failed = await server.query("marks:job", id=job)
    assert failed["state"] == {"kind": "failed", "error": "Uncaught ValueError: no d"}


async def test_wrong_arguments_fail_when_it_runs(server: Server) -> None:
    await server.mutate("marks:later_wrong", kind="arguments")

    async def failed() -> bool:
        (job,) = await server.query("marks:jobs")
        return job["state"]["kind"] == "failed" and "nonsense" in job["state"]["error"]

    await until(failed)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("negative", "not negative"),
        ("infinite", "finite"),
        ("text", "timedelta or seconds, not 'soon'"),
        ("far", "five years"),
        ("naive", "no time zone"),
        ("query", "marks:jobs is a query"),
        ("missing", "'marks:nothing'"),
        ("large", "limit: 4194304 bytes"),
    ],
)
async def test_what_cannot_be_scheduled_is_named(server: Server, kind: str, words: str) -> None:
    with pytest.raises(FailedError, match=words):
        await server.mutate("marks:later_wrong", kind=kind)

    assert await server.query("marks:jobs") == []


async def test_datetime_with_a_zone(server: Server) -> None:
    await server.mutate("marks:later_wrong", kind="aware")

    async def done() -> bool:
        return bool(await marks(server, "x"))

    await until(done)


async def test_one_mutation_schedules_a_thousand_and_no_more(server: Server) -> None:
    await server.mutate("marks:later_many", name="many", count=1_000)

    async def all_done() -> bool:
        return bool(await server.query("marks:counter", name="many") == 1_000)

    await until(all_done)
    with pytest.raises(FailedError, match="limit: 1000"):
        await server.mutate("marks:later_many", name="more", count=1_001)


async def test_canceled_before_its_time(server: Server, clock: ManualClock) -> None:
    job = await server.mutate("marks:later", label="e", seconds=10.0)
    await server.mutate("marks:cancel", id=job)
    clock.advance(20)
    await asyncio.sleep(0.01)

    assert await state_of(server, job) == "canceled"
    assert await marks(server, "e") == []


async def test_cancel_of_what_has_ended_changes_nothing(server: Server) -> None:
    job = await server.mutate("marks:later", label="f")
    await ends(server, job, "success")
    await server.mutate("marks:cancel", id=job)

    assert await state_of(server, job) == "success"


async def test_cancel_of_what_is_no_job(server: Server) -> None:
    with pytest.raises(FailedError, match="no id of a scheduled function"):
        await server.mutate("marks:cancel", id="nonsense")


async def test_mutation_cannot_cancel_itself(server: Server) -> None:
    job = await server.mutate("marks:later_cancel_itself")

    await ends(server, job, "failed")
    failed = await server.query("marks:job", id=job)
    assert "cannot cancel itself" in failed["state"]["error"]


async def test_canceled_action_goes_on_but_schedules_nothing(server: Server) -> None:
    job = await server.mutate("marks:start_waiting", label="g")

    async def started() -> bool:
        return bool(await marks(server, "g started"))

    async def ended() -> bool:
        return bool(await marks(server, "g ended"))

    await until(started)
    assert await state_of(server, job) == "inProgress"
    await server.mutate("marks:cancel", id=job)
    await server.mutate("marks:say", label="g go")
    await until(ended)

    kinds = {each["name"]: each["state"]["kind"] for each in await server.query("marks:jobs")}
    assert kinds == {"marks:wait_for_word": "canceled", "marks:mark": "canceled"}
    assert await marks(server, "g afterwards") == []


async def test_action_schedules_at_once(server: Server) -> None:
    with pytest.raises(FailedError):
        await server.act("marks:act_later", label="h")

    async def done() -> bool:
        return bool(await marks(server, "h"))

    await until(done)


async def test_action_that_fails(server: Server) -> None:
    job = await server.mutate("marks:start_failing")

    await ends(server, job, "failed")
    failed = await server.query("marks:job", id=job)
    assert failed["state"]["error"] == "Uncaught ValueError: no such thing"


async def test_mutation_sees_itself_in_progress(server: Server) -> None:
    await server.mutate("marks:later_itself", label="i")

    async def done() -> bool:
        return bool(await marks(server, "i") == ["inProgress"])

    await until(done)


async def test_values_of_all_kinds_arrive(server: Server) -> None:
    await server.mutate("marks:later_values")

    async def done() -> bool:
        return bool(await marks(server, "kept") == [f"first {bytes([0, 255])!r} {2**62}"])

    await until(done)


async def test_system_tables_are_not_for_everybody(server: Server) -> None:
    job = await server.mutate("marks:later", label="j", seconds=9.0)

    with pytest.raises(FailedError, match=r"use ctx\.db\.system"):
        await server.query("marks:sneak", id=job)


async def test_finished_jobs_are_forgotten_after_a_week(clock: ManualClock) -> None:
    limits = Limits(jobs_forgotten_max=3)
    async with serving(APP, clock=clock, limits=limits, store=MemoryStore(limits)) as server:
        for number in range(7):
            job = await server.mutate("marks:later", label=str(number))
            await ends(server, job, "success")
        clock.advance(6 * 24 * 3600)
        kept = await server.mutate("marks:later", label="new", seconds=1e6)
        await server.app.jobs.forget()
        assert len(await server.query("marks:jobs")) == 8
        clock.advance(2 * 24 * 3600)
        await server.app.jobs.forget()

        assert [job["_id"] for job in await server.query("marks:jobs")] == [kept]
