"""What still works when the usual way does not: asked plainly, and a second try without tools."""

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from reactive.ai import events
from reactive.ai.events import Event
from reactive.ai.generator import Generator
from reactive.ai.providers.base import Completed, Provider, Request, ToolSpec, Turn
from reactive.ai.providers.registry import provider_of
from reactive.ai.tools import ToolSet, tool
from reactive.ai.writer import Flusher, StreamWriter
from reactive.clock import SystemClock
from reactive.limits import DEFAULT_LIMITS
from tests.ai.asking import WIRES, model_of
from tests.ai.fake_provider import TEXT, FakeProvider, environment, fake_provider
from tests.ai.memory_log import MemoryLog, Stored

QUICK = replace(DEFAULT_LIMITS, attempt_backoff_s=0.01)
BROKEN_STREAMS = ("reset0", "eof0", "broken-json0")
Fallbacks = list[tuple[str, str]]


@pytest.fixture
async def fake() -> AsyncIterator[FakeProvider]:
    async with fake_provider() as server:
        yield server


async def run(
    provider: Provider, request: Request, tools: ToolSet | None = None, *, may: bool = True
) -> tuple[Stored, Fallbacks]:
    """An answer, and the fallbacks that it took."""
    log, taken = MemoryLog(), Fallbacks()
    clock = SystemClock()

    def note(way: str, error: Exception) -> None:
        taken.append((way, getattr(error, "code", type(error).__name__)))

    generator = Generator(
        StreamWriter(Flusher(log, clock, QUICK), "stream", "message"),
        provider,
        request,
        tools or ToolSet(),
        clock,
        limits=QUICK,
        dice=random.Random(1),
        on_fallback=note if may else None,
    )
    failure = await asyncio.gather(generator.run(), return_exceptions=True)
    stored = log.streams["stream"]
    assert stored.content == stored.state.content == "".join(stored.texts().values())
    assert stored.terminal["type"] != "stream-error" or "sk-secret" not in str(stored.terminal)
    assert all(isinstance(each, dict | RuntimeError) for each in failure), failure
    return stored, taken


async def ask(fake: FakeProvider, model: str, *, may: bool = True) -> tuple[Stored, Fallbacks]:
    find: Callable[..., Any] = partial(provider_of, environment=environment(fake.url))
    provider, name = find(model, SystemClock())
    return await run(provider, Request(name, [Turn("user", "Hi!")]), may=may)


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("fault", BROKEN_STREAMS)
async def test_stream_that_breaks_twice_is_asked_for_plainly(
    fake: FakeProvider, wire: str, fault: str
) -> None:
    stored, taken = await ask(fake, model_of(wire, f"{fault},{fault},ok"))

    assert ("stream-finish", TEXT) == (stored.terminal["type"], stored.content)
    assert [True, True, False] == [request.streams for request in fake.requests]
    assert ["plain"] == [way for way, _ in taken]
    assert 3 == stored.state.attempt


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("fault", BROKEN_STREAMS)
async def test_no_more_than_three_requests_and_the_stream_s_own_error(
    fake: FakeProvider, wire: str, fault: str
) -> None:
    stored, taken = await ask(fake, model_of(wire, f"{fault},{fault},500"))

    assert ("stream-error", taken[0][1]) == (stored.terminal["type"], stored.terminal["code"])
    assert [True, True, False] == [request.streams for request in fake.requests]


@pytest.mark.parametrize("fault", ["429", "500", "529"])
async def test_refusals_are_not_asked_for_in_another_way(fake: FakeProvider, fault: str) -> None:
    _, taken = await ask(fake, f"openai/{fault}")

    assert [True, True, True] == [request.streams for request in fake.requests]
    assert not taken


@pytest.mark.parametrize("fault", ["reset", "eof", "broken-json"])
async def test_never_after_visible_text(fake: FakeProvider, fault: str) -> None:
    stored, taken = await ask(fake, f"openai/{fault}")

    assert "stream-error" == stored.terminal["type"]
    assert stored.content
    assert 1 == len(fake.requests)
    assert not taken


async def test_mode_without_fallback_streams_three_times(fake: FakeProvider) -> None:
    stored, taken = await ask(fake, "openai/eof0,eof0,eof0,ok", may=False)

    assert "incomplete" == stored.terminal["code"]
    assert [True, True, True] == [request.streams for request in fake.requests]
    assert not taken


class Mistaken:
    """A provider with a mistake: it says `before`, then fails; what is asked plainly is fine."""

    name = "mistaken"

    def __init__(self, *before: Event, also_plain: bool = False) -> None:
        self.before = before
        self.also_plain = also_plain
        self.asked: list[tuple[ToolSpec, ...]] = []

    async def stream(self, request: Request) -> AsyncGenerator[Event | Completed, None]:
        for event in self.before:
            yield event
        raise RuntimeError("sk-secret")

    async def ask(self, request: Request) -> tuple[list[Event], Completed]:
        self.asked.append(tuple(request.tools))
        if self.also_plain:
            raise RuntimeError("sk-secret")
        text = [events.text_start("t"), events.text_delta("t", "Hello"), events.text_end("t")]
        return text, Completed("stop", events.usage(3, 1))


@tool
async def shout(text: str) -> str:
    """Says it louder."""
    return text.upper()


THOUGHT = [events.reasoning_start("r"), events.reasoning_delta("r", "hm")]


async def test_failure_of_the_server_before_anything_is_seen() -> None:
    provider = Mistaken(*THOUGHT)
    stored, taken = await run(provider, Request("m", [Turn("user", "Hi!")]), ToolSet([shout]))

    assert ("stream-finish", "Hello") == (stored.terminal["type"], stored.content)
    assert [("rescue", "RuntimeError")] == taken
    assert [()] == provider.asked, "once, and without tools"
    resets = [(e["from"], e["to"]) for e in stored.events if e["type"] == "attempt-reset"]
    assert [(1, 2)] == resets
    assert ["text"] == [part.type for part in stored.state.parts]


@pytest.mark.parametrize(
    "before",
    [
        [events.text_start("t"), events.text_delta("t", "so far")],
        [events.tool_call("c", "unknown", {})],
    ],
    ids=["text", "tool"],
)
async def test_failure_of_the_server_after_something_was_seen(before: list[Event]) -> None:
    provider = Mistaken(*before)
    stored, taken = await run(provider, Request("m", [Turn("user", "Hi!")]))

    assert "stream-error" == stored.terminal["type"]
    assert not taken
    assert not provider.asked


async def test_second_failure_ends_the_answer() -> None:
    provider = Mistaken(also_plain=True)
    stored, taken = await run(provider, Request("m", [Turn("user", "Hi!")]))

    assert ("stream-error", "provider_error") == (stored.terminal["type"], stored.terminal["code"])
    assert ["rescue"] == [way for way, _ in taken]
    assert 1 == len(provider.asked)


async def test_without_fallback_the_first_failure_ends_it() -> None:
    provider = Mistaken()
    stored, _ = await run(provider, Request("m", [Turn("user", "Hi!")]), may=False)

    assert "stream-error" == stored.terminal["type"]
    assert not provider.asked
