"""Reads rows into a database: all of them, checked first, or none.

    plan      which tables, under which numbers, may they be written to?
    check     every row against the project's schema, every file against its hash; in a thread
    files     their bytes are stored; nothing names them yet
    rows      one commit, while nobody else commits; in a thread

A crash leaves at most bytes of files that no document names, which a server sweeps away.
"""

import asyncio
import base64
import random
import secrets
import uuid
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from typing import Any

from reactive.clock import Clock
from reactive.engine.database import Database
from reactive.errors import ConflictError, ProjectError
from reactive.limits import Limits
from reactive.runtime.schema import Schema
from reactive.runtime.system_tables import SYSTEM_TABLES
from reactive.runtime.types import table_numbers
from reactive.storage.files import NAME, Digest, FileStore
from reactive.storage.interface import DuplicateIdError, Loader
from reactive.transfer.archive import FILES, KEYS, Bundle
from reactive.transfer.numbers import plan_numbers
from reactive.transfer.progress import Progress
from reactive.transfer.rows import ImportedRow, ProblemError, RowReader
from reactive.values.encoding import encode_value
from reactive.values.keys import prefix_end
from reactive.values.tables import ID_FIELD, TableDefinition


class Mode(Enum):
    """What may be in the tables that are imported."""

    EMPTY = "empty"
    APPEND = "append"
    REPLACE = "replace"


