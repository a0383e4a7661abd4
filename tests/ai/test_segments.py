"""Parts as rows: all but the last of a text are written once more than never."""

from hypothesis import given
from hypothesis import strategies as st

from reactive.ai.events import Event
from reactive.ai.reducer import Part, StreamState, piece_full, reduce
from reactive.ai.segments import Segment, segments_of, take_changes
from reactive.limits import DEFAULT_LIMITS
from tests.ai.random_streams import numbered, streams

FULL = DEFAULT_LIMITS.segment_characters_min

Rows = dict[tuple[int, int], Segment]


def texts(rows: Rows) -> dict[int, str]:
    found: dict[int, str] = {}
    for (index, _), row in sorted(rows.items()):
        if row.text is not None:
            found[index] = found.get(index, "") + row.text
    return found


@given(streams(), st.data())
def test_rows_of_random_flushes_are_the_parts(found: list[Event], data: st.DataObject) -> None:
    log = numbered(found)
    cuts = data.draw(st.sets(st.integers(0, len(log))))
    state = StreamState()
    rows: Rows = {}
    for number, event in enumerate(log, 1):
        state.apply(event)
        if event["type"] == "attempt-reset":
            rows.clear()
        if number in cuts or number == len(log):
            rows |= {(row.index, row.segment): row for row in take_changes(state)}

    assert {
        (part.index, number): row
        for part in reduce(log).parts
        for number, row in enumerate(segments_of(part))
    } == rows
    assert {p.index: p.text for p in state.parts if p.type != "tool"} == texts(rows)


@given(streams())
def test_shape_of_rows(found: list[Event]) -> None:
    for part in reduce(numbered(found)).parts:
        rows = segments_of(part)

        assert list(range(len(rows))) == [row.segment for row in rows]
        assert all(row.sealed for row in rows[:-1])
        assert rows[-1].sealed != part.is_open
        assert part.state == rows[-1].state
        if part.type != "tool":
            offset = 0
            for row in rows:
                text = row.text or ""
                assert len(text) == piece_full(offset) or row is rows[-1]
                assert len(text) <= piece_full(offset)
                offset += len(text)
                text.encode()


def test_rows_of_a_long_text_are_few_and_short() -> None:
    part = Part(0, "text", "streaming")
    for _ in range(1_000):
        part.append("x" * 1_000)

    assert len(part.pieces) < 350
    assert max(map(len, part.pieces)) <= 1_000_000 // 64
    assert "x" * 1_000_000 == part.text


@given(st.lists(st.integers(1, 3 * FULL), max_size=12))
def test_sealed_row_never_changes(sizes: list[int]) -> None:
    state = reduce(
        numbered(
            [
                {"type": "stream-start", "messageId": "m", "model": "x/y", "attempt": 1},
                {"type": "text-start", "partId": "a"},
            ]
        )
    )
    sealed: dict[int, Segment] = {}
    written = 0
    for seq, size in enumerate(sizes, 3):
        state.apply(
            {"seq": seq, "ts": 1.0, "type": "text-delta", "partId": "a", "delta": "x" * size}
        )
        for row in take_changes(state):
            assert row.segment not in sealed
            written += 1
            if row.sealed:
                sealed[row.segment] = row

    # One row for each flush, and one for each time that a row is full.
    assert written <= len(sizes) + sum(sizes) // FULL + 1
