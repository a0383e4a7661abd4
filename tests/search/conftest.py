"""Servers of the app with notes."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.server import ServerProcess
from tests.sync_client import SyncClient

APP = Path(__file__).with_name("app")
Connect = Callable[[], Awaitable[SyncClient]]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    """A server in development, with an empty store."""
    with ServerProcess(APP, tmp_path / "data.sqlite3", command="dev") as server:
        yield server


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server for tests that can share one."""
    store = tmp_path_factory.mktemp("shared") / "data.sqlite3"
    with ServerProcess(APP, store, command="dev") as server:
        yield server


@pytest.fixture
async def connect(server: ServerProcess) -> AsyncIterator[Connect]:
    """Opens sync clients and closes them after the test."""
    async with AsyncExitStack() as stack:

        async def open_client() -> SyncClient:
            client = await stack.enter_async_context(SyncClient())
            return await client.open(server.sync_url)

        yield open_client


@pytest.fixture
async def client(connect: Connect) -> SyncClient:
    return await connect()
