"""A provider of models that does what a test tells it: in the test's own process or as one.

    python -m tests.ai.fake_provider --port 0

prints its URL. The model's name says what happens to a request, and a list of names what happens to
one after the other: `500,500,ok` fails twice, `reset#7` has its own count. `BEHAVIORS` has them.
"""

import argparse
import asyncio
import json
import socket
import struct
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Self

from aiohttp import web

from tests.ai.fake_wires import ChatWire, Item, MessagesWire, ResponsesWire, Wire, pieces

TOKENS = ("Hello", ", wörld", " – ", "你好", " 🌍", "!")
TEXT = "".join(TOKENS)
STREAM = "text/event-stream"

Step = tuple[Any, ...]
"""An item of the wires, or `("begin",)`, `("end", reason)`, `("raw", bytes)`, `("pause", seconds)`,
`("stall",)`, `("reset",)`, `("cut",)`, `("eof",)`, `("unknown",)`, `("comment",)`,
`("error", kind)`, `("status", code, headers)`, `("body", text, content_type)`."""


def environment(url: str) -> dict[str, str]:
    """The variables that send every SDK here."""
    return {
        "OPENAI_API_KEY": "sk-openai-test",
        "OPENAI_BASE_URL": f"{url}/v1",
        "ANTHROPIC_API_KEY": "sk-anthropic-test",
        "ANTHROPIC_BASE_URL": url,
        "OPENROUTER_API_KEY": "sk-openrouter-test",
        "OPENROUTER_BASE_URL": f"{url}/api/v1",
    }


@dataclass(slots=True)
class Recorded:
    """A request as it came."""

    path: str
    model: str
    behavior: str
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def streams(self) -> bool:
        return bool(self.body.get("stream"))


def _text(*tokens: str) -> list[Step]:
    return [("text", token) for token in tokens or TOKENS]


def _whole(*items: Step, reason: str = "stop") -> list[Step]:
    return [("begin",), *items, ("end", reason)]


def _partial(*last: Step) -> list[Step]:
    """Two tokens, then something happens."""
    return [("begin",), *_text(*TOKENS[:2]), *last]


def _calls(asked: "Asked", arguments: list[str] | None = None) -> list[Step]:
    """Two calls side by side, their arguments in nine pieces each."""
    steps: list[Step] = []
    tools = asked.tools[:2]
    texts = arguments or [json.dumps(example(schema), ensure_ascii=False) for _, schema in tools]
    for index, (name, _) in enumerate(tools):
        steps.append(("call", index, f"call_{asked.number}_{index}", name))
    for piece in zip(*(pieces(text, 9) for text in texts), strict=True):
        steps += [("args", index, part) for index, part in enumerate(piece) if part]
    return steps


def example(schema: dict[str, Any]) -> dict[str, Any]:
    """Arguments that fit a schema with plain fields."""
    values: dict[str, Any] = {"integer": 2, "number": 1.5, "boolean": True, "array": []}
    return {
        name: values.get(schema["properties"][name].get("type"), "Grüße 🌍")
        for name in schema.get("required", ())
    }


@dataclass(slots=True)
class Asked:
    """What a behavior may look at: the number of the request, its tools, what tools have said."""

    number: int
    tools: list[tuple[str, dict[str, Any]]]
    results: list[str]
    streams: bool


def _tools(asked: Asked) -> list[Step]:
    if asked.results:
        return _whole(*_text(*(f"[{result}]" for result in asked.results)))
    return _whole(*_calls(asked), reason="tools")


def _one_tool(arguments: str, reason: str) -> Callable[[Asked, str], list[Step]]:
    def behavior(asked: Asked, _: str) -> list[Step]:
        if asked.results:
            return _tools(asked)
        start = ("call", 0, f"call_{asked.number}", asked.tools[0][0])
        args = [("args", 0, piece) for piece in pieces(arguments, 3) if piece]
        return _whole(start, *args, reason=reason)

    return behavior


def _status(code: int) -> Callable[[Asked, str], list[Step]]:
    def behavior(_: Asked, value: str) -> list[Step]:
        headers = {"Retry-After": value} if value else {}
        return [("status", code, headers)]

    return behavior


def _always(*steps: Step) -> Callable[[Asked, str], list[Step]]:
    return lambda asked, value: list(steps)


HTML = ("body", "<html>Bad gateway</html>", "text/html")

