"""Parts of index ranges that are known as they are now."""

from dataclasses import replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from reactive.limits import DEFAULT_LIMITS
from reactive.storage.windows import Windows
from reactive.values.document import Revision, Row, StoredDocument
from reactive.values.keys import after, encode_part, make_key, prefix_end

LIMITS = replace(
    DEFAULT_LIMITS,
    recent_windows_max=4,
    recent_window_rows_max=20,
    recent_windows_bytes_max=100_000,
)
INDEX, OTHER = 7, 8
ADA = encode_part("ada")


def row(channel: str, name: str, size: int = 10) -> Row:
    key = make_key([encode_part(channel), encode_part(name)]).joined
    return Row(key, name, b"x" * size, size)


def revision(
    before: tuple[str, str] | None, now: tuple[str, str] | None, size: int = 10
) -> Revision:
    """A document that had the first of these keys, and has the second."""
    keys = [() if each is None else (make_key(map(encode_part, each)),) for each in (before, now)]
    document = None if now is None else StoredDocument(now[1], b"x" * size, size)
    return Revision("", (INDEX,), None, document, keys[0], keys[1])


class Known:
    """Windows with the newest rows of one channel, as a live query reads them."""

    def __init__(self, names: str, limit: int, *, descending: bool = True) -> None:
        self.windows = Windows(LIMITS)
        self.descending = descending
        rows = [row("ada", name) for name in names]
        self.add(rows, limit)

    def add(self, rows: list[Row], limit: int, lower: bytes = ADA) -> None:
        self.windows.add(
            INDEX, lower, prefix_end(ADA), rows, descending=self.descending, limit=limit
        )

    def read(self, limit: int, lower: bytes = ADA, upper: bytes = prefix_end(ADA)) -> str | None:
        rows = self.windows.rows(INDEX, lower, upper, descending=self.descending, limit=limit)
        return None if rows is None else "".join(each.id for each in rows)


def test_newest_rows_are_known_with_what_comes_and_goes() -> None:
    known = Known("dcb", 3)
    assert known.read(3) == "dcb"
    assert known.read(2) == "dc"
    assert known.read(4) is None, "what is before b was not read"

    known.windows.written(revision(None, ("ada", "e")))
    assert known.read(4) == "edcb"

    known.windows.written(revision(("ada", "d"), None))
    assert known.read(3) == "ecb"
    assert known.read(4) is None

    known.windows.written(revision(("ada", "c"), ("ada", "f")))
    assert known.read(3) == "feb"

    known.windows.written(revision(None, ("ada", "a")))
    known.windows.written(revision(None, ("bob", "z")))
    assert known.read(3) == "feb"


def test_changed_document_is_read_as_it_is_now() -> None:
    known = Known("ba", 3)
    known.windows.written(revision(("ada", "a"), ("ada", "a"), size=99))
    rows = known.windows.rows(INDEX, ADA, prefix_end(ADA), descending=True, limit=9)
    assert rows is not None
    assert [each.size for each in rows] == [10, 99]


def test_range_that_was_read_to_its_end_is_known_whole() -> None:
    known = Known("ba", 3)
    assert known.read(100) == "ba"
    known.windows.written(revision(None, ("ada", "c")))
    assert known.read(100) == "cba"


def test_list_that_is_read_in_chunks_is_one_window() -> None:
    known = Known("abc", 3, descending=False)
    known.add([row("ada", "d")], 3, lower=after(row("ada", "c").key))
    assert known.read(100) == "abcd"
    assert known.read(2, lower=after(row("ada", "b").key)) == "cd"


def test_reader_may_do_with_the_list_as_he_likes() -> None:
    known = Known("ab", 9, descending=False)
    rows = known.windows.rows(INDEX, ADA, prefix_end(ADA), descending=False, limit=9)
    assert rows is not None
    rows.clear()
    assert known.read(9) == "ab"


@pytest.mark.parametrize(("descending", "names", "kept"), [(True, "cba", "c"), (False, "abc", "a")])
def test_what_is_read_last_goes_first_where_much_comes(
    descending: bool, names: str, kept: str
) -> None:
    known = Known(names, 3, descending=descending)
    for number in range(40):
        known.windows.written(revision(None, ("ada", f"b{number:02}")))
    found = known.read(20)
    assert found is not None
    assert found.startswith(kept)
    assert known.read(21) is None


def test_what_was_taken_back_is_not_known() -> None:
    known = Known("ab", 9, descending=False)
    made = revision(None, ("ada", "c"))
    known.windows.written(made)
    known.windows.unwritten(made)
    assert known.read(9) is None


