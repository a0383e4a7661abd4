"""One line of JSON into one document of a table, or into a sentence that says what is wrong."""

import math
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from pydantic import ValidationError

from reactive.errors import ReactiveError
from reactive.limits import DEFAULT_LIMITS, MIB, Limits
from reactive.runtime.codec import Codec
from reactive.runtime.validators import explain
from reactive.values.document import StoredDocument
from reactive.values.encoding import from_wire, load_json, to_wire
from reactive.values.ids import Dice, decode_id, new_document_id
from reactive.values.tables import CREATION_TIME_FIELD, ID_FIELD, is_identifier

_TIME_MAX: Final = 2.0**53
"""Convex's bound of creation times."""
_FOREIGN: Final = {"_storage": "internalId"}
"""What Convex's exports have in a system table and no table of this server has."""


class ProblemError(Exception):
    """What is wrong with a row; `document_id` is its id where it has one."""

    def __init__(self, reason: str, document_id: object = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.document_id = document_id


class ImportedRow(NamedTuple):
    """A document to be written, and its parsed JSON."""

    wire: Mapping[str, Any]
    document: StoredDocument


class RowReader:
    """Reads the rows of one table, in order.

    A row that has an id keeps it, and its fields as they are; one without gets a new one, and its
    defaults. Creation times that are not given grow from `now_ms`, or from the last one given if
    that is later.
    """

    def __init__(
        self, table: str, number: int, codec: Codec, limits: Limits, now_ms: float, dice: Dice
    ) -> None:
        self._table = table
        self._number = number
        self._codec = codec
        self._limits = limits
        self._created = now_ms
        self._now_ms = int(now_ms)
        self._dice = dice

    def read(self, raw: bytes) -> ImportedRow | None:
        """The row of a line; None for an empty one.

        Raises:
            ProblemError: when it is no document of the table.
        """
        longest = self._limits.import_line_bytes_max
        if len(raw) > longest:
            raise ProblemError(f"the line is longer than {longest // MIB} MiB")
        if not raw.strip():
            return None
        try:
            row = load_json(raw)
        except ReactiveError as error:
            raise ProblemError(error.message) from error
        if not isinstance(row, dict):
            raise ProblemError("a row must be a JSON object")
        if self._table in _FOREIGN:
            row.pop(_FOREIGN[self._table], None)
        document_id = row.pop(ID_FIELD, None)
        try:
            return self._document(document_id, row)
        except ProblemError as problem:
            problem.document_id = document_id
            raise

    def _document(self, document_id: object, row: dict[str, Any]) -> ImportedRow:
        self._check_id(document_id)
        created = self._creation_time(row.pop(CREATION_TIME_FIELD, None))
        for name in row:
            if not is_identifier(name) or name.startswith("_"):
                raise ProblemError(f"{name!r:.80} is no name for a field of a document")
        wire = self._fields(row, keeps=document_id is not None)
        wire[ID_FIELD] = document_id or new_document_id(self._number, self._now_ms, self._dice)
        wire[CREATION_TIME_FIELD] = created
        try:
            return ImportedRow(wire, self._codec.store(wire))
        except ReactiveError as error:
            raise ProblemError(error.message) from error

    def _check_id(self, document_id: object) -> None:
        if document_id is None:
            return
        decoded = decode_id(document_id) if isinstance(document_id, str) else None
        if decoded is None:
            raise ProblemError(f"{ID_FIELD} is no id")
        if decoded[0] != self._number:
            raise ProblemError(
                f"{ID_FIELD} is an id of the table with number {decoded[0]}, "
                f"but {self._table} has number {self._number}"
            )

    def _creation_time(self, given: object) -> float:
        if given is None:
            self._created = math.nextafter(self._created, math.inf)
            return self._created
        if isinstance(given, bool) or not isinstance(given, int | float):
            raise ProblemError(f"{CREATION_TIME_FIELD} is no number")
        created = float(given)
        if not 0 < created < _TIME_MAX:
            raise ProblemError(
                f"{CREATION_TIME_FIELD} is not between 0 and 2^53 milliseconds ({created})"
            )
        self._created = max(self._created, created)
        return created

    def _fields(self, row: dict[str, Any], *, keeps: bool) -> dict[str, Any]:
        try:
            made = self._codec.wire_of(self._codec.parse(row))
            if not keeps:
                return made
            given: dict[str, Any] = to_wire(from_wire(row), DEFAULT_LIMITS.document_depth_max)
        except ValidationError as error:
            where, sentence, value = explain(error)[0]
            raise ProblemError(f"field {where}: {sentence} (it has {value!r:.200})") from error
        except ReactiveError as error:
            raise ProblemError(error.message) from error
        # A default that the class got later stays out, as it does in the database. Names in
        # Python's spelling, which the class takes too, must not get in.
        return given if _is_spelled_like(given, made) else made


def _is_spelled_like(given: object, made: object) -> bool:
    """Whether all names in the one are in the other, too, at the same places."""
    if isinstance(given, dict) and isinstance(made, dict):
        return all(
            name in made and _is_spelled_like(value, made[name]) for name, value in given.items()
        )
    if isinstance(given, list) and isinstance(made, list):
        return len(given) == len(made) and all(map(_is_spelled_like, given, made))
    return True
