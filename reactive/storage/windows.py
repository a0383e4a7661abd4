"""Parts of a SQLite file's index ranges, kept as they are now.

A live query reads the same range again whenever somebody has written to it, and most of what it
finds it has found before. So a range that was read stays known with its rows, and a write changes
what is known of each range that it is in: who reads the range next reads no row twice.
"""

from bisect import bisect_left
from collections import OrderedDict
from operator import itemgetter

from reactive.limits import Limits
from reactive.values.document import Revision, Row
from reactive.values.keys import after, prefix_end

_SHARE_MAX = 16
_OWN_BYTES = 300
"""What a row takes beside its document: the tuple, the key, the id and its places."""
_SIZE_OF = itemgetter(3)
_LENGTHS_MAX = 64
"""Of the prefixes of one index: each is looked up for each key that is written."""
_Place = tuple[int, bytes]


class Window:
    """All rows of an index from `low` up to, not including, `high`.

    Rows that come to it beyond its `room` push others out where reads do not begin.
    """

    __slots__ = ("_keys", "_room", "_rows", "high", "is_descending", "low", "size")

    def __init__(
        self, low: bytes, high: bytes, rows: list[Row], *, is_descending: bool, rows_max: int
    ) -> None:
        self.low = low
        self.high = high
        self.is_descending = is_descending
        self.size = sum(map(_SIZE_OF, rows)) + _OWN_BYTES * (len(rows) + 1)
        self._rows = rows
        self._keys = [row[0] for row in rows]
        self._room = min(2 * len(rows) + 16, rows_max)

    def __len__(self) -> int:
        return len(self._rows)

    def read(self, lower: bytes, upper: bytes, *, descending: bool, limit: int) -> list[Row] | None:
        """The first rows of a range, None when some of them may be elsewhere."""
        keys = self._keys
        if descending:
            if upper > self.high:
                return None
            end = len(keys) if upper == self.high else bisect_left(keys, upper)
            if lower >= self.low:
                start = max(end - limit, bisect_left(keys, lower))
            elif end >= limit:
                start = end - limit
            else:
                return None
            return self._rows[start:end][::-1]
        if lower < self.low:
            return None
        start = 0 if lower == self.low else bisect_left(keys, lower)
        end = start + limit
        if upper <= self.high:
            end = min(end, bisect_left(keys, upper))
        elif end > len(keys):
            return None
        return self._rows[start:end]

    def joined(self, other: "Window", rows_max: int) -> "Window | None":
        """Both as one, when one begins where the other ends and they are not too long."""
        if len(self) + len(other) > rows_max:
            return None
        if self.high == other.low:
            first, last = self, other
        elif other.high == self.low:
            first, last = other, self
        else:
            return None
        return Window(
            first.low,
            last.high,
            first._rows + last._rows,
            is_descending=other.is_descending,
            rows_max=rows_max,
        )

    def put(self, row: Row) -> None:
        """A row has come, or its document is another one now."""
        key = row.key
        if not self.low <= key < self.high:
            return
        at = bisect_left(self._keys, key)
        if at < len(self._keys) and self._keys[at] == key:
            self.size += row.size - self._rows[at].size
            self._rows[at] = row
            return
        self._keys.insert(at, key)
        self._rows.insert(at, row)
        self.size += row.size + _OWN_BYTES
        if len(self._keys) > self._room:
            self._narrow()

    def _narrow(self) -> None:
        if self.is_descending:
            self._take_out(0)
            self.low = self._keys[0]
        else:
            self._take_out(len(self._keys) - 1)
            self.high = after(self._keys[-1])

    def take(self, key: bytes) -> None:
        """A row has gone, if it was here."""
        at = bisect_left(self._keys, key)
        if at < len(self._keys) and self._keys[at] == key:
            self._take_out(at)

    def _take_out(self, at: int) -> None:
        del self._keys[at]
        self.size -= self._rows.pop(at).size + _OWN_BYTES


