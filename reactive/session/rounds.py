"""Whose turn it is: the queue of sessions that have something to be told.

Sessions are served in the order in which they got something to say, for a slice of time; then the
event loop sees to its sockets. Sessions in the same state are told the same thing by the same
bytes.
"""

import asyncio
from collections import OrderedDict
from typing import Final, Protocol

from reactive.backend import QueryOutcome
from reactive.clock import Clock
from reactive.limits import Limits
from reactive.protocol.codec import encode_transition, query_piece, removed_piece
from reactive.session.state import Changes
from reactive.values.encoding import JsonBytes

_RETRY_S: Final = 0.025


class Turn(Protocol):
    """A session that may have something to say."""

    def take_turn(self) -> bool:
        """Says it. False when the client reads too slowly and must be asked again later."""
        ...

    def flush(self) -> None:
        """Sends the answers that still wait for something to leave with."""
        ...


class Rounds:
    """Invariant: a session is in the queue, or among the slow ones, or has nothing to say."""

    def __init__(self, clock: Clock, limits: Limits) -> None:
        self._clock = clock
        self._limits = limits
        self._queue: OrderedDict[Turn, None] = OrderedDict()
        self._slow: dict[Turn, None] = {}
        self._holding: list[Turn] = []
        self._is_called = False
        self._timer: asyncio.TimerHandle | None = None
        self._texts: dict[object, JsonBytes] = {}
        self._pieces: dict[tuple[int, QueryOutcome], JsonBytes] = {}
        self._server_ts = 0

    def now_ns(self) -> int:
        """The time, in nanoseconds since the epoch."""
        return self._clock.now_ns()

    def enter(self, session: Turn) -> None:
        """Queues the session, unless it is queued."""
        if session not in self._slow:
            self._queue[session] = None
            if not self._is_called:
                self._call()

    def enter_with_answer(self, session: Turn) -> None:
        """Queues a session that holds an answer, which waits for its turn or the slice's end."""
        self._holding.append(session)
        if session not in self._slow:
            self._queue[session] = None
        if not self._is_called:
            self._call()

    def leave(self, session: Turn) -> None:
        """Forgets the session."""
        self._queue.pop(session, None)
        self._slow.pop(session, None)

    def _call(self) -> None:
        self._is_called = True
        asyncio.get_running_loop().call_soon(self._serve)

    def _serve(self) -> None:
        self._is_called = False
        self._server_ts = self._clock.now_ns()
        queue, monotonic = self._queue, self._clock.monotonic
        deadline = monotonic() + self._limits.round_slice_s
        while queue:
            session, _ = queue.popitem(last=False)
            if not session.take_turn():
                self._slow[session] = None
            if monotonic() > deadline:
                break
        self._texts.clear()
        holding, self._holding = self._holding, []
        for session in holding:
            session.flush()
        if self._queue:
            self._call()
        else:
            # They hold copies of results, for as long as others may be told the same.
            self._pieces.clear()
        if self._slow and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_RETRY_S, self._ask_again)

    def _ask_again(self) -> None:
        self._timer = None
        slow, self._slow = self._slow, {}
        self._queue.update(slow)
        if not self._is_called:
            self._call()

    def transition(self, changes: Changes, skew_ms: int | None = None) -> JsonBytes:
        """The text of a Transition; sessions that are told the same within a slice share it."""
        key = (
            skew_ms,
            changes.start,
            changes.end,
            tuple(changes.removed),
            tuple(changes.updated),
        )
        text = self._texts.get(key)
        if text is None:
            pieces = {query_id: removed_piece(query_id) for query_id in changes.removed}
            for query_id, outcome in changes.updated:
                pieces[query_id] = self._piece(query_id, outcome)
            in_order = [pieces[query_id] for query_id in sorted(pieces)]
            text = encode_transition(changes.start, changes.end, in_order, self._server_ts, skew_ms)
            self._texts[key] = text
        return text

    def _piece(self, query_id: int, outcome: QueryOutcome) -> JsonBytes:
        piece = self._pieces.get((query_id, outcome))
        if piece is None:
            piece = self._pieces[query_id, outcome] = query_piece(query_id, outcome)
        return piece
