"""`SyncSession` step by step."""

from dataclasses import replace

import pytest

from reactive.backend import ANYBODY, Caller, Identity
from reactive.errors import CallError, OverloadedError
from reactive.protocol.messages import (
    START,
    AddQuery,
    Authenticate,
    ModifyQuerySet,
    RemoveQuery,
    StateVersion,
)
from reactive.session.state import Changes, SyncSession
from tests.session.fakes import FAILED, Bell, World

ADA = Caller(Identity("issuer|ada", "ada", "issuer"))


class Table:
    """One session at a table with one world."""

    def __init__(self, queries_max: int = 10) -> None:
        self.world = World(("a", "b", "me"))
        self.rings = 0
        bell = Bell(lambda query_id: self.session.stale(query_id), self._ring)
        self.session = SyncSession(
            lambda added, caller: self.world.watch(added, caller, bell), ANYBODY, queries_max
        )

    def _ring(self) -> None:
        self.rings += 1

    def modify(self, base: int, *changes: AddQuery | RemoveQuery, new: int | None = None) -> None:
        self.session.modify(ModifyQuerySet(base, base + 1 if new is None else new, changes))

    def advance(self) -> Changes | None:
        return self.session.advance(self.world.head)

    def told(self) -> dict[int, object]:
        """The values that the next Transition brings."""
        changes = self.advance()
        assert changes is not None
        return {
            query_id: outcome.value if outcome.failure is None else outcome.failure.message
            for query_id, outcome in changes.updated
        }


def add(query_id: int, path: str = "a") -> AddQuery:
    return AddQuery(query_id, path, {}, None)


def test_begins_with_nothing_to_say() -> None:
    table = Table()

    assert table.advance() is None
    assert table.session.version == START


def test_empty_change_of_the_query_set_moves_the_version() -> None:
    table = Table()
    table.modify(0)
    changes = table.advance()

    assert changes is not None
    assert changes.start == START
    assert StateVersion(1, 0, table.world.head) == changes.end == table.session.version
    assert changes.updated == []
    assert changes.removed == []
    assert table.advance() is None


def test_several_messages_are_answered_at_once() -> None:
    table = Table()
    table.modify(0, add(0))
    table.modify(1, add(1, "b"))
    table.session.identify(ADA)
    table.modify(2, add(2, "me"), new=7)

    assert table.told() == {0: b"0", 1: b"0", 2: b'"ada:0"'}
    assert StateVersion(7, 1, table.world.head) == table.session.version


def test_answer_to_a_call_is_followed_by_a_transition() -> None:
    table = Table()
    table.session.answered()
    changes = table.advance()

    assert changes is not None
    assert changes.updated == []


def test_only_what_changed_is_told() -> None:
    table = Table()
    table.modify(0, add(0, "a"), add(1, "b"))
    table.told()
    table.world.commit({"a": 5})

    assert table.told() == {0: b"5"}

    table.world.commit({"a": 5, "b": 0})

    assert table.told() == {}
    assert table.world.head == table.session.version.ts


def test_failure_is_told_once_too() -> None:
    table = Table()
    table.modify(0, add(0))
    table.world.commit({"a": FAILED})

    assert table.told() == {0: "failed"}

    table.world.commit({"a": FAILED})

    assert table.told() == {}

    table.world.commit({"a": 1})

    assert table.told() == {0: b"1"}


def test_round_waits_for_the_slowest_and_stays_at_its_timestamp() -> None:
    table = Table()
    table.world.slow = {"b"}
    table.modify(0, add(0, "a"), add(1, "b"))
    begun = table.world.head

    assert table.advance() is None
    assert table.session.is_waiting

    table.world.commit({"a": 1})

    assert table.advance() is None

    table.world.finish(table.world.running[0])

    assert table.rings == 1
    assert table.told() == {0: b"0", 1: b"0"}
    assert begun == table.session.version.ts
    # What changed meanwhile is the next Transition's.
    assert table.told() == {0: b"1"}


def test_outcome_newer_than_the_round_begins_it_again() -> None:
    table = Table()
    table.world.slow = {"b"}
    table.modify(0, add(0, "a"), add(1, "b"))
    table.advance()
    table.world.newest = {"b"}
    table.world.commit({"a": 1, "b": 2})
    table.world.finish(table.world.running[0])

    assert table.told() == {0: b"1", 1: b"2"}
    assert table.world.head == table.session.version.ts


def test_query_removed_before_it_was_answered_is_only_removed() -> None:
    table = Table()
    table.modify(0, add(0))
    table.modify(1, RemoveQuery(0))
    changes = table.advance()

    assert changes is not None
    assert changes.updated == []
    assert changes.removed == [0]
    assert not table.world.lives[table.world.key("a", ANYBODY)].watches


