"""Examples are the same in every run, and a busy machine fails none of them."""

from collections.abc import AsyncIterator

import pytest
from hypothesis import settings

from reactive.engine.database import Database
from reactive.storage.memory import MemoryStore
from reactive.testing.clock import ManualClock
from reactive.testing.faults import FaultyStore
from tests.engine.harness import Fatal, opened

settings.register_profile("suite", derandomize=True, deadline=None)
settings.load_profile("suite")


@pytest.fixture
def store() -> FaultyStore:
    return FaultyStore(MemoryStore())


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def fatal() -> Fatal:
    return Fatal()


@pytest.fixture
async def database(store: FaultyStore, clock: ManualClock, fatal: Fatal) -> AsyncIterator[Database]:
    async with opened(store, clock=clock, fatal=fatal) as database:
        yield database
