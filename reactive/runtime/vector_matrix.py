"""Vectors in memory, and the nearest of them: numpy's part of vector search.

Rows are normalised float32, in chunks. A search works on a view, in a thread, while rows change: a
chunk that somebody reads is copied before it is written. Nothing is approximate: every row is
looked at, and the best are measured again in float64, so that equal vectors have equal scores
wherever they lie.
"""

import hashlib
import math
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

_CHUNK_BYTES: Final = 1024 * 1024
_ROUNDING: Final = 1e-4
"""More than two float32 scores of 4,096 dimensions can be wrong by."""

Floats = npt.NDArray[np.float64]


def normalised(vector: Sequence[float]) -> Floats:
    """The vector with length 1; one of zeros stays as it is. All numbers must be finite."""
    values: Floats = np.array(vector, dtype=np.float64)
    largest = float(np.max(np.abs(values)))
    if largest == 0:
        return values
    # The square of a very large or very small number is none any more.
    values /= largest
    values /= math.sqrt(float(values @ values))
    return values


def _code(value: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(value, digest_size=8).digest(), "big")


class _Chunk:
    """Some rows. Changed only while nobody reads them."""

    __slots__ = ("filters", "ids", "readers", "vectors")

    def __init__(self, rows: int, dimensions: int, filters: int) -> None:
        self.vectors = np.zeros((rows, dimensions), dtype=np.float32)
        self.filters = np.zeros((filters, rows), dtype=np.uint64)
        self.ids: list[str] = []
        self.readers = 0

    def copy(self) -> "_Chunk":
        other = _Chunk.__new__(_Chunk)
        other.vectors, other.filters = self.vectors.copy(), self.filters.copy()
        other.ids, other.readers = self.ids.copy(), 0
        return other


class VectorMatrix:
    """The vectors of one index, by the ids of their documents."""

    def __init__(self, dimensions: int, filters: int, *, chunk_bytes: int = _CHUNK_BYTES) -> None:
        self._dimensions = dimensions
        self._filters = filters
        self._rows = max(1, chunk_bytes // (4 * dimensions))
        self._chunks: list[_Chunk] = []
        self._places: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._places)

    def put(self, document_id: str, vector: Sequence[float], filters: Sequence[bytes]) -> None:
        """Adds a document or changes it; `filters` are the encoded values of the filter fields."""
        place = self._places.get(document_id)
        if place is None:
            place = self._places[document_id] = len(self._places)
            if place // self._rows == len(self._chunks):
                self._chunks.append(_Chunk(self._rows, self._dimensions, self._filters))
            self._own(place).ids.append(document_id)
        chunk, row = self._own(place), place % self._rows
        chunk.vectors[row] = normalised(vector)
        chunk.filters[:, row] = [_code(value) for value in filters]

    def drop(self, document_id: str) -> None:
        """Takes a document out; one that is not in is no error. The last row takes its place."""
        place = self._places.pop(document_id, None)
        if place is None:
            return
        last = len(self._places)
        end = self._own(last)
        moved = end.ids.pop()
        if place != last:
            chunk, row, end_row = self._own(place), place % self._rows, last % self._rows
            chunk.vectors[row] = end.vectors[end_row]
            chunk.filters[:, row] = end.filters[:, end_row]
            chunk.ids[row] = moved
            self._places[moved] = place
        if not end.ids:
            self._chunks.pop()

    def _own(self, place: int) -> _Chunk:
        """The chunk of a row, which nobody reads."""
        at = place // self._rows
        if self._chunks[at].readers:
            self._chunks[at] = self._chunks[at].copy()
        return self._chunks[at]

    def view(self) -> "VectorView":
        """The vectors as they are now; whoever takes it releases it."""
        return VectorView(self._chunks)


class VectorView:
    """All rows at one moment, for one search in any thread."""

    def __init__(self, chunks: Sequence[_Chunk]) -> None:
        self._chunks = tuple(chunks)
        for chunk in self._chunks:
            chunk.readers += 1

    def release(self) -> None:
        """Nobody reads the view any more. In the thread in which the rows are changed."""
        for chunk in self._chunks:
            chunk.readers -= 1
        self._chunks = ()

    def search(
        self, vector: Sequence[float], filters: Sequence[tuple[int, bytes]], limit: int
    ) -> list[tuple[str, float]]:
        """The nearest documents with their cosines, nearest first, equal ones by id.

        `filters` are positions of filter fields with encoded values, of which one has to fit; all
        documents fit when there are none.
        """
        query = normalised(vector)
        found = [part for part in (self._scores(c, query, filters) for c in self._chunks) if part]
        total = sum([len(part[1]) for part in found])
        if total == 0:
            return []
        scores = np.concatenate([part[2] for part in found])
        at = max(0, total - limit)
        least = np.partition(scores, at)[at] - _ROUNDING
        hits: list[tuple[float, str]] = []
        for chunk, rows, rough in found:
            near = rows[rough >= least]
            exact = np.sum(chunk.vectors[near].astype(np.float64) * query, axis=1)
            for row, score in zip(near.tolist(), exact.tolist(), strict=True):
                hits.append((-min(1.0, max(-1.0, score)), chunk.ids[row]))
        hits.sort()
        return [(document_id, 0.0 - score) for score, document_id in hits[:limit]]

    @staticmethod
    def _scores(
        chunk: _Chunk, query: Floats, filters: Sequence[tuple[int, bytes]]
    ) -> tuple[_Chunk, npt.NDArray[np.intp], npt.NDArray[np.float32]] | None:
        """The rows of a chunk that fit, and roughly how near they are."""
        used = len(chunk.ids)
        nearest = query.astype(np.float32)
        if not filters:
            return chunk, np.arange(used), chunk.vectors[:used] @ nearest
        fits = np.zeros(used, dtype=bool)
        for field, value in filters:
            fits |= chunk.filters[field, :used] == np.uint64(_code(value))
        rows = np.flatnonzero(fits)
        if not len(rows):
            return None
        return chunk, rows, chunk.vectors[rows] @ nearest
