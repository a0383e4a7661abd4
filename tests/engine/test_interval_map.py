"""The map finds exactly the owners that a list of intervals would."""

import gc
import weakref
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reactive.engine.interval_map import IntervalMap

KEYS = [bytes((one, other)) for one in range(8) for other in (0, 1, 128, 255)]


class Add(NamedTuple):
    """Some owners get an interval each, so that one step can fill whole blocks."""

    first: int
    crowd: int
    lower: int
    length: int
    step: int


class Remove(NamedTuple):
    first: int
    crowd: int


class Look(NamedTuple):
    """Asking sorts the map, if it has to be sorted."""

    key: int


owners = st.integers(0, 200)
steps = st.one_of(
    st.builds(
        Add,
        owners,
        st.sampled_from([1, 2, 70]),
        st.integers(0, len(KEYS) - 1),
        st.sampled_from([0, 1, 3, len(KEYS)]),
        st.integers(0, 3),
    ),
    st.builds(Remove, owners, st.sampled_from([1, 5, 60])),
    st.builds(Look, st.integers(0, len(KEYS) - 1)),
)


class Listed:
    """The slow truth."""

    def __init__(self) -> None:
        self.intervals: list[tuple[int, bytes, bytes]] = []

    def add(self, owner: int, lower: bytes, upper: bytes) -> None:
        self.intervals.append((owner, lower, upper))

    def remove(self, owner: int) -> None:
        self.intervals = [each for each in self.intervals if each[0] != owner]

    def containing(self, key: bytes) -> list[int]:
        return sorted({owner for owner, lower, upper in self.intervals if lower <= key < upper})

    def __len__(self) -> int:
        return len({owner for owner, _, _ in self.intervals})


def play(history: list[Add | Remove | Look], *maps: IntervalMap[int] | Listed) -> None:
    for step in history:
        for each in maps:
            match step:
                case Add(first, crowd, lower, length, stride):
                    for n in range(crowd):
                        start = (lower + n * stride) % len(KEYS)
                        end = KEYS[start + length] if start + length < len(KEYS) else b"\xff"
                        each.add(first + n, KEYS[start], end)
                case Remove(first, crowd):
                    for owner in range(first, first + crowd):
                        each.remove(owner)
                case Look(at):
                    list(each.containing(KEYS[at]))


@settings(max_examples=150)
@given(st.lists(steps, max_size=25))
def test_finds_what_a_list_finds(history: list[Add | Remove | Look]) -> None:
    found, listed = IntervalMap[int](), Listed()
    for step in history:
        play([step], found, listed)
        assert len(listed) == len(found)
        key = KEYS[step.key] if isinstance(step, Look) else KEYS[0]
        assert listed.containing(key) == sorted(found.containing(key))
    for key in [*KEYS, b"", b"\xff", b"\xff\xff"]:
        assert listed.containing(key) == sorted(found.containing(key))


def test_the_comparison_sees_an_owner_that_is_missing() -> None:
    found, listed = IntervalMap[int](), Listed()
    history: list[Add | Remove | Look] = [Add(0, 70, 0, 3, 1), Look(0)]
    play(history, found, listed)
    found.remove(3)
    assert any(listed.containing(key) != sorted(found.containing(key)) for key in KEYS)


@pytest.mark.parametrize("crowd", [0, 64, 65, 300])
def test_an_owner_is_found_once(crowd: int) -> None:
    owned = IntervalMap[int]()
    for owner in range(1, crowd + 1):
        owned.add(owner, b"\xf0", b"\xf1")
    for _ in range(3):
        owned.add(0, b"a", b"z")
        owned.add(0, b"b", b"y")
    assert list(owned.containing(b"c")) == [0]
    assert list(owned.containing(b"c")) == [0]
    assert list(owned.containing(b"a")) == [0]
    assert list(owned.containing(b"z")) == []
    assert crowd == len(list(owned.containing(b"\xf0")))


@pytest.mark.parametrize("crowd", [0, 300])
def test_an_owner_that_comes_back_has_only_its_new_interval(crowd: int) -> None:
    owned = IntervalMap[int]()
    for owner in range(1, crowd + 1):
        owned.add(owner, b"\xf0", b"\xf1")
    owned.add(0, b"a", b"b")
    assert list(owned.containing(b"a")) == [0]
    owned.remove(0)
    assert list(owned.containing(b"a")) == []
    owned.add(0, b"c", b"d")
    assert list(owned.containing(b"a")) == []
    assert list(owned.containing(b"c")) == [0]
    owned.remove(0)
    owned.add(0, b"a", b"b")
    assert list(owned.containing(b"a")) == [0]
    assert list(owned.containing(b"c")) == []


def test_an_owner_that_was_never_there_can_be_removed() -> None:
    owned = IntervalMap[str]()
    owned.remove("nobody")
    assert len(owned) == 0
    assert list(owned.containing(b"")) == []


class Counted(bytes):
    """Bytes that count how often they are compared."""

    comparisons = 0

    def __lt__(self, other: bytes) -> bool:
        Counted.comparisons += 1
        return bytes(self) < bytes(other)

    def __gt__(self, other: bytes) -> bool:
        Counted.comparisons += 1
        return bytes(self) > bytes(other)

    def __le__(self, other: bytes) -> bool:
        Counted.comparisons += 1
        return bytes(self) <= bytes(other)

    __hash__ = bytes.__hash__


def test_one_long_interval_does_not_make_every_look_long() -> None:
    owned, count = IntervalMap[int](), 20_000
    owned.add(-1, Counted(b""), Counted(b"\xff"))
    for owner in range(count):
        lower = owner.to_bytes(4, "big")
        owned.add(owner, Counted(lower), Counted(lower + b"\0"))
    list(owned.containing(Counted(b"")))
    Counted.comparisons = 0
    key = Counted((count - 5).to_bytes(4, "big"))
    assert {-1, count - 5} == set(owned.containing(key))
    assert Counted.comparisons < count / 20


class Owner:
    pass


def test_owners_that_left_are_let_go() -> None:
    """Not at once, but the map never holds many more of them than it has owners."""
    owned = IntervalMap[Owner]()
    everybody = [Owner() for _ in range(1_000)]
    for owner in everybody:
        owned.add(owner, b"a", b"b")
    assert len(list(owned.containing(b"a"))) == 1_000
    watched = weakref.WeakSet(everybody)
    for owner in everybody[10:]:
        owned.remove(owner)
    del everybody[10:], owner
    assert len(list(owned.containing(b"a"))) == 10
    gc.collect()
    assert len(watched) <= 10 + 64 + 10
