"""What the tests of answers share."""

from collections.abc import AsyncIterator
from functools import partial

import pytest
from hypothesis import settings

from reactive.ai.providers.registry import provider_of
from reactive.clock import SystemClock
from tests.ai.asking import Find
from tests.ai.fake_provider import FakeProvider, environment, fake_provider

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
