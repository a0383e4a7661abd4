"""What is exported, imported and exported again is the same file, to the byte."""

import asyncio
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from reactive.clock import SystemClock
from reactive.engine.database import Database
from reactive.errors import UncertainCommitError
from reactive.limits import DEFAULT_LIMITS
from reactive.runtime.schema import Schema
from reactive.storage.memory_files import MemoryFiles
from reactive.storage.sqlite import SQLiteStore
from reactive.transfer.archive import Bundle, LinesBundle, ZipBundle
from reactive.transfer.export import export
from reactive.transfer.load import Import, Mode
from reactive.transfer.progress import NoProgress
from reactive.transfer.source import open_source
from reactive.values.encoding import dump_wire, encode_value, load_json
from tests.values.strategies import scalars

names = st.text(st.sampled_from("aAbz_0"), min_size=1, max_size=4).filter(
    lambda name: name[0] not in "_0"
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=6,
)
documents = st.lists(st.dictionaries(names, values, max_size=4), max_size=5)
tables = st.dictionaries(st.sampled_from(["one", "two", "three"]), documents, max_size=3)


def fail(error: UncertainCommitError) -> None:
    raise error


async def load(path: Path, bundle: Bundle, files: MemoryFiles) -> None:
    clock = SystemClock()
    database = Database(SQLiteStore(path), clock, DEFAULT_LIMITS, fail)
    await database.open()
    try:
        schema = Schema((), "exact")
        await database.define(schema.specs)
        work = Import(
            database,
            schema,
            files,
            bundle,
            Mode.EMPTY,
            limits=DEFAULT_LIMITS,
            clock=clock,
            progress=NoProgress(),
        )
        await work.run()
    finally:
        await database.close()


async def unload(path: Path, target: Path, files: MemoryFiles) -> None:
    async with open_source(path) as source:
        await export(source, files, target, NoProgress())


async def stored(path: Path, name: str) -> list[bytes]:
    async with open_source(path) as source:
        table = source.table(name)
        return [] if table is None else [json async for json in source.rows(table)]


async def go_round(folder: Path, content: dict[str, list[dict[str, Any]]]) -> None:
    files = MemoryFiles(DEFAULT_LIMITS, SystemClock())
    for name, rows in content.items():
        lines = folder / f"{name}.jsonl"
        lines.write_bytes(b"".join(encode_value(row) + b"\n" for row in rows))
        await load(folder / "old.sqlite3", LinesBundle(lines, name, DEFAULT_LIMITS), files)
    if not content:
        await load(folder / "old.sqlite3", empty(folder), files)
    await unload(folder / "old.sqlite3", folder / "first.zip", files)
    archive = ZipBundle(folder / "first.zip", DEFAULT_LIMITS)
    await load(folder / "new.sqlite3", archive, files)
    archive.close()
    await unload(folder / "new.sqlite3", folder / "second.zip", files)

    for name, rows in content.items():
        found = [load_json(json) for json in await stored(folder / "new.sqlite3", name)]
        own = [{k: v for k, v in row.items() if k[0] != "_"} for row in found]
        assert list(map(dump_wire, own)) == list(map(encode_value, rows))


def empty(folder: Path) -> Bundle:
    (folder / "none.jsonl").write_bytes(b"")
    return LinesBundle(folder / "none.jsonl", "nothing", DEFAULT_LIMITS)


@settings(max_examples=40, deadline=None)
@given(tables)
def test_any_documents_go_round(content: dict[str, list[dict[str, Any]]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(go_round(Path(folder), content))
        first, second = Path(folder, "first.zip"), Path(folder, "second.zip")

        assert first.read_bytes() == second.read_bytes()
