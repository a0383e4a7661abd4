"""`/stream-chat` and `/chat`: stored events and text over plain HTTP."""

import asyncio
import json
from collections.abc import Callable
from io import BytesIO
from urllib.parse import quote

import pytest
from aiohttp import ClientPayloadError, ClientSession

from tests.readers.reading import Frame, ask, call, frames_of, new_thread, read, state_of, text_of
from tests.server import ServerProcess

LONG = " ".join(f"word{number}" for number in range(70))


async def _reader_is_told(site: ClientSession, stream: str, after: int) -> list[int]:
    headers = {"Last-Event-ID": str(after)}
    async with site.get(f"/stream-chat/{stream}", headers=headers) as response:
        assert response.status == 200
        return [event["seq"] for event in (await read(response)).events]


async def test_frame_is_a_stored_event(site: ClientSession, thread: str) -> None:
    await new_thread(site, thread)
    answer = await ask(site, thread, "Hello wide Wörld 🌍")

    stream = answer.headers["x-stream-id"]
    stored = await call(site, "query", "streamEvents:getStreamEvents", streamId=stream)
    assert answer.events == stored["events"]
    assert [frame.id for frame in answer.frames] == [str(event["seq"]) for event in answer.events]
    assert [frame.event for frame in answer.frames] == answer.types
    assert [event["seq"] for event in answer.events] == list(range(1, len(answer.events) + 1))
    assert answer.types[0] == "stream-start"
    assert answer.types[-1] == "stream-finish"
    assert answer.text == "Hello wide Wörld 🌍"
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["cache-control"] == "no-cache, no-transform"
    assert answer.headers["x-accel-buffering"] == "no"
    assert answer.events[0]["messageId"] == answer.headers["x-message-id"]


async def test_thread_goes_by_its_id_too(site: ClientSession, thread: str) -> None:
    thread_id = await new_thread(site, thread)
    answer = await ask(site, thread_id, "by id")
    assert answer.text == "by id"


async def test_answer_is_told_while_it_is_made(site: ClientSession, thread: str) -> None:
    await new_thread(site, thread)
    body = {"threadId": thread, "prompt": "x", "model": "scripted/story"}
    async with site.post("/stream-chat", json=body) as response:
        stream = response.headers["x-stream-id"]
        async for frame in frames_of(response):
            if frame.event == "text-delta":
                break
        assert (await state_of(site, stream))["state"] == "streaming"
        async with site.post(f"/stream-chat/{stream}/stop") as stopped:
            assert stopped.status == 204
        rest = [frame async for frame in frames_of(response)]
    assert rest[-1].event == "stream-stopped"
    assert rest[-1].json["by"] == "local"


@pytest.mark.parametrize("after", [0, 1, 3, 5])
async def test_rest_follows_last_event_id(site: ClientSession, thread: str, after: int) -> None:
    await new_thread(site, thread)
    answer = await ask(site, thread, "one two three four")
    stream = answer.headers["x-stream-id"]

    for headers, query in ({"Last-Event-ID": str(after)}, ""), ({}, f"?after={after}"):
        async with site.get(f"/stream-chat/{stream}{query}", headers=headers) as response:
            rest = await read(response)
        assert rest.events == answer.events[after:]
        assert rest.headers["x-message-id"] == answer.headers["x-message-id"]


async def test_nothing_follows_the_end(site: ClientSession, thread: str) -> None:
    await new_thread(site, thread)
    answer = await ask(site, thread, "short")
    last = answer.frames[-1].id
    assert last is not None
    url = f"/stream-chat/{answer.headers['x-stream-id']}"
    async with site.get(url, headers={"Last-Event-ID": last}) as response:
        assert response.status == 204
    async with site.get(url, headers={"Last-Event-ID": str(int(last) + 1)}) as response:
        assert (response.status, (await response.json())["code"]) == (400, "invalid_request")


async def test_head_tells_that_there_is_one(site: ClientSession, thread: str) -> None:
    await new_thread(site, thread)
    answer = await ask(site, thread, "short")
    async with site.head(f"/stream-chat/{answer.headers['x-stream-id']}") as response:
        assert response.status == 200
        assert response.headers["x-message-id"] == answer.headers["x-message-id"]


