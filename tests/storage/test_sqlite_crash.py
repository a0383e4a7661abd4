"""A process that is killed while it writes loses nothing that it has acknowledged."""

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from reactive.errors import StorageError
from reactive.storage.sqlite import SQLiteStore
from reactive.testing.store_checks import ids
from tests.storage import writer

KILLS = 10
_ROOT = Path(__file__).parents[2]


def start_writer(path: Path, mode: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", writer.__name__, str(path), mode]
    return subprocess.Popen(command, stdout=subprocess.PIPE, cwd=_ROOT)


def write_and_be_killed(path: Path, mode: str, commits: int) -> int:
    """The newest timestamp that a writer acknowledged before it was killed."""
    with start_writer(path, mode) as process:
        assert process.stdout is not None
        acknowledged = [process.stdout.readline() for _ in range(commits)]
        process.kill()
        acknowledged += process.stdout.readlines()
    assert process.returncode == -9
    # The last line may have been cut where the process was.
    whole = [line for line in acknowledged if line.endswith(b"\n")]
    return int(whole[-1])


async def check(path: Path, acknowledged: int) -> int:
    """Everything acknowledged is there, and nothing is there by half. Returns the head."""
    store = SQLiteStore(path, commit_in_thread=False)
    head = await store.open()
    try:
        assert acknowledged <= head
        found: Counter[str] = Counter()
        for table in store.tables():
            for index in table.indexes:
                found.update(await ids(store.snapshot(head), index, limit=100_000))
        everything = [f"{ts}-{part}" for ts in range(1, head + 1) for part in range(writer.PARTS)]
        assert dict.fromkeys(everything, 2) == dict(found)
        assert head % writer.BATCH == 0
        for ts in range(1, head + 1):
            receipt = writer.receipt(ts)
            assert (ts, receipt) == await store.receipt(*receipt[:2])
        assert (head, head) == await store.last_receipt(writer.receipt(head).session)
    finally:
        await store.close()
    return head


@pytest.fixture
def lengths() -> Iterator[int]:
    """How many commits each writer lives for, from dying at once to some checkpoints later."""
    return (1 + (7 * n) % 30 for n in count())


@pytest.mark.parametrize("mode", ["loop", "thread"])
async def test_kill_minus_nine(tmp_path: Path, mode: str, lengths: Iterator[int]) -> None:
    path, head = tmp_path / "data.sqlite3", 0
    for _ in range(KILLS):
        acknowledged = write_and_be_killed(path, mode, next(lengths))
        assert head < acknowledged
        head = await check(path, acknowledged)


async def test_the_check_sees_a_loss(tmp_path: Path) -> None:
    path = tmp_path / "data.sqlite3"
    acknowledged = write_and_be_killed(path, "loop", 3)
    head = await check(path, acknowledged)
    with pytest.raises(AssertionError):
        await check(path, head + 1)
    store = SQLiteStore(path)
    await store.open()
    store._write.execute("DELETE FROM entries WHERE n = 1 AND i = (SELECT min(i) FROM entries)")
    await store.close()
    with pytest.raises(AssertionError):
        await check(path, acknowledged)


async def test_a_file_is_free_once_its_process_is_dead(tmp_path: Path) -> None:
    path = tmp_path / "data.sqlite3"
    with start_writer(path, "loop") as process:
        assert process.stdout is not None
        process.stdout.readline()
        store = SQLiteStore(path)
        with pytest.raises(StorageError, match="in use by another server"):
            await store.open()
        process.kill()
    await store.open()
    await store.close()