def test_window_that_was_not_read_for_longest_goes_first() -> None:
    windows = Windows(LIMITS)
    for channel in "abcd":
        windows.add(INDEX, *_range(channel), [], descending=False, limit=9)
    windows.rows(INDEX, *_range("a"), descending=False, limit=9)
    windows.add(OTHER, *_range("a"), [], descending=False, limit=9)

    found = [windows.rows(INDEX, *_range(each), descending=False, limit=9) for each in "abcd"]
    assert found == [[], None, [], []]


def test_windows_are_bounded_in_bytes() -> None:
    windows = Windows(LIMITS)
    windows.add(INDEX, *_range("a"), [row("a", "1", 7_000)], descending=False, limit=9)
    assert windows.rows(INDEX, *_range("a"), descending=False, limit=9) is None, "a sixteenth each"

    for channel in "abcd":
        windows.add(INDEX, *_range(channel), [row(channel, "1")], descending=False, limit=9)
    for _ in range(2):
        windows.written(revision(None, ("d", "2"), size=60_000))
        windows.written(revision(("d", "2"), None))
    windows.written(revision(None, ("d", "2"), size=99_000))
    found = [windows.rows(INDEX, *_range(each), descending=False, limit=9) for each in "abc"]
    assert found == [None, None, None]


def test_write_looks_for_no_more_than_some_lengths_of_prefixes() -> None:
    windows = Windows(replace(LIMITS, recent_windows_max=1_000))
    names = ["x" * length for length in range(100)]
    for name in names:
        windows.add(INDEX, *_range(name), [], descending=False, limit=9)
    found = [windows.rows(INDEX, *_range(each), descending=False, limit=9) for each in names]
    assert found == [None] * 36 + [[]] * 64
    windows.add(OTHER, *_range("a"), [], descending=False, limit=9)
    assert windows.rows(INDEX, *_range(names[-1]), descending=False, limit=9) == []


def _range(channel: str) -> tuple[bytes, bytes]:
    return encode_part(channel), prefix_end(encode_part(channel))


KEYS = [(channel, name) for channel in ("a", "ab") for name in "012345678"]
PLACES = st.sampled_from(
    [b"", *(encode_part(each) for each in ("a", "ab"))]
    + [row(*key).key for key in KEYS]
    + [after(row(*key).key) for key in KEYS]
)


class WindowsMachine(RuleBasedStateMachine):
    """Windows beside a dictionary with every row."""

    def __init__(self) -> None:
        super().__init__()
        self.windows = Windows(replace(LIMITS, recent_window_rows_max=4))
        self.sizes = dict.fromkeys(KEYS[::2], 10)

    @rule(
        lower=PLACES,
        prefix=st.sampled_from([b"", encode_part("a"), encode_part("ab")]),
        upper=st.none() | PLACES,
        descending=st.booleans(),
        limit=st.integers(0, 6),
    )
    def read(
        self, lower: bytes, prefix: bytes, upper: bytes | None, descending: bool, limit: int
    ) -> None:
        end = prefix_end(prefix) if upper is None else upper
        rows = [row(*key, size) for key, size in self.sizes.items()]
        rows = sorted(each for each in rows if lower <= each.key < end)
        expected = (rows[::-1] if descending else rows)[:limit]
        found = self.windows.rows(INDEX, lower, end, descending=descending, limit=limit)
        if found is None:
            self.windows.add(INDEX, lower, end, expected, descending=descending, limit=limit)
        else:
            assert expected == found

    @rule(prefix=st.sampled_from(["a", "ab"]), descending=st.booleans(), limit=st.integers(1, 6))
    def read_whole(self, prefix: str, descending: bool, limit: int) -> None:
        lower = encode_part(prefix)
        self.read(lower, lower, None, descending, limit)

    @rule(
        before=st.sampled_from(KEYS), now=st.none() | st.sampled_from(KEYS), is_kept=st.booleans()
    )
    def write(self, before: tuple[str, str], now: tuple[str, str] | None, is_kept: bool) -> None:
        old = before if before in self.sizes else None
        if now != old and now in self.sizes:
            now = old
        if old is None and now is None:
            return
        size = sum(self.sizes.values()) % 97 + 1
        made = revision(old, now, size)
        self.windows.written(made)
        if not is_kept:
            self.windows.unwritten(made)
            return
        if old is not None:
            del self.sizes[old]
        if now is not None:
            self.sizes[now] = size

    @invariant()
    def nothing_is_left_behind(self) -> None:
        windows = self.windows
        assert windows._bytes == sum(each.size for each in windows._windows.values())
        lengths = sum(sum(each.values()) for each in windows._lengths.values())
        assert lengths == len(windows._windows)


TestWindowsMachine = WindowsMachine.TestCase
TestWindowsMachine.settings = settings(max_examples=300, stateful_step_count=40, deadline=None)
