"""What `ctx.storage` is: files that clients upload, and that URLs give out.

A file is a document of `_storage` and its bytes. Whoever reads the document, or asks for its URL,
depends on it like on any other; the bytes are kept elsewhere (`reactive.storage.files`).
Source of the rules: Convex's file storage.
"""

from collections.abc import AsyncIterable, AsyncIterator
from typing import TYPE_CHECKING

from reactive.backend import FileFacts
from reactive.errors import CallError, UsageError
from reactive.runtime.db import SystemTables
from reactive.runtime.file_service import FileService, facts_of, live_key
from reactive.runtime.system_tables import StoredFile
from reactive.runtime.types import Id

if TYPE_CHECKING:
    from reactive.runtime.execution import Execution


class StorageReader:
    """`ctx.storage` of a query."""

    __slots__ = ("_files", "_run")

    def __init__(self, run: "Execution", files: "FileService") -> None:
        self._run = run
        self._files = files

    async def get_url(self, id: Id[StoredFile]) -> str | None:
        """A URL from which anybody who knows it can get the file, until the file is deleted.

        None when there is no such file (any more); a live query hears of that.

        Raises:
            UsageError: `InvalidStorageId`, when the text is no id of `_storage`.
        """
        db = self._tables()
        key = await live_key(db, await _checked(db, id))
        return None if key is None else self._files.url_of(key.key)

    def _tables(self) -> SystemTables:
        self._run.check_open()
        if self._run.has_transaction:
            return SystemTables(self._run)
        return self._files.tables()


class StorageWriter(StorageReader):
    """`ctx.storage` of a mutation."""

    __slots__ = ()

    async def generate_upload_url(self) -> str:
        """A URL that takes a file by `POST` for one hour, from anybody who knows it.

        The answer is `{"storageId": ...}`. An id that no mutation saves is a file that stays.
        """
        self._run.check_open()
        run = self._run
        now_ms = run.now_ms if run.has_transaction else run.clock.now_ns() / 1e6
        return self._files.upload_url(now_ms, run.id_dice.getrandbits(64))

    async def delete(self, id: Id[StoredFile]) -> None:
        """Removes a file, with the rest of the transaction; its URL ends at the commit.

        Raises:
            UsageError: when there is no such file.
        """
        run = self._run
        run.check_open()
        now_ms = run.now_ms if run.has_transaction else run.clock.now_ns() / 1e6

        async def delete(db: SystemTables) -> None:
            key = await live_key(db, await _checked(db, id))
            if key is None:
                raise UsageError(f"there is no file {id}", code="NonexistentDocument")
            await db.delete(id)
            await db.patch(key.id, deleted_time=now_ms)

        if run.has_transaction:
            await delete(SystemTables(run))
        else:
            await self._files.transact(delete)


class StorageActions(StorageWriter):
    """`ctx.storage` of an action."""

    __slots__ = ()

    async def store(
        self, data: bytes | AsyncIterable[bytes], content_type: str | None = None
    ) -> Id[StoredFile]:
        """Keeps bytes as a file and gives its id once it is durable.

        `data` may come in pieces from an async iterable, such as a request's or a response's body;
        it is never in memory as a whole.

        Raises:
            LimitError: when there are too many bytes.
            UsageError: for what are no bytes, or a `content_type` that no header can carry.
        """
        self._run.check_open()
        try:
            return await self._files.receive(_pieces(data), content_type)
        except CallError as error:
            if error.code == "InvalidContentType":
                raise UsageError(error.message, code=error.code) from error
            raise

    async def get(self, id: Id[StoredFile]) -> "StoredBlob | None":
        """A file, or None when there is no such file.

        Raises:
            UsageError: `InvalidStorageId`, when the text is no id of `_storage`.
        """
        db = self._tables()
        facts = await facts_of(db, await _checked(db, id))
        return None if facts is None else StoredBlob(facts, self._files)


class StoredBlob:
    """A stored file: its `size` in bytes, the base64 of its `sha256`, its bytes on request."""

    __slots__ = ("_facts", "_files")

    def __init__(self, facts: FileFacts, files: "FileService") -> None:
        self._facts = facts
        self._files = files

    def __repr__(self) -> str:
        return f"<StoredBlob of {self.size} bytes, {self.content_type}>"

    @property
    def content_type(self) -> str | None:
        """The type that it was stored with, if one was given."""
        return self._facts.content_type

    @property
    def size(self) -> int:
        return self._facts.size

    @property
    def sha256(self) -> str:
        return self._facts.sha256

    async def read(self) -> bytes:
        """The whole file.

        Raises:
            StorageError: when its bytes are lost, or it was deleted.
        """
        return b"".join([chunk async for chunk in self])

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """The file in pieces, none larger than 256 KiB."""
        async with self._files.read(self._facts, 0, self._facts.size) as chunks:
            async for chunk in chunks:
                yield chunk


async def _checked(db: SystemTables, text: object) -> Id[StoredFile]:
    found = await db.normalize_id(StoredFile, text) if isinstance(text, str) else None
    if found is None:
        raise UsageError(f"{text!r:.80} is no id of a stored file", code="InvalidStorageId")
    return found


async def _pieces(data: object) -> AsyncIterator[bytes]:
    if isinstance(data, bytes | bytearray | memoryview):
        yield bytes(data)
    elif isinstance(data, AsyncIterable):
        async for chunk in data:
            if not isinstance(chunk, bytes | bytearray | memoryview):
                raise UsageError(f"a file is made of bytes, not of {type(chunk).__name__}")
            yield bytes(chunk)
    else:
        raise UsageError(
            f"a file is bytes or an async iterable of bytes, not {type(data).__name__}"
        )
