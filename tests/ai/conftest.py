"""What the tests of answers share."""

from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path

import pytest
from hypothesis import settings

from reactive.ai.providers.registry import provider_of
from reactive.clock import SystemClock
from tests.ai.asking import Find
from tests.ai.fake_provider import FakeProvider, environment, fake_provider
from tests.server import ServerProcess
from tests.sync_client import SyncClient
from tests.upkeep.world import ROOT

settings.register_profile("suite", derandomize=True, deadline=None)
settings.load_profile("suite")


@pytest.fixture
async def fake() -> AsyncIterator[FakeProvider]:
    async with fake_provider() as server:
        yield server


@pytest.fixture
def find(fake: FakeProvider) -> Find:
    """Finds the provider of a model, whose requests go to the fake."""
    return partial(provider_of, clock=SystemClock(), environment=environment(fake.url))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    process = ServerProcess(ROOT, tmp_path / "data.sqlite3").start()
    yield process
    # Without the patience that it has with answers that are still being made.
    process.kill()


@pytest.fixture
async def client(server: ServerProcess) -> AsyncIterator[SyncClient]:
    async with SyncClient() as client:
        yield await client.open(server.sync_url)
