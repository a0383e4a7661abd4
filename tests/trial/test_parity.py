"""Deliveries with one planted mistake are put into the class of that mistake."""

from dataclasses import replace
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from reactive.ai import events
from reactive.ai.dialects.socketio import SocketIo
from reactive.ai.events import Event
from reactive.ai.parity import (
    AGREES,
    LATE_MS,
    Piece,
    chunk_pieces,
    compare,
    event_pieces,
    expected_pieces,
)
from reactive.ai.trial import Delivery
from tests.ai.random_streams import numbered, streams

LOGS = streams(is_over=True).map(numbered)


def told(log: list[Event], path: str) -> list[Piece]:
    """What a path that makes no mistake delivers."""
    return expected_pieces("legacy" if path == "legacy" else "reactive", log)


def means_something(piece: Piece) -> bool:
    return not piece.is_text or piece.value != ""


PATHS = st.sampled_from(["legacy", "reactive"])


@given(LOGS, PATHS)
def test_same_is_identical(log: list[Event], path: str) -> None:
    pieces = told(log, path)

    assert ("identical", None) == (compare(pieces, pieces).kind, compare(pieces, pieces).first)


@given(LOGS, PATHS, st.data())
def test_loss_is_missing(log: list[Event], path: str, data: st.DataObject) -> None:
    pieces = told(log, path)
    places = [at for at, piece in enumerate(pieces[:-1]) if means_something(piece)]
    assume(places)
    lost = data.draw(st.sampled_from(places))

    found = compare(pieces, pieces[:lost] + pieces[lost + 1 :])

    assert "missing" == found.kind
    assert found.first is not None
    # It may have been among several that a later piece speaks for.
    assert found.first["seq"] <= pieces[lost].seq
    assert found.first["expected"]
    assert found.first["delivered"]


@given(LOGS, PATHS, st.data())
def test_told_twice_is_extra(log: list[Event], path: str, data: st.DataObject) -> None:
    pieces = told(log, path)
    places = [at for at, piece in enumerate(pieces) if means_something(piece)]
    at = data.draw(st.sampled_from(places))
    again = data.draw(st.integers(at + 1, len(pieces)))

    assert "extra" == compare(pieces, [*pieces[:again], pieces[at], *pieces[again:]]).kind


@given(LOGS, PATHS, st.data())
def test_exchange_is_reordered(log: list[Event], path: str, data: st.DataObject) -> None:
    pieces = told(log, path)
    places = [
        at
        for at in range(len(pieces) - 1)
        if means_something(pieces[at]) and means_something(pieces[at + 1])
    ]
    assume(places)
    at = data.draw(st.sampled_from(places))
    changed = [*pieces[:at], pieces[at + 1], pieces[at], *pieces[at + 2 :]]

    assert "reordered" == compare(pieces, changed).kind


@given(LOGS, PATHS, st.data())
def test_other_borders_are_border_only(log: list[Event], path: str, data: st.DataObject) -> None:
    pieces = told(log, path)
    changed: list[Piece] = []
    is_cut = False
    for piece in pieces:
        last = changed[-1] if changed else None
        how = data.draw(st.sampled_from(["as it is", "join", "cut"])) if piece.is_text else ""
        is_same_part = last is not None and (last.type, last.part) == (piece.type, piece.part)
        was_cut, is_cut = is_cut, how == "cut" and len(piece.value) > 1
        # What is left of an event that was cut goes no further than that event.
        if how == "join" and last is not None and is_same_part and not was_cut:
            changed[-1] = replace(piece, value=last.value + piece.value)
        elif is_cut:
            at = data.draw(st.integers(1, len(piece.value) - 1))
            changed += [
                replace(piece, value=piece.value[:at]),
                replace(piece, value=piece.value[at:]),
            ]
        else:
            changed.append(piece)

    found = compare(pieces, changed)

    assert ("identical" if changed == pieces else "borderOnly", None) == (found.kind, found.first)


@given(LOGS, PATHS, st.sampled_from(["none", "another"]))
def test_other_end_is_terminal_mismatch(log: list[Event], path: str, end: str) -> None:
    pieces = told(log, path)
    changed = pieces[:-1]
    if end == "another":
        changed.append(replace(pieces[-1], value='"something else"'))

    assert "terminalMismatch" == compare(pieces, changed).kind


@given(LOGS, PATHS)
def test_what_is_not_stored_is_worse_than_all(log: list[Event], path: str) -> None:
    pieces = told(log, path)

    assert "storedMismatch" == compare(pieces, pieces, is_stored=False).kind
    assert "storedMismatch" == compare(pieces, pieces[:-1], is_stored=False).kind


@given(LOGS)
def test_late_is_no_loss(log: list[Event]) -> None:
    for late, kind in ((LATE_MS, "identical"), (LATE_MS + 1, "late")):
        delivery = Delivery("reactive")
        delivery.took(event_pieces(log), log[0]["ts"] + late)

        assert kind == delivery.sample(log)["kind"]
        assert kind in AGREES


@given(LOGS, st.data())
def test_same_text_of_the_wrong_events_is_a_mistake(log: list[Event], data: st.DataObject) -> None:
    """One of two equal deltas twice and the other never: the text is right by chance only."""
    log = numbered(
        [
            events.stream_start("message", "scripted/echo", 1),
            events.text_start("a"),
            events.text_delta("a", "x"),
            events.text_delta("a", "x"),
            events.stream_finish("stop", events.usage()),
        ]
    )
    pieces = event_pieces(log)

    assert "missing" == compare(pieces, [*pieces[:3], pieces[2], pieces[4]]).kind


def test_difference_shows_what_was_to_come_and_what_came() -> None:
    log = numbered([events.text_delta("a", word) for word in ("one", "two", "three", "four")])
    pieces = event_pieces(log)

    found = compare(pieces, [pieces[0], *pieces[2:]])

    def shown(seq: int, text: str) -> dict[str, Any]:
        return {"seq": seq, "type": "text-delta", "part": "a", "value": text}

    assert found.first == {
        "seq": 2,
        "expected": [shown(2, "two"), shown(3, "three"), shown(4, "four")],
        "delivered": [shown(3, "three"), shown(4, "four")],
    }


@given(LOGS, st.data())
def test_reader_of_a_piece_of_the_way_is_judged_by_that(
    log: list[Event], data: st.DataObject
) -> None:
    begin = data.draw(st.integers(0, len(log)))
    end = data.draw(st.integers(begin, len(log)))
    delivery = Delivery("reactive", begin)
    delivery.took(event_pieces(log[begin:end]), 1_000.0)

    assert delivery.sample(log, is_whole=False)["kind"] == "identical"
    if begin < end < len(log):
        assert delivery.sample(log)["kind"] == "terminalMismatch"


@given(LOGS)
def test_reader_that_begins_anew_after_a_reset_has_everything(log: list[Event]) -> None:
    delivery, dialect = Delivery("legacy"), SocketIo("stream")
    for event in log:
        if event["type"] == "attempt-reset":
            delivery.restarted([])
        delivery.took(chunk_pieces(dialect.chunks([event])), event["ts"])

    assert "identical" == delivery.sample(log)["kind"]
