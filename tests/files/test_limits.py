"""Bounds of files, in a server whose bounds and clock a test sets, over real sockets."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer

from reactive.app import App
from reactive.limits import DEFAULT_LIMITS, Limits
from reactive.settings import Settings
from reactive.storage.memory import MemoryStore
from reactive.storage.memory_files import MemoryFiles
from reactive.testing.clock import ManualClock
from tests.files.conftest import APP, Http, until
from tests.runtime.harness import own_modules


@pytest.fixture(autouse=True)
def _own_modules() -> Iterator[None]:
    with own_modules():
        yield


class World:
    """A server, its clock and its files."""

    def __init__(self, limits: Limits, **settings: Any) -> None:
        self.clock = ManualClock()
        self.files = MemoryFiles(limits, self.clock)
        self.app = App(
            APP,
            Settings(**settings),
            is_dev=True,
            limits=limits,
            store=MemoryStore(limits),
            files=self.files,
            clock=self.clock,
        )
        self.http: Http

    async def names(self) -> set[str]:
        return {entry.name async for entry in self.files.names()}

    async def keeps(self, count: int) -> None:
        """Waits until there are so many files."""
        await until(lambda: self.files.count == count)


@asynccontextmanager
async def served(settings: dict[str, Any] | None = None, **limits: Any) -> AsyncIterator[World]:
    world = World(replace(DEFAULT_LIMITS, **limits), **(settings or {}))
    async with TestServer(world.app.application()) as server, ClientSession() as session:
        world.http = Http(session, str(server.make_url("/")).rstrip("/"))
        yield world


async def post(world: World, data: Any) -> tuple[int, Any]:
    async with world.http.session.post(await world.http.upload_url(), data=data) as answer:
        return answer.status, await answer.json()


async def test_file_that_is_too_large() -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"x" * 100

    async with served(file_bytes_max=1_000) as world:
        assert (await post(world, b"x" * 1_000))[0] == 200
        for data in (b"x" * 1_001, endless()):
            status, body = await post(world, data)
            assert (status, body["code"]) == (413, "FileTooLarge")
            assert "1000" in body["message"]
        assert world.files.count == 1
        answer = await world.http.answer("action", "files:store", text="x" * 1_001)
        assert "too large" in answer["errorMessage"]
        assert world.files.count == 1


async def test_upload_that_stalls() -> None:
    async def stalling() -> AsyncIterator[bytes]:
        yield b"some"
        await asyncio.sleep(60)

    async with served(transfer_stall_s=0.1) as world:
        status, body = await post(world, stalling())

        assert (status, body["code"]) == (408, "UploadTimeout")
        assert world.files.count == 0


async def test_upload_that_drips() -> None:
    async def dripping() -> AsyncIterator[bytes]:
        while True:
            yield b"."
            await asyncio.sleep(0.02)

    async with served(upload_s=0.3) as world:
        status, body = await post(world, dripping())

        assert (status, body["code"]) == (408, "UploadTimeout")
        assert world.files.count == 0


async def test_upload_url_ends_after_an_hour() -> None:
    async with served() as world:
        url = await world.http.upload_url()
        world.clock.advance(3_599)
        async with world.http.session.post(url, data=b"x") as answer:
            assert answer.status == 200
        world.clock.advance(2)
        async with world.http.session.post(url, data=b"x") as answer:
            assert answer.status == 401
            assert (await answer.json())["code"] == "StorageTokenExpired"


async def test_reader_that_does_not_read_is_let_go() -> None:
    async with served(transfer_stall_s=0.1) as world:

        async def large() -> AsyncIterator[bytes]:
            for _ in range(200):
                yield b"x" * 100_000

        file = await world.http.upload(large())
        url = await world.http.file_url(file)
        response = await world.http.session.get(url)
        before = {task for task in asyncio.all_tasks() if "_handle_request" in repr(task)}
        assert before
        await until(lambda: all(task.done() for task in before))
        response.close()


async def test_orphans_are_swept() -> None:
    async with served(file_sweep_s=600.0) as world:
        file = await world.http.upload(b"named")
        orphan = await world.files.stage(str(uuid.uuid4()))
        await orphan.commit()
        world.clock.advance(3_000)
        young = await world.files.stage(str(uuid.uuid4()))
        await young.commit()
        assert world.files.count == 3
        await asyncio.sleep(0)
        world.clock.advance(601)
        await world.keeps(2)

        async with world.http.session.get(await world.http.file_url(file)) as response:
            assert await response.read() == b"named"


async def test_many_deletions() -> None:
    async with served(file_deletions_max=3) as world:
        files = [await world.http.upload(b"x") for _ in range(10)]
        for file in files:
            await world.http.mutate("files:remove", file=file)

        await world.keeps(0)


async def test_deletion_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    from reactive.errors import StorageError

    async with served() as world:
        file = await world.http.upload(b"x")
        tried = asyncio.Event()

        async def refuse(name: str) -> None:
            tried.set()
            raise StorageError("the bucket does not answer")

        with monkeypatch.context() as patch:
            patch.setattr(world.files, "delete", refuse)
            await world.http.mutate("files:remove", file=file)
            async with asyncio.timeout(15):
                await tried.wait()
        assert await world.http.query("files:url", file=file) is None
        assert world.files.count == 1

        def is_gone_after_a_while() -> bool:
            world.clock.advance(1)
            return world.files.count == 0

        await until(is_gone_after_a_while)


async def test_lost_bytes_are_an_error_and_no_empty_file() -> None:
    async with served() as world:
        file = await world.http.upload(b"to be lost")
        (name,) = await world.names()
        await world.files.delete(name)
        async with world.http.session.get(await world.http.file_url(file)) as response:
            assert response.status == 503
        assert (await world.http.answer("action", "files:read", file=file))["status"] == "error"


async def test_urls_name_the_port_that_is_served() -> None:
    async with served() as world:
        assert (await world.http.upload_url()).startswith(world.http.url + "/api/storage/upload?")


async def test_public_url() -> None:
    async with served({"public_url": "https://files.example.com/"}) as world:
        url = await world.http.upload_url()

        assert url.startswith("https://files.example.com/api/storage/upload?token=")


@pytest.mark.parametrize(
    "url",
    ["files.example.com", "ftp://x", "https://", "https://a?b=c", "https://u@a", "https://a#b"],
)
def test_public_url_that_is_none(url: str) -> None:
    with pytest.raises(ValueError, match="public_url"):
        Settings(public_url=url)


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("127.0.0.1", "http://127.0.0.1:80"),
        ("0.0.0.0", "http://127.0.0.1:80"),
        ("::1", "http://[::1]:80"),
        ("app.example.com", "http://app.example.com:80"),
    ],
)
def test_origin_of_a_host(host: str, origin: str) -> None:
    assert Settings(host=host).origin(80) == origin