def test_query_removed_while_its_round_waits() -> None:
    table = Table()
    table.world.slow = {"a", "b"}
    table.modify(0, add(0, "a"), add(1, "b"))
    table.advance()
    table.modify(1, RemoveQuery(0))
    for live in table.world.running:
        table.world.finish(live)
    first, second = table.advance(), table.advance()

    assert first is not None
    assert second is not None
    assert [query_id for query_id, _ in first.updated] == [1]
    assert (first.removed, first.end.query_set) == ([], 1)
    assert (second.removed, second.end.query_set) == ([0], 2)


def test_identity_asks_every_query_again() -> None:
    table = Table()
    table.modify(0, add(0, "a"), add(1, "me"))

    assert table.told() == {0: b"0", 1: b'":0"'}

    table.session.identify(ADA)

    assert table.told() == {1: b'"ada:0"'}
    assert table.session.version.identity == 1


def test_fresh_proof_of_the_same_identity_asks_nothing_again() -> None:
    table = Table()
    table.session.identify(ADA)
    table.modify(0, add(0), add(1, "me"))
    table.advance()
    watches = list(table.session.watches())
    table.session.identify(replace(ADA, expires_ns=5))
    changes = table.advance()

    assert changes is not None
    assert (2, []) == (changes.end.identity, changes.updated)
    assert watches == list(table.session.watches())
    assert 5 == table.session.caller.expires_ns
    assert table.advance() is None


def test_fresh_proof_during_a_round_is_confirmed_by_the_next() -> None:
    table = Table()
    table.session.identify(ADA)
    table.world.slow.add("a")
    table.modify(0, add(0))
    assert table.advance() is None
    table.session.identify(replace(ADA, expires_ns=5))
    table.world.finish(table.world.running[0])
    first, second = table.advance(), table.advance()

    assert first is not None
    assert second is not None
    assert [1, 2] == [first.end.identity, second.end.identity]


def test_identity_that_changes_during_a_round_ends_it() -> None:
    table = Table()
    table.world.slow = {"me"}
    table.modify(0, add(0, "me"))
    table.advance()
    table.session.identify(ADA)
    table.advance()
    for live in table.world.running:
        table.world.finish(live)

    assert table.told() == {0: b'"ada:0"'}


def test_identity_that_changes_during_a_round_keeps_its_removals() -> None:
    table = Table()
    table.world.slow = {"a"}
    table.modify(0, add(0, "a"), add(1, "b"))
    table.modify(1, RemoveQuery(1))
    table.advance()
    table.session.identify(ADA)
    table.advance()
    table.world.finish(table.world.running[0])
    changes = table.advance()

    assert changes is not None
    assert changes.removed == [1]


@pytest.mark.parametrize(("base", "new"), [(1, 2), (5, 6), (0, 0)])
def test_change_that_does_not_follow_is_refused(base: int, new: int) -> None:
    with pytest.raises(CallError) as caught:
        Table().modify(base, new=new)

    assert caught.value.code == "BaseVersionMismatch"
    assert str(base) in caught.value.message


def test_duplicate_and_unknown_queries_are_refused() -> None:
    table = Table()
    table.modify(0, add(3))

    with pytest.raises(CallError, match="Duplicate query id: 3"):
        table.modify(1, add(3))
    with pytest.raises(CallError, match="Nonexistent query id: 4"):
        table.modify(1, RemoveQuery(4))


def test_queries_of_one_socket_are_bounded() -> None:
    table = Table(queries_max=2)
    table.modify(0, add(0), add(1))

    with pytest.raises(OverloadedError) as caught:
        table.modify(1, add(2))

    assert caught.value.code == "TooManyQueries"


def test_identity_that_does_not_follow_is_refused() -> None:
    session = Table().session
    session.check_identity(Authenticate(0, "None", "", None))
    session.identify(ADA)

    with pytest.raises(CallError, match="identity version 0 doesn't match the current version 1"):
        session.check_identity(Authenticate(0, "None", "", None))


def test_stale_of_a_removed_query_says_nothing() -> None:
    table = Table()
    table.modify(0, add(0))
    table.modify(1, RemoveQuery(0))
    table.told()
    table.session.stale(0)

    assert table.advance() is None


def test_close_ends_everything() -> None:
    table = Table()
    table.world.slow = {"b"}
    table.modify(0, add(0, "a"), add(1, "b"))
    table.advance()
    table.session.close()

    assert table.advance() is None
    assert list(table.session.watches()) == []
    assert not any(live.watches for live in table.world.lives.values())
