"""A log of streams in memory, as strict as a database would be."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from reactive.ai.events import Event, is_terminal
from reactive.ai.reducer import StreamState, reduce
from reactive.ai.segments import Segment
from reactive.ai.writer import Answer, Batch, order_of
from reactive.errors import StorageError

Place = tuple[int, int]


@dataclass(slots=True)
class Stored:
    """What is durable of one stream."""

    events: list[Event] = field(default_factory=list)
    rows: dict[Place, Segment] = field(default_factory=dict)
    beats: int = 0
    content: str | None = None
    """What the message became; None before the end."""

    @property
    def state(self) -> StreamState:
        return reduce(self.events)

    @property
    def terminal(self) -> Event:
        ends = [event for event in self.events if is_terminal(event)]
        assert 1 == len(ends), "each stream has one terminal event"
        assert ends[0] is self.events[-1], "the terminal event is the last"
        return ends[0]

    def types(self) -> list[str]:
        return [event["type"] for event in self.events]

    def texts(self) -> dict[int, str]:
        """The texts of the parts, as their rows have them."""
        found: dict[int, str] = {}
        for (index, _), row in sorted(self.rows.items()):
            if row.text is not None:
                found[index] = found.get(index, "") + row.text
        return found


class MemoryLog:
    """Refuses batches while `failing` says so; answers what `answers` has for a stream."""

    def __init__(self) -> None:
        self.streams: dict[str, Stored] = {}
        self.answers: dict[str, Answer] = {}
        self.flushes: list[list[str]] = []
        self.failing: Callable[[], bool] = lambda: False
        self._changed = asyncio.Condition()

    async def flush(self, batches: Sequence[Batch]) -> Sequence[Answer]:
        await asyncio.sleep(0)
        if self.failing():
            raise StorageError("the disk is full")
        self.flushes.append([batch.stream_id for batch in batches])
        for batch in batches:
            if not self._answer(batch.stream_id).is_lost:
                self._write(batch)
        async with self._changed:
            self._changed.notify_all()
        return [self._answer(batch.stream_id) for batch in batches]

    async def look(self, stream_ids: Sequence[str]) -> Sequence[Answer]:
        return [self._answer(stream_id) for stream_id in stream_ids]

    async def until(self, condition: Callable[[], bool], seconds: float = 10.0) -> None:
        """Waits until something is true of what is stored."""
        async with asyncio.timeout(seconds), self._changed:
            await self._changed.wait_for(condition)

    def text(self, stream_id: str) -> str:
        """The visible text so far."""
        return self.streams[stream_id].state.content if stream_id in self.streams else ""

    def _answer(self, stream_id: str) -> Answer:
        return self.answers.get(stream_id, Answer())

    def _write(self, batch: Batch) -> None:
        stored = self.streams.setdefault(batch.stream_id, Stored())
        last = stored.events[-1]["seq"] if stored.events else 0
        numbers = [event["seq"] for event in batch.events]
        assert list(range(last + 1, last + 1 + len(numbers))) == numbers
        assert stored.content is None, "nothing is written after the end"
        stored.events += [dict(event) for event in batch.events]
        stored.beats += batch.beats
        if batch.resets:
            stored.rows.clear()
        self._write_rows(stored, batch)
        if batch.is_last:
            stored.content = batch.state.content

    def _write_rows(self, stored: Stored, batch: Batch) -> None:
        for row in batch.rows:
            place = (row.index, row.segment)
            before = stored.rows.get(place)
            assert (before is None) == (place in batch.new_rows), place
            assert before is None or not before.sealed, f"{place} is sealed and changes again"
            stored.rows[place] = row
        if batch.order is not None:
            shown = [
                {
                    "index": index,
                    "segment": segment,
                    "type": row.type,
                    "state": row.state,
                    "sealed": row.sealed,
                }
                for (index, segment), row in sorted(stored.rows.items())
            ]
            assert shown == order_of(batch.order)
