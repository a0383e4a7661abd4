"""Writes streams into the database: numbers events, collects them, and commits all that the streams
of this process have to say in one transaction a tick.

    append ──▶ StreamWriter ──▶ Flusher ──▶ one mutation of the app ──▶ readers woken
                    ▲                              │
                    └── stop, lease lost ◀─────────┘

Readers read what was committed and nothing else, so there is no state that a crash could lose and
a reader have seen.
"""

import asyncio
import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from reactive.ai import metrics
from reactive.ai.events import DELTAS, VISIBLE, Event, check, is_terminal, joined
from reactive.ai.follow import wake
from reactive.ai.reducer import StreamState
from reactive.ai.segments import Segment, take_changes
from reactive.clock import Clock, Timer, sleep
from reactive.errors import ReactiveError
from reactive.limits import DEFAULT_LIMITS, Limits

_log = logging.getLogger("reactive.ai")


@dataclass(frozen=True, slots=True)
class Batch:
    """What one stream has to write in one transaction.

    `resets` says that the part rows before are void; `new_rows` are the index and segment of rows
    that were not there, `order` the last row of each part, if that is another one now. A batch
    with a terminal event ends the stream: `state` then has what the message becomes. One without
    events is a heartbeat.
    """

    stream_id: str
    message_id: str
    events: list[Event]
    rows: list[Segment]
    new_rows: frozenset[tuple[int, int]]
    order: list[dict[str, Any]] | None
    resets: bool
    state: StreamState
    is_last: bool
    beats: bool
    row_ids: Mapping[tuple[int, int], str] = field(default_factory=dict)
    """What the app calls rows that were there, as far as it has said so."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the database says to a batch: go on, somebody wants it to stop, or it is not ours.

    `rows` has index, segment and id of rows that it has made; `refused` says why this batch, of
    several, was not written.
    """

    stopped_by: str | None = None
    stop_reason: str = ""
    is_lost: bool = False
    rows: Sequence[tuple[int, int, str]] = ()
    refused: Exception | None = None


class StreamLog(Protocol):
    """Where batches go: the app's own mutations."""

    async def flush(self, batches: Sequence[Batch]) -> Sequence[Answer]:
        """Commits the batches in one transaction and answers each.

        Raises:
            ReactiveError: when nothing was written.
        """
        ...

    async def look(self, stream_ids: Sequence[str]) -> Sequence[Answer]:
        """What the database says to these streams, without writing."""
        ...


class LostError(Exception):
    """The stream is not this writer's any more: it was ended by somebody else."""


class StorageFailedError(Exception):
    """What the stream has to say could not be written for too long."""


