"""The app beside this file, as in production and as in development."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from aiohttp import ClientSession

from tests.server import ServerProcess

APP = Path(__file__).with_name("app")
FLAGS = ("--static", "web", "--admin-key", "secret")


@pytest.fixture(scope="session")
def endpoints(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    store = tmp_path_factory.mktemp("endpoints") / "data.sqlite3"
    with ServerProcess(APP, store, flags=FLAGS) as server:
        yield server


@pytest.fixture(scope="session")
def endpoints_dev(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    store = tmp_path_factory.mktemp("endpoints_dev") / "data.sqlite3"
    with ServerProcess(APP, store, command="dev", flags=FLAGS) as server:
        yield server


@pytest.fixture
async def site(endpoints: ServerProcess) -> AsyncIterator[ClientSession]:
    async with ClientSession(endpoints.url) as session:
        yield session


@pytest.fixture
async def site_dev(endpoints_dev: ServerProcess) -> AsyncIterator[ClientSession]:
    async with ClientSession(endpoints_dev.url) as session:
        yield session
