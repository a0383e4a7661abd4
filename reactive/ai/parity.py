"""Whether a reader has got what the log says: everything, in order, once.

    log ──▶ pieces ◀── compare ──▶ pieces ◀── what one path has delivered

A piece is what one event says, in the words of the path: stored events for live queries, chunks for
Socket.IO. Texts may be cut elsewhere than in the log as long as a piece's `seq` says how far it
goes; everything else must be the same, in the same order, once. Pure.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

from reactive.ai.dialects.socketio import Chunk, SocketIo
from reactive.ai.events import DELTAS, TERMINAL, Event

Path = Literal["legacy", "reactive"]
PATHS: Final[tuple[Path, ...]] = get_args(Path)

Kind = Literal[
    "identical",
    "borderOnly",
    "late",
    "missing",
    "extra",
    "reordered",
    "terminalMismatch",
    "storedMismatch",
]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
AGREES: Final = frozenset({"identical", "borderOnly", "late"})
"""The classes in which the reader has got everything, once."""

LATE_MS: Final = 5_000.0
"""An event that took longer is late: so long a reader may need to change over to another path."""

_CONTEXT: Final = 3
_SHOWN: Final = 80
_TEXTS: Final = DELTAS | {"content", "reasoning", "tool-call-delta"}
_ENDS: Final = TERMINAL | {"complete", "error"}


@dataclass(frozen=True, slots=True)
class Piece:
    """What one event says: `value` is its text, or else its other fields as canonical JSON."""

    seq: int
    type: str
    part: str
    value: str

    @property
    def is_text(self) -> bool:
        return self.type in _TEXTS


@dataclass(frozen=True, slots=True)
class Parity:
    """How a delivery and a log agree, and where they first do not: `{seq, expected, delivered}`,
    either side the next few pieces."""

    kind: Kind
    first: dict[str, Any] | None = None


def canonical(value: Any) -> str:
    """The one JSON text of a value."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def event_pieces(events: Iterable[Event]) -> list[Piece]:
    """Stored events as pieces. When they were made says nothing of what they say."""
    found = []
    for event in events:
        part = event.get("partId") or event.get("toolCallId") or ""
        named = ("seq", "ts", "type", "partId", "toolCallId")
        rest = {name: value for name, value in event.items() if name not in named}
        value = event["delta"] if event["type"] in DELTAS else canonical(rest)
        found.append(Piece(event["seq"], event["type"], part, value))
    return found


_BODIES: Final = {
    "tool-call-start": "toolCallStart",
    "tool-call-delta": "toolCallDelta",
    "tool-call": "toolCall",
    "tool-result": "toolResult",
}
_SAYS: Final = {"usage": "usage", "complete": "finishReason", "error": "error"}


def chunk_pieces(chunks: Iterable[Chunk]) -> list[Piece]:
    """Chunks of Socket.IO as pieces; texts there do not say which part they are of."""
    found = []
    for chunk in chunks:
        kind, part = chunk["type"], ""
        if kind in ("content", "reasoning"):
            value = chunk[kind]
        elif kind in _BODIES:
            # A reader that comes in the middle may not know the tool's name.
            body = {name: each for name, each in chunk[_BODIES[kind]].items() if name != "name"}
            part = body.pop("id")
            value = body["argsTextDelta"] if kind == "tool-call-delta" else canonical(body)
        else:
            value = canonical(chunk[_SAYS[kind]])
        found.append(Piece(chunk["seq"], kind, part, value))
    return found


def expected_pieces(path: Path, log: Sequence[Event]) -> list[Piece]:
    """What a reader of this path is to get of a log."""
    if path == "reactive":
        return event_pieces(log)
    return chunk_pieces(SocketIo("").snapshot(log))


# Parity


def compare(
    log: Sequence[Piece], delivered: Sequence[Piece], *, is_stored: bool = True, lag_ms: float = 0.0
) -> Parity:
    """Which class a delivery is in; the gravest of those that hold.

    `is_stored` says whether what the database keeps of the answer fits its log; `lag_ms` is the
    longest that an event took.
    """
    found = _difference(log, delivered)
    if found is None:
        if not is_stored:
            return Parity("storedMismatch")
        if lag_ms > LATE_MS:
            return Parity("late")
        return Parity("identical" if list(log) == list(delivered) else "borderOnly")
    at, come = found
    first = {
        "seq": log[at].seq if at < len(log) else delivered[come].seq,
        "expected": _shown(log[at:]),
        "delivered": _shown(delivered[come:]),
    }
    return Parity(_kind(log, delivered, is_stored=is_stored), first)


def _kind(log: Sequence[Piece], delivered: Sequence[Piece], *, is_stored: bool) -> Kind:
    if not is_stored:
        return "storedMismatch"
    if _ends(log) != _ends(delivered):
        return "terminalMismatch"
    if _difference(log, sorted(delivered, key=lambda piece: piece.seq)) is None:
        return "reordered"
    seqs = {piece.seq for piece in log}
    once = dict.fromkeys(piece for piece in delivered if piece.seq in seqs)
    if _difference(log, sorted(once, key=lambda piece: piece.seq)) is None:
        return "extra"
    return "missing"


def _ends(pieces: Iterable[Piece]) -> set[tuple[str, str]]:
    return {(piece.type, piece.value) for piece in pieces if piece.type in _ENDS}


def _difference(log: Sequence[Piece], delivered: Sequence[Piece]) -> tuple[int, int] | None:
    """Where they differ first, as a place in either; None if they say the same."""
    at = come = 0
    while come < len(delivered):
        # A piece speaks for everything after the one before it, up to its own number.
        seq = delivered[come].seq
        until, gone = at, come
        while until < len(log) and log[until].seq <= seq:
            until += 1
        while gone < len(delivered) and delivered[gone].seq == seq:
            gone += 1
        if _runs(log[at:until]) != _runs(delivered[come:gone]):
            return at, come
        at, come = until, gone
    return None if not _runs(log[at:]) else (at, come)


def _runs(pieces: Iterable[Piece]) -> list[tuple[str, str, str]]:
    """The pieces with neighbouring texts of one part joined, and without empty texts."""
    runs: list[tuple[str, str, str]] = []
    for piece in pieces:
        if piece.is_text and not piece.value:
            continue
        if piece.is_text and runs and runs[-1][:2] == (piece.type, piece.part):
            runs[-1] = (piece.type, piece.part, runs[-1][2] + piece.value)
        else:
            runs.append((piece.type, piece.part, piece.value))
    return runs


def _shown(pieces: Sequence[Piece]) -> list[dict[str, Any]]:
    return [
        {
            "seq": piece.seq,
            "type": piece.type,
            "part": piece.part[:_SHOWN],
            "value": piece.value[:_SHOWN],
        }
        for piece in pieces[:_CONTEXT]
    ]
