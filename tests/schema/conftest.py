"""A copy of the app that is edited while it is served, and a client that watches."""

import asyncio
import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Literal

import pytest

from tests.server import ServerProcess
from tests.sync_client import SyncClient

APP = Path(__file__).with_name("app")
HELD_SERVER = Path(__file__).with_name("held_server.py")
COUNT = 60


class Edited:
    """A project's copy, its server and a client of it."""

    def __init__(self, folder: Path) -> None:
        self.project = folder / "app"
        self.store = folder / "data.sqlite3"
        self.gate = folder / "gate"
        shutil.copytree(APP, self.project, ignore=shutil.ignore_patterns("__pycache__"))
        self.server = self.new_server()
        self.client = SyncClient()

    def new_server(
        self, command: Literal["dev", "serve"] = "dev", *, hold: str | None = None
    ) -> ServerProcess:
        """A server, not started; long work of the kind `hold` waits for `release`."""
        env = {"HOLD": hold or "", "GATE": str(self.gate)}
        self.server = ServerProcess(self.project, self.store, command=command, env=env)
        self.server.arguments[:1] = [sys.executable, str(HELD_SERVER)]
        return self.server

    async def start(
        self, command: Literal["dev", "serve"] = "dev", *, hold: str | None = None
    ) -> SyncClient:
        await asyncio.to_thread(self.new_server(command, hold=hold).start)
        self.client = SyncClient()
        return await self.client.open(self.server.sync_url)

    async def stop(self) -> None:
        await self.client.close()
        assert await asyncio.to_thread(self.server.stop) == 0, self.server.output

    async def filled(self) -> None:
        """The app has run before, and its database has documents."""
        client = await self.start("serve")
        await client.run("tasks:fill", {"count": COUNT})
        await self.stop()

    def release(self) -> None:
        self.gate.touch()

    def replace(self, file: str, old: str, new: str) -> None:
        path = self.project / file
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    async def output(self, pattern: str, *, count: int = 1) -> str:
        return await asyncio.to_thread(self.server.wait_for_output, pattern, count=count)


@pytest.fixture
async def edited(tmp_path: Path) -> AsyncIterator[Edited]:
    made = Edited(tmp_path)
    yield made
    await made.client.close()
    made.release()
    await asyncio.to_thread(made.server.end)
