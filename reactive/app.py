"""The composition root: builds a server from its parts, starts and stops them in order."""

import asyncio
import gc
import importlib.util
import logging
import os
import sys
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiohttp import web

from reactive.ai import metrics
from reactive.auth.authenticator import TokenAuthenticator
from reactive.clock import Clock, SystemClock
from reactive.engine.database import Database
from reactive.errors import ProjectError, StorageError, UncertainCommitError
from reactive.flags.starting import start_flags
from reactive.limits import DEFAULT_LIMITS, Limits
from reactive.runtime.cron_runner import CronRunner
from reactive.runtime.execution import LogHandler
from reactive.runtime.file_keeper import FileKeeper
from reactive.runtime.jobs import JobRunner
from reactive.runtime.loader import install, load_project
from reactive.runtime.runner import Project, Runner
from reactive.runtime.service import FunctionService
from reactive.settings import Settings, load_settings
from reactive.storage.files import FileStore
from reactive.storage.interface import Store
from reactive.storage.local_files import LocalFiles
from reactive.storage.memory import MemoryStore
from reactive.storage.memory_files import MemoryFiles
from reactive.storage.sqlite import SQLiteStore
from reactive.storage.sqlite_layout import sqlite_path
from reactive.transfer.server import ServerImports
from reactive.wire.endpoints import EndpointApi
from reactive.wire.http import HttpApi
from reactive.wire.imports import ImportApi
from reactive.wire.logs import LogApi
from reactive.wire.origins import Origins
from reactive.wire.routes import Routes, is_own_path
from reactive.wire.storage import StorageApi
from reactive.wire.websocket import SocketHub

if TYPE_CHECKING:
    from reactive.wire.socketio import SocketIoHub

_log = logging.getLogger("reactive")
_TIDY_S = 300.0


