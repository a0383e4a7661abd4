"""`TestBackend`, as an author's own tests use it."""

import asyncio
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from reactive import ApplicationError
from reactive.client import ReactiveClient
from reactive.errors import CallError, ProjectError
from reactive.limits import Limits
from reactive.testing import TestBackend
from tests.runtime.harness import own_modules

TESTS = Path(__file__).parents[1]
JOBS = TESTS / "jobs" / "app"
RECURRING = TESTS / "jobs" / "recurring"
LAB = TESTS / "apps" / "lab"


@pytest.fixture(autouse=True)
def _own_modules() -> object:
    with own_modules():
        yield


async def test_functions_by_path_have_the_wires_values() -> None:
    async with TestBackend(JOBS) as backend:
        await backend.mutation("marks:say", label="a")

        assert await backend.query("marks:list", {"label": "a"}) == ["said"]


async def test_functions_themselves_have_pythons() -> None:
    async with TestBackend(JOBS) as backend:
        from functions import marks  # type: ignore[attr-defined]

        job = await backend.mutation(marks.later, label="a", seconds=5)
        found = await backend.query(marks.job, id=job)

        assert found.id == job
        assert found.state.kind == "pending"


async def test_each_starts_empty() -> None:
    for _ in range(2):
        async with TestBackend(JOBS) as backend:
            await backend.mutation("marks:say", label="a")
            assert await backend.query("marks:list", label="a") == ["said"]


async def test_time_moves_only_when_it_is_told_to() -> None:
    start = datetime(2030, 5, 1, tzinfo=UTC)
    async with TestBackend(JOBS, now=start) as backend:
        await backend.mutation("marks:later", label="a", seconds=3600)
        await backend.settle()
        assert await backend.query("marks:list", label="a") == []
        assert backend.now == start
        await backend.advance(timedelta(minutes=59))
        assert await backend.query("marks:list", label="a") == []
        await backend.advance(60)

        assert await backend.query("marks:list", label="a") == ["nobody"]
        assert backend.now == start + timedelta(hours=1)


async def test_documents_are_in_their_order_while_time_stands_still() -> None:
    async with TestBackend(LAB) as backend:
        made = [await backend.mutation("items:add", list_name="a", rank=1) for _ in range(20)]

        found = await backend.query("items:list", list_name="a")
        assert [item["_id"] for item in found] == made


async def test_what_is_due_now_has_run_when_the_mutation_returns() -> None:
    async with TestBackend(JOBS) as backend:
        await backend.mutation("marks:later_many", name="a", count=200)

        assert await backend.query("marks:counter", name="a") == 200


async def test_day_of_crons_in_a_moment() -> None:
    sunday = datetime(2026, 3, 1, 5, 59, 30, tzinfo=UTC)
    async with TestBackend(RECURRING, now=sunday) as backend:
        await backend.advance(timedelta(hours=30))

        assert len(await backend.query("runs:list", name="daily")) == 2
        assert len(await backend.query("runs:list", name="hourly")) == 30
        assert len(await backend.query("runs:list", name="minute")) == 30 * 60 + 1
        assert len(await backend.query("runs:list", name="weekly")) == 1
        # Half an hour is an action's time; it starts again at the next half minute.
        assert len(await backend.query("runs:list", name="waits")) == 60


async def test_functions_in_threads_are_waited_for() -> None:
    """A function that has held the loop for too long runs there the next time."""
    async with TestBackend(JOBS) as backend:
        slow = backend._app.service.registry.find("marks:list", None, True)
        for label in "abcdefgh":
            await backend.mutation("marks:say", label=f"{label} go")
            slow.is_slow = True
            await backend.mutation("marks:start_waiting", label=label)

            assert await backend.query("marks:list", label=f"{label} ended") == ["nobody"]


async def test_finish_scheduled_runs_what_is_due_in_years() -> None:
    async with TestBackend(JOBS) as backend:
        await backend.mutation("marks:later", label="a", seconds=3 * 365 * 24 * 3600)
        await backend.finish_scheduled()

        assert await backend.query("marks:list", label="a") == ["nobody"]


