"""Whose turn it is, and who is told the same by the same bytes."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace

from reactive.backend import EMPTY_LOG, QueryOutcome
from reactive.limits import DEFAULT_LIMITS
from reactive.protocol.messages import START, StateVersion
from reactive.session.rounds import Rounds
from reactive.session.state import Changes
from reactive.testing.clock import ManualClock
from reactive.testing.simulator import simulate

LIMITS = replace(DEFAULT_LIMITS, round_slice_s=0.010)


class Hall:
    """Sessions that wait for their turn; each turn is written down and takes its time."""

    def __init__(self, turn_s: float = 0.0) -> None:
        self.clock = ManualClock()
        self.rounds = Rounds(self.clock, LIMITS)
        self.turns: list[str] = []
        self.turn_s = turn_s

    def session(self, name: str) -> "Guest":
        return Guest(self, name)

    def enter(self, names: str) -> list["Guest"]:
        guests = [self.session(name) for name in names]
        for guest in guests:
            self.rounds.enter(guest)
        return guests


class Guest:
    def __init__(self, hall: Hall, name: str) -> None:
        self.hall = hall
        self.name = name
        self.is_slow = False
        self.on_turn: Callable[[], None] | None = None

    def take_turn(self) -> bool:
        self.hall.turns.append(self.name)
        self.hall.clock.advance(self.hall.turn_s)
        if self.on_turn is not None:
            self.on_turn()
        return not self.is_slow

    def flush(self) -> None:
        self.hall.turns.append(f"{self.name}!")


async def turn_of_the_loop() -> None:
    # Longer than the simulated loop takes to shuffle, shorter than anybody's timer.
    await asyncio.sleep(0.001)


def test_first_come_first_served() -> None:
    hall = Hall()

    async def main() -> None:
        hall.enter("abc")
        await turn_of_the_loop()

    simulate(main(), seed=0)

    assert hall.turns == ["a", "b", "c"]


def test_session_is_queued_once() -> None:
    hall = Hall()

    async def main() -> None:
        a, _ = hall.enter("ab")
        hall.rounds.enter(a)
        hall.rounds.enter(a)
        await turn_of_the_loop()

    simulate(main(), seed=0)

    assert hall.turns == ["a", "b"]


async def test_loop_has_its_turn_after_a_slice_of_time() -> None:
    hall = Hall(turn_s=0.004)
    hall.enter("abcdefg")
    loop = asyncio.get_running_loop()
    loop.call_soon(hall.turns.append, "|")
    for _ in range(5):
        await asyncio.sleep(0)
        loop.call_soon(hall.turns.append, "|")

    # Three turns make more than ten milliseconds; sockets are served in between.
    assert "".join(hall.turns)[:10] == "abc|def|g|"


async def test_answers_leave_when_the_slice_ends_whosever_turn_it_is() -> None:
    hall = Hall(turn_s=0.004)
    hall.enter("abcd")
    hall.rounds.enter_with_answer(hall.session("e"))
    for _ in range(3):
        await asyncio.sleep(0)

    assert hall.turns == ["a", "b", "c", "e!", "d", "e"]


def test_answer_of_a_slow_session_does_not_wait_for_it() -> None:
    hall = Hall()

    async def main() -> None:
        (slow,) = hall.enter("a")
        slow.is_slow = True
        await turn_of_the_loop()
        hall.rounds.enter_with_answer(slow)
        await turn_of_the_loop()
        hall.rounds.leave(slow)

    simulate(main(), seed=0)

    assert hall.turns == ["a", "a!"]


def test_session_that_always_has_something_to_say_starves_nobody() -> None:
    hall = Hall(turn_s=0.004)

    async def main() -> None:
        talker, *_ = hall.enter("abcd")
        talker.on_turn = lambda: hall.rounds.enter(talker) if len(hall.turns) < 20 else None
        await turn_of_the_loop()

    simulate(main(), seed=0)

    assert "".join(hall.turns)[:5] == "abcda"


def test_slow_session_is_asked_again_later() -> None:
    hall = Hall()

    async def main() -> None:
        slow, _ = hall.enter("ab")
        slow.is_slow = True
        await turn_of_the_loop()
        # It has more to say now, but it is asked only when the others are through.
        hall.rounds.enter(slow)
        hall.enter("c")
        await turn_of_the_loop()

        assert hall.turns == ["a", "b", "c"]

        slow.is_slow = False
        await asyncio.sleep(1)

    simulate(main(), seed=0)

    assert hall.turns == ["a", "b", "c", "a"]


def test_slow_session_is_asked_until_it_is_not() -> None:
    hall = Hall()

    async def main() -> None:
        (slow,) = hall.enter("a")
        slow.is_slow = True
        await asyncio.sleep(1)

        assert 10 < len(hall.turns) < 100

        slow.is_slow = False
        await asyncio.sleep(1)
        hall.turns.clear()
        await asyncio.sleep(1)

    simulate(main(), seed=0)

    assert hall.turns == []


def test_session_that_leaves_has_no_turn() -> None:
    hall = Hall()

    async def main() -> None:
        slow, gone, _ = hall.enter("abc")
        slow.is_slow = True
        hall.rounds.leave(gone)
        await turn_of_the_loop()
        hall.rounds.leave(slow)
        hall.rounds.leave(slow)
        await asyncio.sleep(1)

    simulate(main(), seed=0)

    assert hall.turns == ["a", "c"]


# Texts


def outcome(value: bytes) -> QueryOutcome:
    return QueryOutcome(5, value, None, EMPTY_LOG, None)


def changes(
    *updated: tuple[int, QueryOutcome], start: StateVersion = START, removed: tuple[int, ...] = ()
) -> Changes:
    return Changes(start, StateVersion(1, 0, 9), list(updated), list(removed))


async def test_sessions_in_the_same_state_share_one_text() -> None:
    rounds = Hall().rounds
    shared, other = outcome(b"1.0"), outcome(b"1.0")
    first = rounds.transition(changes((0, shared)))

    assert first is rounds.transition(changes((0, shared)))
    assert first is not rounds.transition(changes((0, other)))
    assert first is not rounds.transition(changes((1, shared)))
    assert first is not rounds.transition(changes((0, shared), removed=(4,)))
    assert first is not rounds.transition(changes((0, shared), start=StateVersion(1, 0, 3)))


def test_text_is_forgotten_after_the_slice() -> None:
    """Its `serverTs` would be wrong, and outcomes that are gone could lend their name to others."""
    hall = Hall()
    said: list[bytes] = []
    shared = outcome(b"1.0")

    async def main() -> None:
        (guest,) = hall.enter("a")
        guest.on_turn = lambda: said.append(hall.rounds.transition(changes((0, shared))))
        await turn_of_the_loop()
        hall.clock.advance(5)
        hall.rounds.enter(guest)
        await turn_of_the_loop()

    simulate(main(), seed=0)
    first, second = (json.loads(text)["serverTs"] for text in said)

    assert second - first == 5_000_000_000


async def test_entries_are_in_the_order_of_their_ids() -> None:
    text = Hall().rounds.transition(
        changes((7, outcome(b"1.0")), (2, outcome(b"2.0")), removed=(9, 4))
    )

    assert [each["queryId"] for each in json.loads(text)["modifications"]] == [2, 4, 7, 9]
