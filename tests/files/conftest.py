"""A server of the app beside this file, and what tests do with its files over plain HTTP."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from tests.server import ServerProcess

APP = Path(__file__).with_name("app")


async def until(condition: Callable[[], bool]) -> None:
    """Waits for what other processes and threads bring about.

    Raises:
        TimeoutError: when it takes longer than it could on the busiest machine.
    """
    async with asyncio.timeout(15):
        while not condition():  # noqa: ASYNC110 - another process sets no event
            await asyncio.sleep(0.005)


class Http:
    """Calls of functions, uploads and downloads at one server."""

    def __init__(self, session: ClientSession, url: str) -> None:
        self.session = session
        self.url = url

    async def call(self, kind: str, path: str, **args: Any) -> Any:
        """The result of a function; fails with its error."""
        body = await self.answer(kind, path, **args)
        assert body["status"] == "success", body
        return body["value"]

    async def answer(self, kind: str, path: str, **args: Any) -> Any:
        """The whole answer of a function."""
        body = {"path": path, "args": args, "format": "json"}
        async with self.session.post(f"{self.url}/api/{kind}", json=body) as response:
            return await response.json()

    async def query(self, path: str, **args: Any) -> Any:
        return await self.call("query", path, **args)

    async def mutate(self, path: str, **args: Any) -> Any:
        return await self.call("mutation", path, **args)

    async def act(self, path: str, **args: Any) -> Any:
        return await self.call("action", path, **args)

    async def upload_url(self) -> str:
        url = await self.mutate("files:generate_upload_url")
        assert isinstance(url, str)
        return url

    async def upload(self, data: Any, **headers: str) -> str:
        """The id of a new file."""
        async with self.session.post(await self.upload_url(), data=data, headers=headers) as answer:
            assert answer.status == 200, await answer.text()
            found = await answer.json()
            assert list(found) == ["storageId"]
            return str(found["storageId"])

    async def file_url(self, file: str) -> str:
        url = await self.query("files:url", file=file)
        assert isinstance(url, str)
        return url


@pytest.fixture(scope="session")
def files_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    store = tmp_path_factory.mktemp("files") / "data.sqlite3"
    with ServerProcess(APP, store) as server:
        yield server


@pytest.fixture
async def http(files_server: ServerProcess) -> AsyncIterator[Http]:
    async with ClientSession() as session:
        yield Http(session, files_server.url)
