"""What the server says of answers: in its log, and in development to the caller of an action."""

import json
import re
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from tests.ai.fake_provider import FakeProvider, environment, fake_provider
from tests.flags.conftest import Serve, call
from tests.server import ServerProcess
from tests.sync_client import SyncClient


@pytest.fixture
async def fake() -> AsyncIterator[FakeProvider]:
    async with fake_provider() as server:
        yield server


@pytest.fixture
def serve_fake(serve: Serve, fake: FakeProvider) -> Callable[..., ServerProcess]:
    return lambda **options: serve(**options, **environment(fake.url))


async def answer(server: ServerProcess, model: str, mode: str) -> list[str]:
    """The lines that the caller of the action is sent."""
    call(server, "flags:set", key="realtime", variant=mode)
    async with SyncClient() as client:
        await client.open(server.sync_url)
        thread = await client.run("threads:create", {})
        args = {"taskId": thread, "prompt": "my own words", "model": model}
        response = await client.action("streaming:streamChatWithTools", args)
    assert response["success"], response
    lines: list[str] = response["logLines"]
    assert "my own words" not in "".join(lines) + server.output
    return lines


def told(text: str) -> list[tuple[str, dict[str, Any]]]:
    """The names and the fields of the trial's lines."""
    found = re.findall(r"(trial\.\w+) (\{.*?\})(?:'|\n|$)", text, re.MULTILINE)
    return [(name, json.loads(fields)) for name, fields in found]


async def test_answer_that_is_well(serve_fake: Callable[..., ServerProcess]) -> None:
    with serve_fake(dev=True) as server:
        lines = told("\n".join(await answer(server, "scripted/echo", "mirror")))

        assert ["trial.start", "trial.ok"] == [name for name, _ in lines]
        names = {"task", "message", "stream", "variant"}
        assert all(names <= set(fields) for _, fields in lines)
        assert ("mirror", "DEFAULT", "scripted/echo") == (
            lines[0][1]["variant"],
            lines[0][1]["reason"],
            lines[0][1]["model"],
        )
        server.wait_for_output(r"trial\.ok")
        assert lines == told(server.output)


async def test_answers_that_take_another_way_and_that_may_not(
    serve_fake: Callable[..., ServerProcess], fake: FakeProvider
) -> None:
    with serve_fake(dev=True) as server:
        lines = told("\n".join(await answer(server, "openai/eof0,eof0,ok", "reactive")))

        assert ["trial.start", "trial.fallback", "trial.ok"] == [name for name, _ in lines]
        assert ("plain", "incomplete") == (lines[1][1]["way"], lines[1][1]["why"])
        assert [True, True, False] == [request.streams for request in fake.requests]

        lines = told("\n".join(await answer(server, "openai/eof0", "reactive-only")))

        assert ["trial.start"] == [name for name, _ in lines]
        assert [True, True, True] == [request.streams for request in fake.requests[3:]]


async def test_clients_are_told_nothing_in_production(
    serve_fake: Callable[..., ServerProcess],
) -> None:
    with serve_fake() as server:
        assert [] == await answer(server, "scripted/echo", "reactive")
        assert ["trial.start", "trial.ok"] == [
            name for name, _ in told(server.wait_for_output(r"trial\.ok"))
        ]
