"""The composition root: builds a server from its parts, starts and stops them in order."""

import asyncio
import gc
import logging
import os
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from aiohttp import web

from reactive.clock import Clock, SystemClock
from reactive.engine.database import Database
from reactive.errors import ProjectError, UncertainCommitError
from reactive.limits import DEFAULT_LIMITS, Limits
from reactive.runtime.execution import LogHandler
from reactive.runtime.loader import install, load_project
from reactive.runtime.runner import Runner
from reactive.runtime.service import FunctionService
from reactive.settings import Settings, load_settings
from reactive.storage.interface import Store
from reactive.storage.memory import MemoryStore
from reactive.storage.sqlite import SQLiteStore
from reactive.storage.sqlite_layout import sqlite_path
from reactive.wire.http import HttpApi
from reactive.wire.origins import Origins
from reactive.wire.routes import Routes
from reactive.wire.websocket import SocketHub

_log = logging.getLogger("reactive")
_TIDY_S = 300.0


class App:
    """One project, served.

    `is_dev` shows errors and logs to clients. `store` and `clock` replace what the settings name.
    """

    def __init__(
        self,
        folder: Path,
        settings: Settings,
        *,
        is_dev: bool,
        limits: Limits = DEFAULT_LIMITS,
        store: Store | None = None,
        clock: Clock | None = None,
        fatal: Callable[[UncertainCommitError], None] | None = None,
    ) -> None:
        self.folder = folder
        self.settings = settings
        self._limits = limits
        self._clock = clock or SystemClock()
        self._store = store or open_store(settings.store, folder, limits)
        self._log_handler = LogHandler()
        self._tidying: asyncio.Task[None] | None = None
        self.database = Database(self._store, self._clock, limits, fatal or _stop_process)
        runner = Runner(limits, self._clock, self._store, redact=not is_dev)
        self.service = FunctionService(
            self.database, runner, limits, self._clock, admin_key=settings.admin_key
        )
        self.hub = SocketHub(self.service, self._clock, limits)

    async def start(self) -> None:
        """Loads the project and opens its store.

        Raises:
            ProjectError: when the project cannot be served.
            StorageError: when the store cannot be opened.
        """
        project = load_project(self.folder, self.settings.case)
        await self.database.open()
        try:
            await install(project, self.database, self.folder)
        except BaseException:
            await self.database.close()
            raise
        self.service.serve(project)
        logging.getLogger().addHandler(self._log_handler)
        self.hub.start()
        self._tidying = asyncio.get_running_loop().create_task(self._tidy_up())

    async def reload(self) -> None:
        """Serves the project as it is on disk now.

        Raises:
            ProjectError: when it cannot be served; the old code then goes on serving.
        """
        project = load_project(self.folder, self.settings.case)
        await install(project, self.database, self.folder)
        self.service.serve(project)

    async def drain(self) -> None:
        """Lets actions that are running finish for a while, then closes the sockets."""
        await self.service.drain()
        await self.hub.close()

    async def stop(self) -> None:
        """Lets mutations that are running finish, and closes the store."""
        if self._tidying is not None:
            self._tidying.cancel()
        await self.service.close()
        logging.getLogger().removeHandler(self._log_handler)
        await self.database.close()

    async def _tidy_up(self) -> None:
        while True:
            await asyncio.sleep(_TIDY_S)
            gc.collect()
            oldest = self._clock.now_ns() - int(self._limits.receipt_age_s * 1e9)
            await self._store.forget_receipts(oldest)

    def application(self) -> web.Application:
        """The aiohttp application of this app, which starts and stops it."""
        settings = self.settings
        routes = Routes(
            HttpApi(self.service),
            self.hub,
            Origins(settings.allowed_origins),
            instance_name=self.folder.name,
            static=self.folder / settings.static if settings.static is not None else None,
        )
        application = routes.application(self._limits)
        application.cleanup_ctx.append(self._life)
        application.on_shutdown.append(self._drain_application)
        return application

    async def _life(self, application: web.Application) -> AsyncIterator[None]:
        await self.start()
        yield
        await self.stop()

    async def _drain_application(self, application: web.Application) -> None:
        await self.drain()


def open_store(url: str, folder: Path, limits: Limits) -> Store:
    """The store that a URL names, relative paths below the project's folder."""
    if url == "memory:":
        return MemoryStore(limits)
    return SQLiteStore(sqlite_path(url, folder), limits)


def create_app(project: Path | str, *, dev: bool = False, **settings: Any) -> web.Application:
    """An aiohttp application that serves a project.

    `settings` are those of `[tool.reactive]` and win over it and over the environment. With `dev`
    clients are shown errors and logs.

    Raises:
        ProjectError: for settings that are unknown or wrong. The project itself is loaded when the
            application starts.
    """
    folder = Path(project).resolve()
    if not folder.is_dir():
        raise ProjectError(f"there is no folder {folder}")
    return App(folder, load_settings(folder, settings), is_dev=dev).application()


def quiet_collector() -> None:
    """Keeps the garbage collector from looking at everything while clients wait.

    What was made until now stays for good. Of the rest the newest commits are by far the most, and
    hold no cycles: a full collection over them would take a tenth of a second every few seconds,
    and find nothing. One is made every five minutes instead.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 10, 100_000)


def _stop_process(error: UncertainCommitError) -> None:
    _log.critical("%s; stopping, as only a restart can tell what was written", error)
    sys.stderr.flush()
    os._exit(70)
