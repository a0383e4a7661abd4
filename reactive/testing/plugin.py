"""The pytest plugin: a fixture `backend`, a fresh `TestBackend` for each test.

The project is the folder that the ini option `reactive_project` names, relative to pytest's root;
without it the root itself. Needs pytest-asyncio, which pytest-aiohttp brings along.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from reactive.testing.backend import TestBackend


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds the ini option."""
    parser.addini("reactive_project", "folder of the app that `backend` serves", default=".")


@pytest_asyncio.fixture
async def backend(request: pytest.FixtureRequest) -> AsyncIterator[TestBackend]:
    """The project's backend, started and empty."""
    folder = Path(request.config.rootpath) / request.config.getini("reactive_project")
    async with TestBackend(folder) as running:
        yield running
