"""Faults that are planted on purpose: a simulation that does not find them proves nothing.

`test_simulation` shows that the same runs find nothing where nothing was planted.
"""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from reactive.backend import QueryOutcome
from reactive.engine.committer import Committer
from reactive.engine.database import Database, Subscriber
from reactive.engine.transaction import Transaction
from reactive.runtime.live import LiveQuery
from reactive.runtime.mutations import Mutation
from reactive.runtime.service import FunctionService
from reactive.session.rounds import Rounds
from reactive.session.state import Round, SyncSession
from reactive.session.worker import SessionWorker
from reactive.testing.simulator import simulate
from reactive.values.document import CommitEntry
from reactive.values.ranges import ReadSet
from tests.runtime.harness import own_modules
from tests.simulation.world import Plan, run

SEEDS = 12

Plant = Callable[[pytest.MonkeyPatch], None]


@pytest.fixture(autouse=True, scope="module")
def _own_modules() -> Iterator[None]:
    with own_modules():
        yield


def subscribe_without_asking_the_log(patch: pytest.MonkeyPatch) -> None:
    """A commit between a query's snapshot and its subscription goes unnoticed."""

    def subscribe(self: Database, subscriber: Subscriber, reads: ReadSet, at: int) -> None:
        self._subscriptions.add(subscriber, reads)

    patch.setattr(Database, "subscribe", subscribe)


def wait_inside_publish(patch: pytest.MonkeyPatch) -> None:
    """For a moment the head has moved and nobody is told."""

    def publish(self: Database, entry: CommitEntry) -> None:
        self._log.append(entry)
        self.head = self._committer.head = entry.ts
        touched = list(self._subscriptions.touched(entry))
        for subscriber in touched:
            self._subscriptions.remove(subscriber)

        def wake() -> None:
            for subscriber in touched:
                subscriber.invalidated(entry.ts)

        asyncio.get_running_loop().call_later(0.001, wake)

    patch.setattr(Database, "publish", publish)


def forget_to_tell_one(patch: pytest.MonkeyPatch) -> None:
    tell = LiveQuery.invalidated

    def invalidated(self: LiveQuery, ts: int) -> None:
        if len(self.watches) != 2:
            tell(self, ts)

    patch.setattr(LiveQuery, "invalidated", invalidated)


def drop_receipts(patch: pytest.MonkeyPatch) -> None:
    entry = Transaction.entry

    def without(self: Transaction, ts: int) -> CommitEntry:
        self.receipt = None
        return entry(self, ts)

    patch.setattr(Transaction, "entry", without)


def ignore_conflicts(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Committer, "_conflict", lambda *_: None)


def answer_with_what_is_stale(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(LiveQuery, "holds_at", lambda self, at: self.outcome)


def mix_timestamps_in_a_round(patch: pytest.MonkeyPatch) -> None:
    """An outcome that is newer than the round is taken as it is."""

    def fill(self: SyncSession, current: Round) -> bool:
        for query_id in current.outcomes:
            query = self.queries.get(query_id)
            if query is not None and current.outcomes[query_id] is None:
                current.outcomes[query_id] = query.watch.outcome(current.at)
        known = [current.outcomes[each] for each in current.outcomes if each in self.queries]
        return None not in known

    patch.setattr(SyncSession, "_fill", fill)


def say_everything_again(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(QueryOutcome, "says_the_same", lambda *_: False)


def answer_late(patch: pytest.MonkeyPatch) -> None:
    """The client sees its write before it hears that it succeeded."""
    mutated = SessionWorker._mutated

    def later(self: SessionWorker, *outcome: Any) -> None:
        asyncio.get_running_loop().call_later(0.01, mutated, self, *outcome)

    patch.setattr(SessionWorker, "_mutated", later)
    # Without this the session would wait for the answer before it shows the write.
    patch.setattr(SessionWorker, "_owes_answer", lambda _: False)


def forget_a_turn(patch: pytest.MonkeyPatch) -> None:
    """A session that is slow is not asked again."""

    def ask_again(self: Rounds) -> None:
        self._timer = None
        self._slow.clear()

    patch.setattr(Rounds, "_ask_again", ask_again)


def let_mutations_overtake(patch: pytest.MonkeyPatch) -> None:
    """A lane takes no notice of the mutation that left for a thread."""
    leave = Mutation._leave_slot

    def leave_slot(self: Mutation, *args: Any) -> None:
        leave(self, *args)
        self._let_next()

    patch.setattr(Mutation, "_leave_slot", leave_slot)


def let_clients_go_back_in_time(patch: pytest.MonkeyPatch) -> None:
    async def wait_for(self: FunctionService, ts: int) -> bool:
        return True

    patch.setattr(FunctionService, "wait_for", wait_for)


def commit_without_catching_up(patch: pytest.MonkeyPatch) -> None:
    """A process does not look at what others have committed before it commits itself."""

    async def nothing() -> None: ...

    begin = Committer.__init__

    def init(self: Committer, *args: Any) -> None:
        begin(self, *args)
        self._catch_up = nothing

    patch.setattr(Committer, "__init__", init)


def keep_subscribers_when_too_far_behind(patch: pytest.MonkeyPatch) -> None:
    def forget(self: Database, head: int) -> None:
        self.head = self._committer.head = head
        self._log.restart(head)

    patch.setattr(Database, "_forget", forget)


ONE = Plan()
TWO = Plan(processes=2)
LONG = Plan(actions=40)
MANY = Plan(processes=4, actions=40)


@pytest.mark.parametrize(
    ("plant", "plan"),
    [
        (subscribe_without_asking_the_log, ONE),
        (wait_inside_publish, ONE),
        (forget_to_tell_one, ONE),
        (drop_receipts, ONE),
        (ignore_conflicts, ONE),
        (answer_with_what_is_stale, ONE),
        (mix_timestamps_in_a_round, LONG),
        (say_everything_again, ONE),
        (answer_late, ONE),
        (forget_a_turn, ONE),
        (let_mutations_overtake, ONE),
        (let_clients_go_back_in_time, MANY),
        (commit_without_catching_up, TWO),
        (keep_subscribers_when_too_far_behind, MANY),
    ],
)
def test_planted_fault_is_found(plant: Plant, plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch)
    for seed in range(SEEDS):
        try:
            simulate(run(seed, plan), seed)
        except Exception:
            return
    pytest.fail(f"{plant.__name__} is found in none of {SEEDS} runs")
