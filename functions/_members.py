"""What one socket that has joined a task is told, and in which order.

Everything goes through one loop, so that a socket gets nothing of a stream after it was told that
its answers take another path, and `stream-state` says exactly what comes before the next chunk.
"""

from typing import Any

from functions import _unwritten, answers, stream_events
from functions._checks import refuse
from functions._path import Path
from functions._rooms import TaskRoom, page_of
from functions._trial import SocketSample
from functions.flags import REACTIVE_ONLY
from functions.tasks import Since, TaskStream, TaskView
from reactive import ActionCtx, Socket
from reactive.ai.dialects.socketio import Chunk, SocketIo, ending
from reactive.ai.events import Event, is_terminal

ENTRIES_AT_ONCE = 100
STATUS = "task-status-updated"


class Reading:
    """A stream that a socket follows, and the last event that it has of it."""

    def __init__(self, stream: TaskStream, cursor: int) -> None:
        self.stream = stream
        self.cursor = cursor
        self.dialect = SocketIo(stream.stream_id)
        self.is_primed = cursor == 0
        self.sample: SocketSample | None = None
        self.is_announced = False


class Start:
    """Where a socket begins: what it is shown at once, and what it follows from there.

    `shown` is the stream that it knows by its cursor, else the newest open one, else the newest.
    """

    def __init__(
        self, view: TaskView, since: Since | None, last_seq: int, *, is_fallback: bool
    ) -> None:
        self.view = view
        self.is_fallback = is_fallback
        known = None if since is None else view.find(since.stream_id)
        self.shown = known or shown_of(view)
        self.cursor = last_seq if known is None or since is None else since.seq
        self.readings: dict[str, Reading] = {}
        for stream in view.streams:
            if stream is self.shown:
                is_followed = stream.is_open or self.cursor < last_seq
            else:
                is_missed = known is not None and stream.created_at > known.created_at
                is_followed = stream.is_open or is_missed
            if is_followed:
                cursor = self.cursor if stream is self.shown else 0
                self.readings[stream.stream_id] = Reading(stream, cursor)
        self.is_return = known is not None

    def path_in(self, view: TaskView) -> Path:
        """The path that the socket is served on: one that gets nothing of the other may say so."""
        return "legacy" if self.is_fallback and view.variant != REACTIVE_ONLY else view.path

    def acknowledgement(self) -> dict[str, Any]:
        """What the client is told of where it begins."""
        told: dict[str, Any] = {"variant": self.view.variant, "path": self.path_in(self.view)}
        if self.shown is not None:
            told |= {"streamId": self.shown.stream_id, "seq": self.cursor}
        return told


def shown_of(view: TaskView) -> TaskStream | None:
    """The newest stream that is open, else the newest; none if that one's answer was dismissed."""
    newest = view.streams[-1] if view.streams else None
    if newest is not None and newest.is_dismissed:
        newest = None
    return next((each for each in reversed(view.streams) if each.is_open), newest)


async def start_of(
    ctx: ActionCtx, view: TaskView, since: Since | None, *, is_fallback: bool
) -> Start:
    """Where a client begins that has the events up to `since`.

    Raises:
        ApplicationError: when it is of no stream of the caller's, or there is no such event yet.
            One of long ago, or of another of his tasks, tells nothing of this one and is no error.
    """
    shown = shown_of(view)
    if since is not None:
        shown = view.find(since.stream_id) or shown
    last_seq = 0 if shown is None else await last_seq_of(ctx, shown.stream_id)
    if since is not None and shown is not None and shown.stream_id == since.stream_id:
        if since.seq > last_seq:
            refuse("invalid_request", f"since: there is no event {since.seq} yet.")
    elif since is not None:
        await ctx.run_query(answers.find, name=since.stream_id)
    return Start(view, since, last_seq, is_fallback=is_fallback)


async def last_seq_of(ctx: ActionCtx, stream_id: str) -> int:
    """The number of a stream's newest event."""
    state = await ctx.run_query(stream_events.get_stream_state, stream_id=stream_id)
    found: int = state["lastSeq"]
    unwritten = _unwritten.events_after(stream_id, found)
    return unwritten[-1]["seq"] if unwritten else found