async def test_many_readers_are_told_the_same(site: ClientSession, thread: str) -> None:
    await new_thread(site, thread)
    body = {"threadId": thread, "prompt": LONG, "model": "scripted/echo"}
    async with site.post("/stream-chat", json=body) as response:
        url = f"/stream-chat/{response.headers['x-stream-id']}"

        async def late() -> list[Frame]:
            async with site.get(url) as other:
                return (await read(other)).frames

        others = [asyncio.create_task(late()) for _ in range(8)]
        first = (await read(response)).frames
    for other in others:
        assert await other == first
    assert text_of([frame.json for frame in first]) == LONG


async def test_lost_client_does_not_stop_the_answer(site: ClientSession, thread: str) -> None:
    await new_thread(site, thread)
    body = {"threadId": thread, "prompt": LONG[:300]}
    async with site.post("/stream-chat", json=body) as response:
        stream = response.headers["x-stream-id"]
        await anext(frames_of(response))
        response.close()
    async with site.get(f"/stream-chat/{stream}") as response:
        answer = await read(response)
    assert answer.types[-1] == "stream-finish"
    assert answer.text == LONG[:300]


async def test_lost_client_stops_it_where_that_is_asked(site: ClientSession, thread: str) -> None:
    await new_thread(site, thread)
    body = {
        "threadId": thread,
        "prompt": "x",
        "model": "scripted/story",
        "onDisconnect": "cancel",
    }
    async with site.post("/stream-chat", json=body) as response:
        stream = response.headers["x-stream-id"]
        await anext(frames_of(response))
        response.close()
    async with site.get(f"/stream-chat/{stream}") as response:
        assert (await read(response)).types[-1] == "stream-stopped"


async def test_sent_again_it_is_the_same_answer(site: ClientSession, thread: str) -> None:
    await new_thread(site, thread)
    first = await ask(site, thread, "only once", clientMessageId="m1")
    again = await ask(site, thread, "only once", clientMessageId="m1")
    assert again.frames == first.frames
    assert again.headers["x-stream-id"] == first.headers["x-stream-id"]


async def test_plain_text(site: ClientSession, thread: str) -> None:
    await new_thread(site, thread)
    body = {"threadId": thread, "prompt": "just  the\nwords 🌍"}
    headers = {"Accept": "text/plain"}
    async with site.post("/stream-chat", json=body, headers=headers) as response:
        assert response.content_type == "text/plain"
        assert await response.text() == "just  the\nwords 🌍"
        stream = response.headers["x-stream-id"]
    async with site.get(f"/stream-chat/{stream}", headers=headers) as response:
        assert await response.text() == "just  the\nwords 🌍"


async def test_plain_text_of_a_failure_breaks_off(site: ClientSession, thread: str) -> None:
    await new_thread(site, thread)
    body = {"threadId": thread, "prompt": "a b c d", "model": "scripted/fail"}
    headers = {"Accept": "text/plain"}
    async with site.post("/stream-chat", json=body, headers=headers) as response:
        assert await response.content.readexactly(len("a b ")) == b"a b "
        with pytest.raises(ClientPayloadError):
            await response.read()


async def test_chat_answers_with_the_message(site: ClientSession, thread: str) -> None:
    thread_id = await new_thread(site, thread)
    body = {"threadId": thread, "prompt": "all at once", "systemPrompt": "Be kind."}
    async with site.post("/chat", json=body) as response:
        assert response.status == 200
        message = await response.json()
    listed = await call(
        site,
        "query",
        "messages:list",
        threadId=thread_id,
        paginationOpts={"numItems": 10, "cursor": None},
    )
    assert message == listed["page"][0]
    assert (message["role"], message["status"]) == ("assistant", "complete")
    assert message["content"] == "all at once"
    assert message["usage"]["outputTokens"] == 3
    events = await call(site, "query", "streamEvents:getStreamEvents", streamId=message["streamId"])
    assert text_of(events["events"]) == "all at once"


async def test_chat_answers_with_a_failed_message(site: ClientSession, thread: str) -> None:
    await new_thread(site, thread)
    body = {"threadId": thread, "prompt": "a b c d", "model": "scripted/fail"}
    async with site.post("/chat", json=body) as response:
        message = await response.json()
    assert (message["status"], message["errorCode"]) == ("error", "provider_error")
    assert message["content"] == "a b "


