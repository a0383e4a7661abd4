"""The chat page as a browser gets it: built, served from a store of its own, and opened."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server import ServerProcess
from tests.web.browser import Browser
from tests.web.page import Chat

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "functions" / "_web"


@pytest.fixture(scope="session")
def page_build() -> None:
    """The page from the sources as they are now."""
    subprocess.run(["npm", "run", "build"], cwd=PAGE, check=True)


@pytest.fixture
def server(page_build: None, tmp_path: Path) -> Iterator[ServerProcess]:
    """The repository's own app, in production, for one test that may kill it."""
    process = ServerProcess(ROOT, tmp_path / "data.sqlite3").start()
    yield process
    # Without the patience that it has with answers that are still being made.
    process.kill()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with Browser() as browser:
        yield browser


@pytest.fixture
def chat(browser: Browser, server: ServerProcess) -> Iterator[Chat]:
    chat = Chat(browser, server)
    yield chat
    chat.leave()
