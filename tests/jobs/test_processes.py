"""Scheduled functions in real server processes that are killed and stopped."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.server import ServerProcess
from tests.sync_client import SyncClient

APP = Path(__file__).with_name("app")


@asynccontextmanager
async def connected(server: ServerProcess) -> AsyncIterator[SyncClient]:
    async with SyncClient() as client:
        yield await client.open(server.sync_url)


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[ServerProcess]:
    running = ServerProcess(APP, tmp_path / "data.sqlite3").start()
    yield running
    running.end()


@pytest.mark.parametrize("seed", range(3))
async def test_killed_again_and_again_every_job_takes_effect_once(
    server: ServerProcess, seed: int
) -> None:
    dice = random.Random(seed)
    async with connected(server) as client:
        for name in ("a", "b"):
            await client.run("marks:later_many", {"name": name, "count": 700})
        await client.subscribe("marks:counter", {"name": "a"})
        for _ in range(dice.randrange(1, 3)):
            await client.receive()
    server.kill()
    for _ in range(3):
        server.start()
        await asyncio.sleep(dice.random() * 0.15)
        server.kill()
    server.start()

    async with connected(server) as client:
        for name in ("a", "b"):
            watched = await client.subscribe("marks:counter", {"name": name})
            await client.value_becomes(watched, 700.0)
        jobs = await client.query("marks:states")
        assert jobs.value == {"success": 1_400.0}


async def test_action_that_was_running_when_the_server_died_has_failed(
    server: ServerProcess,
) -> None:
    async with connected(server) as client:
        job = await client.run("marks:start_waiting", {"label": "a"})
        watched = await client.subscribe("marks:list", {"label": "a started"})
        await client.value_becomes(watched, ["nobody"])
    server.kill()
    server.start()

    async with connected(server) as client:
        found = (await client.query("marks:job", {"id": job})).value
        assert isinstance(found, dict)
        assert found["state"]["kind"] == "failed"
        assert "Transient error" in found["state"]["error"]
        await client.run("marks:say", {"label": "a go"})
        assert (await client.query("marks:list", {"label": "a ended"})).value == []


async def test_action_in_flight_may_finish_when_the_server_is_stopped(
    server: ServerProcess,
) -> None:
    async with connected(server) as client:
        job = await client.run("marks:start_waiting", {"label": "a"})
        watched = await client.subscribe("marks:list", {"label": "a started"})
        await client.value_becomes(watched, ["nobody"])
        await client.run("marks:say", {"label": "a go"})
    assert server.stop() == 0
    server.start()

    async with connected(server) as client:
        watched = await client.subscribe("marks:state", {"id": job})
        await client.value_becomes(watched, "success")


async def test_live_queries_go_on_while_a_thousand_jobs_run(server: ServerProcess) -> None:
    async with connected(server) as client, connected(server) as other:
        counted = await client.subscribe("marks:counter", {"name": "many"})
        chats = await client.subscribe("marks:list", {"label": "chat"})
        await other.run("marks:later_many", {"name": "many", "count": 1_000})
        heard: list[str] = []
        while len(heard) < 10:
            await other.run("marks:say", {"label": "chat"})
            heard.append("said")
            await client.value_becomes(chats, heard)
        await client.value_becomes(counted, 1_000.0)


async def test_scheduled_by_one_client_seen_by_another(server: ServerProcess) -> None:
    async with connected(server) as client, connected(server) as other:
        job = await client.run("marks:later", {"label": "soon", "seconds": 0.3})
        watched = await other.subscribe("marks:state", {"id": job})
        await other.value_becomes(watched, "pending")
        await other.value_becomes(watched, "success")
        seen = await other.subscribe("marks:list", {"label": "soon"})
        await other.value_becomes(seen, ["nobody"])


async def test_internal_functions_stay_closed_to_clients(server: ServerProcess) -> None:
    async with connected(server) as client:
        assert "Could not find public function" in await client.fail(
            "marks:mark", {"label": "mine"}
        )
