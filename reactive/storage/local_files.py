"""Files in a folder of this machine, beside the database.

    data.sqlite3.files/
        1c9f…-….        a whole file, named by its key
        staged/         files that are being written, emptied at every start

A file is written in `staged`, flushed to the disk and then renamed, so that a name is either a
whole file or none. All that waits for the disk does so in threads.
"""

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from io import FileIO
from pathlib import Path
from typing import Final

from reactive.errors import StorageError
from reactive.limits import Limits
from reactive.storage.files import NAME, Digest, FileEntry, LostFileError, check_name

_STAGED: Final = "staged"
_LISTED: Final = 1_000


class LocalFiles:
    """Implements `reactive.storage.files.FileStore`. One process at a time may use the folder."""

    def __init__(self, folder: Path, limits: Limits) -> None:
        self._folder = folder
        self._limits = limits

    async def open(self) -> None:
        await asyncio.to_thread(self._empty_staged)

    def _empty_staged(self) -> None:
        # The folders are made by the first file: most apps have none.
        staged = self._folder / _STAGED
        with _disk_errors(staged):
            if staged.is_dir():
                for left in staged.iterdir():
                    left.unlink()

    async def close(self) -> None:
        """Nothing is held open between calls."""

    async def stage(self, name: str) -> "_Staged":
        check_name(name)
        staged = _Staged(self._folder, name)
        try:
            await asyncio.to_thread(staged.create)
        except BaseException:
            await staged.discard()
            raise
        return staged

    @asynccontextmanager
    async def read(self, name: str, start: int, end: int) -> AsyncIterator[AsyncIterator[bytes]]:
        check_name(name)
        file = await asyncio.to_thread(self._opened, name, start, end)
        step = self._limits.file_chunk_bytes
        # A cancelled read goes on in its thread; the descriptor must not be another file's then.
        lock = threading.Lock()

        def read_some(size: int) -> bytes:
            with lock:
                return file.read(size)

        def close() -> None:
            with lock:
                file.close()

        async def pieces() -> AsyncIterator[bytes]:
            left = end - start
            while left > 0:
                chunk = await asyncio.to_thread(read_some, min(step, left))
                if not chunk:
                    raise LostFileError(f"{name}: it ended {left} bytes early")
                left -= len(chunk)
                yield chunk

        try:
            yield pieces()
        finally:
            await asyncio.to_thread(close)

    def _opened(self, name: str, start: int, end: int) -> FileIO:
        try:
            file = FileIO(self._folder / name, "rb")
        except FileNotFoundError as error:
            raise LostFileError(f"{name}: the file is gone") from error
        size = os.fstat(file.fileno()).st_size
        if size < end:
            file.close()
            raise LostFileError(f"{name}: {end} bytes were asked for, {size} are there")
        file.seek(start)
        return file

    async def delete(self, name: str) -> None:
        check_name(name)
        await asyncio.to_thread(self._unlink, name)

    def _unlink(self, name: str) -> None:
        with _disk_errors(self._folder):
            try:
                (self._folder / name).unlink()
            except FileNotFoundError:
                # Gone already is fine; a folder that is gone is a disk that is not mounted.
                self._folder.stat()

    async def names(self) -> AsyncIterator[FileEntry]:
        if not await asyncio.to_thread(self._folder.is_dir):
            return
        with _disk_errors(self._folder):
            listing = await asyncio.to_thread(os.scandir, self._folder)
        with listing:
            while part := await asyncio.to_thread(self._listed, listing):
                for entry in part:
                    if entry is not None:
                        yield entry

    def _listed(self, listing: Iterator["os.DirEntry[str]"]) -> list[FileEntry | None]:
        """The next entries, None in the place of what is no file of ours; empty at the end."""
        found: list[FileEntry | None] = []
        with _disk_errors(self._folder):
            for entry in listing:
                try:
                    is_file = NAME.fullmatch(entry.name) is not None
                    written = entry.stat().st_mtime_ns
                except FileNotFoundError:
                    is_file, written = False, 0
                found.append(FileEntry(entry.name, written) if is_file else None)
                if len(found) >= _LISTED:
                    break
        return found


class _Staged:
    """Implements `reactive.storage.files.StagedFile`."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._path = folder / _STAGED / name
        self._target = folder / name
        self._file: FileIO | None = None
        self._is_over = False
        # A write that was cancelled goes on in its thread while the file is discarded.
        self._lock = threading.Lock()
        self.digest = Digest()

    def create(self) -> None:
        """Makes the file, in a thread."""
        with self._lock, _disk_errors(self._path):
            if not self._is_over:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                self._file = FileIO(self._path, "xb")

    async def write(self, chunk: bytes) -> None:
        await asyncio.to_thread(self._while_open, lambda file: self._write(file, chunk))

    def _write(self, file: FileIO, chunk: bytes) -> None:
        rest = memoryview(chunk)
        while rest:
            rest = rest[file.write(rest) :]
        self.digest.update(chunk)

    async def commit(self) -> None:
        await asyncio.to_thread(self._while_open, self._commit)

    def _commit(self, file: FileIO) -> None:
        os.fsync(file.fileno())
        file.close()
        self._file = None
        self._path.rename(self._target)
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _while_open(self, work: Callable[[FileIO], None]) -> None:
        with self._lock, _disk_errors(self._path):
            if self._file is not None:
                work(self._file)

    async def discard(self) -> None:
        await asyncio.to_thread(self._discard)

    def _discard(self) -> None:
        with self._lock, _disk_errors(self._path):
            self._is_over = True
            if self._file is not None:
                self._file.close()
                self._file = None
                self._path.unlink(missing_ok=True)


@contextmanager
def _disk_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"files cannot be kept in {path}: {error.strerror}", code="FileStorageError"
        ) from error
