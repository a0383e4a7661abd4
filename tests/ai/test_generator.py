"""One answer from end to end: real SDKs, a provider that misbehaves, tools, stops and time-outs.

Whatever happens, the stream has one terminal event, its last, with the right code, and what was
said before stays.
"""

import asyncio
import json
import random
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field, replace
from typing import Annotated

import pytest
from pydantic import Field

from reactive.ai import events
from reactive.ai.events import Event
from reactive.ai.generator import Generator, Patience
from reactive.ai.providers.base import Completed, Provider, Request, Turn
from reactive.ai.reducer import reduce
from reactive.ai.tools import ToolSet, tool
from reactive.ai.writer import Answer, Flusher, LostError, StreamWriter
from reactive.clock import SystemClock
from reactive.errors import ApplicationError
from reactive.limits import DEFAULT_LIMITS
from tests.ai.asking import WIRES, Find, model_of
from tests.ai.fake_provider import TEXT, TOKENS, FakeProvider
from tests.ai.memory_log import MemoryLog, Stored

PARTIAL = "".join(TOKENS[:2])
QUICK = replace(DEFAULT_LIMITS, attempt_backoff_s=0.01)
STREAM = "stream"


@dataclass(slots=True)
class Stage:
    """A generator and what it writes."""

    find: Find
    log: MemoryLog = field(default_factory=MemoryLog)
    tools: ToolSet = field(default_factory=ToolSet)
    patience: Patience = field(default_factory=Patience)
    attempt: int = 1

    def start(self, model: str) -> "asyncio.Task[Event]":
        provider, name = self.find(model)
        return self.start_with(provider, Request(name, [Turn("user", "Hi!")]))

    def start_with(self, provider: Provider, request: Request) -> "asyncio.Task[Event]":
        clock = SystemClock()
        generator = Generator(
            StreamWriter(Flusher(self.log, clock, QUICK), STREAM, "message"),
            provider,
            request,
            self.tools,
            clock,
            patience=self.patience,
            limits=QUICK,
            attempt=self.attempt,
            dice=random.Random(1),
        )
        return asyncio.create_task(generator.run())

    async def run(self, model: str) -> Stored:
        terminal = await self.start(model)
        assert {**terminal, "seq": 0, "ts": 0} == {**self.stored.terminal, "seq": 0, "ts": 0}
        return self.stored

    @property
    def stored(self) -> Stored:
        return self.log.streams[STREAM]


@pytest.fixture
def stage(find: Find) -> Stage:
    return Stage(find)


# behavior, code, text that stays, requests
FAULTS = [
    ("400", "invalid_request", "", 1),
    ("401", "provider_auth", "", 1),
    ("403", "provider_auth", "", 1),
    ("429", "rate_limited", "", 3),
    ("500", "provider_error", "", 3),
    ("529", "overloaded", "", 3),
    ("reset", "provider_disconnect", PARTIAL, 1),
    ("reset0", "provider_disconnect", "", 3),
    ("cut", "provider_disconnect", PARTIAL, 1),
    ("eof", "incomplete", PARTIAL, 1),
    ("eof0", "incomplete", "", 3),
    ("midline", "incomplete", PARTIAL, 1),
    ("broken-json", "provider_protocol", PARTIAL, 1),
    ("broken-json0", "provider_protocol", "", 3),
    ("error", "provider_error", PARTIAL, 1),
    ("error0", "provider_error", "", 3),
    ("overloaded", "overloaded", PARTIAL, 1),
    ("html", "empty_response", "", 2),
    ("empty", "empty_response", "", 2),
]


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize(("behavior", "code", "text", "requests"), FAULTS, ids=str)
async def test_fault_ends_the_stream_once(
    fake: FakeProvider,
    stage: Stage,
    wire: str,
    behavior: str,
    code: str,
    text: str,
    requests: int,
) -> None:
    stored = await stage.run(model_of(wire, behavior))

    assert ("stream-error", code) == (stored.terminal["type"], stored.terminal["code"])
    assert text == stored.content == stored.state.content == "".join(stored.texts().values())
    assert requests == len(fake.requests)
    assert not any(part.is_open for part in stored.state.parts)
    await fake.until(lambda: fake.open == 0)


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("fault", ["429:0.05", "500", "reset0", "eof0", "broken-json0", "error0"])
async def test_tries_again_before_visible_text(
    fake: FakeProvider, stage: Stage, wire: str, fault: str
) -> None:
    stored = await stage.run(model_of(wire, f"{fault},{fault},ok"))

    assert ("stream-finish", "stop") == (stored.terminal["type"], stored.terminal["finishReason"])
    assert TEXT == stored.content
    assert 3 == len(fake.requests)
    resets = [(e["from"], e["to"]) for e in stored.events if e["type"] == "attempt-reset"]
    assert [(1, 2), (2, 3)] == resets
    assert 3 == stored.state.attempt


