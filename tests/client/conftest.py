"""Servers for the tests of the client."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.server import APPS, ServerProcess

StartServer = Callable[..., ServerProcess]


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """The `lab` app as in production."""
    store = tmp_path_factory.mktemp("lab") / "data.sqlite3"
    with ServerProcess(APPS / "lab", store) as server:
        yield server


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[StartServer]:
    """Starts servers that belong to one test, which may kill them."""
    servers: list[ServerProcess] = []

    def start(**options: Any) -> ServerProcess:
        server = ServerProcess(APPS / "lab", tmp_path / f"{len(servers)}.sqlite3", **options)
        servers.append(server)
        return server.start()

    yield start
    for server in servers:
        server.end()


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A name that no other test on the same server uses."""
    return str(request.node.nodeid)
