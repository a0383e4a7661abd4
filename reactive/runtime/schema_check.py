"""Do the stored documents fit a schema that is about to be served?

    load ──▶ check ──▶ indexes are filled ──▶ the new schema and its code serve
              │ a slice, then everybody else's turn
              └─ every commit meanwhile is checked, too

The running version goes on serving all the while. A document that it writes and that does not fit
ends the change, not the write. Source of the states: Convex's schemas (Pending, Failed, Active).
"""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import orjson
from pydantic import ValidationError

from reactive.clock import Clock
from reactive.engine.database import Database
from reactive.errors import ProjectError
from reactive.limits import Limits
from reactive.runtime.codec import Codec
from reactive.runtime.document import AnyDocument
from reactive.runtime.progress import Progress
from reactive.runtime.types import table_numbers
from reactive.runtime.validators import explain
from reactive.runtime.walk import walk
from reactive.values.document import CommitEntry
from reactive.values.encoding import load_json
from reactive.values.tables import TableDefinition

CHECKED = "checked tables"
"""The note that says which shape the documents of each table were found to have."""


class SchemaCheck:
    """Checks tables whose shape is not the one that their documents are known to have.

    Follows the database's commits: it has to be one of its observers from before `run` until the
    schema serves or is given up.
    """

    def __init__(
        self,
        codecs: Mapping[str, Codec],
        shapes: Mapping[str, str],
        database: Database,
        progress: Progress,
        clock: Clock,
        limits: Limits,
    ) -> None:
        """`shapes` are those that the codecs' tables have now; see `shape_of`."""
        self._codecs = {
            name: codec for name, codec in codecs.items() if not issubclass(codec.cls, AnyDocument)
        }
        self._shapes = shapes
        self._database = database
        self._progress = progress
        self._clock = clock
        self._limits = limits
        self._following: dict[int, Codec] = {}
        self._failure: ProjectError | None = None
        self._is_behind = False

    @property
    def notes(self) -> Mapping[str, str]:
        """What has to be kept once the schema serves."""
        return {CHECKED: orjson.dumps(dict(self._shapes)).decode()}

    async def run(self) -> None:
        """Checks every document.

        Raises:
            ProjectError: naming table, id, field and reason of the first that does not fit.
        """
        known = _known_shapes(await self._database.store.note(CHECKED))
        changed = {
            name: codec
            for name, codec in self._codecs.items()
            if known.get(name) != self._shapes[name]
        }
        self._is_behind = True
        while self._is_behind:
            self._is_behind = False
            tables = [t for t in self._database.store.tables() if t.name in changed]
            self._following = {t.by_id.number: changed[t.name] for t in tables}
            # A table that the first write makes has no number to follow it by yet.
            for name in changed:
                made = self._database.store.table(name)
                self._following[made.by_id.number] = changed[name]
            for table in tables:
                await self._check_table(table, changed[table.name])
        self.confirm()

    async def _check_table(self, table: TableDefinition, codec: Codec) -> None:
        done = 0
        async for rows in walk(self._database, table, self._limits):
            with self._numbers():
                over = self._clock.monotonic() + self._limits.slice_s
                for row in rows:
                    _check(codec, row.id, load_json(row.json))
                    if self._clock.monotonic() > over:
                        await asyncio.sleep(0)
                        over = self._clock.monotonic() + self._limits.slice_s
            self.confirm()
            done += len(rows)
            await self._progress.report("checking", table, done)

    @contextmanager
    def _numbers(self) -> Iterator[None]:
        numbers = {table.name: table.number for table in self._database.store.tables()}
        token = table_numbers.set(lambda name: numbers.get(name, -1))
        try:
            yield
        finally:
            table_numbers.reset(token)

    def confirm(self) -> None:
        """Says whether everything that was committed until now fits.

        Raises:
            ProjectError: when something does not, or nobody knows.
        """
        if self._failure is not None:
            raise self._failure
        if self._is_behind:
            raise ProjectError(
                "schema: documents were loaded from elsewhere while the stored ones were checked; "
                "try again"
            )

    def published(self, entry: CommitEntry) -> None:
        """Checks what a commit wrote; see `reactive.engine.database.Observer`."""
        for revision in entry.revisions:
            codec = self._following.get(revision.indexes[0])
            if codec is None or revision.after is None or self._failure is not None:
                continue
            try:
                with self._numbers():
                    _check(codec, revision.id, load_json(revision.after.json))
            except ProjectError as error:
                self._failure = error

    def missed(self) -> None:
        """What was checked has to be checked again."""
        self._is_behind = True


def _known_shapes(note: str | None) -> Mapping[str, str]:
    known: dict[str, str] = {} if note is None else orjson.loads(note)
    return known


def _check(codec: Codec, document_id: str, wire: dict[str, Any]) -> None:
    try:
        codec.parse(wire)
    except ValidationError as error:
        where, sentence, value = explain(error)[0]
        raise ProjectError(
            f"schema: the document {document_id} of table {codec.table} does not match: "
            f"field {where}: {sentence} (it has {value!r:.200})"
        ) from error
    except Exception as error:
        raise ProjectError(
            f"schema: the document {document_id} of table {codec.table} cannot be checked: "
            f"{type(error).__name__}: {error}"
        ) from error