async def chunks_of(ctx: ActionCtx, dialect: SocketIo, stream_id: str, cursor: int) -> list[Chunk]:
    """The chunks of a stream up to the event of a number, without those that are void."""
    events: list[Event] = []
    after = 0
    while after < cursor:
        page, _ = await page_of(ctx, stream_id, after)
        if not page:
            break
        events += [event for event in page if event["seq"] <= cursor]
        after = page[-1]["seq"]
    return dialect.snapshot(events)


def state_of(
    chunks: list[Chunk], shown: TaskStream | None, *, from_position: int = 0
) -> dict[str, Any]:
    """The payload of `stream-state`; `from_position` leaves out chunks that the client has."""
    return {
        "chunks": chunks[from_position:],
        "isStreaming": shown is not None and shown.is_open,
        "totalChunks": len(chunks),
    }


class Member:
    """One socket in one task."""

    def __init__(self, room: TaskRoom, socket: Socket, task_id: str, start: Start) -> None:
        self._room = room
        self._socket = socket
        self._task_id = task_id
        self._start = start
        view = start.view
        self._path = start.path_in(view)
        self._readings = start.readings
        self._shown: Reading | None = None
        if start.shown is not None:
            own = start.readings.get(start.shown.stream_id)
            self._shown = own or Reading(start.shown, start.cursor)
        self._done = {each.stream_id for each in view.streams} - start.readings.keys()
        self._oldest = min((each.created_at for each in view.streams), default=0.0)
        self._entry = 0
        changed_at = max((each.changed_at for each in view.streams), default=0.0)
        # Of a status that holds no more nobody is told again.
        self._status_from = view.status_seq + (changed_at >= view.status_at)
        self._asked: list[int] = []

    def ask(self, from_position: int) -> None:
        """The client wants to know the state of its stream."""
        self._asked.append(from_position)
        self._room.ring()

    async def run(self, ctx: ActionCtx) -> None:
        """Tells the socket everything, until it leaves or goes."""
        self._room.asks[self._socket] = self.ask
        try:
            await self._begin(ctx)
            while True:
                version = self._room.version
                await self._socket.drained()
                if not await self._step(ctx):
                    await self._room.changed(version)
        finally:
            if self._room.asks.get(self._socket) == self.ask:
                del self._room.asks[self._socket]

    async def _begin(self, ctx: ActionCtx) -> None:
        start = self._start
        for reading in self._readings.values():
            if reading.stream.is_open:
                await self._announce(reading)
        if start.is_return and start.shown is not None and start.shown.stream_id in self._done:
            await self._say_status(start.shown)
        await self._say_state(ctx, 0)

    async def _step(self, ctx: ActionCtx) -> bool:
        """Says what there is to be said; whether there was anything."""
        view = self._room.view
        if self._start.path_in(view) != self._path:
            await self._move(ctx, view)
            return True
        if self._asked:
            await self._say_state(ctx, self._asked.pop(0))
            return True
        has_said = await self._say_entries(ctx, view)
        for stream in view.streams:
            if self._is_new(stream):
                self._shown = self._readings[stream.stream_id] = Reading(stream, 0)
                await self._announce(self._shown)
                has_said = True
        for reading in list(self._readings.values()):
            now = view.find(reading.stream.stream_id)
            reading.stream = now or reading.stream
            if self._path == "legacy":
                has_said = await self._say_chunks(ctx, reading) or has_said
            elif not reading.stream.is_open:
                await self._announce(reading)
                await self._end(reading)
                has_said = True
        return has_said

    def _is_new(self, stream: TaskStream) -> bool:
        known = stream.stream_id in self._done or stream.stream_id in self._readings
        return not known and stream.created_at >= self._oldest

    async def _move(self, ctx: ActionCtx, view: TaskView) -> None:
        """Tells where each stream goes on on the other path. Cursors stay, should it come back."""
        self._path = self._start.path_in(view)
        moved: list[tuple[str | None, int]] = [
            (each.stream.stream_id, each.cursor) for each in self._readings.values()
        ]
        if not moved and view.streams:
            last = view.streams[-1].stream_id
            moved = [(last, await last_seq_of(ctx, last))]
        for stream_id, cursor in moved or [(None, 0)]:
            told = {"streamId": stream_id, "afterSeq": cursor, "variant": view.variant}
            await self._say("path-changed", told)
        for reading in self._readings.values():
            await self._keep(reading, is_whole=False)

    def _measure(self, ctx: ActionCtx, reading: Reading, chunk: Chunk) -> None:
        """Notes a chunk for the trial: of all sockets that have joined, one is measured."""
        if reading.sample is None and next(iter(self._room.asks), None) is self._socket:
            reading.sample = SocketSample(ctx, reading.stream.stream_id, reading.cursor)
        if reading.sample is not None:
            reading.sample.sent(chunk)

    async def _keep(self, reading: Reading, *, is_whole: bool) -> None:
        sample, reading.sample = reading.sample, None
        if sample is not None:
            await sample.end(is_whole=is_whole)

    async def _say_entries(self, ctx: ActionCtx, view: TaskView) -> bool:
        if self._entry >= view.entry_seq:
            return False
        found = await self._room.entries(ctx, self._entry, ENTRIES_AT_ONCE)
        for entry in found:
            if entry["kind"] != STATUS or entry["seq"] >= self._status_from:
                await self._say(entry["kind"], {"taskId": self._task_id, **entry["payload"]})
            self._entry = entry["seq"]
        return bool(found)

    async def _say_chunks(self, ctx: ActionCtx, reading: Reading) -> bool:
        stream = reading.stream
        events, is_over = await self._room.events(ctx, stream.stream_id, reading.cursor)
        if events and not reading.is_primed:
            await chunks_of(ctx, reading.dialect, stream.stream_id, reading.cursor)
            reading.is_primed = True
        if events or is_over:
            await self._announce(reading)
        for event in events:
            if self._start.path_in(self._room.view) != self._path:
                return True
            for chunk in reading.dialect.chunks([event]):
                await self._say("stream-chunk", chunk)
                self._measure(ctx, reading, chunk)
            reading.cursor = event["seq"]
            if event["type"] == "attempt-reset":
                await self._say("stream-state", state_of([], stream))
                if reading.sample is not None:
                    reading.sample.reset(event["seq"])
            elif is_terminal(event):
                await self._say(*ending(event, stream.stream_id, stream.message_id))
                await self._end(reading, event)
                await self._keep(reading, is_whole=True)
                return True
        if not events and is_over:
            # The rest of its log is not kept any more.
            await self._end(reading)
            return True
        return bool(events)

    async def _announce(self, reading: Reading) -> None:
        if not reading.is_announced:
            reading.is_announced = True
            await self._say_status(reading.stream, "RUNNING")

    async def _end(self, reading: Reading, event: Event | None = None) -> None:
        stream = reading.stream
        del self._readings[stream.stream_id]
        self._done.add(stream.stream_id)
        if event is None:
            await self._say_status(stream)
            return
        # The view of the room may not have seen yet what the log says.
        status = {"stream-finish": "COMPLETED", "stream-stopped": "STOPPED"}
        error = event["message"] if event["type"] == "stream-error" else None
        told = status.get(event["type"], "FAILED")
        await self._say_status(stream, told, error=error, at=event["ts"])

    async def _say_state(self, ctx: ActionCtx, from_position: int) -> None:
        """What the socket has of its newest stream."""
        shown = self._shown
        if shown is None:
            await self._say("stream-state", state_of([], None))
            return
        stream = self._room.view.find(shown.stream.stream_id) or shown.stream
        if stream.is_dismissed and stream.stream_id in self._done:
            await self._say("stream-state", state_of([], None))
            return
        chunks: list[Chunk] = []
        if self._path == "legacy":
            dialect = SocketIo(stream.stream_id)
            chunks = await chunks_of(ctx, dialect, stream.stream_id, shown.cursor)
            if not shown.is_primed:
                shown.dialect, shown.is_primed = dialect, True
        await self._say("stream-state", state_of(chunks, stream, from_position=from_position))

    async def _say_status(
        self,
        stream: TaskStream,
        status: str = "",
        *,
        error: str | None = None,
        at: float | None = None,
    ) -> None:
        told = {
            "taskId": self._task_id,
            "status": status or stream.status,
            "timestamp": stream.changed_at if at is None else at,
        }
        text = error or stream.error_text
        if told["status"] == "FAILED" and text is not None:
            told["errorMessage"] = text
        await self._say(STATUS, told)

    async def _say(self, event: str, payload: dict[str, Any]) -> None:
        """Sends an event once, however long the client takes to have room for it."""
        while not await self._socket.emit(event, payload):
            await self._socket.drained()
