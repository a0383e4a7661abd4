"""What one client asked for and what it was told: the state machine of the sync protocol.

    ModifyQuerySet ─┐                             ┌─▶ Transition (start = the last end)
    Authenticate ───┼─▶ wants_round ─▶ Round ─────┤
    stale, answered ┘    (one at a time)          └─▶ the outcomes that changed

The client believes what it is told: its version moves only by Transitions, and every Transition
starts where the last one ended. Between rounds anything may be asked; a round answers all of it
at one timestamp. Nothing here waits, sends or knows the time.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeAlias

from reactive.backend import Caller, QueryOutcome, Watch
from reactive.errors import CallError, OverloadedError
from reactive.protocol.messages import (
    START,
    AddQuery,
    Authenticate,
    ModifyQuerySet,
    RemoveQuery,
    StateVersion,
)
from reactive.values.timestamp import Timestamp
from reactive.values.tuples import new_tuple

StartWatch = Callable[[AddQuery, Caller], Watch]
Outcomes: TypeAlias = dict[int, QueryOutcome | None]
"""Of the queries that a round is about; None until it is known."""


def _refuse_watch(added: AddQuery, caller: Caller) -> Watch:
    raise CallError("the session is closed", code="SessionClosed")


class WatchedQuery:
    """One query of the client, and what it was told of it last on this socket."""

    __slots__ = ("added", "sent", "watch")

    def __init__(self, added: AddQuery, watch: Watch) -> None:
        self.added = added
        self.watch = watch
        self.sent: QueryOutcome | None = None


class Round:
    """One answer in the making: every stale query at one timestamp."""

    __slots__ = ("at", "identity", "outcomes", "query_set", "removed")

    def __init__(
        self,
        at: Timestamp,
        query_set: int,
        identity: int,
        outcomes: Outcomes,
        removed: list[int],
    ) -> None:
        self.at = at
        self.query_set = query_set
        self.identity = identity
        self.outcomes = outcomes
        self.removed = removed


class Changes(NamedTuple):
    """What one Transition says."""

    start: StateVersion
    end: StateVersion
    updated: list[tuple[int, QueryOutcome]]
    removed: list[int]


class SyncSession:
    """Invariant: outside of `advance`, every query that is neither stale nor in the open round was
    told the outcome that holds at the client's version. `advance` repairs what others broke.
    """

    __slots__ = (
        "_identity",
        "_queries_max",
        "_query_set",
        "_removed",
        "_round",
        "_stale",
        "_start_watch",
        "caller",
        "queries",
        "version",
        "wants_round",
    )

    def __init__(self, start_watch: StartWatch, caller: Caller, queries_max: int) -> None:
        self._start_watch = start_watch
        self._queries_max = queries_max
        self.caller = caller
        self.version = START
        self.queries: dict[int, WatchedQuery] = {}
        self.wants_round = False
        self._query_set = 0
        self._identity = 0
        self._stale: Outcomes = {}
        self._removed: list[int] = []
        self._round: Round | None = None

    # What clients ask

    def modify(self, message: ModifyQuerySet) -> None:
        """Takes a change of the query set.

        Raises:
            CallError: when it does not follow from what was asked before.
        """
        if message.base_version != self._query_set:
            raise CallError(
                f"Base version {message.base_version} passed up doesn't match the current version "
                f"{self._query_set}",
                code="BaseVersionMismatch",
            )
        if message.new_version <= message.base_version:
            raise CallError(
                f"The new version {message.new_version} does not follow {message.base_version}",
                code="BaseVersionMismatch",
            )
        for each in message.modifications:
            if isinstance(each, RemoveQuery):
                self._remove(each.query_id)
            else:
                self._add(each)
        self._query_set = message.new_version
        self.wants_round = True

    def _add(self, added: AddQuery) -> None:
        if added.query_id in self.queries:
            raise CallError(f"Duplicate query id: {added.query_id}", code="DuplicateQueryId")
        if len(self.queries) >= self._queries_max:
            raise OverloadedError("too many queries on one socket", code="TooManyQueries")
        watch = self._start_watch(added, self.caller)
        self.queries[added.query_id] = WatchedQuery(added, watch)
        self._stale[added.query_id] = None

    def _remove(self, query_id: int) -> None:
        query = self.queries.pop(query_id, None)
        if query is None:
            raise CallError(f"Nonexistent query id: {query_id}", code="NonexistentQueryId")
        query.watch.close()
        self._stale.pop(query_id, None)
        if self._round is not None:
            self._round.outcomes.pop(query_id, None)
        self._removed.append(query_id)

    def check_identity(self, message: Authenticate) -> None:
        """Refuses an Authenticate that does not follow from those before it.

        Raises:
            CallError: `BaseVersionMismatch`.
        """
        if message.base_version != self._identity:
            raise CallError(
                f"Base identity version {message.base_version} doesn't match the current version "
                f"{self._identity}",
                code="BaseVersionMismatch",
            )

    @property
    def identity(self) -> int:
        """How many identities the client has had on this socket."""
        return self._identity

    def identify(self, caller: Caller) -> None:
        """Takes a new identity: every query is asked again on its behalf.

        When only the proof is new and the identity is the same, nothing has to be asked: the next
        Transition just confirms it.
        """
        is_same = caller == self.caller
        self.caller = caller
        self._identity += 1
        self.wants_round = True
        if is_same:
            return
        if self._round is not None:
            self._begin_again(self._round.outcomes, self._round.removed)
        for query_id, query in self.queries.items():
            query.watch.close()
            query.watch = self._start_watch(query.added, caller)
            self._stale[query_id] = None

    # What the backend tells

    def stale(self, query_id: int) -> None:
        """What the client was told of this query no longer holds."""
        if query_id in self.queries:
            self._stale[query_id] = None
            self.wants_round = True

    def answered(self) -> None:
        """A mutation or an action was answered: a Transition must follow, even an empty one."""
        self.wants_round = True

    # Rounds

    @property
    def is_waiting(self) -> bool:
        """Whether a round is open that waits for an outcome."""
        return self._round is not None

    def advance(self, head: Timestamp) -> Changes | None:
        """Goes on with the open round, or begins one at `head`.

        None when the round has to wait, or when there is nothing to say. Otherwise the caller must
        send exactly these changes: the client's version has moved.
        """
        while True:
            current = self._round
            if current is not None:
                at, query_set, identity = current.at, current.query_set, current.identity
                outcomes, removed = current.outcomes, current.removed
            elif self.wants_round:
                at, query_set, identity = head, self._query_set, self._identity
                outcomes, removed = self._stale, self._removed
                self._stale, self._removed = {}, []
                self.wants_round = False
            else:
                return None
            is_complete = self._fill(outcomes, at)
            if is_complete:
                self._round = None
                return self._finish(at, query_set, identity, outcomes, removed)
            if is_complete is not None:
                self._round = current or Round(at, query_set, identity, outcomes, removed)
                return None
            self._begin_again(outcomes, removed)

    def _fill(self, outcomes: Outcomes, at: Timestamp) -> bool | None:
        """Whether all outcomes are there; None when one is newer than the round can take."""
        is_complete = True
        for query_id, known in outcomes.items():
            if known is None:
                outcome = self.queries[query_id].watch.outcome(at)
                if outcome is None:
                    is_complete = False
                elif outcome.ts > at:
                    return None
                else:
                    outcomes[query_id] = outcome
        return is_complete

    def _begin_again(self, outcomes: Outcomes, removed: list[int]) -> None:
        self._stale |= dict.fromkeys(outcomes)
        self._removed = removed + self._removed
        self._round = None
        self.wants_round = True

    def _finish(
        self,
        at: Timestamp,
        query_set: int,
        identity: int,
        outcomes: Outcomes,
        removed: list[int],
    ) -> Changes:
        updated = []
        for query_id, outcome in outcomes.items():
            assert outcome is not None
            query = self.queries[query_id]
            if query.sent is None or not outcome.says_the_same(query.sent):
                updated.append((query_id, outcome))
            query.sent = outcome
        start = self.version
        self.version = end = new_tuple(StateVersion, (query_set, identity, max(start.ts, at)))
        return new_tuple(Changes, (start, end, updated, removed))

    def watches(self) -> Iterator[Watch]:
        """Everything that is being watched."""
        for query in self.queries.values():
            yield query.watch

    def close(self) -> None:
        """Ends all watches."""
        for watch in self.watches():
            watch.close()
        self.queries.clear()
        self._stale.clear()
        # The worker that it belongs to is freed with its socket, not when cycles are collected.
        self._start_watch = _refuse_watch
        self._round = None
        self.wants_round = False
