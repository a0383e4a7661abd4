"""A server of the sync protocol that does what a test tells it to."""

import asyncio
import json
from collections.abc import Callable
from typing import Any, Self

from aiohttp import WSMsgType, web

from tests.wire_values import ts_text

Message = dict[str, Any]


class Link:
    """One socket, at the server's end."""

    def __init__(self, server: "ScriptedServer", ws: web.WebSocketResponse) -> None:
        self.server = server
        self.ws = ws
        self.query_set = 0
        self.identity = 0
        self.user: str | None = None
        self.version = (0, 0, 0)
        self.queries: dict[int, Message] = {}

    async def transition(self) -> None:
        """Tells every query who is asking."""
        start, self.version = self.version, (self.query_set, self.identity, self.server.ts())
        await self.say(
            type="Transition",
            startVersion=_version(start),
            endVersion=_version(self.version),
            modifications=[
                {"type": "QueryUpdated", "queryId": query, "value": self.user, "logLines": []}
                for query in self.queries
            ],
        )

    async def refuse(self, reason: str, base_version: int, *, attempted: bool) -> None:
        await self.say(
            type="AuthError",
            error=reason,
            baseVersion=base_version,
            authUpdateAttempted=attempted,
        )
        await self.ws.close()

    async def say(self, **message: Any) -> None:
        await self.ws.send_str(json.dumps(message))

    async def hear(self, message: Message) -> None:
        match message["type"]:
            case "ModifyQuerySet":
                assert message["baseVersion"] == self.query_set
                self.query_set = message["newVersion"]
                for each in message["modifications"]:
                    if each["type"] == "Add":
                        self.queries[each["queryId"]] = each
                    else:
                        del self.queries[each["queryId"]]
                await self.transition()
            case "Authenticate":
                assert message["baseVersion"] == self.identity
                if message["tokenType"] != "None" and not self.server.accepts(message["value"]):
                    await self.refuse("bad token", self.identity, attempted=True)
                    return
                self.identity += 1
                self.user = message.get("value")
                await self.transition()
            case "Mutation":
                ts = self.server.ts()
                await self.say(
                    type="MutationResponse",
                    requestId=message["requestId"],
                    success=True,
                    result=self.user,
                    ts=ts_text(ts),
                    logLines=[],
                )
                await self.transition()


def _version(version: tuple[int, int, int]) -> Message:
    return {"querySet": version[0], "identity": version[1], "ts": ts_text(version[2])}


class ScriptedServer:
    """Serves on a port of its own; `links` has every socket that there was, `heard` its words."""

    def __init__(self, accepts: Callable[[str], bool] = lambda token: True) -> None:
        self.accepts = accepts
        self.links: list[Link] = []
        self.heard: list[list[Message]] = []
        self.news = asyncio.Event()
        self._ts = 0
        self._runner: web.AppRunner | None = None
        self.url = ""

    def ts(self) -> int:
        self._ts += 1
        return self._ts

    async def until(self, holds: Callable[[], bool]) -> None:
        """Waits until something holds of what was heard."""
        async with asyncio.timeout(10):
            while not holds():
                self.news.clear()
                await self.news.wait()

    async def _serve(self, request: web.Request) -> web.WebSocketResponse:
        ws = web.WebSocketResponse(max_msg_size=0)
        await ws.prepare(request)
        link = Link(self, ws)
        heard: list[Message] = []
        self.links.append(link)
        self.heard.append(heard)
        async for frame in ws:
            assert frame.type is WSMsgType.TEXT
            heard.append(json.loads(frame.data))
            await link.hear(heard[-1])
            self.news.set()
        return ws

    async def __aenter__(self) -> Self:
        application = web.Application()
        application.router.add_get("/under/a/path/api/sync", self._serve)
        self._runner = web.AppRunner(application, shutdown_timeout=1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{port}/under/a/path/"
        return self

    async def __aexit__(self, *_: object) -> None:
        for link in self.links:
            await link.ws.close()
        assert self._runner is not None
        await self._runner.cleanup()