BAD = [
    ("POST", "/stream-chat", b"{oops", 400, "not JSON"),
    ("POST", "/stream-chat", b"[]", 400, "JSON object"),
    ("POST", "/stream-chat", b'{"prompt": "x"}', 400, "threadId"),
    ("POST", "/stream-chat", b'{"threadId": "$", "prompt": null}', 400, "prompt"),
    ("POST", "/stream-chat", b'{"threadId": "$", "prompt": " "}', 400, "empty"),
    ("POST", "/stream-chat", b'{"threadId": "$", "prompt": "x", "modle": "y"}', 400, "modle"),
    ("POST", "/stream-chat", b'{"threadId": "$", "prompt": "x", "model": "y"}', 400, "'y'"),
    ("POST", "/stream-chat", b'{"threadId": "$", "prompt": "x", "model": 5}', 400, "model"),
    (
        "POST",
        "/stream-chat",
        b'{"threadId": "$", "prompt": "x", "onDisconnect": "maybe"}',
        400,
        "onDisconnect",
    ),
    ("POST", "/stream-chat", b'{"threadId": "nowhere", "prompt": "x"}', 404, "nowhere"),
    ("POST", "/chat", b'{"threadId": "nowhere", "prompt": "x"}', 404, "nowhere"),
    ("GET", "/stream-chat/nothing", b"", 404, "nothing"),
    ("GET", "/stream-chat/", b"", 404, "no stream"),
    ("POST", "/stream-chat/nothing/stop", b"", 404, "nothing"),
    ("POST", "/stream-chat/nothing", b"", 404, "/stop"),
    ("GET", "/api/chat/x", b"", 404, "/stream"),
    ("POST", "/api/chat", b'{"id": "$"}', 400, "messages"),
    ("POST", "/api/chat", b'{"id": "$", "messages": []}', 400, "messages"),
    ("POST", "/api/chat", b'{"id": "", "messages": [{"role": "user", "content": "x"}]}', 400, "id"),
    (
        "POST",
        "/api/chat",
        b'{"id": "$", "messages": [{"role": "assistant", "parts": []}]}',
        400,
        "user's",
    ),
    (
        "POST",
        "/api/chat",
        b'{"id": "$", "messages": [{"role": "user", "parts": [{"type": "file"}]}]}',
        400,
        "'file'",
    ),
    ("GET", "/trpc/chat.streamResponse", b"", 400, "input"),
    ("GET", "/trpc/chat.streamResponse?input={}", b"", 400, "assistantMessageId"),
    (
        "GET",
        '/trpc/chat.streamResponse?input={"assistantMessageId":"a","projectId":"b"}',
        b"",
        404,
        "'a'",
    ),
    (
        "GET",
        '/trpc/chat.streamResponse?input={"assistantMessageId":"a","projectId":"b",'
        '"lastEventId":"x"}',
        b"",
        400,
        "lastEventId",
    ),
]


@pytest.mark.parametrize(("method", "path", "body", "status", "word"), BAD)
async def test_bad_request_is_told_what_is_wrong(
    site: ClientSession, thread: str, method: str, path: str, body: bytes, status: int, word: str
) -> None:
    await new_thread(site, "bad")
    data = body.replace(b"$", b"bad")
    async with site.request(method, path, data=data) as response:
        error = await response.json()
    assert response.status == status, error
    assert set(error) == {"code", "message"}
    assert error["code"] == {400: "invalid_request", 404: "not_found"}[status]
    assert word in error["message"]


async def test_too_large_body_is_refused(site: ClientSession) -> None:
    async with site.post("/chat", data=BytesIO(b" " * (21 * 1024 * 1024))) as response:
        assert (response.status, (await response.json())["code"]) == (413, "too_large")


async def test_too_many_messages(own_app: Callable[..., ServerProcess]) -> None:
    server = own_app(REACTIVE_RATE_LIMIT="1")
    async with ClientSession(server.url) as site:
        await new_thread(site, "t")
        body = {"threadId": "t", "prompt": "x"}
        async with site.post("/chat", json=body) as first, site.post("/chat", json=body) as second:
            assert (first.status, second.status) == (200, 429)
            assert (await second.json())["code"] == "rate_limited"
            assert 0 < int(second.headers["Retry-After"]) <= 60


