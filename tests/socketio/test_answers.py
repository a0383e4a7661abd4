"""Answers over Socket.IO: every event of the field's client, on every transport."""

import json

import pytest

from reactive.limits import DEFAULT_LIMITS
from tests.socketio.conftest import Site
from tests.socketio.field import Connect, Polling, expected, kinds, text

TRANSPORTS = [("polling",), ("websocket",), ()]


@pytest.mark.parametrize("transports", TRANSPORTS, ids=["polling", "websocket", "default"])
async def test_an_answer_from_the_question_to_its_end(
    site: Site, connect: Connect, task: str, transports: tuple[str, ...]
) -> None:
    await site.thread(task)
    client = await connect(site.server.url, transports, reconnectCount=3)
    assert await client.join(task) == {"variant": "legacy", "path": "legacy"}
    sent = await client.send(task, "one two three", llmModel="scripted/tools")
    await client.until(lambda: client.statuses()[-1:] == ["COMPLETED"])

    info = client.told("connection-info")
    assert [sorted(each) for each in info] == [["connectionId", "reconnectCount", "timestamp"]]
    assert info[0]["reconnectCount"] == 3
    assert client.names()[:2] == ["connection-info", "stream-state"]
    assert client.told("stream-state") == [{"chunks": [], "isStreaming": False, "totalChunks": 0}]
    assert client.statuses() == ["RUNNING", "COMPLETED"]
    assert client.names()[-2:] == ["stream-complete", "task-status-updated"]

    log = await site.log(sent["streamId"])
    assert kinds(client.chunks()) == expected(log)
    assert {each["streamId"] for each in client.chunks()} == {sent["streamId"]}
    complete = client.told("stream-complete")[0]
    assert complete == {
        "streamId": sent["streamId"],
        "messageId": sent["messageId"],
        "stopped": False,
        "finishReason": "stop",
        "usage": log[-1]["usage"],
    }


async def test_chunks_have_the_shapes_of_the_field(site: Site, connect: Connect, task: str) -> None:
    await site.thread(task)
    client = await connect(site.server.url)
    await client.join(task)
    sent = await client.send(task, "one two three", llmModel="scripted/tools")
    await client.until_told("stream-complete")
    fields = {
        "content": ["content"],
        "tool-call-start": ["toolCallStart"],
        "tool-call-delta": ["toolCallDelta"],
        "tool-call": ["toolCall"],
        "tool-result": ["toolResult"],
        "usage": ["usage"],
        "complete": ["finishReason"],
    }
    assert {each["type"] for each in client.chunks()} == set(fields)
    for chunk in client.chunks():
        assert sorted(chunk) == sorted(["type", "streamId", "seq", *fields[chunk["type"]]])
    parts = {each["type"]: each for each in client.chunks()}
    assert sorted(parts["tool-call-start"]["toolCallStart"]) == ["id", "name"]
    assert sorted(parts["tool-call-delta"]["toolCallDelta"]) == ["argsTextDelta", "id", "name"]
    assert sorted(parts["tool-call"]["toolCall"]) == ["args", "id", "name"]
    assert sorted(parts["tool-result"]["toolResult"]) == ["id", "isValid", "result"]
    names = {each["toolCallDelta"]["name"] for each in client.chunks() if "toolCallDelta" in each}
    assert "" not in names
    messages = await site.call("query", "messages:observe", threadId=await site.thread(task))
    assert text(client.chunks(sent["streamId"])) == messages[-1]["content"]


async def test_reasoning_is_told_apart(faked: Site, connect: Connect, task: str) -> None:
    await faked.thread(task)
    client = await connect(faked.server.url)
    await client.join(task)
    await client.send(task, "hello", llmModel="openrouter/thought")
    await client.until_told("stream-complete")
    thoughts = [each["reasoning"] for each in client.chunks() if each["type"] == "reasoning"]
    assert "".join(thoughts) == "Hm, so 🤔"


