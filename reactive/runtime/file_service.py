"""Takes files in, finds them and gives them out; implements `reactive.backend.Files`.

    receive   stage ─▶ bytes, hashed as they pass ─▶ durable under a random key ─▶ row committed
    delete    row gone, key marked, in the author's transaction ─▶ bytes removed ─▶ key gone

Whatever a crash leaves between two steps is either invisible, and swept later, or finished later:
see `reactive.runtime.file_keeper`.
"""

import base64
import hmac
import re
import uuid
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Final, Protocol, TypeVar

from reactive.backend import FileFacts, FileTooLargeError
from reactive.clock import Clock
from reactive.engine.transaction import Transaction
from reactive.errors import CallError
from reactive.limits import MIB, Limits
from reactive.runtime.db import SystemTables
from reactive.runtime.system_tables import FileKey, StoredFile
from reactive.runtime.types import UNSET, Id
from reactive.runtime.upload_tokens import check_token, make_token
from reactive.storage.files import FileStore
from reactive.storage.interface import Store

T = TypeVar("T")

_CONTENT_TYPE: Final = re.compile(r"[\x21-\x7e](?:[\x20-\x7e\t]{0,253}[\x21-\x7e])?")
_PATH: Final = "/api/storage/"


async def live_key(db: SystemTables, storage_id: str) -> FileKey | None:
    """Where the bytes of a file are; None when there is no such file any more."""
    found = await db.query(FileKey).with_index("by_storage_id", storage_id=storage_id).first()
    return None if found is None or found.deleted_time is not UNSET else found


async def facts_of(db: SystemTables, storage_id: Id[StoredFile]) -> FileFacts | None:
    """All that is known of a file; None when there is no such file any more."""
    file = await db.get(storage_id)
    key = await live_key(db, storage_id)
    if file is None or key is None:
        return None
    content_type = None if file.content_type is UNSET else file.content_type
    return FileFacts(key.key, int(file.size), file.sha256, content_type)


class SystemService(Protocol):
    """What files need of `FunctionService`."""

    def peek(self) -> tuple[SystemTables, Transaction]: ...

    async def transact(self, work: Callable[[SystemTables], Awaitable[T]]) -> T: ...

    def note_running(self) -> object: ...


class FileService:
    """The files of one server. `origin` is what its URLs start with, such as `http://host:port`."""

    def __init__(
        self,
        service: SystemService,
        files: FileStore,
        store: Store,
        limits: Limits,
        clock: Clock,
        origin: str,
    ) -> None:
        self._service = service
        self._files = files
        self._store = store
        self._limits = limits
        self._clock = clock
        self.origin = origin

    # URLs

    def url_of(self, key: str) -> str:
        """Where a file can be got."""
        return f"{self.origin}{_PATH}{key}"

    def upload_url(self, now_ms: float, nonce: int) -> str:
        """Where a file can be sent to, for as long as `limits.upload_url_s`."""
        expires_ms = int(now_ms + self._limits.upload_url_s * 1e3)
        token = make_token(self._store.secret, expires_ms, nonce)
        return f"{self.origin}{_PATH}upload?token={token}"

    def check_upload(self, token: str) -> None:
        check_token(self._store.secret, token, self._clock.now_ns() / 1e6)

    # Rows

    def tables(self) -> SystemTables:
        """The system tables at the newest commit."""
        return self._service.peek()[0]

    async def transact(self, work: Callable[[SystemTables], Awaitable[T]]) -> T:
        """Runs work on the system tables as a transaction of its own."""
        return await self._service.transact(work)

    async def find(self, key: str) -> FileFacts | None:
        db = self.tables()
        found = await db.query(FileKey).with_index("by_key", key=key).first()
        return None if found is None else await facts_of(db, Id(found.storage_id))

    # Bytes

    async def receive(
        self,
        chunks: AsyncIterable[bytes],
        content_type: str | None,
        sha256: bytes | None = None,
    ) -> Id[StoredFile]:
        if content_type is not None and not _CONTENT_TYPE.fullmatch(content_type):
            raise CallError(f"{content_type!r:.80} is no content type", code="InvalidContentType")
        self._service.note_running()
        key = str(uuid.uuid4())
        staged = await self._files.stage(key)
        digest = staged.digest
        try:
            async for chunk in chunks:
                self.check_size(digest.size + len(chunk))
                await staged.write(chunk)
            if sha256 is not None and not hmac.compare_digest(sha256, digest.sha256):
                raise CallError(
                    "the bytes that arrived do not have the SHA-256 that the Digest header says",
                    code="Sha256Mismatch",
                )
            await staged.commit()
        except BaseException:
            await staged.discard()
            raise
        file = StoredFile(
            sha256=base64.b64encode(digest.sha256).decode(),
            size=digest.size,
            content_type=UNSET if content_type is None else content_type,
        )

        async def insert(db: SystemTables) -> Id[StoredFile]:
            storage_id = await db.insert(file)
            await db.insert(FileKey(storage_id=storage_id, key=key))
            return storage_id

        return await self._service.transact(insert)

    def check_size(self, size: int) -> None:
        """Raises:
        FileTooLargeError: when a file may not have so many bytes.
        """
        limit = self._limits.file_bytes_max
        if size > limit:
            raise FileTooLargeError(
                f"The file is too large (actual: at least {size} bytes, limit: {limit} bytes"
                f" = {limit / MIB:.0f} MiB)"
            )

    def read(
        self, file: FileFacts, start: int, end: int
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        return self._files.read(file.key, start, end)