class App:
    """One project, served.

    `is_dev` shows errors and logs to clients. `store`, `files` and `clock` replace what the
    settings name. Without `runs_jobs` scheduled and recurring functions wait for the next server.
    """

    def __init__(
        self,
        folder: Path,
        settings: Settings,
        *,
        is_dev: bool,
        limits: Limits = DEFAULT_LIMITS,
        store: Store | None = None,
        files: FileStore | None = None,
        clock: Clock | None = None,
        runs_jobs: bool = True,
        fatal: Callable[[UncertainCommitError], None] | None = None,
    ) -> None:
        self.folder = folder
        self.settings = settings
        self.limits = limits
        self._runs_jobs = runs_jobs
        self._clock = clock or SystemClock()
        self._files = files or open_files(
            settings.store if store is None else "memory:", folder, limits, self._clock
        )
        self._store = store or open_store(settings.store, folder, limits)
        self._log_handler = LogHandler()
        self._is_drained = False
        self._tidying: asyncio.Task[None] | None = None
        self._sweeping: asyncio.Task[None] | None = None
        self._has_leftovers = asyncio.Event()
        self._reloading = asyncio.Lock()
        self.database = Database(self._store, self._clock, limits, fatal or _stop_process)
        self._authenticator = TokenAuthenticator(settings.auth, self._clock, limits)
        runner = Runner(limits, self._clock, self._store, case=settings.case, redact=not is_dev)
        self.service = FunctionService(
            self.database,
            runner,
            limits,
            self._clock,
            files=self._files,
            settings=settings,
            authenticator=self._authenticator,
        )
        metrics.observe(self.service)
        self.jobs = JobRunner(self.service, self.database, limits, self._clock)
        self.crons = CronRunner(self.service, self.database, limits, self._clock)
        self._keeper = FileKeeper(self.service, self._files, self.database, limits, self._clock)
        self._imports = ServerImports(
            self.database,
            self.service,
            self._files,
            limits,
            self._clock,
            deploy=lambda project: self.crons.deploy(project.crons),
        )
        self.hub = SocketHub(self.service, self._clock, limits)
        self._origins = Origins(settings.allowed_origins)
        self._sockets = self._event_sockets()

    async def start(self) -> None:
        """Loads the project and opens its store.

        Raises:
            ProjectError: when the project cannot be served.
            StorageError: when the store cannot be opened.
        """
        project = load_project(self.folder, self.settings.case)
        await self.database.open()
        try:
            await self._files.open()
            await self._install(project)
            # A command that opens the project for one call changes no flag by that.
            await start_flags(self.service, self.settings.flags if self._runs_jobs else {})
        except BaseException:
            await self.database.close()
            raise
        if self._runs_jobs:
            await self.crons.deploy(project.crons)
            await self.jobs.start()
            await self.crons.start()
            self._keeper.start()
        logging.getLogger().addHandler(self._log_handler)
        self.hub.start()
        loop = asyncio.get_running_loop()
        self._tidying = loop.create_task(self._tidy_up())
        self._sweeping = loop.create_task(self._sweep_up())

    async def reload(self) -> None:
        """Serves the project as it is on disk now.

        Raises:
            ProjectError: when it cannot be served; the old code then goes on serving.
        """
        async with self._reloading:
            project = load_project(self.folder, self.settings.case)
            try:
                await self._install(project)
            finally:
                self._has_leftovers.set()
            await start_flags(self.service, {})
            await self.crons.deploy(project.crons)
            if self._sockets is not None:
                # What runs for them is code of before.
                await self._sockets.restart()

    async def _install(self, project: Project) -> None:
        await install(
            project,
            self.service.project,
            self.folder,
            self.database,
            self._clock,
            self.limits,
            partial(self.service.serve, project),
        )
        _warn_of_hidden_routes(project)
        if project.sockets is not None and self.settings.socketio and self._sockets is None:
            _log.warning(
                "functions/socketio.py is not served: python-socketio is not installed; it comes "
                "with the extra `legacy`"
            )

    async def drain(self) -> None:
        """Lets actions that are running finish for a while, then closes the sockets."""
        if self._is_drained:
            return
        self._is_drained = True
        self.jobs.pause()
        self.crons.pause()
        await self.service.drain()
        await self.hub.close()
        if self._sockets is not None:
            await self._sockets.close()

    async def stop(self) -> None:
        """Lets mutations that are running finish, and closes the store."""
        for task in (self._tidying, self._sweeping):
            if task is not None:
                task.cancel()
        await self.jobs.stop()
        await self.crons.stop()
        await self._keeper.stop()
        await self.service.close()
        await self._authenticator.close()
        logging.getLogger().removeHandler(self._log_handler)
        await self.database.close()
        await self._files.close()

    def listens_at(self, port: int, prefix: str = "") -> None:
        """It is known where the server is reached; URLs of files name it.

        `prefix` is the path below which its application is mounted in another one.
        """
        origin = self.settings.origin(port)
        self.service.files.origin = origin if self.settings.public_url else origin + prefix

    async def _sweep_up(self) -> None:
        """Removes what is left of indexes after each change of them, and what a crash has left."""
        while True:
            try:
                await self._store.sweep()
            except StorageError as error:
                _log.warning("entries of old indexes are still there: %s", error)
            await self._has_leftovers.wait()
            self._has_leftovers.clear()

    async def _tidy_up(self) -> None:
        while True:
            await asyncio.sleep(_TIDY_S)
            gc.collect()
            oldest = self._clock.now_ns() - int(self.limits.receipt_age_s * 1e9)
            await self._store.forget_receipts(oldest)
            await self.jobs.forget()

    def application(self, *, is_started: bool = False) -> web.Application:
        """The aiohttp application of this app, which starts and stops it.

        With `is_started` the app is started already, and is stopped by whoever started it.
        """
        settings = self.settings
        routes = Routes(
            HttpApi(self.service, self.limits),
            self.hub,
            StorageApi(self.service.files, self.limits),
            EndpointApi(self.service, self.service.endpoints, self._origins),
            LogApi(self.service, self.service.logs, self.limits),
            ImportApi(self.service, self._imports, self._spool_folder()),
            self._sockets,
            self._origins,
            instance_name=self.folder.name,
            static=self.folder / settings.static if settings.static is not None else None,
            on_place=self.listens_at,
        )
        application = routes.application(self.limits)
        if not is_started:
            application.cleanup_ctx.append(self._life)
            application.on_shutdown.append(self._drain_application)
        return application

    def _event_sockets(self) -> "SocketIoHub | None":
        """Socket.IO, unless it is switched off or not installed: then nothing of it is loaded."""
        if not self.settings.socketio or importlib.util.find_spec("socketio") is None:
            return None
        from reactive.wire.socketio import SocketIoHub

        return SocketIoHub(
            self.service, self.service.sockets, self._origins, self._clock, self.limits
        )

    def _spool_folder(self) -> Path | None:
        """Where there is room for what is imported: beside the database."""
        url = self.settings.store
        path = None if url == "memory:" else sqlite_path(url, self.folder)
        return None if path is None else path.parent

    async def _life(self, application: web.Application) -> AsyncIterator[None]:
        await self.start()
        yield
        await self.stop()

    async def _drain_application(self, application: web.Application) -> None:
        await self.drain()


def _warn_of_hidden_routes(project: Project) -> None:
    for path in project.http.paths if project.http is not None else ():
        if is_own_path(path):
            _log.warning(
                "the HTTP route %s is only reached as /http%s: the server answers %s itself",
                path,
                path,
                path,
            )


def open_store(url: str, folder: Path, limits: Limits) -> Store:
    """The store that a URL names, relative paths below the project's folder."""
    if url == "memory:":
        return MemoryStore(limits)
    return SQLiteStore(sqlite_path(url, folder), limits)


def open_files(url: str, folder: Path, limits: Limits, clock: Clock) -> FileStore:
    """Where files are kept: beside the database that a URL names, or with it in memory."""
    path = None if url == "memory:" else sqlite_path(url, folder)
    if path is None:
        return MemoryFiles(limits, clock)
    return LocalFiles(path.with_name(path.name + ".files"), limits)


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
