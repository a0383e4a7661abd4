"""The app of this repository as Socket.IO clients meet it: in a process of its own."""

import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from tests.ai.fake_provider import FakeProvider, environment, fake_provider
from tests.auth.issuer import Issuer
from tests.server import ServerProcess
from tests.socketio.field import Connect, FieldClient

ROOT = Path(__file__).parents[2]
KEY = "secret"
ENV = {
    "REACTIVE_RATE_LIMIT": "0",
    "REACTIVE_ADMIN_KEY": KEY,
    "REACTIVE_FLAG_REALTIME": "legacy",
}


class Site:
    """A server's functions, called from outside."""

    def __init__(self, server: ServerProcess, session: ClientSession) -> None:
        self.server = server
        self.url = server.url
        self.session = session

    async def call(self, kind: str, path: str, **args: Any) -> Any:
        return await self._call(kind, path, args, {})

    async def admin(self, path: str, **args: Any) -> Any:
        """An internal mutation."""
        return await self._call("mutation", path, args, {"Authorization": f"Convex {KEY}"})

    async def _call(self, kind: str, path: str, args: Any, headers: dict[str, str]) -> Any:
        body = {"path": path, "args": args, "format": "json"}
        async with self.session.post(
            f"{self.url}/api/{kind}", json=body, headers=headers
        ) as response:
            answer = await response.json()
        assert answer.get("status") == "success", answer
        return answer["value"]

    async def thread(self, name: str) -> str:
        thread_id: str = await self.call("mutation", "threads:create", externalId=name)
        return thread_id

    async def log(self, stream: str) -> list[dict[str, Any]]:
        """The whole stored log of a stream."""
        events: list[dict[str, Any]] = []
        while True:
            page = await self.call(
                "query", "streamEvents:getStreamEvents", streamId=stream, after=len(events)
            )
            events += page["events"]
            if not page["events"]:
                return events


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """Everybody is one user, on the legacy path; no test changes that."""
    store = tmp_path_factory.mktemp("socketio") / "data.sqlite3"
    with ServerProcess(ROOT, store, env=ENV) as process:
        yield process


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Callable[..., ServerProcess]]:
    """Starts servers that belong to one test."""
    servers: list[ServerProcess] = []

    def start(*flags: str, **env: str) -> ServerProcess:
        store = tmp_path / f"store{len(servers)}.sqlite3"
        process = ServerProcess(ROOT, store, flags=flags, env={**ENV, **env})
        servers.append(process)
        return process.start()

    yield start
    for process in servers:
        process.end()


@pytest.fixture
async def session() -> AsyncIterator[ClientSession]:
    async with ClientSession() as found:
        yield found


@pytest.fixture
def site(server: ServerProcess, session: ClientSession) -> Site:
    return Site(server, session)


@pytest.fixture
def own_site(own_server: Callable[..., ServerProcess], session: ClientSession) -> Site:
    """A server that a test may stop and kill."""
    return Site(own_server(), session)


@pytest.fixture(scope="module")
def flipped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    store = tmp_path_factory.mktemp("flipped") / "data.sqlite3"
    with ServerProcess(ROOT, store, env=ENV) as process:
        yield process


@pytest.fixture
async def flip_site(flipped: ServerProcess, session: ClientSession) -> Site:
    """A server whose flag a test may flip; it begins as `legacy`."""
    site = Site(flipped, session)
    await site.admin("flags:set", key="realtime", variant="legacy", enabled=True)
    return site


@pytest.fixture
async def fake() -> AsyncIterator[FakeProvider]:
    async with fake_provider() as provider:
        yield provider


@pytest.fixture
def faked(
    fake: FakeProvider, own_server: Callable[..., ServerProcess], session: ClientSession
) -> Site:
    """A server whose models are the fake provider's."""
    return Site(own_server(**environment(fake.url)), session)


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with Issuer() as serving:
        yield serving


@pytest.fixture(scope="module")
def guarding(issuer: Issuer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    store = tmp_path_factory.mktemp("guarding") / "data.sqlite3"
    env = {**ENV, "REACTIVE_AUTH": json.dumps([issuer.setting()])}
    with ServerProcess(ROOT, store, env=env) as process:
        yield process


@pytest.fixture
def guarded(guarding: ServerProcess, session: ClientSession) -> Site:
    """A server that lets in only those whom the issuer knows."""
    return Site(guarding, session)


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    """Connects clients, and disconnects them after the test."""
    async with AsyncExitStack() as stack:

        async def open_client(
            url: str, transports: tuple[str, ...] = (), **auth: Any
        ) -> FieldClient:
            client = FieldClient(url, transports, **auth)
            stack.push_async_callback(client.close)
            return await client.connect()

        yield open_client


@pytest.fixture
def task(request: pytest.FixtureRequest) -> str:
    """A task's name that no other test uses."""
    return f"task of {request.node.name}"[-180:]
