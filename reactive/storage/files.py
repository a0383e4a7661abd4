"""What the server asks of whoever keeps the bytes of files.

The interface is cut so that an object store such as S3 can stand behind it: a file is written once,
from its first byte to its last, is not seen before it is whole, never changes afterwards, and
is named by a random key that no user has chosen. A multipart upload is a `StagedFile`, a ranged
`GetObject` is `open`, `DeleteObject` is `delete` and `ListObjectsV2` is `names`.

What belongs to which document is not known here; see `reactive.runtime.file_service`.
"""

import hashlib
import re
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Final, NamedTuple, Protocol

from reactive.errors import StorageError

NAME: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""A UUID, so that a name is safe as a file's name, too."""


class LostFileError(StorageError):
    """The bytes of a file are not there, or not all of them."""

    default_code = "FileLost"
    is_public = False


class FileEntry(NamedTuple):
    """One file that is kept, and when it was written, in nanoseconds since the epoch."""

    name: str
    written_ns: int


class Digest:
    """Counts and hashes the bytes of a file while they pass."""

    __slots__ = ("_sha256", "size")

    def __init__(self) -> None:
        self.size = 0
        self._sha256 = hashlib.sha256()

    def update(self, chunk: bytes) -> None:
        """Takes the next bytes in."""
        self.size += len(chunk)
        self._sha256.update(chunk)

    @property
    def sha256(self) -> bytes:
        return self._sha256.digest()


class StagedFile(Protocol):
    """A file that is being written, which nobody can read yet."""

    @property
    def digest(self) -> Digest:
        """Of what was written so far."""
        ...

    async def write(self, chunk: bytes) -> None:
        """Adds bytes at the end.

        Raises:
            StorageError: when there is no room; nothing else can be done then but `discard`.
        """
        ...

    async def commit(self) -> None:
        """Makes the file durable, and there for readers.

        Raises:
            StorageError: when it could not be kept.
        """
        ...

    async def discard(self) -> None:
        """Forgets what was written; does nothing after `commit`."""
        ...


class FileStore(Protocol):
    """Files under random names."""

    async def open(self) -> None:
        """Makes the store ready, and forgets files that a crash left unfinished.

        Raises:
            StorageError: when it cannot be used.
        """
        ...

    async def close(self) -> None: ...

    async def stage(self, name: str) -> StagedFile:
        """Begins a new file."""
        ...

    def read(
        self, name: str, start: int, end: int
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """The bytes from `start` up to, not including, `end`, in pieces.

        A file that is deleted meanwhile is read to its end.

        Raises:
            LostFileError: on entering, when they are not there.
        """
        ...

    async def delete(self, name: str) -> None:
        """Removes a file; one that is not there is fine.

        Raises:
            StorageError: when it is unknown whether the file is gone.
        """
        ...

    def names(self) -> AsyncIterator[FileEntry]:
        """Every file that is kept, in no order."""
        ...


def check_name(name: str) -> None:
    """Refuses what could be a path to somewhere else.

    Raises:
        ValueError: for anything but a UUID.
    """
    if not NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name of a stored file")
