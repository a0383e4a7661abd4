"""What is kept because it was read of late."""

from dataclasses import replace

from reactive.limits import DEFAULT_LIMITS
from reactive.storage.recent import Recent
from reactive.values.document import Revision, Row, StoredDocument
from reactive.values.keys import encode_part, make_key, prefix_end

LIMITS = replace(
    DEFAULT_LIMITS,
    recent_documents_bytes_max=38_400,
    recent_ranges_max=3,
)


def document(name: str, size: int) -> StoredDocument:
    return StoredDocument(name, b"x" * size, size)


def test_what_was_read_first_goes_first() -> None:
    recent = Recent(LIMITS)
    for number in range(65):
        recent.add(b"%d" % number, document(str(number), 100), number)

    assert recent.get(b"0") is None
    assert recent.number(b"0") is None
    assert [recent.number(b"%d" % number) for number in range(1, 65)] == [*range(1, 65)]


def test_text_is_the_same_object_until_it_changes() -> None:
    recent, first, second = Recent(LIMITS), document("a", 10), document("a", 20)
    recent.add(b"a", first, 7)
    assert recent.get(b"a") is first

    recent.add(b"a", second, 7)

    assert recent.get(b"a") is second
    assert 7 == recent.number(b"a")


def test_what_would_push_out_many_others_stays_out() -> None:
    recent = Recent(LIMITS)
    recent.add(b"a", document("a", 10), 1)

    recent.add(b"b", document("b", 601), 2)
    assert recent.get(b"b") is None
    recent.add(b"a", document("a", 601), 1)
    assert recent.get(b"a") is None, "the old text must not stay either"


def test_dropped_makes_room() -> None:
    recent = Recent(LIMITS)
    for number in range(64):
        recent.add(b"%d" % number, document(str(number), 100), number)

    recent.drop(b"5")
    recent.drop(b"never there")
    recent.add(b"64", document("64", 100), 64)

    assert recent.get(b"0") is not None
    recent.clear()
    assert recent.get(b"0") is None


INDEX = 7


def row(name: str, *parts: str) -> Row:
    key = make_key([*map(encode_part, parts), encode_part(name)])
    return Row.of(key.joined, document(name, 10))


def prefix(*parts: str) -> bytes:
    return b"".join(map(encode_part, parts))


def remember(recent: Recent, *parts: str, rows: list[Row], descending: bool = False) -> None:
    lower = prefix(*parts)
    numbers = list(range(len(rows)))
    recent.add_rows(INDEX, lower, prefix_end(lower), rows, numbers, descending=descending)


def known(recent: Recent, *parts: str) -> list[Row] | None:
    lower = prefix(*parts)
    return recent.rows(INDEX, lower, prefix_end(lower))


def moved(before: Row | None, after: Row | None, *parts: tuple[str, ...]) -> Revision:
    """A document that had the first of these keys, and has the second."""
    keys = [make_key([*map(encode_part, each), encode_part("a")]) for each in parts]
    old = () if before is None else (keys[0],)
    new = () if after is None else (keys[-1],)
    return Revision("a", (INDEX,), None, None, old, new)


def test_range_is_known_with_its_documents_as_they_are_now() -> None:
    recent, found = Recent(LIMITS), row("a", "ada")
    remember(recent, "ada", rows=[found])
    assert known(recent, "ada") == [found]

    changed = document("a", 20)
    recent.add(encode_part("a"), changed, 0)

    assert known(recent, "ada") == [Row.of(found.key, changed)]
    assert 0 == recent.number(encode_part("a"))


def test_range_without_documents_is_known_as_well() -> None:
    recent = Recent(LIMITS)
    assert known(recent, "ada") is None
    remember(recent, "ada", rows=[])
    assert known(recent, "ada") == []


def test_rows_are_in_the_order_of_the_index() -> None:
    recent, rows = Recent(LIMITS), [row("b", "ada"), row("a", "ada")]
    remember(recent, "ada", rows=rows, descending=True)
    assert known(recent, "ada") == rows[::-1]


def test_only_all_keys_with_the_same_beginning_are_a_range() -> None:
    recent, lower = Recent(LIMITS), prefix("ada")
    recent.add_rows(INDEX, lower, lower + b"\x05", [], [], descending=False)
    assert recent.rows(INDEX, lower, lower + b"\x05") is None
    assert known(recent, "ada") is None


def test_range_is_forgotten_when_one_of_its_documents_is() -> None:
    recent = Recent(LIMITS)
    remember(recent, "ada", rows=[row("a", "ada"), row("b", "ada")])
    recent.drop(encode_part("b"))
    assert known(recent, "ada") is None


def test_document_that_comes_or_goes_changes_every_range_it_is_in() -> None:
    one = row("a", "ada")
    for revision in (moved(None, one, ("ada",)), moved(one, None, ("ada",))):
        recent = Recent(LIMITS)
        for parts in ((), ("ada",), ("bob",)):
            remember(recent, *parts, rows=[])
        recent.written(revision)
        assert [known(recent), known(recent, "ada"), known(recent, "bob")] == [None, None, []]


def test_document_that_moves_changes_where_it_was_and_where_it_is() -> None:
    recent, one = Recent(LIMITS), row("a", "ada")
    for name in ("ada", "bob", "cy"):
        remember(recent, name, rows=[])
    recent.written(moved(one, one, ("ada",), ("bob",)))
    assert [known(recent, name) for name in ("ada", "bob", "cy")] == [None, None, []]


def test_oldest_range_goes_when_there_are_too_many() -> None:
    recent = Recent(LIMITS)
    for name in "abcd":
        remember(recent, name, rows=[])
    assert [known(recent, name) for name in "abcd"] == [None, [], [], []]
    recent.clear()
    assert known(recent, "d") is None


def test_document_with_longer_keys_changes_the_longer_ranges_too() -> None:
    recent = Recent(LIMITS)
    for parts in (("ada", "x"), ("ada", "y"), ("x",)):
        remember(recent, *parts, rows=[])
    recent.written(moved(None, row("a", "ada", "x"), ("ada", "x")))
    found = [known(recent, *parts) for parts in (("ada", "x"), ("ada", "y"), ("x",))]
    assert found == [None, [], []]
