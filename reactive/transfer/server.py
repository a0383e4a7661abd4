"""Imports into the database of a running server."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Final, Protocol

from reactive.clock import Clock
from reactive.engine.database import Database
from reactive.errors import CallError
from reactive.limits import Limits
from reactive.runtime.runner import Project
from reactive.storage.files import FileStore
from reactive.transfer.archive import LinesBundle, ZipBundle
from reactive.transfer.load import Import, Mode
from reactive.transfer.progress import NoProgress

_LABEL: Final = "the file"
"""What errors call what was sent: its name here says nothing to whoever sent it."""


class ProjectHolder(Protocol):
    """Knows which project is being served."""

    @property
    def project(self) -> Project: ...


class ServerImports:
    """Implements `reactive.backend.Imports`. Mutations wait while rows are written.

    `deploy` makes the recurring jobs those of the project.
    """

    def __init__(
        self,
        database: Database,
        holder: ProjectHolder,
        files: FileStore,
        limits: Limits,
        clock: Clock,
        deploy: Callable[[Project], Awaitable[None]],
    ) -> None:
        self._database = database
        self._holder = holder
        self._files = files
        self._limits = limits
        self._clock = clock
        self._deploy = deploy

    async def load(self, path: str, table: str | None, mode: str) -> Mapping[str, int]:
        if mode not in [each.value for each in Mode]:
            raise CallError(f"{mode!r:.80} is no mode of an import", code="BadMode")
        project = self._holder.project
        file = Path(path)
        if table is not None:
            bundle = LinesBundle(file, table, self._limits, _LABEL)
            return await self._run(project, bundle, Mode(mode))
        with closing(ZipBundle(file, self._limits, _LABEL)) as archive:
            return await self._run(project, archive, Mode(mode))

    async def _run(
        self, project: Project, bundle: LinesBundle | ZipBundle, mode: Mode
    ) -> Mapping[str, int]:
        def is_served() -> bool:
            return self._holder.project is project

        work = Import(
            self._database,
            project.schema,
            self._files,
            bundle,
            mode,
            limits=self._limits,
            clock=self._clock,
            progress=NoProgress(),
            is_current=is_served,
        )
        counts = await work.run()
        # What was imported of recurring jobs goes on, but only of those that the project has.
        await self._deploy(self._holder.project)
        return counts
