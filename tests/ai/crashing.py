"""What tests of servers that die ask of them, before and afterwards."""

from collections.abc import Callable
from typing import Any

from reactive.ai.events import Event, is_terminal
from reactive.ai.reducer import StreamState, reduce
from reactive.limits import DEFAULT_LIMITS
from tests.server import ServerProcess
from tests.sync_client import SyncClient

FIRST_PAGE = {"numItems": 10, "cursor": None}
ENDS_WITHIN_S = DEFAULT_LIMITS.lease_s + 20.0

Seen = list[Event]
When = Callable[[Seen], bool]


async def send(client: SyncClient, model: str, prompt: str) -> dict[str, str]:
    thread = await client.run("threads:create", {"title": "x"})
    sent = await client.run(
        "messages:send", {"threadId": thread, "prompt": prompt, "model": f"scripted/{model}"}
    )
    return {"thread": thread, **sent}


async def seen_until(client: SyncClient, stream: str, holds: When) -> Seen:
    """What a reader has been pushed of a log when it first fits."""
    log = await client.subscribe("streamEvents:getStreamEvents", {"streamId": stream})
    result = await client.result_becomes(log, lambda found: holds(found.value["events"]))
    events: Seen = result.value["events"]
    return events


def characters(count: int) -> When:
    return lambda events: sum(len(each.get("delta", "")) for each in events) >= count


def has(kind: str) -> When:
    return lambda events: any(each["type"] == kind for each in events)


async def ended(server: ServerProcess, sent: dict[str, str]) -> StreamState:
    """The answer once it is over, and everything about it fits."""
    async with SyncClient() as reader:
        await reader.open(server.sync_url)
        state = await reader.subscribe(
            "streamEvents:getStreamState", {"streamId": sent["streamId"]}
        )
        told = await reader.result_becomes(
            state, lambda found: found.value["finalSeq"] is not None, seconds=ENDS_WITHIN_S
        )
        return await check_whole(reader, sent, told.value)


async def check_whole(
    reader: SyncClient, sent: dict[str, str], told: dict[str, Any]
) -> StreamState:
    page = await reader.query(
        "streamEvents:getStreamEvents", {"streamId": sent["streamId"], "limit": 1_000}
    )
    log = page.value["events"]
    assert page.value["isDone"]
    assert [each["seq"] for each in log] == [*range(1, int(told["finalSeq"]) + 1)]
    assert [each["seq"] for each in log if is_terminal(each)] == [told["finalSeq"]]
    state = reduce(log)
    assert told["state"] == state.status

    messages = await reader.query(
        "messages:list", {"threadId": sent["thread"], "paginationOpts": FIRST_PAGE}
    )
    answer, question = messages.value["page"]
    assert (answer["_id"], question["_id"]) == (sent["messageId"], sent["userMessageId"])
    status = {"finished": "complete", "stopped": "stopped", "error": "error"}[state.status]
    assert (answer["status"], answer["content"]) == (status, state.content)
    assert answer.get("errorCode") == state.error_code

    order = await reader.query("parts:order", {"messageId": sent["messageId"]})
    texts: dict[int, str] = {}
    states: dict[int, str] = {}
    for place in order.value:
        part = await reader.query(
            "parts:get",
            {
                "messageId": sent["messageId"],
                "index": place["index"],
                "segment": place["segment"],
            },
        )
        assert place["sealed"]
        texts[place["index"]] = texts.get(place["index"], "") + part.value.get("text", "")
        states[place["index"]] = part.value["state"]
    assert texts == {part.index: part.text for part in state.parts}
    assert states == {part.index: part.state for part in state.parts}
    return state


async def attempts(server: ServerProcess) -> int:
    """How many attempts at answers are billed."""
    async with SyncClient() as reader:
        await reader.open(server.sync_url)
        usage = await reader.query("usage:summary", {})
        return sum(int(row["attempts"]) for row in usage.value)
