"""What every store of files promises, asked of each."""

import asyncio
import hashlib
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from reactive.errors import StorageError
from reactive.limits import DEFAULT_LIMITS
from reactive.storage.files import FileStore, LostFileError
from reactive.storage.local_files import LocalFiles
from reactive.storage.memory_files import MemoryFiles
from reactive.testing.clock import ManualClock


@pytest.fixture(params=["memory", "local"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[FileStore]:
    made: FileStore = (
        MemoryFiles(DEFAULT_LIMITS, ManualClock())
        if request.param == "memory"
        else LocalFiles(tmp_path / "files", DEFAULT_LIMITS)
    )
    await made.open()
    yield made
    await made.close()


def new_name() -> str:
    return str(uuid.uuid4())


async def put(store: FileStore, *chunks: bytes) -> str:
    name = new_name()
    staged = await store.stage(name)
    for chunk in chunks:
        await staged.write(chunk)
    await staged.commit()
    return name


async def read(store: FileStore, name: str, start: int, end: int) -> bytes:
    async with store.read(name, start, end) as chunks:
        return b"".join([chunk async for chunk in chunks])


async def names(store: FileStore) -> set[str]:
    return {entry.name async for entry in store.names()}


async def test_file_comes_back_whole_and_in_part(store: FileStore) -> None:
    data = bytes(range(256)) * 3_000
    name = await put(store, data[:1], data[1:1000], data[1000:])

    assert await read(store, name, 0, len(data)) == data
    assert await read(store, name, 255_999, 600_001) == data[255_999:600_001]
    assert await read(store, name, 5, 5) == b""


async def test_pieces_are_small(store: FileStore) -> None:
    limit = DEFAULT_LIMITS.file_chunk_bytes
    name = await put(store, b"x" * (3 * limit + 1))
    async with store.read(name, 0, 3 * limit + 1) as chunks:
        sizes = [len(chunk) async for chunk in chunks]

    assert max(sizes) <= limit


async def test_digest_counts_what_was_written(store: FileStore) -> None:
    staged = await store.stage(new_name())
    await staged.write(b"ab")
    await staged.write(b"c")

    assert (staged.digest.size, staged.digest.sha256) == (3, hashlib.sha256(b"abc").digest())
    await staged.discard()


async def test_nothing_is_seen_before_the_commit(store: FileStore) -> None:
    name = new_name()
    staged = await store.stage(name)
    await staged.write(b"half")
    assert await names(store) == set()
    with pytest.raises(LostFileError):
        await read(store, name, 0, 4)
    await staged.commit()

    assert await names(store) == {name}


async def test_discard_leaves_nothing(store: FileStore, tmp_path: Path) -> None:
    staged = await store.stage(new_name())
    await staged.write(b"half")
    await staged.discard()
    await staged.discard()

    assert await names(store) == set()
    assert not any(each.is_file() for each in tmp_path.rglob("*"))  # noqa: ASYNC240


async def test_discard_after_commit_changes_nothing(store: FileStore) -> None:
    name = new_name()
    staged = await store.stage(name)
    await staged.write(b"whole")
    await staged.commit()
    await staged.discard()

    assert await read(store, name, 0, 5) == b"whole"


async def test_deletion_can_be_repeated(store: FileStore) -> None:
    name, other = await put(store, b"x"), await put(store, b"other")
    await store.delete(name)
    await store.delete(name)

    assert await names(store) == {other}


async def test_reader_keeps_a_file_that_is_deleted(store: FileStore) -> None:
    data = b"x" * 1_000_000
    name = await put(store, data)
    async with store.read(name, 0, len(data)) as chunks:
        first = await anext(chunks)
        await store.delete(name)
        rest = b"".join([chunk async for chunk in chunks])

    assert first + rest == data


async def test_part_that_is_not_there(store: FileStore) -> None:
    name = await put(store, b"short")
    with pytest.raises(LostFileError, match="6"):
        await read(store, name, 0, 6)


@pytest.mark.parametrize("name", ["../up", "a", "", "staged", "/etc/passwd"])
async def test_names_are_uuids(store: FileStore, name: str) -> None:
    with pytest.raises(ValueError, match="no name"):
        await store.stage(name)


# What only a folder can have


async def test_start_forgets_what_was_left_unfinished(tmp_path: Path) -> None:
    store = LocalFiles(tmp_path, DEFAULT_LIMITS)
    whole = await put(store, b"whole")
    staged = await store.stage(new_name())
    await staged.write(b"half")
    assert len(list((tmp_path / "staged").iterdir())) == 1
    await LocalFiles(tmp_path, DEFAULT_LIMITS).open()

    assert list((tmp_path / "staged").iterdir()) == []
    assert await names(store) == {whole}
    await staged.discard()


async def test_foreign_files_are_no_files_of_ours(tmp_path: Path) -> None:
    store = LocalFiles(tmp_path, DEFAULT_LIMITS)
    whole = await put(store, b"whole")
    (tmp_path / "README").write_text("foreign")

    assert await names(store) == {whole}


async def test_folder_that_is_gone_is_no_deletion(tmp_path: Path) -> None:
    store = LocalFiles(tmp_path / "unmounted", DEFAULT_LIMITS)
    with pytest.raises(StorageError, match="unmounted"):
        await store.delete(new_name())


async def test_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match="files cannot be kept"):
        await LocalFiles(tmp_path / "file" / "files", DEFAULT_LIMITS).stage(new_name())


async def test_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = LocalFiles(tmp_path, DEFAULT_LIMITS)
    staged = await store.stage(new_name())
    monkeypatch.setattr(staged, "_write", _no_space)
    with pytest.raises(StorageError, match="No space left"):
        await staged.write(b"x")
    await staged.discard()

    assert list((tmp_path / "staged").iterdir()) == []


def _no_space(*_: object) -> None:
    import errno
    import os

    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


async def test_cancelled_write_and_discard_do_not_meet(tmp_path: Path) -> None:
    store = LocalFiles(tmp_path, DEFAULT_LIMITS)
    for _ in range(20):
        staged = await store.stage(new_name())
        writing = asyncio.create_task(staged.write(b"x" * 1_000_000))
        await asyncio.sleep(0)
        writing.cancel()
        await staged.discard()
        await asyncio.gather(writing, return_exceptions=True)

    assert list((tmp_path / "staged").iterdir()) == []
