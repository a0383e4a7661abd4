"""The app of this repository as its readers meet it: in a process of its own, over HTTP."""

import json
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession
from hypothesis import HealthCheck, settings

from tests.ai.fake_provider import FakeProvider, environment, fake_provider
from tests.auth.issuer import Issuer
from tests.server import ServerProcess

settings.register_profile(
    "readers",
    derandomize=True,
    deadline=None,
    # How fast logs are drawn says more of what else the machine does.
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("readers")

ROOT = Path(__file__).parents[2]
UNLIMITED = {"REACTIVE_RATE_LIMIT": "0"}


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """Trusts no issuer: everybody is one user."""
    store = tmp_path_factory.mktemp("readers") / "data.sqlite3"
    with ServerProcess(ROOT, store, env=UNLIMITED) as server:
        yield server


@pytest.fixture
def own_app(tmp_path: Path) -> Iterator[Callable[..., ServerProcess]]:
    """Starts servers that belong to one test."""
    servers: list[ServerProcess] = []

    def start(**env: str) -> ServerProcess:
        store = tmp_path / f"store{len(servers)}.sqlite3"
        server = ServerProcess(ROOT, store, env={**UNLIMITED, **env})
        servers.append(server)
        return server.start()

    yield start
    for server in servers:
        server.end()


@pytest.fixture
async def site(app: ServerProcess) -> AsyncIterator[ClientSession]:
    async with ClientSession(app.url) as session:
        yield session


@pytest.fixture
async def fake() -> AsyncIterator[FakeProvider]:
    async with fake_provider() as provider:
        yield provider


@pytest.fixture
async def faked(
    fake: FakeProvider, own_app: Callable[..., ServerProcess]
) -> AsyncIterator[ClientSession]:
    """A server whose models are the fake provider's."""
    server = own_app(**environment(fake.url))
    async with ClientSession(server.url) as session:
        yield session


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with Issuer() as serving:
        yield serving


@pytest.fixture(scope="module")
def guarded(issuer: Issuer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """Lets in only those whom the issuer knows."""
    store = tmp_path_factory.mktemp("guarded") / "data.sqlite3"
    trusted: list[dict[str, Any]] = [issuer.setting()]
    env = {**UNLIMITED, "REACTIVE_AUTH": json.dumps(trusted)}
    with ServerProcess(ROOT, store, env=env) as server:
        yield server


@pytest.fixture
def thread(request: pytest.FixtureRequest) -> str:
    """A thread's name that no other test uses."""
    return f"thread of {request.node.nodeid}"[-180:]