async def test_attempts_of_an_earlier_process_count(fake: FakeProvider, stage: Stage) -> None:
    stage.attempt = 3

    stored = await stage.run("openai/500")

    assert "provider_error" == stored.terminal["code"]
    assert 1 == len(fake.requests)


@pytest.mark.parametrize("wire", WIRES)
async def test_longer_retry_after_than_patience(
    fake: FakeProvider, stage: Stage, wire: str
) -> None:
    stored = await stage.run(model_of(wire, "429:3600"))

    assert ("rate_limited", True) == (stored.terminal["code"], stored.terminal["retryable"])
    assert ["stream-start", "stream-error"] == stored.types()
    assert 1 == len(fake.requests)


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("behavior", ["shy", "plain"])
async def test_lost_answer_is_asked_for_plainly(
    fake: FakeProvider, stage: Stage, wire: str, behavior: str
) -> None:
    stored = await stage.run(model_of(wire, behavior))

    assert (TEXT, "stream-finish") == (stored.content, stored.terminal["type"])
    assert [True, False] == [each.streams for each in fake.requests]
    asked = 2 if behavior == "shy" else 1
    assert 11 * asked == stored.terminal["usage"]["inputTokens"]


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize(
    ("behavior", "reason"), [("length", "length"), ("filter", "content-filter")]
)
async def test_cut_answer_is_complete_and_says_so(
    stage: Stage, wire: str, behavior: str, reason: str
) -> None:
    stored = await stage.run(model_of(wire, behavior))

    assert ("stream-finish", reason) == (stored.terminal["type"], stored.terminal["finishReason"])
    assert TEXT == stored.content


# Tools


@dataclass(slots=True)
class Meeting:
    """Proves that two tools run at once: each waits for the other."""

    count: int = 0
    both: asyncio.Event = field(default_factory=asyncio.Event)

    async def come(self) -> None:
        self.count += 1
        if self.count == 2:
            self.both.set()
        await self.both.wait()


@pytest.mark.parametrize("wire", WIRES)
async def test_two_tools_at_once(fake: FakeProvider, stage: Stage, wire: str) -> None:
    meeting = Meeting()

    @tool
    async def add(a: int, b: int) -> int:
        """Adds two numbers."""
        await meeting.come()
        return a + b

    @tool
    async def shout(text: str) -> str:
        """Says it louder."""
        await meeting.come()
        return text.upper()

    stage.tools = ToolSet([add, shout])

    stored = await stage.run(model_of(wire, "tools"))

    assert "[4][GRÜSSE 🌍]" == stored.content
    runs = [
        (each["toolName"], each["status"], each["output"]) for each in stored.state.tool_executions
    ]
    assert [("add", "completed", 4), ("shout", "completed", "GRÜSSE 🌍")] == runs
    assert 2 == len(fake.requests)
    assert 2 == stored.types().count("step-finish")
    assert 22 == stored.terminal["usage"]["inputTokens"]
    assert "stop" == stored.terminal["finishReason"]


