"""The models that need no network, by a clock that the test owns."""

import asyncio
from typing import Any, Literal

import pytest
from pydantic import BaseModel

from reactive.ai.events import Event
from reactive.ai.generator import Generator
from reactive.ai.providers.base import Completed, ProviderError, Request, ToolSpec, Turn
from reactive.ai.providers.registry import provider_of
from reactive.ai.providers.scripted import MODELS
from reactive.ai.tools import Tool, ToolSet, tool
from reactive.ai.writer import Flusher, StreamWriter
from reactive.clock import SystemClock
from reactive.testing.clock import ManualClock
from tests.ai.asking import ADD, SHOUT
from tests.ai.memory_log import MemoryLog

PROMPT = "  Say  it\nagain: 你好, 🌍!  "


async def play(
    model: str, prompt: str = PROMPT, **more: Any
) -> tuple[list[tuple[float, Event]], Completed | ProviderError]:
    """What a model says and when, and how it ends."""
    clock = ManualClock()
    provider, name = provider_of(f"scripted/{model}", clock)
    heard: list[tuple[float, Event]] = []

    async def listen() -> Completed | ProviderError:
        last: Completed | None = None
        request = Request(name, more.pop("turns", [Turn("user", prompt)]), **more)
        try:
            async for item in provider.stream(request):
                if isinstance(item, Completed):
                    last = item
                else:
                    heard.append((clock.monotonic(), item))
        except ProviderError as error:
            return error
        assert last is not None
        return last

    task = asyncio.create_task(listen())
    while not task.done():
        await asyncio.sleep(0)
        clock.advance(clock.next_timer() or 0.0)
    return heard, await task


def text_of(heard: list[tuple[float, Event]]) -> str:
    return "".join(event["delta"] for _, event in heard if event["type"] == "text-delta")


async def test_echo_has_the_words_of_the_prompt() -> None:
    heard, end = await play("echo")

    assert PROMPT == text_of(heard)
    assert ["  Say  ", "it\n", "again: ", "你好, ", "🌍!  "] == [
        event["delta"] for _, event in heard if event["type"] == "text-delta"
    ]
    assert isinstance(end, Completed)
    assert ("stop", 5) == (end.finish_reason, end.usage["outputTokens"])


async def test_story_has_four_hundred_tokens_and_fifty_in_a_second() -> None:
    heard, end = await play("story")

    tokens = [at for at, event in heard if event["type"] == "text-delta"]
    assert 360 <= len(tokens) <= 440
    assert len(tokens) / 50 == pytest.approx(tokens[-1], rel=0.02)
    sentences = text_of(heard).split(". ")
    assert len(sentences) == len(set(sentences)), "no sentence comes twice"
    assert isinstance(end, Completed)


async def test_slow_needs_three_seconds() -> None:
    heard, _ = await play("slow")

    assert heard[0][0] >= 3.0
    assert PROMPT == text_of(heard)


@pytest.mark.parametrize("prompt", ["one two three four", "one", ""])
async def test_fail_fails_in_mid_text(prompt: str) -> None:
    heard, end = await play("fail", prompt)

    assert isinstance(end, ProviderError)
    assert "provider_error" == end.code
    assert text_of(heard)
    assert text_of(heard) in (prompt or "So")
    assert "text-end" not in [event["type"] for _, event in heard]


async def test_tools_calls_the_first_two_at_once() -> None:
    heard, end = await play("tools", tools=[ADD, SHOUT, ToolSpec("third", "", {})])

    calls = [event for _, event in heard if event["type"] == "tool-call"]
    assert [("add", {"a": 1, "b": 1}), ("shout", {"text": PROMPT})] == [
        (each["toolName"], each["input"]) for each in calls
    ]
    assert isinstance(end, Completed)
    assert "tool-calls" == end.finish_reason


async def test_tools_without_any() -> None:
    heard, end = await play("tools")

    assert text_of(heard)
    assert isinstance(end, Completed)
    assert "stop" == end.finish_reason


class Place(BaseModel):
    """Somewhere."""

    name: str
    floor: int | None


def odd_tool() -> Tool:
    @tool
    async def go(
        place: Place, how: Literal["by car", "on foot"], fast: bool, times: list[int], far: float
    ) -> str:
        """Goes there."""
        return f"{place.name} {place.floor} {how} {fast} {times} {far}"

    assert isinstance(go, Tool)
    return go


async def test_tools_from_end_to_end() -> None:
    """The arguments that it makes up fit any schema, and its answer has what the tools said."""

    @tool
    async def current_time(zone: str = "UTC") -> str:
        """The time."""
        return f"noon in {zone}"

    log, clock = MemoryLog(), SystemClock()
    provider, model = provider_of("scripted/tools", clock)
    generator = Generator(
        StreamWriter(Flusher(log, clock), "s", "m"),
        provider,
        Request(model, [Turn("user", "home")]),
        ToolSet([odd_tool(), current_time]),
        clock,
    )

    await generator.run()

    stored = log.streams["s"]
    assert "go says: home 1 by car True [] 1.0\ncurrent_time says: noon in UTC" == stored.content
    assert ["completed"] * 2 == [each["status"] for each in stored.state.tool_executions]


@pytest.mark.parametrize("model", [name for name in MODELS if name != "fail"])
async def test_ask_says_the_same(model: str) -> None:
    clock = ManualClock()
    provider, name = provider_of(f"scripted/{model}", clock)
    task = asyncio.create_task(provider.ask(Request(name, [Turn("user", "Hi!")], tools=[ADD])))
    while not task.done():
        await asyncio.sleep(0)
        clock.advance(clock.next_timer() or 0.0)

    found, completed = await task

    heard, end = await play(model, "Hi!", tools=[ADD])
    assert completed == end
    assert [event["type"] for event in found] == [event["type"] for _, event in heard]
