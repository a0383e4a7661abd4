"""The store in memory keeps the promises of every store."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from typing_extensions import override

from reactive.limits import DEFAULT_LIMITS, Limits
from reactive.storage.interface import CommitSlot, Snapshot, Store
from reactive.storage.memory import MemoryStore
from reactive.testing.store_suite import StoreSuite
from reactive.values.document import CommitEntry, Receipt
from reactive.values.timestamp import Timestamp
from tests.storage.machine import StoreMachine


class TestMemoryStore(StoreSuite):
    def new_store(self, folder: Path, limits: Limits = DEFAULT_LIMITS) -> Store:
        return MemoryStore(limits)


class MemoryStoreMachine(StoreMachine):
    @override
    def new_store(self, folder: Path, limits: Limits) -> Store:
        return MemoryStore(limits)


TestMemoryStoreMachine = MemoryStoreMachine.TestCase
TestMemoryStoreMachine.settings = settings(max_examples=80, stateful_step_count=25)


# --- The checkers see what they are there to see ---


class _PresentOnly(MemoryStore):
    """Every snapshot is of the present."""

    def snapshot(self, at: Timestamp) -> Snapshot:
        return super().snapshot(2**62)


class _NeverTakesBack(MemoryStore):
    """A slot that is left keeps what was appended."""

    @asynccontextmanager
    async def commit_slot(self) -> AsyncIterator[CommitSlot]:
        async with super().commit_slot() as slot:
            yield slot
            await slot.commit()


class _LosesOne(MemoryStore):
    """The oldest of the commits that were missed is forgotten."""

    async def commits_after(self, at: Timestamp) -> Sequence[CommitEntry] | None:
        found = await super().commits_after(at)
        return found and found[1:]


class _TakesBackOne(MemoryStore):
    """Of the commits since a snapshot only the newest is taken back."""

    def _entries_after(self, at: Timestamp) -> Sequence[CommitEntry] | None:
        found = super()._entries_after(at)
        return found and found[-1:]


class _LosesReceipts(MemoryStore):
    async def receipt(self, session: str, request: int) -> tuple[Timestamp, Receipt] | None:
        return None


@pytest.mark.parametrize(
    ("faulty", "promise"),
    [
        (_PresentOnly, "test_the_past_of_an_update"),
        (_PresentOnly, "test_a_snapshot_that_is_held_does_not_move"),
        (_NeverTakesBack, "test_nobody_ever_sees_what_was_left"),
        (_LosesOne, "test_gives_every_commit_once_and_in_order"),
        (_TakesBackOne, "test_the_limit_of_a_scan_counts_rows_of_the_past"),
        (_LosesReceipts, "test_keeps_receipts"),
    ],
)
async def test_the_suite_notices(faulty: type[MemoryStore], promise: str) -> None:
    await getattr(StoreSuite(), promise)(MemoryStore())
    with pytest.raises(AssertionError):
        await getattr(StoreSuite(), promise)(faulty())


@pytest.mark.parametrize(
    "faulty", [_PresentOnly, _NeverTakesBack, _LosesOne, _TakesBackOne, _LosesReceipts]
)
def test_the_machine_notices(faulty: type[MemoryStore]) -> None:
    class Machine(StoreMachine):
        @override
        def new_store(self, folder: Path, limits: Limits) -> Store:
            return faulty(limits)

    with pytest.raises(AssertionError):
        run_state_machine_as_test(
            Machine,
            settings=settings(
                max_examples=100, stateful_step_count=25, phases=[Phase.generate], database=None
            ),
        )
