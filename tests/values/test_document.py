"""What keeping a commit costs, as the bounds of the history count it."""

from reactive.values.document import CommitEntry, Receipt, Revision, StoredDocument


def stored(json: bytes) -> StoredDocument:
    return StoredDocument("x", json, len(json))


def test_the_size_of_a_commit_grows_with_its_documents() -> None:
    small, large = stored(b"{}"), stored(b"x" * 10_000)
    sizes = [
        CommitEntry(1, [Revision("x", (1,), before, after, (), ())]).size
        for before, after in ((None, None), (small, None), (small, large), (large, large))
    ]
    assert sorted(sizes) == sizes
    assert sizes[3] - sizes[2] == 10_000 - 2
    assert sizes[0] > CommitEntry(1, []).size > 0


def test_a_commit_has_neither_receipt_nor_source_unless_it_is_given() -> None:
    entry = CommitEntry(1, [])
    assert entry.receipt is None
    assert entry.source == ""
    assert entry == CommitEntry(1, [], None, "")
    assert entry != CommitEntry(1, [], Receipt("s", 1, b"null", b"[]"))
