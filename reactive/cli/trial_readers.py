"""Readers of one answer as a drill needs them: one that goes where the flag sends it, from
Socket.IO to live queries and back, and one that stays with live queries.

Imported only when there is a drill: python-socketio's client comes with the extra `legacy`.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from typing import Any

import socketio

from reactive.ai.dialects.socketio import Chunk, SocketIo
from reactive.ai.events import Event, is_terminal
from reactive.ai.parity import Parity, Piece, chunk_pieces, compare, event_pieces, expected_pieces
from reactive.client import ReactiveClient

_ON_LEGACY = ("legacy", "shadow")
_ENDS = ("complete", "error")


def now_ms() -> float:
    """Milliseconds since the epoch, by this machine's clock."""
    return time.time_ns() / 1e6


async def pages_of(
    client: ReactiveClient, stream_id: str, after: int
) -> AsyncGenerator[list[Event], None]:
    """The events of a stream after the one of a number, as a live query tells them."""
    while True:
        subscription = client.subscribe(
            "streamEvents:getStreamEvents", streamId=stream_id, after=after
        )
        page: dict[str, Any] = {"events": [], "isDone": True}
        async with subscription:
            async for page in subscription:
                if page["events"] or page["isDone"]:
                    break
        if page["events"]:
            yield page["events"]
            after = page["lastSeq"]
        if page["isDone"]:
            return


class SteadyReader:
    """Follows an answer by live queries, whatever the flag says."""

    def __init__(self, client: ReactiveClient, stream_id: str) -> None:
        self._client = client
        self._stream_id = stream_id
        self.pieces: list[Piece] = []
        self.arrivals: list[tuple[int, float]] = []

    async def run(self) -> None:
        """Reads until the end."""
        async for events in pages_of(self._client, self._stream_id, 0):
            at = now_ms()
            self.pieces += event_pieces(events)
            self.arrivals += [(event["seq"], at) for event in events]

    def judge(self, log: list[Event]) -> Parity:
        """How it agrees with the log."""
        return compare(event_pieces(log), self.pieces)


class MovingReader:
    """Follows an answer by whichever path the flag says, as an app's client does.

    `news` is called whenever it has heard something. `doubled` and `gaps` count what a path has
    told twice, or left out; `arrivals` has when events came over Socket.IO.
    """

    def __init__(
        self,
        url: str,
        client: ReactiveClient,
        thread_id: str,
        stream_id: str,
        news: Callable[[], object],
    ) -> None:
        self._url = url
        self._news = news
        self._client = client
        self._thread_id = thread_id
        self._stream_id = stream_id
        self._socket = socketio.AsyncClient()
        self._heard: asyncio.Queue[tuple[str, Any, float]] = asyncio.Queue()
        self._dialect = SocketIo(stream_id)
        self._path = ""
        self._awaits: str | None = None
        self._following: asyncio.Task[None] | None = None
        self._last = 0
        self._is_over = False
        self.pieces: list[Piece] = []
        self.arrivals: list[tuple[int, float]] = []
        self.doubled = 0
        self.gaps = 0
        self.moves = 0
        self.is_reading = asyncio.Event()

    async def run(self) -> None:
        """Reads until the end."""
        for event in ("stream-chunk", "stream-state", "path-changed"):
            self._socket.on(event, self._put(event))
        await self._socket.connect(self._url)
        try:
            await self._join()
            while not self._is_over:
                kind, payload, at = await self._heard.get()
                await self._hear(kind, payload, at)
                self._news()
            # What a path tells after the end is told twice.
            await self._leave()
        finally:
            self._stop_following()
            await self._socket.disconnect()

    def _put(self, kind: str) -> Any:
        return lambda payload: self._heard.put_nowait((kind, payload, now_ms()))

    async def _join(self) -> None:
        self._awaits = "joined"
        payload: dict[str, Any] = {"taskId": self._thread_id}
        if self._last:
            payload["since"] = {"streamId": self._stream_id, "seq": self._last}
        await self._socket.emit("join-task", payload, callback=self._put("joined"))

    async def _leave(self) -> None:
        left = asyncio.Event()
        await self._socket.emit(
            "leave-task", {"taskId": self._thread_id}, callback=lambda *_: left.set()
        )
        await left.wait()
        while not self._heard.empty():
            kind, payload, _ = self._heard.get_nowait()
            if kind == "path-changed":
                # What follows is for clients that have read no other path meanwhile.
                return
            if kind == "stream-chunk" and self._is_own(payload):
                self.doubled += 1

    async def _hear(self, kind: str, payload: Any, at: float) -> None:
        # After a join everything before its acknowledgement is of the time before it.
        if self._awaits == "joined" and kind != "joined":
            return
        if kind == "joined":
            if "error" in payload:
                raise ConnectionError(f"join-task was refused: {payload['error']['message']}")
            self._enter(payload["path"])
        elif kind == "stream-state":
            self._take_state(payload)
        elif kind == "stream-chunk" and self._is_own(payload) and self._path == "legacy":
            self._take_chunk(payload, at)
        elif kind == "events" and self._path == "reactive":
            self._take_events(payload)
        elif kind == "path-changed" and payload["streamId"] in (None, self._stream_id):
            await self._move("legacy" if payload["variant"] in _ON_LEGACY else "reactive")

    def _is_own(self, chunk: Chunk) -> bool:
        return bool(chunk["streamId"] == self._stream_id)

    def _enter(self, path: str) -> None:
        self._path = path
        self._awaits = "state"
        self.is_reading.set()
        if path == "reactive":
            self._awaits = None
            self._following = asyncio.ensure_future(self._follow(self._last))

    async def _move(self, path: str) -> None:
        if path == self._path:
            return
        self.moves += 1
        self._stop_following()
        if path == "legacy":
            await self._join()
        else:
            self._enter(path)

    def _stop_following(self) -> None:
        if self._following is not None:
            self._following.cancel()
            self._following = None

    async def _follow(self, after: int) -> None:
        async for events in pages_of(self._client, self._stream_id, after):
            self._heard.put_nowait(("events", events, now_ms()))

    def _take_state(self, state: dict[str, Any]) -> None:
        if self._path != "legacy":
            return
        chunks = [chunk for chunk in state["chunks"] if self._is_own(chunk)]
        if self._awaits != "state":
            # Told by itself it takes the place of everything before: an attempt was void.
            self.pieces = []
            self._last = 0
        self._awaits = None
        for chunk in chunks:
            if chunk["seq"] > self._last:
                self._keep(chunk)

    def _take_chunk(self, chunk: Chunk, at: float) -> None:
        if chunk["seq"] <= self._last:
            self.doubled += 1
            return
        self.arrivals.append((chunk["seq"], at))
        self._keep(chunk)

    def _take_events(self, events: list[Event]) -> None:
        for event in events:
            if event["seq"] <= self._last:
                self.doubled += 1
                continue
            self.gaps += event["seq"] != self._last + 1
            for chunk in self._dialect.chunks([event]):
                self._keep(chunk)
            self._last = event["seq"]
            self._is_over = is_terminal(event)

    def _keep(self, chunk: Chunk) -> None:
        self.pieces += chunk_pieces([chunk])
        self._last = chunk["seq"]
        self._is_over = chunk["type"] in _ENDS

    def judge(self, log: list[Event]) -> Parity:
        """How it agrees with the log."""
        return compare(expected_pieces("legacy", log), self.pieces)