class StreamWriter:
    """The one writer of one stream.

    `stop_requested` is set once somebody wants the answer to end, or it was ended elsewhere.
    """

    def __init__(
        self, flusher: "Flusher", stream_id: str, message_id: str, path: str = "reactive"
    ) -> None:
        self.path = path
        self.stream_id = stream_id
        self.message_id = message_id
        self.state = StreamState()
        self.stop_requested = asyncio.Event()
        self.answer = Answer()
        self.heard_at = 0.0
        self.merge = joined
        """What becomes of the events that are written at once."""
        self._flusher = flusher
        self._pending: list[Event] = []
        self._pending_bytes = 0
        self._taken_at = -math.inf
        self._is_urgent = False
        self._unwritten: Batch | None = None
        self._order: dict[int, dict[str, Any]] = {}
        self._row_ids: dict[tuple[int, int], str] = {}
        self._has_text = False
        self._born = self._began = flusher.clock.monotonic()
        self._model = ""
        self._last_beat = flusher.clock.monotonic()
        self._failing_since: float | None = None
        self._was_written = asyncio.Event()
        self._ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        flusher.add(self)

    @property
    def has_visible_text(self) -> bool:
        """Whether a reader may have seen something of the present attempt."""
        return self._has_text

    def append(self, *events: Event) -> None:
        """Adds events, without `seq` and `ts`; they are committed within a tick.

        Raises:
            LostError: when the stream was ended by somebody else.
            StorageFailedError: when nothing could be written for too long.
        """
        self.check()
        clock = self._flusher.clock
        now_ms = clock.now_ns() / 1e6
        for event in events:
            check(event)
            if not self._pending:
                self._flusher.expect(self._until_flush(clock.monotonic()))
            self._pending.append({**event, "ts": now_ms})
            size = len(event.get("delta", "")) if event["type"] in DELTAS else 0
            self._pending_bytes += size
            is_first = event["type"] in VISIBLE and not self._has_text
            self._has_text = self._has_text or is_first
            if is_first:
                metrics.first_token(self.path, self._model, clock.monotonic() - self._began)
            elif event["type"] == "stream-start":
                self._model = event["model"]
            elif event["type"] == "attempt-reset":
                self._has_text = False
                self._began = clock.monotonic()
            if is_first or event["type"] not in DELTAS or self._is_full():
                self._is_urgent = True
                self._flusher.hurry()

    async def finish(self, terminal: Event) -> None:
        """Writes everything that is left and the terminal event, in one transaction, and ends.

        Raises:
            LostError: when the stream was ended by somebody else.
            StorageFailedError: when it could not be written for too long.
        """
        assert is_terminal(terminal)
        self.append(terminal)
        await self._ended

    async def drain(self) -> None:
        """Returns when everything that was appended is durable.

        Raises:
            LostError: when the stream was ended by somebody else.
            StorageFailedError: when it could not be written for too long.
        """
        while (self._pending or self._unwritten is not None) and not self._ended.done():
            self._was_written.clear()
            await self._was_written.wait()
        if self._ended.done():
            self._ended.result()

    def check(self) -> None:
        """Raises what `append` would raise."""
        if self.answer.is_lost:
            raise LostError(f"the stream {self.stream_id} was ended by somebody else")
        limits = self._flusher.limits
        since = self._failing_since
        if since is None:
            return
        late = self._flusher.clock.monotonic() - since > limits.stream_unwritten_s
        if late or self._pending_bytes > limits.stream_unwritten_bytes:
            raise StorageFailedError(f"the stream {self.stream_id} could not be written")

    def _is_full(self) -> bool:
        return self._pending_bytes >= self._flusher.limits.flush_characters_max

    # For the flusher

    def take(self, now: float) -> Batch | None:
        """What is to be written now, if it is due; the same again until it has been."""
        if self._unwritten is not None:
            return self._unwritten
        # Others are written with those whose time has come if theirs is about to.
        if self.wait(now) > self._flusher.gap_s:
            return None
        beats = now - self._last_beat >= self._flusher.limits.heartbeat_s
        events = self.merge(self._pending)
        self._pending, self._pending_bytes, self._is_urgent = [], 0, False
        self._taken_at = now
        first = self.state.last_seq + 1
        for seq, event in enumerate(events, first):
            event["seq"] = seq
            self.state.apply(event)
        resets = any(event["type"] == "attempt-reset" for event in events)
        if resets:
            self._order.clear()
            self._row_ids.clear()
        rows = take_changes(self.state)
        new_rows, order = self._reorder(rows, resets=resets)
        self._unwritten = Batch(
            self.stream_id,
            self.message_id,
            events,
            rows,
            new_rows,
            order,
            resets,
            self.state,
            self.state.is_over,
            beats or first == 1,
            dict(self._row_ids),
        )
        for row in rows:
            if row.sealed:
                self._row_ids.pop((row.index, row.segment), None)
        return self._unwritten

    def _reorder(
        self, rows: list[Segment], *, resets: bool
    ) -> tuple[frozenset[tuple[int, int]], list[dict[str, Any]] | None]:
        """Which rows are new, and the last row of each part if that is another one now."""
        new_rows = set()
        has_changed = resets
        for row in rows:
            last = self._order.get(row.index)
            if last is None or row.segment > last["segment"]:
                new_rows.add((row.index, row.segment))
            now = shown(row)
            has_changed = has_changed or last != now
            self._order[row.index] = now
        order = [self._order[index] for index in sorted(self._order)] if has_changed else None
        return frozenset(new_rows), order

    def wait(self, now: float) -> float:
        """Seconds until it has something to write."""
        limits = self._flusher.limits
        if self._unwritten is not None:
            return limits.flush_s
        until_beat = self._last_beat + limits.heartbeat_s - now
        if not self._pending:
            return until_beat
        if self._is_urgent:
            return 0.0
        return min(until_beat, self._until_flush(now))

    def _until_flush(self, now: float) -> float:
        """Seconds until text may be written again: what comes after a pause need not wait."""
        return max(0.0, self._taken_at + self._flusher.limits.flush_s - now)

    def written(self, answer: Answer, now: float) -> None:
        """Notes that the batch is durable."""
        batch = self._unwritten
        self._unwritten, self._failing_since = None, None
        self._was_written.set()
        self.heard_at = now
        if batch is not None and batch.beats:
            self._last_beat = now
        self.hear(answer)
        for index, segment, row_id in answer.rows:
            last = self._order[index]
            if segment == last["segment"] and not last["sealed"]:
                self._row_ids[index, segment] = row_id
        if batch is not None and not answer.is_lost:
            self._measure(batch, now)
        if answer.is_lost:
            self._end(LostError(f"the stream {self.stream_id} was ended by somebody else"))
        elif batch is not None and batch.is_last:
            self._end(None)

    def _measure(self, batch: Batch, now: float) -> None:
        metrics.written(batch.events)
        if batch.events:
            waited_s = (self._flusher.clock.now_ns() / 1e6 - batch.events[0]["ts"]) / 1e3
            metrics.delivered("commit", self._model, waited_s)
        if batch.is_last:
            metrics.stream_ended(self.path, self._model, now - self._born)

    def hear(self, answer: Answer) -> None:
        """Takes what the database says."""
        if answer.stopped_by is not None or answer.is_lost:
            self.answer = answer
            self.stop_requested.set()

    def failed(self, error: Exception, now: float) -> None:
        """Notes that nothing was written; it is tried again with the same numbers."""
        if self._failing_since is None:
            self._failing_since = now
        if now - self._failing_since > self._flusher.limits.stream_unwritten_s:
            self.stop_requested.set()
            self._end(StorageFailedError(f"the stream {self.stream_id}: {error}"))

    def abandoned(self) -> None:
        """Notes that nothing will be written any more, as the process is ending."""
        self.stop_requested.set()
        self._end(StorageFailedError(f"the stream {self.stream_id}: the process is ending"))

    def _end(self, error: Exception | None) -> None:
        self._flusher.remove(self)
        self._was_written.set()
        if self._ended.done():
            return
        if error is None:
            self._ended.set_result(None)
        else:
            self._ended.set_exception(error)
            # Nobody may be waiting: then `append` is what says so.
            self._ended.exception()


