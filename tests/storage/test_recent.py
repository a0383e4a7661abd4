"""Documents kept because they were read of late."""

from reactive.storage.recent import RecentDocuments
from reactive.values.document import StoredDocument


def document(name: str, size: int) -> StoredDocument:
    return StoredDocument(name, b"x" * size, size)


def test_what_was_read_first_goes_first() -> None:
    recent = RecentDocuments(38_400)
    for number in range(65):
        recent.add(b"%d" % number, document(str(number), 100), number)

    assert recent.get(b"0") is None
    assert recent.number(b"0") is None
    assert [recent.number(b"%d" % number) for number in range(1, 65)] == [*range(1, 65)]


def test_text_is_the_same_object_until_it_changes() -> None:
    recent, first, second = RecentDocuments(38_400), document("a", 10), document("a", 20)
    recent.add(b"a", first, 7)
    assert recent.get(b"a") is first

    recent.add(b"a", second, 7)

    assert recent.get(b"a") is second
    assert 7 == recent.number(b"a")


def test_what_would_push_out_many_others_stays_out() -> None:
    recent = RecentDocuments(38_400)
    recent.add(b"a", document("a", 10), 1)

    recent.add(b"b", document("b", 601), 2)
    assert recent.get(b"b") is None
    recent.add(b"a", document("a", 601), 1)
    assert recent.get(b"a") is None, "the old text must not stay either"


def test_dropped_makes_room() -> None:
    recent = RecentDocuments(38_400)
    for number in range(64):
        recent.add(b"%d" % number, document(str(number), 100), number)

    recent.drop(b"5")
    recent.drop(b"never there")
    recent.add(b"64", document("64", 100), 64)

    assert recent.get(b"0") is not None
    recent.clear()
    assert recent.get(b"0") is None