class Windows:
    """Windows by the prefix that all of their keys could have; bounded in number and in bytes.

    Invariant: what is here is what a scan by the writing connection would give. For each index the
    lengths of the prefixes are known, so that a key finds every window that it may be in.
    """

    def __init__(self, limits: Limits) -> None:
        self._windows_max = limits.recent_windows_max
        self._rows_max = limits.recent_window_rows_max
        self._bytes_max = limits.recent_windows_bytes_max
        self._bytes = 0
        self._windows: OrderedDict[_Place, Window] = OrderedDict()
        self._lengths: dict[int, dict[int, int]] = {}

    def rows(
        self, index: int, lower: bytes, upper: bytes, *, descending: bool, limit: int
    ) -> list[Row] | None:
        """The first rows of a range, None when they are not all here."""
        place = _place(index, lower, upper)
        if place is None:
            return None
        window = self._windows.get(place)
        if window is None:
            return None
        rows = window.read(lower, upper, descending=descending, limit=limit)
        if rows is not None:
            self._windows.move_to_end(place)
        return rows

    def add(
        self,
        index: int,
        lower: bytes,
        upper: bytes,
        rows: list[Row],
        *,
        descending: bool,
        limit: int,
    ) -> None:
        """Takes in what a scan found, unless it is none that is kept.

        It goes on where a window ends, or takes the place of one with fewer rows.
        """
        place = _place(index, lower, upper)
        if place is None or not limit or len(rows) > self._rows_max:
            return
        rows = rows[::-1] if descending else rows.copy()
        if len(rows) == limit:
            if descending:
                lower = rows[0].key
            else:
                upper = after(rows[-1].key)
        window = Window(lower, upper, rows, is_descending=descending, rows_max=self._rows_max)
        known = self._windows.get(place)
        if known is not None:
            window = known.joined(window, self._rows_max) or max(window, known, key=len)
            if window is known:
                return
            self._drop(place)
        if window.size > self._bytes_max // _SHARE_MAX:
            return
        self._windows[place] = window
        self._bytes += window.size
        lengths = self._lengths.setdefault(index, {})
        length = len(place[1])
        lengths[length] = lengths.get(length, 0) + 1
        while len(self._lengths[index]) > _LENGTHS_MAX:
            self._drop_oldest()
        self._make_room()

    def _make_room(self) -> None:
        while self._bytes > self._bytes_max or len(self._windows) > self._windows_max:
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        self._drop(next(iter(self._windows)))

    def _drop(self, place: _Place) -> None:
        self._bytes -= self._windows.pop(place).size
        index, prefix = place
        lengths = self._lengths[index]
        lengths[len(prefix)] -= 1
        if not lengths[len(prefix)]:
            del lengths[len(prefix)]
            if not lengths:
                del self._lengths[index]

    def written(self, revision: Revision) -> None:
        """A document is written: it comes to some ranges, leaves others, or is another one."""
        if self._lengths.keys().isdisjoint(revision.indexes):
            return
        for at, index in enumerate(revision.indexes):
            if index in self._lengths:
                before = revision.before_keys[at].joined if revision.before_keys else None
                now = revision.after_keys[at].joined if revision.after_keys else None
                if before is not None and before != now:
                    self._change(index, before, None)
                if now is not None and revision.after is not None:
                    self._change(index, now, Row.of(now, revision.after))

    def _change(self, index: int, key: bytes, row: Row | None) -> None:
        for length in self._lengths[index]:
            window = self._windows.get((index, key[:length]))
            if window is not None:
                size = window.size
                if row is None:
                    window.take(key)
                else:
                    window.put(row)
                self._bytes += window.size - size
        if self._bytes > self._bytes_max:
            self._make_room()

    def unwritten(self, revision: Revision) -> None:
        """What was written is taken back: nobody knows what is in those ranges."""
        for keys in (revision.before_keys, revision.after_keys):
            for index, key in zip(revision.indexes, keys, strict=False):
                for length in list(self._lengths.get(index, ())):
                    place = index, key.joined[:length]
                    if place in self._windows:
                        self._drop(place)

    def clear(self) -> None:
        """Forgets everything."""
        self._windows.clear()
        self._lengths.clear()
        self._bytes = 0


def _place(index: int, lower: bytes, upper: bytes) -> _Place | None:
    """Where a range's window is: by what all of its keys begin with, when one of its ends is
    the end of all such keys."""
    if upper.startswith(lower):
        return index, lower
    prefix = upper[:-1]
    return (index, prefix) if upper == prefix_end(prefix) and lower.startswith(prefix) else None