@dataclass(slots=True)
class Flusher:
    """Commits what all writers of this process have, one transaction at a time.

    Invariant: while there is a writer the flusher's task runs, and no other.
    """

    log: StreamLog
    clock: Clock
    limits: Limits = DEFAULT_LIMITS
    flushes: int = 0
    _writers: dict[StreamWriter, None] = field(default_factory=dict)
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _task: asyncio.Task[None] | None = None
    _timer: Timer | None = None
    _sleeps_until: float = 0.0

    def add(self, writer: StreamWriter) -> None:
        """Takes a writer in."""
        self._writers[writer] = None
        metrics.stream_began()
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._run())

    def remove(self, writer: StreamWriter) -> None:
        """Lets a writer go."""
        if self._writers.pop(writer, writer) is None:
            metrics.stream_left()

    def hurry(self) -> None:
        """Somebody has what should not wait for the tick."""
        self._news.set()

    async def _run(self) -> None:
        try:
            await self._write_until_all_have_ended()
        finally:
            # Cancelled: who waits for an end would wait for ever.
            for writer in list(self._writers):
                writer.abandoned()

    async def _write_until_all_have_ended(self) -> None:
        last_look = self.clock.monotonic()
        while self._writers:
            now = self.clock.monotonic()
            wait = min(writer.wait(now) for writer in self._writers)
            await self._sleep(min(max(wait, 0.0), self.limits.stop_look_s))
            now = self.clock.monotonic()
            await self._flush(now)
            if now - last_look >= self.limits.stop_look_s:
                await self._look(last_look)
                last_look = now
            await sleep(self.clock, self.gap_s)

    @property
    def gap_s(self) -> float:
        """Between two transactions: few streams keep none waiting for others, many do."""
        is_crowd = len(self._writers) >= self.limits.flush_crowd_min
        return self.limits.flush_crowd_gap_s if is_crowd else self.limits.flush_gap_s

    def expect(self, seconds: float) -> None:
        """Somebody has what should be written within so long."""
        timer = self._timer
        if timer is not None and self.clock.monotonic() + seconds < self._sleeps_until:
            timer.cancel()
            self._set_timer(seconds)

    def _set_timer(self, seconds: float) -> None:
        self._sleeps_until = self.clock.monotonic() + seconds
        self._timer = self.clock.call_later(seconds, self._news.set)

    async def _sleep(self, seconds: float) -> None:
        self._set_timer(seconds)
        try:
            await self._news.wait()
        finally:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = None
            self._news.clear()

    async def _flush(self, now: float) -> None:
        """Writes what is due."""
        taken: list[tuple[StreamWriter, Batch]] = []
        for writer in self._writers:
            if len(taken) < self.limits.flush_streams_max and (batch := writer.take(now)):
                taken.append((writer, batch))
        if not taken:
            return
        for writer, _ in taken:
            # Those who were left out come first the next time.
            self._writers[writer] = self._writers.pop(writer)
        try:
            answers = await self.log.flush([batch for _, batch in taken])
        except Exception as error:  # noqa: BLE001 - it is the app's code that raised
            _log.warning("streams could not be written, trying again: %s", error)
            if not isinstance(error, ReactiveError):
                _log.warning("the app's log of streams has a mistake", exc_info=error)
            for writer, _ in taken:
                writer.failed(error, self.clock.monotonic())
            return
        self.flushes += 1
        metrics.flushed()
        done = self.clock.monotonic()
        for (writer, batch), answer in zip(taken, answers, strict=True):
            if answer.refused is not None:
                writer.failed(answer.refused, done)
                continue
            writer.written(answer, done)
            if batch.events:
                wake(writer.stream_id)

    async def _look(self, since: float) -> None:
        """Hears of stop requests for streams that have written nothing since."""
        writers = [writer for writer in self._writers if writer.heard_at <= since]
        if not writers:
            return
        try:
            answers = await self.log.look([writer.stream_id for writer in writers])
        except ReactiveError as error:
            _log.warning("cannot look for stop requests: %s", error)
            return
        for writer, answer in zip(writers, answers, strict=True):
            writer.hear(answer)


def shown(segment: Segment) -> dict[str, Any]:
    """What `parts:order` says of a segment."""
    return {
        "index": segment.index,
        "segment": segment.segment,
        "type": segment.type,
        "state": segment.state,
        "sealed": segment.sealed,
    }


def order_of(last_rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What `parts:order` says of all rows, from the last one of each part: others are sealed."""
    return [
        {**last, "segment": segment, "state": "done", "sealed": True}
        if segment < last["segment"]
        else dict(last)
        for last in last_rows
        for segment in range(last["segment"] + 1)
    ]


def row_of(segment: Segment) -> dict[str, Any]:
    """A segment as the fields of a part's row, in Python's names; absent ones left out."""
    row: dict[str, Any] = {
        "index": segment.index,
        "segment": segment.segment,
        "type": segment.type,
        "state": segment.state,
        "sealed": segment.sealed,
        "started_at": segment.started_at,
    }
    if segment.text is not None:
        row["text"] = segment.text
    tool = segment.tool or {}
    row |= {name: value for name, value in tool.items() if value not in (None, "")}
    if segment.ended_at is not None:
        row["ended_at"] = segment.ended_at
    return row
