"""What the tests of flags share: the chat app and a shop of its own, in virtual time and served."""

import json
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
import pytest_asyncio
from hypothesis import settings

from reactive.testing import TestBackend
from tests.auth import forge
from tests.runtime.harness import own_modules
from tests.server import ServerProcess

ROOT = Path(__file__).parents[2]
SHOP = Path(__file__).with_name("app")
ISSUER = "https://test.invalid"
AUTH = [{"issuer": ISSUER, "jwks": forge.data_url(forge.ec_key())}]

settings.register_profile("suite", derandomize=True, deadline=None)
settings.load_profile("suite")

Serve = Callable[..., ServerProcess]


def call(server: ServerProcess, function: str, **args: Any) -> Any:
    """What an admin gets of a function."""
    request = Request(
        f"{server.url}/api/run/{function.replace(':', '/')}",
        json.dumps({"args": args, "format": "json"}).encode(),
        {"Authorization": "Convex secret", "Content-Type": "application/json"},
    )
    with urlopen(request, timeout=15) as response:
        found = json.load(response)
    assert "success" == found["status"], found
    return found["value"]


@pytest.fixture
async def chat() -> AsyncIterator[TestBackend]:
    """The chat app, whose users log in."""
    with own_modules():
        async with TestBackend(ROOT, auth=AUTH) as backend:
            yield backend


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_chat() -> AsyncIterator[TestBackend]:
    """As `chat`, for all tests of a module that change nothing; they share its loop."""
    with own_modules():
        async with TestBackend(ROOT, auth=AUTH) as backend:
            yield backend


@pytest.fixture
async def shop() -> AsyncIterator[TestBackend]:
    """The shop, whose users log in."""
    with own_modules():
        async with TestBackend(SHOP, auth=AUTH) as backend:
            yield backend


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Makes servers of the chat app, all of one store; they are not started."""
    servers: list[ServerProcess] = []

    def make(project: Path = ROOT, *, dev: bool = False, **env: str) -> ServerProcess:
        environment: dict[str, Any] = {"REACTIVE_ADMIN_KEY": "secret", **env}
        command: Any = "dev" if dev else "serve"
        server = ServerProcess(project, tmp_path / "data.sqlite3", command=command, env=environment)
        servers.append(server)
        return server

    yield make
    for server in servers:
        server.end()