BEHAVIORS: dict[str, Callable[[Asked, str], list[Step]]] = {
    "ok": _always(*_whole(*_text())),
    "thought": _always(*_whole(("thought", "Hm, "), ("thought", "so 🤔"), *_text())),
    "long": lambda asked, value: _whole(*_text(*(f"w{n} " for n in range(int(value))))),
    "drip": lambda asked, value: _whole(
        *(step for n in range(int(value)) for step in (("text", f"w{n} "), ("pause", 0.02)))
    ),
    "tools": lambda asked, value: _tools(asked),
    "cut-tool": _one_tool('{"a": 1, "b"', "length"),
    "empty-cut-tool": _one_tool("", "length"),
    "broken-tool": _one_tool('{"a": 1, "b"', "tools"),
    "unknown-tool": lambda asked, value: (
        _tools(asked)
        if asked.results
        else _whole(("call", 0, "call_x", "no_such_tool"), ("args", 0, "{}"), reason="tools")
    ),
    "length": _always(*_whole(*_text(), reason="length")),
    "filter": _always(*_whole(*_text(), reason="filter")),
    "refusal": _always(*_whole(("refusal", "I would rather not."), reason="refusal")),
    "empty": _always(*_whole()),
    # Empty only as a stream.
    "shy": lambda asked, value: _whole(*(() if asked.streams else _text())),
    **{
        str(code): _status(code)
        for code in (400, 401, 402, 403, 404, 413, 422, 429, 500, 502, 503, 529)
    },
    "reset": _always(*_partial(("reset",))),
    "reset0": _always(("begin",), ("reset",)),
    "cut": _always(*_partial(("cut",))),
    "eof": _always(*_partial(("eof",))),
    "eof0": _always(("begin",), ("eof",)),
    "eof-at-once": _always(("eof",)),
    # The model has said why it ended, the wire has not.
    "no-last-frame": _always(*_partial(("reason", "stop"), ("eof",))),
    "midline": _always(*_partial(("raw", b'data: {"id": "x", "choi'), ("eof",))),
    "broken-json": _always(*_partial(("raw", b'event: message_stop\ndata: {"id": oops}\n\n'))),
    "broken-json0": _always(("begin",), ("raw", b'event: message_stop\ndata: {"id": oops}\n\n')),
    "broken-utf8": _always(*_partial(("raw", b'event: message_stop\ndata: "\xff\xfe"\n\n'))),
    "odd-json": _always(*_partial(("raw", b"event: message_stop\ndata: 5\n\n"))),
    "error": _always(*_partial(("error", "server"))),
    "error0": _always(("begin",), ("error", "server")),
    "overloaded": _always(*_partial(("error", "overloaded"))),
    "overloaded0": _always(("begin",), ("error", "overloaded")),
    "failed": _always(*_partial(("error", "failed"))),
    "html": _always(HTML),
    # A gateway that cannot stream, and answers plainly.
    "plain": lambda asked, value: (
        [("body", '{"answer": "not a stream"}', "application/json")]
        if asked.streams
        else _whole(*_text())
    ),
    "stall": _always(*_partial(("stall",))),
    "stall0": _always(("begin",), ("stall",)),
    "silent": _always(("stall",)),
    "slow": lambda asked, value: [("begin",), ("pause", float(value)), *_text(), ("end", "stop")],
    "comments": _always(
        ("begin",),
        ("comment",),
        *(step for token in TOKENS for step in (("text", token), ("comment",))),
        ("end", "stop"),
    ),
    "unknown": _always(("begin",), ("unknown",), *_text(), ("unknown",), ("end", "stop")),
    "bytes": _always(("bytes",), *_whole(*_text())),
}
"""What a model's name may be; some take a value: `429:30` asks to wait for 30 seconds."""


