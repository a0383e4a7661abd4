"""Stores with any number of documents, filled beside the server that will serve them.

python -m tests.bench.stores FILE DOCUMENTS BODY_BYTES
"""

import asyncio
import random
import subprocess
import sys
from pathlib import Path

from reactive.clock import SystemClock
from reactive.engine.database import Database
from reactive.errors import UncertainCommitError
from reactive.limits import DEFAULT_LIMITS
from reactive.runtime.loader import load_project
from reactive.storage.interface import Loader
from reactive.storage.sqlite import SQLiteStore
from reactive.testing.documents import document
from reactive.values.ids import new_document_id
from tests.bench.servers import CACHE, CHECKOUT, HERE, own_command

CHANNELS = 10_000
FEW = 1_000
MANY = 1_000_000
BODY_BYTES = 850  # a million of them are a gigabyte
FILL_SECONDS_MAX = 600


def large_store() -> Path:
    """The file of a million documents and a gigabyte, made by the first who asks in a session."""
    file = CACHE / "large.sqlite3"
    if not file.exists():
        make(file, MANY)
    return file


def forget_large_store() -> None:
    """Removes the file: it belongs to one session, and to one layout."""
    for file in CACHE.glob("large.*"):
        if file.is_file():
            file.unlink()


def make(file: Path, documents: int) -> None:
    """Fills a new file in a process of its own."""
    being_made = file.with_name(f"{file.name}.new")
    being_made.unlink(missing_ok=True)
    command = [*own_command("stores"), being_made, str(documents), str(BODY_BYTES)]
    subprocess.run(command, check=True, cwd=CHECKOUT, timeout=FILL_SECONDS_MAX)
    being_made.rename(file)


def _stop(error: UncertainCommitError) -> None:
    raise error


async def fill(file: Path, count: int, size: int) -> None:
    """Makes a file with `count` messages of `size` bytes each, spread over the channels."""
    store = SQLiteStore(file, commit_in_thread=False)
    database = Database(store, SystemClock(), DEFAULT_LIMITS, _stop)
    project = load_project(HERE / "app", "exact")
    await database.open()
    await database.define(project.schema.specs)
    project.schema.bind(store)
    dice = random.Random(1)
    text = "".join(dice.choices("abcdefgh ", k=50 * size))

    def put(loader: Loader) -> None:
        table = loader.tables()["messages"]
        for number in range(count):
            start = dice.randrange(49 * size)
            fields = {
                "channel": f"channel {number % CHANNELS}",
                "seq": number // CHANNELS,
                "body": text[start : start + size],
            }
            made_ms = 1_700_000_000_000 + number
            name = new_document_id(table.number, made_ms, dice)
            wire = {"_id": name, "_creationTime": float(made_ms), **fields}
            loader.put(table, wire, document(name, {"_creationTime": float(made_ms), **fields}))

    await database.load(put)
    await database.close()


if __name__ == "__main__":
    asyncio.run(fill(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