async def test_call_is_durable_before_the_tool_runs(stage: Stage) -> None:
    seen: list[list[str]] = []

    @tool
    async def add(a: int, b: int) -> int:
        """Adds two numbers."""
        seen.append([each["status"] for each in reduce(stage.stored.events).tool_executions])
        return a + b

    @tool
    async def shout(text: str) -> str:
        """Says it louder."""
        return text

    stage.tools = ToolSet([add, shout])

    await stage.run("openai/tools")

    assert [["running", "running"]] == seen


@pytest.mark.parametrize("wire", WIRES)
async def test_failure_of_a_tool_goes_back_to_the_model(
    fake: FakeProvider, stage: Stage, wire: str
) -> None:
    @tool
    async def add(a: int, b: int) -> int:
        """Adds two numbers."""
        raise ApplicationError("no numbers today")

    @tool
    async def shout(text: Annotated[str, Field(max_length=3)]) -> str:
        """Says it louder."""
        raise AssertionError("called")

    stage.tools = ToolSet([add, shout])

    stored = await stage.run(model_of(wire, "tools"))

    assert "stream-finish" == stored.terminal["type"]
    assert ["error", "error"] == [each["status"] for each in stored.state.tool_executions]
    assert "no numbers today" in (stored.content or "")
    assert "invalid arguments: text" in (stored.content or "")


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize(
    ("behavior", "told"),
    [("unknown-tool", "there is no tool 'no_such_tool'"), ("broken-tool", "invalid arguments")],
)
async def test_call_that_cannot_be_made(stage: Stage, wire: str, behavior: str, told: str) -> None:
    @tool
    async def add(a: int, b: int) -> int:
        """Adds two numbers."""
        raise AssertionError("called")

    stage.tools = ToolSet([add])

    stored = await stage.run(model_of(wire, behavior))

    assert told in (stored.content or "")
    assert ["error"] == [each["status"] for each in stored.state.tool_executions]


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("behavior", ["cut-tool", "empty-cut-tool"])
async def test_cut_call_is_not_made(
    fake: FakeProvider, stage: Stage, wire: str, behavior: str
) -> None:
    calls = []

    @tool
    async def add(a: int = 0, b: int = 0) -> int:
        """Adds two numbers."""
        calls.append((a, b))
        return 0

    stage.tools = ToolSet([add])

    stored = await stage.run(model_of(wire, behavior))

    assert "length" == stored.terminal["finishReason"]
    assert ["error"] == [each["status"] for each in stored.state.tool_executions]
    assert [] == calls
    assert 1 == len(fake.requests)


class Stubborn:
    """A provider that calls a tool for ever."""

    name = "stubborn"

    async def stream(self, request: Request) -> AsyncGenerator[Event | Completed, None]:
        call = f"call-{len(request.turns)}"
        yield events.tool_input_start(call, "nothing")
        yield events.tool_call(call, "nothing", {})
        yield Completed("tool-calls", events.usage(1, 1))

    async def ask(self, request: Request) -> tuple[list[Event], Completed]:
        raise AssertionError("asked")


async def test_model_that_calls_for_ever(stage: Stage) -> None:
    terminal = await stage.start_with(Stubborn(), Request("x", [Turn("user", "Hi!")]))

    assert ("stream-error", "tool_error") == (terminal["type"], terminal["code"])
    assert DEFAULT_LIMITS.answer_steps_max == stage.stored.types().count("step-finish")


class Odd:
    """A provider that calls a tool with arguments that no document may have."""

    name = "odd"

    async def stream(self, request: Request) -> AsyncGenerator[Event | Completed, None]:
        if len(request.turns) == 1:
            yield events.tool_call("call", "translate", {"words": {"küche": 2**60}})
            yield Completed("tool-calls", events.usage(1, 1))
            return
        yield events.text_start("t")
        yield events.text_delta("t", request.turns[-1].answers[0].text)
        yield Completed("stop", events.usage(1, 1))

    async def ask(self, request: Request) -> tuple[list[Event], Completed]:
        raise AssertionError("asked")