class Import:
    """One import. `run` may be called once.

    `is_current` tells whether the schema is still the one that holds.
    """

    def __init__(
        self,
        database: Database,
        schema: Schema,
        files: FileStore,
        bundle: Bundle,
        mode: Mode,
        *,
        limits: Limits,
        clock: Clock,
        progress: Progress,
        is_current: Callable[[], bool] = lambda: True,
    ) -> None:
        self._database = database
        self._schema = schema
        self._files = files
        self._bundle = bundle
        self._mode = mode
        self._limits = limits
        self._clock = clock
        self._progress = progress
        self._is_current = is_current
        self._numbers: dict[str, int] = {}
        self._present: dict[str, int] = {}
        self._occupied: set[str] = set()
        self._counts: dict[str, int] = {}
        self._sizes: dict[str, int] = {}
        self._file_keys: dict[str, str] = {}

    async def run(self) -> Mapping[str, int]:
        """Imports, and tells how many documents each table got.

        Raises:
            ProjectError: naming the rows, the files or the tables that are in the way.
            StorageError: when the store or the disk refuses.
            ConflictError: when somebody wrote to an empty table meanwhile.
            In each case nothing was imported.
        """
        await self._plan()
        await asyncio.to_thread(self._check)
        await self._write_files()
        self._progress.phase("Writing rows", sum(self._counts.values()))
        await self._database.load(self._fill)
        # Before anybody else has a turn: the tables may have got other numbers.
        self._schema.bind(self._database.store)
        return self._counts

    # Plan

    async def _plan(self) -> None:
        store = self._database.store
        wanted = self._bundle.numbers
        for name in wanted:
            if name.startswith("_") and name not in SYSTEM_TABLES:
                raise ProjectError(f"{name} is no system table that this version knows")
        tables = {table.name: table for table in store.tables()}
        self._present = {name: table.number for name, table in tables.items()}
        snapshot = store.snapshot(self._database.head)
        for name, table in tables.items():
            if await snapshot.scan(table.by_id, b"", prefix_end(b""), limit=1):
                self._occupied.add(name)
        with_rows = {name for name in wanted if self._bundle.size(name) > 0}
        if self._mode is Mode.EMPTY and (full := sorted(with_rows & self._occupied)):
            raise ProjectError(
                f"there are documents already in {', '.join(full)}. Import with --replace to put "
                "those of the file in their place, or with --append to add them"
            )
        free = set(tables) - self._occupied
        if self._mode is Mode.REPLACE:
            free |= set(wanted)
        # A table that is empty in the import leaves one with documents as it is.
        idle = set(tables) - free - with_rows
        self._numbers = plan_numbers(
            {name: None if name in idle else number for name, number in wanted.items()}
            | ({KEYS: wanted.get(KEYS)} if FILES in wanted else {}),
            self._present,
            free,
        )

    def _readers(self) -> Iterator[tuple[str, RowReader]]:
        now_ms = self._clock.now_ns() / 1e6
        dice = random.Random(secrets.randbits(128))
        for name in self._bundle.numbers:
            codec = self._schema.codec(name)
            yield (
                name,
                RowReader(name, self._numbers[name], codec, self._limits, now_ms, dice),
            )

    # Check

    def _check(self) -> None:
        self._progress.phase("Checking rows", sum(map(self._bundle.size, self._bundle.numbers)))
        table_numbers.set(lambda name: self._numbers.get(name, 0))
        problems: list[str] = []
        for name, reader in self._readers():
            self._counts[name] = 0
            for line, raw in self._bundle.lines(name):
                self._progress.advance(len(raw))
                try:
                    row = reader.read(raw)
                    if row is not None:
                        self._counts[name] += 1
                        self._note_file(name, row)
                except ProblemError as problem:
                    problems.append(self._sentence(name, line, problem))
                    self._stop_after(problems)
        self._check_files(problems)
        if problems:
            raise _wrong(problems, "")

    def _stop_after(self, problems: list[str]) -> None:
        if len(problems) >= self._limits.import_problems_max:
            raise _wrong(problems, "; the rest was not looked at")

    def _sentence(self, table: str, line: int, problem: ProblemError) -> str:
        own = "" if problem.document_id is None else f", id {problem.document_id!r:.60}"
        where = f"{self._bundle.where(table)}, line {line}: table {table}{own}"
        return f"{where}: {problem.reason}"

    def _note_file(self, table: str, row: ImportedRow) -> None:
        wire = row.wire
        if table == FILES:
            self._sizes[wire[ID_FIELD]] = int(wire["size"])
            if not self._bundle.has_file(wire[ID_FIELD]):
                raise ProblemError("its bytes are not in the archive", wire[ID_FIELD])
            if wire["sha256"] != self._hash(wire[ID_FIELD], int(wire["size"])):
                raise ProblemError(
                    "its bytes in the archive are others than those it was stored with",
                    wire[ID_FIELD],
                )
        elif table == KEYS:
            if not NAME.fullmatch(wire["key"]):
                raise ProblemError("field key: it is no name of a stored file", wire[ID_FIELD])
            self._file_keys[wire["storageId"]] = wire["key"]

    def _hash(self, storage_id: str, size: int) -> str | None:
        digest = Digest()
        for piece in self._bundle.file(storage_id):
            digest.update(piece)
        return base64.b64encode(digest.sha256).decode() if digest.size == size else None

    def _check_files(self, problems: list[str]) -> None:
        for storage_id in self._file_keys.keys() - self._sizes.keys():
            where = self._bundle.where(KEYS)
            problems.append(f"{where}: the file {storage_id} is not in {FILES}")
            self._stop_after(problems)

    # Write

    async def _write_files(self) -> None:
        self._progress.phase("Writing files", sum(self._sizes.values()))
        for storage_id in self._sizes:
            # An archive of another server may not say under which names its files were kept.
            key = self._file_keys.get(storage_id) or str(uuid.uuid4())
            self._file_keys[storage_id] = key
            staged = await self._files.stage(key)
            try:
                for piece in self._bundle.file(storage_id):
                    await staged.write(piece)
                    self._progress.advance(len(piece))
                await staged.commit()
            finally:
                await staged.discard()

    def _fill(self, loader: Loader) -> None:
        table_numbers.set(lambda name: self._numbers.get(name, 0))
        self._check_still_planned(loader)
        tables = loader.renumber(self._numbers)
        if self._mode is Mode.REPLACE:
            for name in self._bundle.numbers:
                loader.clear(tables[name])
        for name, reader in self._readers():
            left = self._counts[name]
            for line, raw in self._bundle.lines(name):
                try:
                    row = reader.read(raw)
                    if row is not None:
                        self._put(loader, tables[name], row)
                        left -= 1
                except ProblemError as problem:
                    # Every row was checked; only one that is there twice can be wrong now.
                    raise _wrong([self._sentence(name, line, problem)], "") from problem
            if left:
                raise ConflictError("the file changed during the import; nothing was imported")
        if FILES in self._bundle.numbers and KEYS not in self._bundle.numbers:
            self._put_keys(loader, tables[KEYS])

    def _check_still_planned(self, loader: Loader) -> None:
        tables = loader.tables()
        wanted = set(self._bundle.numbers)
        # These had no documents, and must not have any.
        empty = {name for name, number in self._present.items() if self._numbers[name] != number}
        if self._mode is Mode.EMPTY:
            empty |= wanted
        elif self._mode is Mode.REPLACE:
            empty -= wanted
        is_same = {name: table.number for name, table in tables.items()} == self._present
        if not self._is_current():
            raise ConflictError("the project changed during the import; nothing was imported")
        if not is_same or any(
            not loader.is_empty(tables[name]) for name in empty - self._occupied if name in tables
        ):
            raise ConflictError("the tables changed during the import; nothing was imported")

    def _put(self, loader: Loader, table: TableDefinition, row: ImportedRow) -> None:
        try:
            loader.put(table, row.wire, row.document)
        except DuplicateIdError as error:
            raise ProblemError("there is a document of this id already", row.document.id) from error
        self._progress.advance(1)

    def _put_keys(self, loader: Loader, table: TableDefinition) -> None:
        now_ms = self._clock.now_ns() / 1e6
        dice = random.Random(secrets.randbits(128))
        codec = self._schema.codec(KEYS)
        reader = RowReader(KEYS, table.number, codec, self._limits, now_ms, dice)
        for storage_id, key in self._file_keys.items():
            fields: dict[str, Any] = {"storageId": storage_id, "key": key}
            row = reader.read(encode_value(fields))
            assert row is not None
            self._put(loader, table, row)


def _wrong(problems: list[str], rest: str) -> ProjectError:
    return ProjectError("\n  ".join([f"nothing was imported{rest}:", *problems]))