async def test_a_failure(site: Site, connect: Connect, task: str) -> None:
    await site.thread(task)
    client = await connect(site.server.url)
    await client.join(task)
    sent = await client.send(task, "hello", llmModel="scripted/fail")
    failure = await client.until_told("stream-error")
    await client.until(lambda: client.statuses()[-1:] == ["FAILED"])
    assert failure["streamId"] == sent["streamId"]
    assert failure["messageId"] == sent["messageId"]
    last = client.chunks()[-1]
    assert (last["type"], last["error"]) == ("error", failure["error"])
    assert client.told("task-status-updated")[-1]["errorMessage"] == failure["error"]
    assert not client.told("stream-complete")
    assert kinds(client.chunks()) == expected(await site.log(sent["streamId"]))


async def test_a_failure_that_is_dismissed_is_told_no_more(
    site: Site, connect: Connect, task: str
) -> None:
    await site.thread(task)
    client = await connect(site.server.url)
    await client.join(task)
    await client.send(task, "one two", llmModel="scripted/echo")
    await client.until_told("stream-complete")
    sent = await client.send(task, "hello", llmModel="scripted/fail")
    await client.until(lambda: client.statuses()[-1:] == ["FAILED"])
    await client.call("get-chat-history", taskId=task)
    await client.call("request-history", taskId=task)
    history = (await client.until_told("chat-history"))["messages"]
    assert history[-1]["_id"] == sent["messageId"]
    state = await client.until_told("stream-state", 2)
    assert state["totalChunks"] == len(client.chunks(sent["streamId"]))

    await site.call("mutation", "messages:dismiss", messageId=sent["messageId"])

    nothing = {"chunks": [], "isStreaming": False, "totalChunks": 0}
    late = await connect(site.server.url)
    assert await late.join(task) == {"variant": "legacy", "path": "legacy"}
    assert await late.until_told("stream-state") == nothing
    # Who has not joined is told by the store, who has by the room.
    other = await connect(site.server.url)
    for each, states in ((client, 3), (late, 2), (other, 1)):
        await each.call("get-chat-history", taskId=task)
        told = await each.until_told("chat-history", 2 if each is client else 1)
        assert told["messages"] == history[:-1]
        await each.call("request-history", taskId=task)
        assert await each.until_told("stream-state", states) == nothing
    assert client.statuses()[-1] == "FAILED"

    # What comes next is told as ever.
    await client.send(task, "three", llmModel="scripted/echo")
    await late.until_told("stream-complete")
    assert text(late.chunks()) == "three"


async def test_a_failure_is_told_to_its_end_to_who_was_away_when_it_was_dismissed(
    site: Site, connect: Connect, task: str
) -> None:
    await site.thread(task)
    client = await connect(site.server.url)
    await client.join(task)
    sent = await client.send(task, "one two three four", llmModel="scripted/fail")
    await client.until_told("stream-error")
    await site.call("mutation", "messages:dismiss", messageId=sent["messageId"])
    since = {"streamId": sent["streamId"], "seq": client.chunks()[0]["seq"]}
    back = await connect(site.server.url)
    await back.join(task, since=since)
    await back.until(lambda: back.statuses()[-1:] == ["FAILED"])
    assert back.chunks() == client.chunks()[1:]


async def test_a_stop_keeps_the_text_so_far(site: Site, connect: Connect, task: str) -> None:
    await site.thread(task)
    client = await connect(site.server.url)
    await client.join(task)
    sent = await client.send(task, "hello", llmModel="scripted/story")
    await client.until(lambda: len(client.chunks()) >= 3)
    await client.call("stop-stream", taskId=task)
    complete = await client.until_told("stream-complete")
    assert complete["stopped"] is True
    await client.until(lambda: client.statuses() == ["RUNNING", "STOPPED"])
    assert client.chunks()[-1]["type"] == "complete"
    assert client.chunks()[-1]["finishReason"] == "stopped"
    assert kinds(client.chunks()) == expected(await site.log(sent["streamId"]))