async def test_what_no_document_may_have_is_kept_as_text(stage: Stage) -> None:
    @tool
    async def translate(words: dict[str, int]) -> dict[str, int]:
        """Translates words."""
        return {"$kitchen": words["küche"]}

    stage.tools = ToolSet([translate])

    await stage.start_with(Odd(), Request("x", [Turn("user", "Hi!")]))

    [execution] = stage.stored.state.tool_executions
    assert execution["status"] == "completed"
    assert json.loads(execution["input"]) == {"words": {"küche": 2**60}}
    assert json.loads(execution["output"]) == {"$kitchen": 2**60}
    # The model is told of it as it is.
    assert json.loads(stage.stored.content or "") == {"$kitchen": 2**60}


async def test_tool_that_says_too_much_has_failed(stage: Stage) -> None:
    most = DEFAULT_LIMITS.tool_output_characters_max

    @tool
    async def translate(words: dict[str, int]) -> str:
        """Translates words."""
        return "x" * (most + 1)

    stage.tools = ToolSet([translate])

    terminal = await stage.start_with(Odd(), Request("x", [Turn("user", "Hi!")]))

    assert ["error"] == [each["status"] for each in stage.stored.state.tool_executions]
    assert "the tool said too much" in (stage.stored.content or "")
    assert "stream-finish" == terminal["type"]


class Endless:
    """A provider whose answer has no end."""

    name = "endless"

    async def stream(self, request: Request) -> AsyncGenerator[Event | Completed, None]:
        yield events.text_start("t")
        while True:
            yield events.text_delta("t", "ü" * 4_096)
            await asyncio.sleep(0)

    async def ask(self, request: Request) -> tuple[list[Event], Completed]:
        raise AssertionError("asked")


async def test_answer_that_no_document_could_hold_is_cut(stage: Stage) -> None:
    terminal = await stage.start_with(Endless(), Request("x", [Turn("user", "Hi!")]))

    assert ("stream-finish", "length") == (terminal["type"], terminal["finishReason"])
    size = len((stage.stored.content or "").encode())
    assert DEFAULT_LIMITS.answer_bytes_max - 8_192 <= size <= DEFAULT_LIMITS.answer_bytes_max


# Stop, time, and the end of the process


@pytest.mark.parametrize("wire", WIRES)
async def test_stop_closes_the_connection(fake: FakeProvider, stage: Stage, wire: str) -> None:
    task = stage.start(model_of(wire, "stall"))
    await stage.log.until(lambda: stage.log.text(STREAM) == PARTIAL)

    stage.log.answers[STREAM] = Answer("Ada", "enough")

    terminal = await task
    assert ("stream-stopped", "enough", "Ada") == (
        terminal["type"],
        terminal["reason"],
        terminal["by"],
    )
    assert PARTIAL == stage.stored.content
    await fake.until(lambda: fake.open == 0)


@pytest.mark.parametrize("behavior", ["silent", "stall0", "429:5", "slow:5"])
async def test_stop_while_there_is_nothing(fake: FakeProvider, stage: Stage, behavior: str) -> None:
    task = stage.start(f"openai/{behavior}")
    await fake.until(lambda: bool(fake.requests))

    stage.log.answers[STREAM] = Answer("Ada", "enough")

    assert "stream-stopped" == (await task)["type"]
    assert 1 == len(fake.requests)
    await fake.until(lambda: fake.open == 0)


async def test_stop_during_a_tool(stage: Stage) -> None:
    running = asyncio.Event()
    ended = asyncio.Event()

    @tool
    async def shout(text: str) -> str:
        """Says it louder."""
        running.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return text

    stage.tools = ToolSet([shout])
    task = stage.start("openai/tools")
    await running.wait()

    stage.log.answers[STREAM] = Answer("Ada", "enough")

    assert "stream-stopped" == (await task)["type"]
    assert ended.is_set()
    assert ["error"] == [each["status"] for each in stage.stored.state.tool_executions]


