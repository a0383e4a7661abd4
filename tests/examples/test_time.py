"""What time does to examples, on a clock that the test moves: time-outs, crons, and their cost."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from reactive.testing import TestBackend
from tests.examples.conftest import EXAMPLES
from tests.runtime.harness import own_modules

ADA = {"session": "1", "name": "Ada", "hue": 20}
GRACE = {"session": "2", "name": "Grace", "hue": 70}


@pytest.fixture(autouse=True)
def _own_modules() -> Iterator[None]:
    with own_modules():
        yield


async def people(backend: TestBackend) -> list[str]:
    return sorted(person["name"] for person in await backend.query("presence:list"))


async def jobs(backend: TestBackend) -> list[str]:
    return [job["state"] for job in await backend.query("messages:jobs")]


async def test_presence_ends_after_silence_and_not_before() -> None:
    async with TestBackend(EXAMPLES / "presence") as backend:
        await backend.mutation("presence:heartbeat", ADA)
        await backend.mutation("presence:heartbeat", GRACE)
        await backend.advance(4)
        await backend.mutation("presence:heartbeat", GRACE)
        await backend.advance(1.9)
        assert await people(backend) == ["Ada", "Grace"]
        await backend.advance(0.1)
        assert await people(backend) == ["Grace"]
        await backend.advance(3.9)
        assert await people(backend) == ["Grace"]
        await backend.advance(0.1)
        assert await people(backend) == []


async def test_presence_of_one_who_comes_back_is_a_new_one() -> None:
    async with TestBackend(EXAMPLES / "presence") as backend:
        await backend.mutation("presence:heartbeat", ADA)
        await backend.mutation("presence:leave", session="1")
        await backend.mutation("presence:heartbeat", ADA)
        await backend.advance(5.9)
        assert await people(backend) == ["Ada"]
        await backend.advance(0.1)
        assert await people(backend) == []


async def test_heartbeat_of_somebody_who_stays_runs_nobodys_query() -> None:
    async with TestBackend(EXAMPLES / "presence") as backend:
        await backend.mutation("presence:heartbeat", ADA)
        watched = backend.subscribe("presence:list")
        assert len(await anext(watched)) == 1

        before = backend._app.service.executions
        for _ in range(10):
            await backend.mutation("presence:heartbeat", ADA)
        assert backend._app.service.executions - before == 10, "the heartbeats themselves"

        await backend.mutation("presence:heartbeat", GRACE)
        assert len(await anext(watched)) == 2
        await watched.aclose()  # type: ignore[attr-defined]


async def test_each_person_has_one_call_waiting() -> None:
    async with TestBackend(EXAMPLES / "presence") as backend:
        await backend.mutation("presence:heartbeat", ADA)
        before = backend._app.service.executions
        for _ in range(60):
            await backend.advance(1)
            await backend.mutation("presence:heartbeat", ADA)
        looks = backend._app.service.executions - before - 60
        assert 10 <= looks <= 12, "one look every six seconds, however many heartbeats"


async def test_scheduled_message_lives_from_its_time_to_its_end() -> None:
    async with TestBackend(EXAMPLES / "scheduled") as backend:
        await backend.mutation("messages:plan", body="soon", delayS=3600, lifetimeS=60)
        await backend.advance(timedelta(minutes=59, seconds=59))
        assert await backend.query("messages:list") == []
        assert await jobs(backend) == ["pending"]
        await backend.advance(1)
        [message] = await backend.query("messages:list")
        assert message["destructsAt"] - message["_creationTime"] == pytest.approx(60_000, abs=5)
        assert await jobs(backend) == ["pending", "success"]
        await backend.advance(60)
        assert await backend.query("messages:list") == []


async def test_message_called_back_never_comes() -> None:
    async with TestBackend(EXAMPLES / "scheduled") as backend:
        planned = await backend.mutation("messages:plan", body="never", delayS=60)
        await backend.mutation("messages:callBack", id=planned)
        await backend.advance(timedelta(hours=1))
        assert await backend.query("messages:list") == []
        assert await jobs(backend) == ["canceled"]


async def test_cron_strikes_at_once_and_every_minute() -> None:
    async with TestBackend(EXAMPLES / "scheduled") as backend:
        assert (await backend.query("clock:get"))["strikes"] == 1
        await backend.advance(timedelta(minutes=90))
        clock = await backend.query("clock:get")
        assert clock["strikes"] == 91
        assert clock["struckAt"] == pytest.approx(backend.now.timestamp() * 1_000, abs=100)
