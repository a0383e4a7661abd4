"""Recurring jobs in one process, with a clock that a test moves."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from reactive.errors import ProjectError
from reactive.limits import DEFAULT_LIMITS
from reactive.runtime.crons import Crons, Schedule
from reactive.storage.memory import MemoryStore
from reactive.storage.sqlite import SQLiteStore
from reactive.testing.clock import ManualClock
from tests.runtime.harness import Server, serving

APP = Path(__file__).with_name("recurring")
START = datetime(2026, 3, 1, 5, 59, 30, tzinfo=UTC)
"""A Sunday."""


def nanoseconds(when: datetime) -> int:
    return int(when.timestamp()) * 10**9


def milliseconds(when: datetime) -> float:
    return when.timestamp() * 1e3


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(20):
        while not await condition():
            await asyncio.sleep(0.001)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(nanoseconds(START))


@pytest.fixture
async def server(clock: ManualClock) -> AsyncIterator[Server]:
    async with serving(APP, clock=clock) as running:
        yield running
        await running.mutate("runs:say")


async def runs(server: Server, name: str) -> Any:
    return await server.query("runs:list", name=name)


async def has_run(server: Server, name: str, times: int) -> None:
    async def has() -> bool:
        return len(await runs(server, name)) >= times

    await until(has)
    await asyncio.sleep(0.01)
    assert len(await runs(server, name)) == times


async def test_interval_runs_when_it_is_deployed_and_then_every_so_often(
    server: Server, clock: ManualClock
) -> None:
    await has_run(server, "minute", 1)
    clock.advance(59)
    await has_run(server, "minute", 1)
    clock.advance(1)
    await has_run(server, "minute", 2)
    clock.advance(60)
    await has_run(server, "minute", 3)

    (first, second, third) = await runs(server, "minute")
    assert (second - first, third - second) == (60.0, 60.0)


async def test_others_wait_for_their_time(server: Server, clock: ManualClock) -> None:
    await has_run(server, "minute", 1)
    assert [await runs(server, name) for name in ("hourly", "daily", "weekly")] == [[], [], []]
    clock.advance(30)
    await has_run(server, "daily", 1)
    clock.advance(600)
    await has_run(server, "hourly", 1)
    assert await runs(server, "weekly") == []


async def test_next_times(server: Server) -> None:
    await has_run(server, "minute", 1)
    times = await server.query("runs:next_runs")

    day = START.replace(hour=0, minute=0, second=0)
    assert times["at six"] == milliseconds(day.replace(hour=6))
    assert times["at ten past"] == milliseconds(day.replace(hour=6, minute=10))
    assert times["on mondays"] == milliseconds(day + timedelta(days=1, hours=9))
    assert times["weekdays at nine"] == milliseconds(day + timedelta(days=1, hours=9))
    assert times["on the 31st"] == milliseconds(day.replace(day=31))


async def test_job_that_is_still_running_is_not_started_again(
    server: Server, clock: ManualClock
) -> None:
    await has_run(server, "waits", 1)
    clock.advance(100)
    await has_run(server, "minute", 2)
    assert len(await runs(server, "waits")) == 1
    await server.mutate("runs:say")

    async def logged() -> bool:
        return bool(await server.query("runs:logs", name="waits"))

    await until(logged)
    (log,) = await server.query("runs:logs", name="waits")
    assert (log["skipped"], log["state"]) == (3, {"kind": "success"})
    assert len(await runs(server, "waits")) == 1
    clock.advance(20)
    await has_run(server, "waits", 2)


async def test_failure_is_logged_and_writes_nothing(server: Server) -> None:
    async def logged() -> bool:
        return bool(await server.query("runs:logs", name="fails"))

    await until(logged)
    (log,) = await server.query("runs:logs", name="fails")
    assert log["state"]["kind"] == "failed"
    assert log["state"]["error"].startswith("Uncaught ValueError: xxx")
    assert len(log["state"]["error"]) == DEFAULT_LIMITS.cron_text_max
    assert await runs(server, "fails") == []


async def test_last_runs_are_kept(server: Server, clock: ManualClock) -> None:
    for count in range(1, 8):
        await has_run(server, "minute", count)
        clock.advance(60)
    await has_run(server, "minute", 8)

    logs = await server.query("runs:logs", name="every minute")
    assert len(logs) == DEFAULT_LIMITS.cron_logs_max
    due = [log["scheduledTime"] for log in logs]
    assert due == [milliseconds(START) + 60_000.0 * n for n in range(3, 8)]


async def test_restart_is_no_deployment_and_makes_up_once(
    tmp_path: Path, clock: ManualClock
) -> None:
    path = tmp_path / "data.sqlite3"
    async with serving(APP, clock=clock, store=SQLiteStore(path)) as server:
        await has_run(server, "minute", 1)
        clock.advance(20)
        await server.mutate("runs:say")
    async with serving(APP, clock=clock, store=SQLiteStore(path)) as server:
        await asyncio.sleep(0.01)
        assert len(await runs(server, "minute")) == 1
        await server.mutate("runs:say")
    clock.advance(10 * 60 + 5)
    async with serving(APP, clock=clock, store=SQLiteStore(path)) as server:
        await has_run(server, "minute", 2)
        logs = await server.query("runs:logs", name="every minute")
        assert [log["skipped"] for log in logs] == [0, 9]
        clock.advance(34)
        await has_run(server, "minute", 2)
        clock.advance(1)
        await has_run(server, "minute", 3)
        await server.mutate("runs:say")


async def test_reload_keeps_what_stays_and_drops_what_goes(
    tmp_path: Path, clock: ManualClock
) -> None:
    project = tmp_path / "project"
    (project / "functions").mkdir(parents=True)
    for name in ("schema.py", "functions/runs.py"):
        (project / name).write_text((APP / name).read_text())
    crons = project / "functions" / "crons.py"
    head = (
        "from datetime import timedelta\nfrom functions import runs\n"
        "from reactive import Crons\ncrons = Crons()\n"
    )
    minute = "crons.interval('a', timedelta(minutes=1), runs.note, name='minute')\n"
    crons.write_text(head + minute + "crons.hourly('b', runs.note, minute=5, name='hourly')\n")
    async with serving(project, clock=clock, store=MemoryStore()) as server:
        await has_run(server, "minute", 1)
        clock.advance(30)
        before = await server.query("runs:next_runs")
        crons.write_text(head + minute + "crons.hourly('c', runs.note, minute=7, name='hourly')\n")
        await server.app.reload()
        after = await server.query("runs:next_runs")

        assert set(after) == {"a", "c"}
        assert after["a"] == before["a"]
        assert len(await runs(server, "minute")) == 1
        crons.write_text(head + minute.replace("minutes=1", "minutes=2"))
        await server.app.reload()
        await has_run(server, "minute", 2)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("crons.interval('a', timedelta(0), runs.note, name='x')", "whole seconds"),
        ("crons.interval('a', timedelta(seconds=1.5), runs.note, name='x')", "whole seconds"),
        ("crons.interval('a', 60, runs.note, name='x')", "whole seconds, not 60"),
        ("crons.hourly('a', runs.note, minute=60, name='x')", "minute is 0 to 59, not 60"),
        ("crons.daily('a', runs.note, hour=24, name='x')", "hour is 0 to 23, not 24"),
        ("crons.monthly('a', runs.note, day=0, name='x')", "day is 1 to 31, not 0"),
        ("crons.weekly('a', runs.note, day_of_week='mon', name='x')", "not 'mon'"),
        ("crons.cron('a', '* * *', runs.note, name='x')", "five fields"),
        ("crons.cron('a', '99 * * * *', runs.note, name='x')", "five fields"),
        ("crons.cron('a', '0 0 31 2 *', runs.note, name='x')", "'0 0 31 2 *' is never due"),
        ("crons.hourly('', runs.note, name='x')", "printable ASCII"),
        ("crons.hourly(5, runs.note, name='x')", "printable ASCII"),
        ("crons.hourly('a', runs.note, name='\\ud800')", "not valid Unicode"),
        ("crons.hourly('a', runs.note, nam='x')", "nam"),
        ("crons.hourly('a', runs.words)", "runs:words is a query"),
        ("crons.hourly('a', 'runs:nothing')", "'runs:nothing'"),
        ("crons.hourly('a', runs.note, name='x')\n" * 2, "two jobs of this name"),
        ("crons = 5", "must have `crons = Crons()`"),
    ],
)
async def test_wrong_job_stops_the_start_and_is_named(
    tmp_path: Path, line: str, words: str
) -> None:
    project = tmp_path / "project"
    (project / "functions").mkdir(parents=True)
    for name in ("schema.py", "functions/runs.py"):
        (project / name).write_text((APP / name).read_text())
    (project / "functions" / "crons.py").write_text(
        "from datetime import timedelta\nfrom functions import runs\n"
        f"from reactive import Crons\ncrons = Crons()\n{line}\n"
    )
    with pytest.raises(ProjectError) as caught:
        async with serving(project):
            pass

    assert words in str(caught.value)
    assert "crons" in str(caught.value)


def test_month_without_the_day_is_left_out() -> None:
    crons = Crons()
    crons.monthly("a", "runs:note", day=31, hour=1)
    (cron,) = crons
    march = milliseconds(datetime(2026, 3, 31, 1, tzinfo=UTC))

    assert cron.schedule.after(march, march) == (
        milliseconds(datetime(2026, 5, 31, 1, tzinfo=UTC)),
        0,
    )


def test_years_of_outage_are_counted_to_a_thousand() -> None:
    now = milliseconds(START) + 10 * 365 * 86_400_000.0
    next_run, skipped = Schedule(cron="* * * * *").after(milliseconds(START), now)

    assert skipped == 1_000
    assert now < next_run <= now + 60_000
