"""A client of the older Socket.IO server: joins with a cursor, and comes again after a cut."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Self

import socketio
from aiohttp import ClientSession

WAIT_SECONDS = 40.0
_BORDER = "\x1e"

Chunk = dict[str, Any]
Event = dict[str, Any]


class FieldClient:
    """One python-socketio client. `heard` has everything that it was sent, in order."""

    def __init__(self, url: str, transports: Sequence[str] = (), **auth: Any) -> None:
        self.url = url
        self.auth = auth
        self.heard: list[tuple[str, Any]] = []
        self.connects = 0
        self.joined: list[dict[str, Any]] = []
        self.since: dict[str, Any] | None = None
        self._transports = list(transports) or None
        self._news = asyncio.Event()
        self.io = socketio.AsyncClient(
            reconnection_delay=0.05, reconnection_delay_max=0.2, randomization_factor=0
        )
        self.io.on("*", self._hear)
        self.io.on("connect", self._connected)
        self.io.on("disconnect", self._disconnected)
        self.tasks: list[str] = []

    async def connect(self) -> Self:
        await self.io.connect(self.url, auth=self._auth, transports=self._transports)
        return self

    async def _auth(self) -> dict[str, Any]:
        return self.auth

    async def _connected(self) -> None:
        self.connects += 1
        self._news.set()
        for task in self.tasks if self.connects > 1 else ():
            await self.join(task, since=self.since)

    async def _disconnected(self, reason: str) -> None:
        self._note("disconnect", reason)

    async def _hear(self, event: str, payload: Any = None) -> None:
        if event == "stream-chunk":
            self.since = {"streamId": payload["streamId"], "seq": payload["seq"]}
        self._note(event, payload)

    def _note(self, event: str, payload: Any) -> None:
        self.heard.append((event, payload))
        self._news.set()

    async def join(self, task: str, **more: Any) -> dict[str, Any]:
        if task not in self.tasks:
            self.tasks.append(task)
        told: dict[str, Any] = await self.call("join-task", taskId=task, **more)
        self.joined.append(told)
        self._news.set()
        return told

    async def send(self, task: str, message: str, **more: Any) -> dict[str, Any]:
        told: dict[str, Any] = await self.call("user-message", taskId=task, message=message, **more)
        return told

    async def call(self, event: str, **payload: Any) -> Any:
        return await self.io.call(event, payload, timeout=20)

    async def close(self) -> None:
        await self.io.disconnect()
        await self.io.shutdown()

    # What it was told

    def told(self, *events: str) -> list[Any]:
        """The payloads of these events."""
        return [payload for event, payload in self.heard if event in events]

    def names(self) -> list[str]:
        return [event for event, _ in self.heard]

    def chunks(self, stream: str | None = None) -> list[Chunk]:
        found = self.told("stream-chunk")
        return [each for each in found if stream is None or each["streamId"] == stream]

    def statuses(self) -> list[str]:
        return [each["status"] for each in self.told("task-status-updated")]

    async def until(self, holds: Callable[[], Any]) -> None:
        """Waits for a condition, which is looked at after each event."""
        async with asyncio.timeout(WAIT_SECONDS):
            while not holds():
                self._news.clear()
                if not holds():
                    await self._news.wait()

    async def until_told(self, event: str, count: int = 1) -> Any:
        """Waits for an event, and gives the payload of the last one."""
        try:
            await self.until(lambda: len(self.told(event)) >= count)
        except TimeoutError:
            raise AssertionError(f"{event} is not {count} times in {self.names()}") from None
        return self.told(event)[count - 1]


class Polling:
    """A client by hand, which takes what it is sent only when it is told to."""

    def __init__(self, session: ClientSession, url: str) -> None:
        self._session = session
        self._url = f"{url}/socket.io/?EIO=4&transport=polling"

    async def open(self, **auth: Any) -> Self:
        [opened] = await self.poll()
        self._url += f"&sid={json.loads(opened[1:])['sid']}"
        await self.say(f"40{json.dumps(auth)}")
        return self

    async def say(self, *packets: str) -> None:
        async with self._session.post(self._url, data=_BORDER.join(packets)) as response:
            assert response.status == 200, await response.text()

    async def poll(self) -> list[str]:
        """The packets that are there, or come first."""
        async with asyncio.timeout(WAIT_SECONDS), self._session.get(self._url) as response:
            return (await response.text()).split(_BORDER)


def kinds(chunks: Sequence[Chunk]) -> list[tuple[int, str]]:
    return [(chunk["seq"], chunk["type"]) for chunk in chunks]


def expected(events: Sequence[Event]) -> list[tuple[int, str]]:
    """The chunks that a stored log makes: those of the attempt that counts."""
    types = {
        "text-delta": "content",
        "reasoning-delta": "reasoning",
        "tool-input-start": "tool-call-start",
        "tool-input-delta": "tool-call-delta",
        "tool-call": "tool-call",
        "tool-result": "tool-result",
        "step-finish": "usage",
        "stream-finish": "complete",
        "stream-stopped": "complete",
        "stream-error": "error",
    }
    return [(each["seq"], types[each["type"]]) for each in events if each["type"] in types]


def text(chunks: Sequence[Chunk]) -> str:
    return "".join(chunk["content"] for chunk in chunks if chunk["type"] == "content")


Connect = Callable[..., Awaitable[FieldClient]]
