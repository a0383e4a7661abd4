"""Files in memory, for tests and for `memory:`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from reactive.clock import Clock
from reactive.limits import Limits
from reactive.storage.files import Digest, FileEntry, LostFileError, check_name


class MemoryFiles:
    """Implements `reactive.storage.files.FileStore`."""

    def __init__(self, limits: Limits, clock: Clock) -> None:
        self._limits = limits
        self._clock = clock
        self._files: dict[str, tuple[bytes, int]] = {}

    @property
    def count(self) -> int:
        """How many files are kept."""
        return len(self._files)

    async def open(self) -> None:
        """There is nothing to make ready."""

    async def close(self) -> None:
        """The files stay, as those on a disk would."""

    async def stage(self, name: str) -> "_Staged":
        check_name(name)
        return _Staged(self, name)

    def keep(self, name: str, data: bytes) -> None:
        """Takes a whole file in."""
        self._files[name] = (data, self._clock.now_ns())

    @asynccontextmanager
    async def read(self, name: str, start: int, end: int) -> AsyncIterator[AsyncIterator[bytes]]:
        data = self._files.get(name, (b"", 0))[0]
        if name not in self._files or len(data) < end:
            raise LostFileError(f"{name}: {end} bytes were asked for, {len(data)} are there")
        step = self._limits.file_chunk_bytes

        async def pieces() -> AsyncIterator[bytes]:
            for at in range(start, end, step):
                yield data[at : min(at + step, end)]

        yield pieces()

    async def delete(self, name: str) -> None:
        self._files.pop(name, None)

    async def names(self) -> AsyncIterator[FileEntry]:
        for name, (_, written_ns) in list(self._files.items()):
            yield FileEntry(name, written_ns)


class _Staged:
    """Implements `reactive.storage.files.StagedFile`."""

    def __init__(self, files: MemoryFiles, name: str) -> None:
        self._files = files
        self._name = name
        self._data = bytearray()
        self.digest = Digest()

    async def write(self, chunk: bytes) -> None:
        self._data += chunk
        self.digest.update(chunk)

    async def commit(self) -> None:
        self._files.keep(self._name, bytes(self._data))

    async def discard(self) -> None:
        self._data.clear()
