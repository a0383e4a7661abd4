"""On a server that knows its users, answers are read by those whose threads they are in."""

import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import pytest
from aiohttp import ClientSession

from tests.auth.issuer import Issuer
from tests.readers.reading import Answer, ask, new_thread, read
from tests.server import ServerProcess


@pytest.fixture
async def ada(guarded: ServerProcess, issuer: Issuer) -> AsyncIterator[ClientSession]:
    headers = {"Authorization": f"Bearer {issuer.token('ada')}"}
    async with ClientSession(guarded.url, headers=headers) as session:
        yield session


@pytest.fixture
async def eve(guarded: ServerProcess, issuer: Issuer) -> AsyncIterator[ClientSession]:
    headers = {"Authorization": f"Bearer {issuer.token('eve')}"}
    async with ClientSession(guarded.url, headers=headers) as session:
        yield session


def chat(name: str, **more: Any) -> dict[str, Any]:
    return {"id": name, "messages": [{"role": "user", "content": "x"}], **more}


def subscription(message: str, thread: str) -> str:
    value = json.dumps({"assistantMessageId": message, "projectId": thread})
    return f"/trpc/chat.streamResponse?input={quote(value)}"


async def _answer(site: ClientSession, thread: str) -> Answer:
    await new_thread(site, thread)
    return await ask(site, thread, "between you and me")


async def test_owner_reads(ada: ClientSession, thread: str) -> None:
    answer = await _answer(ada, thread)
    assert answer.text == "between you and me"
    stream, message = answer.headers["x-stream-id"], answer.headers["x-message-id"]
    async with ada.get(f"/stream-chat/{stream}") as response:
        assert (await read(response)).frames == answer.frames
    async with ada.get(subscription(message, thread)) as response:
        assert response.status == 200


async def test_what_is_somebody_elses_is_not_there(
    ada: ClientSession, eve: ClientSession, thread: str
) -> None:
    thread_id = await new_thread(ada, thread)
    answer = await _answer(ada, thread)
    stream, message = answer.headers["x-stream-id"], answer.headers["x-message-id"]
    tries: list[tuple[str, str, Any]] = [
        ("GET", f"/stream-chat/{stream}", None),
        ("POST", f"/stream-chat/{stream}/stop", None),
        ("POST", "/stream-chat", {"threadId": thread, "prompt": "x"}),
        ("POST", "/stream-chat", {"threadId": thread_id, "prompt": "x"}),
        ("POST", "/chat", {"threadId": thread_id, "prompt": "x"}),
        ("POST", "/api/chat", chat(thread_id)),
        ("POST", "/api/chat", chat(thread_id, trigger="regenerate-message", messageId=message)),
        ("GET", f"/api/chat/{thread_id}/stream", None),
        ("GET", subscription(message, thread), None),
        ("GET", subscription(message, thread_id), None),
    ]
    for method, path, body in tries:
        async with eve.request(method, path, json=body) as response:
            assert response.status == 404, (path, await response.text())
            assert (await response.json())["code"] == "not_found"


async def test_somebody_elses_ids_are_as_unknown_as_any(
    ada: ClientSession, eve: ClientSession, thread: str
) -> None:
    answer = await _answer(ada, thread)
    stream, message = answer.headers["x-stream-id"], answer.headers["x-message-id"]
    tries = [
        ("mutation", "streams:stop", "streamId", stream),
        ("query", "streams:debugInfo", "streamId", stream),
        ("query", "streamEvents:getStreamEvents", "streamId", stream),
        ("query", "parts:order", "messageId", message),
        ("mutation", "messages:dismiss", "messageId", message),
    ]
    for kind, path, name, known in tries:
        body = {"path": path, "args": {name: known}, "format": "json"}
        async with eve.post(f"/api/{kind}", json=body) as response:
            told = await response.json()
        # Nothing of the thread that it is in.
        expected = {"code": "not_found", "message": f"There is no {name[:-2]} {known!r}."}
        assert told["errorData"] == expected, path


async def test_one_name_may_be_of_two_threads(
    ada: ClientSession, eve: ClientSession, thread: str
) -> None:
    for site in (ada, eve):
        async with site.post("/api/chat", json=chat(thread)) as response:
            assert response.status == 200
            await response.read()
    async with ada.post("/chat", json={"threadId": thread, "prompt": "x"}) as response:
        assert (await response.json())["order"] == 3


@pytest.mark.parametrize("token", [None, "Bearer nonsense", "Basic nonsense"])
async def test_stranger_is_sent_away(guarded: ServerProcess, token: str | None) -> None:
    headers = {} if token is None else {"Authorization": token}
    paths = [
        ("POST", "/stream-chat"),
        ("GET", "/stream-chat/x"),
        ("POST", "/stream-chat/x/stop"),
        ("POST", "/chat"),
        ("POST", "/api/chat"),
        ("GET", "/api/chat/x/stream"),
        ("GET", "/trpc/chat.streamResponse"),
    ]
    async with ClientSession(guarded.url, headers=headers) as site:
        for method, path in paths:
            async with site.request(method, path, json=chat("x")) as response:
                error = await response.json()
            assert response.status == 401, (path, error)
            assert set(error) == {"code", "message"}


async def test_token_that_is_over_is_sent_away(guarded: ServerProcess, issuer: Issuer) -> None:
    headers = {"Authorization": f"Bearer {issuer.token('ada', iat=1, exp=1_000)}"}
    async with (
        ClientSession(guarded.url, headers=headers) as site,
        site.post("/chat", json={"threadId": "x", "prompt": "x"}) as response,
    ):
        assert response.status == 401
        assert "message" in await response.json()