class FakeProvider:
    """The server. `open` counts the requests that it is still answering; `scripts` has behaviors
    of a test's own.
    """

    def __init__(self) -> None:
        self.scripts: dict[str, list[Step]] = {}
        self.requests: list[Recorded] = []
        self.open = 0
        self.url = ""
        self._counts: Counter[str] = Counter()
        self._changed = asyncio.Condition()
        self._runner: web.AppRunner | None = None

    async def start(self, port: int = 0) -> Self:
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_get("/requests", self._show)
        app.router.add_post("/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port)
        await site.start()
        found = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{found}"
        return self

    async def stop(self) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    async def until(self, condition: Callable[[], bool], seconds: float = 10.0) -> None:
        """Waits until something is true of this server."""
        async with asyncio.timeout(seconds), self._changed:
            await self._changed.wait_for(condition)

    async def _note(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def _show(self, request: web.Request) -> web.Response:
        shown = [
            {"path": each.path, "model": each.model, "behavior": each.behavior, "body": each.body}
            for each in self.requests
        ]
        return web.json_response({"open": self.open, "requests": shown})

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        name = body["model"].rpartition("/")[2]
        plan = name.partition("#")[0].split(",")
        number = self._counts[name]
        self._counts[name] += 1
        behavior, _, value = plan[min(number, len(plan) - 1)].partition(":")
        headers = {key.lower(): text for key, text in request.headers.items()}
        self.requests.append(Recorded(request.path, name, behavior, headers, body))
        asked = Asked(number, list(_offered(body)), list(_results(body)), bool(body.get("stream")))
        exchange = _Exchange(request, _wire(request.path, name), asked.streams)
        self.open += 1
        await self._note()
        try:
            own = self.scripts.get(behavior)
            return await exchange.run(BEHAVIORS[behavior](asked, value) if own is None else own)
        finally:
            self.open -= 1
            await asyncio.shield(self._note())


class _Exchange:
    """One request and its answer."""

    def __init__(self, request: web.Request, wire: Wire, streams: bool) -> None:
        self.request = request
        self.wire = wire
        self.streams = streams
        self._by_byte = False
        self._response: web.StreamResponse | None = None

    async def run(self, steps: list[Step]) -> web.StreamResponse:
        match steps[0]:
            case ("status", code, headers):
                return web.json_response(self.wire.failure(code), status=code, headers=headers)
            case ("body", text, content_type):
                return web.Response(text=text, content_type=content_type)
        if not self.streams:
            return await self._plain(steps)
        for step in steps:
            await self._step(step)
        return await self._started()

    async def _plain(self, steps: list[Step]) -> web.StreamResponse:
        items: list[Item] = []
        reason = "stop"
        for step in steps:
            match step:
                case ("end", why):
                    reason = why
                case ("pause" | "stall" | "reset" | "cut", *_):
                    await self._step(step)
                case ("text" | "thought" | "refusal" | "call" | "args", *_):
                    items.append(step)
        return web.json_response(self.wire.whole(items, reason))

    async def _started(self) -> web.StreamResponse:
        if self._response is None:
            self._response = web.StreamResponse(headers={"Content-Type": STREAM})
            await self._response.prepare(self.request)
        return self._response

    async def _write(self, data: bytes) -> None:
        response = await self._started()
        if not self._by_byte:
            await response.write(data)
            return
        for at in range(len(data)):
            await response.write(data[at : at + 1])

    async def _step(self, step: Step) -> None:
        match step:
            case ("bytes",):
                self._by_byte = True
            case ("pause", seconds):
                await asyncio.sleep(seconds)
            case ("stall",):
                await asyncio.Event().wait()
            case ("eof",):
                await (await self._started()).write_eof()
            case ("reset",):
                self._break(with_reset=True)
            case ("cut",):
                self._break(with_reset=False)
            case _:
                await self._write(self._data(step))

    def _data(self, step: Step) -> bytes:
        match step:
            case ("begin",):
                return self.wire.begin()
            case ("end", reason):
                return self.wire.end(reason)
            case ("reason", reason):
                return self.wire.reason(reason)
            case ("error", kind):
                return self.wire.error(kind)
            case ("unknown",):
                return self.wire.unknown()
            case ("comment",):
                return b": keep-alive\n\n"
            case ("raw", data):
                assert isinstance(data, bytes)
                return data
        return self.wire.item(step)

    def _break(self, *, with_reset: bool) -> None:
        transport = self.request.transport
        assert transport is not None
        if with_reset:
            endpoint = transport.get_extra_info("socket")
            endpoint.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()


def _wire(path: str, model: str) -> Wire:
    if path.endswith("/chat/completions"):
        return ChatWire(model, is_openrouter=path.startswith("/api/"))
    if path.endswith("/responses"):
        return ResponsesWire(model)
    if path.endswith("/messages"):
        return MessagesWire(model)
    raise web.HTTPNotFound


def _offered(body: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for tool in body.get("tools", ()):
        tool = tool.get("function", tool)
        yield tool["name"], tool.get("parameters") or tool.get("input_schema")


def _results(body: dict[str, Any]) -> Iterator[str]:
    """What tools have said since somebody asked."""
    for message in body.get("messages", ()):
        if message["role"] == "tool":
            yield message["content"]
        elif isinstance(message["content"], list):
            for block in message["content"]:
                if block["type"] == "tool_result":
                    yield block["content"]
    items = body.get("input", ())
    for item in () if isinstance(items, str) else items:
        if item.get("type") == "function_call_output":
            yield item["output"]


@asynccontextmanager
async def fake_provider() -> AsyncIterator[FakeProvider]:
    """A running one."""
    fake = await FakeProvider().start()
    try:
        yield fake
    finally:
        await fake.stop()


async def _serve(port: int) -> None:
    fake = await FakeProvider().start(port)
    print(fake.url, flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    asyncio.run(_serve(parser.parse_args().port))