async def test_another_attempt_begins_with_an_empty_state(
    faked: Site, connect: Connect, task: str
) -> None:
    await faked.thread(task)
    client = await connect(faked.server.url)
    await client.join(task)
    sent = await client.send(task, "hello", llmModel="openai/reset0,ok")
    await client.until_told("stream-complete")
    log = await faked.log(sent["streamId"])
    assert [each["to"] for each in log if each["type"] == "attempt-reset"] == [2]
    assert client.told("stream-state")[1:] == [
        {"chunks": [], "isStreaming": True, "totalChunks": 0}
    ]
    late = await connect(faked.server.url)
    await late.join(task)
    state = await late.until_told("stream-state")
    assert text(state["chunks"]) == text(client.chunks())


async def test_everybody_in_a_task_gets_what_anybody_starts(
    site: Site, connect: Connect, task: str
) -> None:
    thread = await site.thread(task)
    by_name = await connect(site.server.url)
    by_id = await connect(site.server.url, ("polling",))
    gone = await connect(site.server.url)
    await by_name.join(task)
    await by_id.join(thread)
    await gone.join(task)
    await gone.until_told("stream-state")
    left = await gone.call("leave-task", taskId=task)
    assert left == {"variant": "legacy", "path": "legacy"}
    heard = len(gone.heard)
    args = {"threadId": thread, "prompt": "to all of you", "model": "scripted/echo"}
    sent = await site.call("mutation", "messages:send", **args)
    for client, name in ((by_name, task), (by_id, thread)):
        await client.until(lambda client=client: client.statuses()[-1:] == ["COMPLETED"])  # type: ignore[misc]
        assert {each["taskId"] for each in client.told("task-status-updated")} == {name}
    assert by_name.chunks() == by_id.chunks()
    assert kinds(by_id.chunks()) == expected(await site.log(sent["streamId"]))
    await gone.call("heartbeat")
    assert len(gone.heard) == heard


async def test_who_comes_in_the_middle_gets_the_state_and_then_the_rest(
    site: Site, connect: Connect, task: str
) -> None:
    await site.thread(task)
    first = await connect(site.server.url)
    await first.join(task)
    sent = await first.send(task, "hello", llmModel="scripted/story")
    await first.until(lambda: len(first.chunks()) >= 5)
    late = await connect(site.server.url)
    told = await late.join(task)
    assert told["streamId"] == sent["streamId"]
    await first.call("request-history", taskId=task, fromPosition=2)
    asked = await first.until_told("stream-state", 2)
    await late.until(lambda: len(late.chunks()) >= 5)
    await first.call("stop-stream", taskId=task)
    await late.until_told("stream-complete")
    await first.until_told("stream-complete")
    state = late.told("stream-state")[0]
    assert state["isStreaming"] is True
    assert state["totalChunks"] == len(state["chunks"])
    assert state["chunks"][-1]["seq"] <= told["seq"]
    assert state["chunks"] + late.chunks() == first.chunks()
    await late.until(lambda: late.statuses() == ["RUNNING", "STOPPED"])
    known = asked["totalChunks"]
    assert asked["chunks"] == first.chunks()[2:known]

    after = await connect(site.server.url)
    await after.join(task)
    state = await after.until_told("stream-state")
    assert state["isStreaming"] is False
    assert state["chunks"] == first.chunks()
    assert not after.chunks()


async def test_history(site: Site, connect: Connect, task: str) -> None:
    thread = await site.thread(task)
    client = await connect(site.server.url)
    await client.join(task)
    await client.send(task, "say this", llmModel="scripted/echo")
    await client.until_told("stream-complete")
    await client.call("get-chat-history", taskId=task, complete=True)
    told = await client.until_told("chat-history")
    assert told["taskId"] == task
    assert told["queuedAction"] is None
    page = {"numItems": 10, "cursor": None}
    listed = await site.call("query", "messages:list", threadId=thread, paginationOpts=page)
    assert told["messages"] == listed["page"][::-1]
    assert [each["role"] for each in told["messages"]] == ["user", "assistant"]


