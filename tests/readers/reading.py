"""Reads SSE responses as the HTML standard says, and talks to the app as any program would."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from aiohttp import ClientResponse, ClientSession


@dataclass
class Frame:
    """One event of an SSE response."""

    data: str
    event: str = "message"
    id: str | None = None

    @property
    def json(self) -> Any:
        return json.loads(self.data)


@dataclass
class Answer:
    """All that a response said."""

    status: int
    headers: dict[str, str]
    frames: list[Frame] = field(default_factory=list)

    @property
    def events(self) -> list[dict[str, Any]]:
        return [frame.json for frame in self.frames]

    @property
    def types(self) -> list[str]:
        return [event["type"] for event in self.events]

    @property
    def text(self) -> str:
        return text_of(self.events)


def text_of(events: list[dict[str, Any]]) -> str:
    return "".join(event["delta"] for event in events if event["type"] == "text-delta")


async def frames_of(response: ClientResponse) -> AsyncIterator[Frame]:
    """The frames of a response as they come. What is not whole when it ends is dropped."""
    data: list[str] = []
    event, last_id = "message", None
    async for raw in response.content:
        line = raw.decode().rstrip("\r\n")
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if line == "":
            if data:
                yield Frame("\n".join(data), event, last_id)
            data, event = [], "message"
        elif name == "data":
            data.append(value)
        elif name == "event":
            event = value
        elif name == "id":
            last_id = value


async def read(response: ClientResponse) -> Answer:
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Answer(response.status, headers, [frame async for frame in frames_of(response)])


async def ask(site: ClientSession, thread: str, prompt: str, **more: Any) -> Answer:
    """`POST /stream-chat` to its end."""
    body = {"threadId": thread, "prompt": prompt, **more}
    async with site.post("/stream-chat", json=body) as response:
        assert response.status == 200, await response.text()
        return await read(response)


async def call(site: ClientSession, kind: str, path: str, **args: Any) -> Any:
    """A function over the HTTP API."""
    body = {"path": path, "args": args, "format": "json"}
    async with site.post(f"/api/{kind}", json=body) as response:
        answer = await response.json()
    assert answer["status"] == "success", answer
    return answer["value"]


async def new_thread(site: ClientSession, name: str) -> str:
    thread_id: str = await call(site, "mutation", "threads:create", externalId=name)
    return thread_id


async def state_of(site: ClientSession, stream: str) -> Any:
    return await call(site, "query", "streamEvents:getStreamState", streamId=stream)
