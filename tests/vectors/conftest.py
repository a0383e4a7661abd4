"""A server of the app with vectors, and a client of it."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.server import ServerProcess
from tests.sync_client import SyncClient

APP = Path(__file__).with_name("app")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    with ServerProcess(APP, tmp_path / "data.sqlite3", command="dev") as server:
        yield server


@pytest.fixture
async def client(server: ServerProcess) -> AsyncIterator[SyncClient]:
    async with SyncClient() as client:
        yield await client.open(server.sync_url)


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server for tests that write nothing."""
    store = tmp_path_factory.mktemp("vectors") / "data.sqlite3"
    with ServerProcess(APP, store, command="dev") as server:
        yield server