async def test_other_origins_may_call_as_the_setting_says(
    own_app: Callable[..., ServerProcess],
) -> None:
    server = own_app(REACTIVE_ALLOWED_ORIGINS='["https://good.example"]')
    async with ClientSession(server.url) as site:
        for path in ("/api/chat", "/stream-chat", "/chat"):
            for origin, status in (("https://good.example", 204), ("https://bad.example", 403)):
                headers = {
                    "Origin": origin,
                    "Access-Control-Request-Method": "POST",
                    "Access-Control-Request-Headers": "content-type,authorization",
                }
                async with site.options(path, headers=headers) as response:
                    assert response.status == status
                    allowed = response.headers.get("Access-Control-Allow-Origin")
                    assert allowed == (origin if status == 204 else None)
        await new_thread(site, "t")
        body = {"threadId": "t", "prompt": "x"}
        headers = {"Origin": "https://good.example"}
        async with site.post("/stream-chat", json=body, headers=headers) as response:
            assert response.headers["Access-Control-Allow-Origin"] == "https://good.example"
            assert "x-stream-id" in response.headers["Access-Control-Expose-Headers"]


async def test_stop_of_a_finished_answer_changes_nothing(site: ClientSession, thread: str) -> None:
    await new_thread(site, thread)
    answer = await ask(site, thread, "short")
    stream = answer.headers["x-stream-id"]
    async with site.post(f"/stream-chat/{stream}/stop") as response:
        assert response.status == 204
    assert (await state_of(site, stream))["state"] == "finished"


async def test_log_of_a_long_answer_comes_in_pages(site: ClientSession, thread: str) -> None:
    await new_thread(site, thread)
    answer = await ask(site, thread, LONG)
    stream = answer.headers["x-stream-id"]
    for after in (0, len(answer.frames) // 2, len(answer.frames) - 1):
        rest = await _reader_is_told(site, stream, after)
        assert rest == list(range(after + 1, len(answer.frames) + 1))


async def test_reader_that_is_ahead_waits(site: ClientSession, thread: str) -> None:
    """Another process may be behind what its reader was told elsewhere."""
    await new_thread(site, thread)
    body = {"threadId": thread, "prompt": LONG[:400]}
    async with site.post("/stream-chat", json=body) as response:
        stream = response.headers["x-stream-id"]
        await anext(frames_of(response))
        seqs = await _reader_is_told(site, stream, 20)
        whole = [frame async for frame in frames_of(response)]
    assert seqs == list(range(21, whole[-1].json["seq"] + 1))


async def test_stream_is_read_by_the_other_dialects_too(site: ClientSession, thread: str) -> None:
    await new_thread(site, thread)
    answer = await ask(site, thread, "in other words")
    value = json.dumps({"assistantMessageId": answer.headers["x-message-id"], "projectId": thread})
    async with site.get("/trpc/chat.streamResponse", params={"input": value}) as response:
        told = await read(response)
    assert told.headers["x-stream-id"] == answer.headers["x-stream-id"]
    assert told.frames[0].event == "connected"
    assert told.frames[-1].event == "return"
    items = [frame.json for frame in told.frames if frame.event == "message"]
    assert [item["content"] for item in items if item["type"] == "delta"] == [
        event["delta"] for event in answer.events if event["type"] == "text-delta"
    ]


async def test_ui_message_stream(site: ClientSession, thread: str) -> None:
    body = {"id": thread, "messages": [{"id": "m1", "role": "user", "content": "older client"}]}
    async with site.post("/api/chat", json=body) as response:
        assert response.headers["x-vercel-ai-ui-message-stream"] == "v1"
        told = await read(response)
    assert told.frames[-1].data == "[DONE]"
    chunks = [frame.json for frame in told.frames[:-1]]
    assert (chunks[0]["type"], chunks[-1]["type"]) == ("start", "finish")
    text = [chunk["delta"] for chunk in chunks if chunk["type"] == "text-delta"]
    assert "".join(text) == "older client"
    async with site.get(f"/api/chat/{quote(thread, safe='')}/stream") as response:
        assert response.status == 204
