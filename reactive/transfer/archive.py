"""The zip of an export: what lies where in it.

    _tables/documents.jsonl       each table's name and number: {"id": 10001, "name": "messages"}
    messages/documents.jsonl      the documents of a table, one a line, by creation time
    _storage/documents.jsonl      the files, as documents
    _storage/<id>                 the bytes of one file

It is Convex's layout. Documents are in their stored form (Convex's `convex_encoded_json`, keys
sorted). The same data always gives the same bytes: entries have a fixed order and a fixed time.
"""

import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final, Protocol, TypeVar

import orjson

from reactive.errors import CallError, ProjectError
from reactive.limits import Limits
from reactive.values.encoding import load_json
from reactive.values.tables import is_identifier

T = TypeVar("T")

TABLES: Final = "_tables"
FILES: Final = "_storage"
KEYS: Final = "_file_keys"
"""Under which names files are kept and served."""
_DOCUMENTS: Final = "documents.jsonl"
_IGNORED: Final = frozenset({"generated_schema.jsonl"})
"""Convex's exports have them beside documents; types that the project's own schema knows better."""
_TIME: Final = (1980, 1, 1, 0, 0, 0)
_BROKEN: Final = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError)


def documents_name(table: str) -> str:
    """Where the documents of a table are."""
    return f"{table}/{_DOCUMENTS}"


def file_name(storage_id: str) -> str:
    """Where the bytes of a file are."""
    return f"{FILES}/{storage_id}"


class ArchiveWriter:
    """Writes the entries of an export, one after another."""

    def __init__(self, target: IO[bytes]) -> None:
        self._zip = zipfile.ZipFile(target, "w", compresslevel=6)

    def tables(self, numbers: Mapping[str, int]) -> None:
        """The entry with the tables' numbers."""
        with self.entry(documents_name(TABLES)) as out:
            for name, number in sorted(numbers.items()):
                out.write(orjson.dumps({"id": number, "name": name}) + b"\n")

    @contextmanager
    def entry(self, name: str, *, compress: bool = True) -> Iterator[IO[bytes]]:
        """A new entry, to be written to; of any size."""
        info = zipfile.ZipInfo(name, _TIME)
        info.compress_type = zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED
        info.create_system = 3
        info.external_attr = 0o600 << 16
        with self._zip.open(info, "w", force_zip64=True) as out:
            yield out

    def close(self) -> None:
        """Writes the directory, without which it is no archive."""
        self._zip.close()


class Bundle(Protocol):
    """Rows to import: an archive, or one table's file."""

    numbers: Mapping[str, int | None]
    """The tables, each with its number if it has one."""

    def where(self, table: str) -> str:
        """What to call the place of a table's rows."""
        ...

    def size(self, table: str) -> int:
        """How many bytes the rows of a table are."""
        ...

    def lines(self, table: str) -> Iterator[tuple[int, bytes]]:
        """The rows of a table with their line numbers. One that is cut at `import_line_bytes_max`
        is longer than that.

        Raises:
            ProjectError: when the file is damaged.
        """
        ...

    def has_file(self, storage_id: str) -> bool: ...

    def file(self, storage_id: str) -> Iterator[bytes]:
        """The bytes of a file, in pieces.

        Raises:
            ProjectError: when the file is damaged.
        """
        ...


class LinesBundle:
    """The rows of one table in a file of JSON lines; `label` names it in errors."""

    def __init__(self, path: Path, table: str, limits: Limits, label: str | None = None) -> None:
        if not is_identifier(table) or table.startswith("_"):
            raise ProjectError(f"{table!r} is no name of a table that can be imported")
        if not path.is_file():
            # It is read twice, which a pipe cannot be.
            raise ProjectError(f"there is no file {path}")
        self._path = path
        self._label = label or path.name
        self._limits = limits
        self.numbers: Mapping[str, int | None] = {table: None}

    def where(self, table: str) -> str:
        return self._label

    def size(self, table: str) -> int:
        return self._reading(lambda: self._path.stat().st_size)

    def lines(self, table: str) -> Iterator[tuple[int, bytes]]:
        stream = self._reading(lambda: self._path.open("rb"))
        with stream:
            yield from _lines(stream, self._limits.import_line_bytes_max, self._reading)

    def has_file(self, storage_id: str) -> bool:
        return False

    def file(self, storage_id: str) -> Iterator[bytes]:
        raise KeyError(storage_id)

    def _reading(self, read: Callable[[], T]) -> T:
        try:
            return read()
        except OSError as error:
            raise ProjectError(f"cannot read {self._label}: {error.strerror}") from error