async def test_stream_that_somebody_else_has_ended(fake: FakeProvider, stage: Stage) -> None:
    task = stage.start("openai/stall")
    await stage.log.until(lambda: stage.log.text(STREAM) == PARTIAL)

    stage.log.answers[STREAM] = Answer(is_lost=True)

    with pytest.raises(LostError):
        await task
    assert "text-delta" == stage.stored.types()[-1], "nothing is written into another's stream"
    await fake.until(lambda: fake.open == 0)


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize(
    ("behavior", "patience", "code", "text", "requests"),
    [
        ("silent", Patience(0.2, 30, 60), "timeout_first_token", "", 3),
        ("stall0", Patience(0.2, 30, 60), "timeout_first_token", "", 3),
        ("stall", Patience(30, 0.2, 60), "timeout_between_tokens", PARTIAL, 1),
        ("stall", Patience(30, 30, 0.5), "timeout_total", PARTIAL, 1),
    ],
)
async def test_time_outs(
    fake: FakeProvider,
    stage: Stage,
    wire: str,
    behavior: str,
    patience: Patience,
    code: str,
    text: str,
    requests: int,
) -> None:
    await stage.start(model_of(wire, "ok"))  # the SDK is loaded
    stage.log = MemoryLog()
    fake.requests.clear()
    stage.patience = patience

    stored = await stage.run(model_of(wire, behavior))

    assert ("stream-error", code) == (stored.terminal["type"], stored.terminal["code"])
    assert text == stored.content
    assert requests == len(fake.requests)
    await fake.until(lambda: fake.open == 0)


async def test_slow_first_token_is_no_fault(stage: Stage) -> None:
    stored = await stage.run("openai/slow:0.5")

    assert (TEXT, "stream-finish") == (stored.content, stored.terminal["type"])


async def test_process_that_goes_down_says_so(fake: FakeProvider, stage: Stage) -> None:
    task = stage.start("openai/stall")
    await stage.log.until(lambda: stage.log.text(STREAM) == PARTIAL)

    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert ("orphaned", PARTIAL) == (stage.stored.terminal["code"], stage.stored.content)
    await fake.until(lambda: fake.open == 0)


class Broken:
    """A provider with a mistake."""

    name = "broken"

    async def stream(self, request: Request) -> AsyncGenerator[Event | Completed, None]:
        yield events.text_start("t")
        raise RuntimeError("sk-secret")

    async def ask(self, request: Request) -> tuple[list[Event], Completed]:
        raise AssertionError("asked")


async def test_mistake_of_ours_ends_the_stream_too(stage: Stage) -> None:
    with pytest.raises(RuntimeError):
        await stage.start_with(Broken(), Request("x", [Turn("user", "Hi!")]))

    assert "provider_error" == stage.stored.terminal["code"]
    assert "sk-secret" not in stage.stored.terminal["message"]


class Late:
    """A provider that is stopped in the moment in which it ends."""

    name = "late"

    def __init__(self, turns: int) -> None:
        self.turns = turns
        self.writer: StreamWriter | None = None

    async def stream(self, request: Request) -> AsyncGenerator[Event | Completed, None]:
        yield events.text_start("t")
        yield events.text_delta("t", "Hi")
        assert self.writer is not None
        self.writer.stop_requested.set()
        for _ in range(self.turns):
            await asyncio.sleep(0)
        yield Completed("stop", events.usage(1, 1))

    async def ask(self, request: Request) -> tuple[list[Event], Completed]:
        raise AssertionError("asked")


@pytest.mark.parametrize("turns", range(6))
async def test_stop_in_the_last_moment(stage: Stage, turns: int) -> None:
    """It comes in time or too late; nothing in between."""
    provider = Late(turns)
    clock = SystemClock()
    writer = provider.writer = StreamWriter(Flusher(stage.log, clock, QUICK), STREAM, "message")
    request = Request("x", [Turn("user", "Hi!")])
    task = asyncio.create_task(Generator(writer, provider, request, ToolSet(), clock).run())

    terminal = await task

    assert terminal["type"] == ("stream-finish" if turns < 2 else "stream-stopped")
    assert "Hi" == stage.stored.content
    assert 0 == task.cancelling()
