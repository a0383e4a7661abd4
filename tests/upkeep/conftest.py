"""What the tests of the app's upkeep share."""

from collections.abc import AsyncIterator

import pytest

from tests.upkeep.world import Chat, chatting


@pytest.fixture
async def chat() -> AsyncIterator[Chat]:
    async with chatting() as running:
        yield running
