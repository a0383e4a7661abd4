"""Removes the bytes of files that were deleted, and of files that nothing names."""

import asyncio
import logging

from reactive.clock import Clock
from reactive.clock import sleep as sleep_by
from reactive.engine.database import Database
from reactive.errors import ReactiveError
from reactive.limits import Limits
from reactive.runtime.alarm import Alarm
from reactive.runtime.db import SystemTables
from reactive.runtime.file_service import SystemService
from reactive.runtime.system_tables import FileKey
from reactive.storage.files import FileStore

_log = logging.getLogger("reactive.files")


class FileKeeper:
    """Two tasks: one waits for keys that are marked as deleted, one searches for orphans.

    An orphan is what a crash leaves between the moment at which a file is durable and the commit of
    its row. It is only removed when it is older than any upload that could still get its row.
    """

    def __init__(
        self,
        service: SystemService,
        files: FileStore,
        database: Database,
        limits: Limits,
        clock: Clock,
    ) -> None:
        self._service = service
        self._files = files
        self._limits = limits
        self._clock = clock
        self._alarm = Alarm(database, clock)
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begins; what was left to do by the last server is done now."""
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._remove()), loop.create_task(self._sweep())]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _remove(self) -> None:
        while True:
            db, reads = self._service.peek()
            retry_s = None
            try:
                await self._remove_some(db)
            except ReactiveError as error:
                _log.error("deleted files are not removed yet: %s", error)
                retry_s = self._limits.file_retry_s
            await self._alarm.sleep(retry_s, reads)

    async def _remove_some(self, db: SystemTables) -> None:
        marked = (
            await db.query(FileKey)
            .with_index("by_deletion", lambda q: q.gt("deleted_time", 0))
            .take(self._limits.file_deletions_max)
        )
        if not marked:
            return
        for each in marked:
            await self._files.delete(each.key)

        async def forget(db: SystemTables) -> None:
            for each in marked:
                if await db.get(each.id) is not None:
                    await db.delete(each.id)

        await self._service.transact(forget)

    async def _sweep(self) -> None:
        while True:
            try:
                await self.sweep()
            except ReactiveError as error:
                _log.error("files that nothing names are not removed yet: %s", error)
            await sleep_by(self._clock, self._limits.file_sweep_s)

    async def sweep(self) -> int:
        """Removes old files that nothing names; gives their number."""
        newest_ns = self._clock.now_ns() - int(self._limits.file_orphan_s * 1e9)
        count = 0
        async for entry in self._files.names():
            if entry.written_ns < newest_ns and await self._is_orphan(entry.name):
                await self._files.delete(entry.name)
                count += 1
        if count:
            _log.info("removed %s files that nothing names", count)
        return count

    async def _is_orphan(self, key: str) -> bool:
        # The loop goes on with other work between two of possibly very many.
        await asyncio.sleep(0)
        db, _ = self._service.peek()
        return await db.query(FileKey).with_index("by_key", key=key).first() is None