async def test_time_of_an_action_runs_out() -> None:
    async with TestBackend(JOBS, limits=Limits(action_time_s=60.0)) as backend:
        job = await backend.mutation("marks:start_waiting", label="a")
        await backend.advance(59)
        assert await backend.query("marks:state", id=job) == "inProgress"
        await backend.advance(2)

        failed = await backend.query("marks:job", id=job)
        assert failed["state"]["kind"] == "failed"
        assert "TimeoutError" in failed["state"]["error"]


async def test_identity_of_a_caller() -> None:
    async with TestBackend(JOBS) as backend:
        ada = backend.with_identity("ada", email="ada@example.com")

        assert await backend.query("marks:whoami") is None
        assert await ada.query("marks:whoami") == ["ada", "ada@example.com"]


async def test_failures_are_those_of_the_function() -> None:
    async with TestBackend(JOBS) as backend:
        with pytest.raises(ValueError, match="not after all"):
            await backend.mutation("marks:later_and_fail", label="a")
        with pytest.raises(CallError, match="label"):
            await backend.mutation("marks:later", seconds=1)
        with pytest.raises(CallError, match="marks:nothing"):
            await backend.query("marks:nothing")


async def test_application_error_of_a_query() -> None:
    async with TestBackend(LAB) as backend:
        with pytest.raises(ApplicationError) as caught:
            await backend.query("errors:dataQuery")

        assert caught.value.data["code"] == "NOPE"  # type: ignore[index]


async def test_live_query() -> None:
    async with TestBackend(JOBS) as backend:
        values = backend.subscribe("marks:list", label="a")
        assert await anext(values) == []
        await backend.mutation("marks:say", label="other")
        await backend.mutation("marks:say", label="a")
        assert await anext(values) == ["said"]
        waiting = asyncio.ensure_future(anext(values))
        await backend.mutation("marks:say", label="other")
        assert not waiting.done()
        await backend.mutation("marks:say", label="a")
        assert await waiting == ["said", "said"]
        await values.aclose()  # type: ignore[attr-defined]


async def test_official_clients_can_be_let_in() -> None:
    async with (
        TestBackend(JOBS) as backend,
        ReactiveClient(await backend.listen()) as client,
    ):
        job = await client.mutation("marks:later", label="a", seconds=3600)
        states = client.subscribe("marks:state", id=job)
        assert await anext(states) == "pending"
        await backend.advance(3601)
        assert await anext(states) == "success"
        await states.aclose()


async def test_clients_that_write_together_do_not_wait_for_the_clock() -> None:
    async with TestBackend(JOBS) as backend:
        url = await backend.listen()
        async with ReactiveClient(url) as one, ReactiveClient(url) as other:
            for _ in range(5):
                writes = [client.mutation("marks:say", label="a") for client in (one, one, other)]
                await asyncio.gather(*writes)
                async with asyncio.timeout(20):
                    await one.mutation("marks:say", label="b")
        assert ["said"] * 5 == await backend.query("marks:list", label="b")


async def test_project_that_cannot_be_served_is_named(tmp_path: Path) -> None:
    (tmp_path / "schema.py").write_text("nonsense")

    with pytest.raises(ProjectError, match="nonsense"):
        async with TestBackend(tmp_path):
            pass


def test_fixture(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text(
        f"[pytest]\nasyncio_mode = auto\nreactive_project = {JOBS}\n"
    )
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["reactive.testing.plugin"]\n')
    (tmp_path / "test_marks.py").write_text(
        "async def test_marks(backend):\n"
        "    await backend.mutation('marks:say', label='a')\n"
        "    assert await backend.query('marks:list', label='a') == ['said']\n\n\n"
        "async def test_empty(backend):\n"
        "    assert await backend.query('marks:list', label='a') == []\n"
    )
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", str(tmp_path)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "2 passed" in ran.stdout