class ZipBundle:
    """The archive of an export, this server's or Convex's; `label` names it in errors."""

    def __init__(self, path: Path, limits: Limits, label: str | None = None) -> None:
        self._label = label or str(path)
        self._limits = limits
        self._zip = self._reading(lambda: zipfile.ZipFile(path))
        self._entries: dict[str, zipfile.ZipInfo] = {}
        tables = [name for name in map(self._check, self._zip.infolist()) if name is not None]
        known = dict(self._table_numbers())
        self.numbers: Mapping[str, int | None] = {name: known.get(name) for name in sorted(tables)}

    def close(self) -> None:
        self._zip.close()

    def _check(self, info: zipfile.ZipInfo) -> str | None:
        """Takes note of an entry; gives the table whose documents it has.

        Names come from whoever made the file: none that is not expected is used for anything.
        """
        name = info.filename
        if info.is_dir() or name.rpartition("/")[2] in _IGNORED or name == "README.md":
            return None
        folder, _, last = name.partition("/")
        is_file = folder == FILES and last.isalnum() and last.isascii()
        is_documents = is_identifier(folder) and last == _DOCUMENTS
        if not is_file and not is_documents:
            raise ProjectError(f"{self._label}: {name!r} is no entry of an export")
        if name in self._entries:
            raise ProjectError(f"{self._label}: there are two entries {name!r}")
        if info.flag_bits & 1:
            raise ProjectError(f"{self._label}: the entry {name!r} is encrypted")
        self._entries[name] = info
        return folder if is_documents and folder != TABLES else None

    def _table_numbers(self) -> Iterator[tuple[str, int]]:
        if documents_name(TABLES) not in self._entries:
            return
        for number, raw in self.lines(TABLES):
            where = f"{self._label}: {documents_name(TABLES)}, line {number}"
            try:
                row: Any = load_json(raw)
            except CallError as error:
                raise ProjectError(f"{where}: {error.message}") from error
            if not (
                isinstance(row, dict)
                and isinstance(row.get("name"), str)
                and type(row.get("id")) in (int, float)
                and int(row["id"]) == row["id"]
            ):
                raise ProjectError(f"{where}: a row has a name and, as id, a number")
            yield row["name"], int(row["id"])

    def where(self, table: str) -> str:
        return documents_name(table)

    def size(self, table: str) -> int:
        return self._entries[documents_name(table)].file_size

    def lines(self, table: str) -> Iterator[tuple[int, bytes]]:
        info = self._entries[documents_name(table)]
        with self._reading(lambda: self._zip.open(info)) as stream:
            yield from _lines(stream, self._limits.import_line_bytes_max, self._reading)

    def has_file(self, storage_id: str) -> bool:
        return file_name(storage_id) in self._entries

    def file(self, storage_id: str) -> Iterator[bytes]:
        info = self._entries[file_name(storage_id)]
        with self._reading(lambda: self._zip.open(info)) as stream:
            while piece := self._reading(lambda: stream.read(1 << 18)):
                yield piece

    def _reading(self, read: Callable[[], T]) -> T:
        try:
            return read()
        except FileNotFoundError as error:
            raise ProjectError(f"there is no file {self._label}") from error
        except _BROKEN as error:
            raise ProjectError(f"{self._label} is damaged, or no export: {error}") from error


def _lines(
    stream: IO[bytes], longest: int, reading: Callable[[Callable[[], bytes]], bytes]
) -> Iterator[tuple[int, bytes]]:
    number = 0
    while raw := reading(lambda: stream.readline(longest + 1)):
        number += 1
        yield number, raw
        if len(raw) > longest:
            # Where the next one starts is not worth looking for.
            return
