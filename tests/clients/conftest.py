"""One server per fixture app and mode, shared by every test that does not need its own."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.server import APPS, ServerProcess
from tests.sync_client import SyncClient

Connect = Callable[..., Awaitable[SyncClient]]


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """The `lab` app as in production."""
    store = tmp_path_factory.mktemp("lab") / "data.sqlite3"
    with ServerProcess(APPS / "lab", store) as server:
        yield server


@pytest.fixture(scope="session")
def lab_dev(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """The `lab` app in development, where errors and log lines reach the client."""
    store = tmp_path_factory.mktemp("lab_dev") / "data.sqlite3"
    with ServerProcess(APPS / "lab", store, command="dev") as server:
        yield server


@pytest.fixture(scope="session")
def camel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """The app whose names are camelCase on the wire."""
    store = tmp_path_factory.mktemp("camel") / "data.sqlite3"
    with ServerProcess(APPS / "camel", store) as server:
        yield server


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Callable[..., ServerProcess]]:
    """Starts servers that belong to one test, which may kill them."""
    servers: list[ServerProcess] = []

    def start(project: Path = APPS / "lab", **options: Any) -> ServerProcess:
        store = tmp_path / f"store{len(servers)}.sqlite3"
        server = ServerProcess(project, options.pop("store", store), **options)
        servers.append(server)
        return server.start()

    yield start
    for server in servers:
        server.end()


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    """Opens sync clients and closes them after the test."""
    async with AsyncExitStack() as stack:

        async def open_client(url: str, **options: Any) -> SyncClient:
            own = ("session_id", "first_request", "autoping")
            client = SyncClient(**{key: options.pop(key) for key in own if key in options})
            await stack.enter_async_context(client)
            return await client.open(url, **options)

        yield open_client


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A name that no other test on the same server uses."""
    return str(request.node.nodeid)