async def test_a_history_waits_until_what_was_sent_before_is_taken(site: Site, task: str) -> None:
    thread = await site.thread(task)
    long = "x" * DEFAULT_LIMITS.socket_unsent_bytes_max
    await site.call("mutation", "messages:send", threadId=thread, prompt=long)
    client = await Polling(site.session, site.url).open()
    while not (await client.poll())[-1].startswith('42["connection-info"'):
        pass
    # While it does not poll, there is room for the first one only.
    events = [("get-chat-history", {"complete": True})] * 2 + [("request-history", {})]
    asked = [json.dumps([event, {"taskId": task, **more}]) for event, more in events]
    await client.say(*(f"42{number}{event}" for number, event in enumerate(asked)))
    told: list[str] = []

    def count(start: str) -> int:
        return sum(each.startswith(start) for each in told)

    while count('42["chat-history"') < 2 or count('42["stream-state"') < 1:
        told += await client.poll()
    assert [count(f"43{number}[]") for number in range(3)] == [1, 1, 1]
    histories = [json.loads(each[2:])[1] for each in told if each.startswith('42["chat-')]
    assert [each["messages"][0]["content"] for each in histories] == [long, long]


async def test_a_history_is_no_more_than_a_python_client_takes(
    site: Site, connect: Connect, task: str
) -> None:
    thread = await site.thread(task)
    prompts = [f"{number} " + "好" * 95_000 for number in range(8)]
    for prompt in prompts:
        # Six bytes a character: all of them together are more than 4 MiB.
        await site.call(
            "mutation", "messages:send", threadId=thread, prompt=prompt, model="scripted/slow"
        )
    client = await connect(site.server.url, ("websocket",))
    assert await client.call("get-chat-history", taskId=task, complete=True) is None
    told = await client.until_told("chat-history")
    asked = [each["content"] for each in told["messages"] if each["role"] == "user"]
    assert asked == prompts[-5:]
    assert client.names().count("disconnect") == 0
    await client.call("stop-stream", taskId=task)


async def test_a_message_that_is_sent_again_is_answered_once(
    site: Site, connect: Connect, task: str
) -> None:
    await site.thread(task)
    client = await connect(site.server.url)
    await client.join(task)
    first = await client.send(task, "once", llmModel="scripted/echo", clientMessageId="m1")
    again = await client.send(task, "once", llmModel="scripted/echo", clientMessageId="m1")
    assert first == again
    await client.until_told("stream-complete")


@pytest.mark.parametrize(
    ("event", "payload", "code"),
    [
        ("join-task", {"taskId": "no such task"}, "not_found"),
        ("join-task", {"taskId": ""}, "invalid_request"),
        ("join-task", {}, "invalid_request"),
        ("user-message", {"taskId": "no such task", "message": "x"}, "not_found"),
        ("stop-stream", {"taskId": "no such task"}, "not_found"),
        ("get-chat-history", {"taskId": "no such task"}, "not_found"),
        ("request-history", {"taskId": "no such task", "fromPosition": -1}, "invalid_request"),
        ("user-message", {"taskId": "$", "message": "x", "clientMessageId": ""}, "invalid_request"),
    ],
)
async def test_refusals(
    site: Site, connect: Connect, task: str, event: str, payload: dict[str, object], code: str
) -> None:
    client = await connect(site.server.url)
    if payload.get("taskId") == "$":
        await site.thread(task)
        payload = {**payload, "taskId": task}
    told = await client.call(event, **payload)
    assert told["error"]["code"] == code
    assert sorted(told["error"]) == ["code", "message"]
    error = await client.until_told("message-error")
    assert error["error"] == told["error"]["message"]


async def test_a_cursor_must_be_one(site: Site, connect: Connect, task: str) -> None:
    await site.thread(task)
    client = await connect(site.server.url)
    await client.join(task)
    sent = await client.send(task, "hello", llmModel="scripted/echo")
    await client.until_told("stream-complete")
    ahead = {"streamId": sent["streamId"], "seq": 10_000}
    told = await client.call("join-task", taskId=task, since=ahead)
    assert told["error"]["code"] == "invalid_request"
    for unknown in ("nothing", "", sent["messageId"]):
        since = {"streamId": unknown, "seq": 1}
        told = await client.call("join-task", taskId=task, since=since)
        refusal = {"code": "not_found", "message": f"There is no stream {unknown!r}."}
        assert told == {"error": refusal}
