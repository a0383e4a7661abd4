"""The frames of a client: the query set, requests, and whatever is wrong."""

import hashlib
from typing import Any

import aiohttp
import pytest

from tests.clients.conftest import Connect
from tests.server import ServerProcess
from tests.sync_client import NO_CLOSE_CODE, Call, SyncClient

# Codes that clients do not log; they make no difference between the two.
QUIET_CLOSE = {1000, NO_CLOSE_CODE}


async def last_words(client: SyncClient) -> str:
    """Reads until the server has hung up, and gives the error that it told before."""
    closed = await client.closed()
    assert closed.code in QUIET_CLOSE
    assert client.frames[-1]["type"] == "FatalError"
    error: str = client.frames[-1]["error"]
    return error


# --- The query set ---


async def test_empty_query_set_is_answered(lab: ServerProcess, connect: Connect) -> None:
    """As npm clients send it right after Connect."""
    client = await connect(lab.sync_url)
    await client.change_queries()
    await client.until(lambda: client.version.query_set == 1)
    assert client.transitions[-1]["modifications"] == []


async def test_burst_of_changes_ends_at_the_newest_version(
    lab: ServerProcess, connect: Connect
) -> None:
    client = await connect(lab.sync_url)
    queries = [await client.add("deep/echo:query", {"value": number}) for number in range(30)]
    await client.until(lambda: client.version.query_set == 30)
    assert [client.results[query].value for query in queries] == list(range(30))


async def test_query_added_and_removed_at_once_is_only_removed(
    lab: ServerProcess, connect: Connect
) -> None:
    client = await connect(lab.sync_url)
    addition = client.addition("plain")
    client.removed.add(addition["queryId"])
    await client.change_queries(addition, {"type": "Remove", "queryId": addition["queryId"]})
    await client.until(lambda: client.version.query_set == 1)
    assert client.transitions[-1]["modifications"] == [
        {"type": "QueryRemoved", "queryId": addition["queryId"]}
    ]


async def test_removed_query_is_reported_and_silent_afterwards(
    lab: ServerProcess, connect: Connect, name: str
) -> None:
    client = await connect(lab.sync_url)
    query = await client.subscribe("counters:get", {"name": name})
    await client.remove(query)
    await client.until(lambda: client.version.query_set == 2)
    assert client.transitions[-1]["modifications"] == [{"type": "QueryRemoved", "queryId": query}]
    await client.run("counters:add", {"name": name})
    await client.catch_up()
    assert [result.value for result in client.history[query]] == [0]


async def test_added_again_has_a_result_again(
    lab: ServerProcess, connect: Connect, name: str
) -> None:
    client = await connect(lab.sync_url)
    first = await client.subscribe("counters:get", {"name": name})
    await client.remove(first)
    second = await client.subscribe("counters:get", {"name": name})
    assert second != first
    assert client.results[second].value == 0


@pytest.mark.parametrize(
    "path",
    ["plain", "plain:default", "plain.js", "plain.js:default"],
)
async def test_default_function_is_called_by(
    lab: ServerProcess, connect: Connect, path: str
) -> None:
    client = await connect(lab.sync_url)
    assert (await client.query(path)).value == "hello world"


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("Mutation", "deep/echo:mutation"),
        ("Mutation", "deep/echo.js:mutation"),
        ("Action", "deep/echo:action"),
        ("Action", "deep/echo.js:action"),
    ],
)
async def test_paths_of_requests_are_normalised(
    lab: ServerProcess, connect: Connect, kind: str, path: str
) -> None:
    client = await connect(lab.sync_url)
    response = await client.settle(await client.request(kind, path, {"value": "same"}))
    assert response["success"], response
    assert response["result"] == "same"


@pytest.mark.parametrize(
    "path",
    ["", ":", "a b:c", "../schema:get", "deep/:echo", "deep/echo:", "deep/echo:1x", "/:x", "é:x"],
)
async def test_bad_path_is_an_ordinary_failure(
    lab: ServerProcess, connect: Connect, path: str
) -> None:
    """The real server ends the client here; one bad path should not."""
    client = await connect(lab.sync_url)
    query = await client.subscribe(path)
    assert client.results[query].error is not None
    for kind in ("Mutation", "Action"):
        response = await client.settle(await client.request(kind, path))
        assert not response["success"]
    assert (await client.query("plain")).value == "hello world"


# --- Frames that are wrong ---


@pytest.mark.parametrize(
    "frame",
    [
        "{",
        "",
        "[]",
        "7",
        '"Connect"',
        "{}",
        '{"type": "Nonsense"}',
        '{"type": null}',
        '{"type": "ModifyQuerySet"}',
        '{"type": "ModifyQuerySet", "baseVersion": 0, "newVersion": 1, "modifications": [1]}',
        '{"type": "ModifyQuerySet", "baseVersion": "0", "newVersion": 1, "modifications": []}',
        '{"type": "Mutation", "requestId": -1, "udfPath": "plain", "args": [{}]}',
        '{"type": "Mutation", "requestId": 0.5, "udfPath": "plain", "args": [{}]}',
        '{"type": "Mutation", "requestId": 0, "args": [{}]}',
        '{"type": "Action", "requestId": 0, "udfPath": "plain", "args": {"a": NaN}}',
        '{"type": "Connect", "sessionId": "no uuid", "connectionCount": 0, "lastCloseReason": ""}',
        "[" * 100_000,
    ],
    ids=lambda frame: frame[:40] or "nothing",
)
async def test_invalid_message_is_fatal(lab: ServerProcess, connect: Connect, frame: str) -> None:
    client = await connect(lab.sync_url)
    await client.socket.send_str(frame)
    assert "Received Invalid JSON on websocket" in await last_words(client)


async def test_invalid_message_hurts_nobody_else(
    lab: ServerProcess, connect: Connect, name: str
) -> None:
    bystander = await connect(lab.sync_url)
    query = await bystander.subscribe("counters:get", {"name": name})
    offender = await connect(lab.sync_url)
    await offender.socket.send_str("{")
    await offender.closed()
    await bystander.run("counters:add", {"name": name})
    await bystander.value_becomes(query, 1)


async def test_binary_frame_closes(lab: ServerProcess, connect: Connect) -> None:
    client = await connect(lab.sync_url)
    await client.socket.send_bytes(b'{"type": "Event"}')
    assert (await client.closed()).code == 1003


async def test_text_that_is_not_unicode_closes(lab: ServerProcess, connect: Connect) -> None:
    client = await connect(lab.sync_url)
    await client.socket.send_frame(b'{"type": "\xff"}', aiohttp.WSMsgType.TEXT)
    assert (await client.closed()).code == 1007


async def test_wrong_base_version_is_fatal(lab: ServerProcess, connect: Connect) -> None:
    client = await connect(lab.sync_url)
    await client.catch_up()
    await client.send(
        {"type": "ModifyQuerySet", "baseVersion": 3, "newVersion": 4, "modifications": []}
    )
    error = await last_words(client)
    assert "Base version 3 passed up doesn't match the current version 1" in error


async def test_query_id_added_twice_is_fatal(lab: ServerProcess, connect: Connect) -> None:
    client = await connect(lab.sync_url)
    addition = client.addition("plain")
    await client.change_queries(addition)
    await client.change_queries(addition)
    assert "uplicate query id" in await last_words(client)


async def test_removal_of_an_unknown_query_is_fatal(lab: ServerProcess, connect: Connect) -> None:
    client = await connect(lab.sync_url)
    await client.change_queries({"type": "Remove", "queryId": 9})
    assert "query id: 9" in await last_words(client)


async def test_authenticate_with_wrong_base_version_is_fatal(
    lab: ServerProcess, connect: Connect
) -> None:
    client = await connect(lab.sync_url)
    await client.send({"type": "Authenticate", "baseVersion": 4, "tokenType": "None"})
    assert "version 4" in await last_words(client)


async def test_identity_version_counts_messages(lab: ServerProcess, connect: Connect) -> None:
    client = await connect(lab.sync_url)
    for base in range(3):
        await client.send({"type": "Authenticate", "baseVersion": base, "tokenType": "None"})
        await client.until(lambda base=base: client.version.identity == base + 1)  # type: ignore[misc]
    assert client.version.query_set == 0


@pytest.mark.parametrize(
    "event",
    [
        {"eventType": "NetworkRecoveryReconnect", "event": {"timeSavedMs": 12}},
        {
            "eventType": "ClientConnect",
            "event": [{"name": "clientConstructed", "startTime": 334.708726}],
        },
        {"eventType": "ClientReceivedTransition", "event": None},
        {"eventType": "never heard of", "event": [1, {"a": "b"}], "extra": True},
    ],
    ids=lambda event: event["eventType"],
)
async def test_events_are_ignored(
    lab: ServerProcess, connect: Connect, event: dict[str, Any]
) -> None:
    client = await connect(lab.sync_url)
    await client.send({"type": "Event", **event})
    assert (await client.query("plain")).value == "hello world"
    assert {frame["type"] for frame in client.frames} == {"Transition"}


async def test_keys_may_be_unknown_absent_or_null(
    lab: ServerProcess, connect: Connect, name: str
) -> None:
    client = await connect(lab.sync_url)
    addition = client.addition(
        "counters:get", {"name": name}, journal=None, componentPath=None, unknown=[1]
    )
    await client.change_queries(addition)
    await client.until(lambda: addition["queryId"] in client.results)
    client.calls[0], client.calls[1] = Call("Mutation"), Call("Action")
    await client.send(
        {
            "args": [{"name": name}],
            "unknown": {},
            "componentPath": None,
            "requestId": 0,
            "udfPath": "counters:add",
            "type": "Mutation",
        }
    )
    assert (await client.settle(0))["result"] == 1
    await client.send(
        {
            "requestId": 1,
            "type": "Action",
            "unknown": None,
            "args": [{"value": 1}],
            "udfPath": "deep/echo:action",
        }
    )
    assert (await client.settle(1))["result"] == 1


# --- Requests ---


async def test_request_id_of_an_error_is_derived_from_the_session(
    lab: ServerProcess, connect: Connect
) -> None:
    client = await connect(lab.sync_url, first_request=41)
    message = await client.fail("errors:boomMutation")
    digest = hashlib.sha256(f"{client.session_id}|41".encode()).hexdigest()
    assert message == f"[Request ID: {digest[:16]}] Server Error"


async def test_request_ids_may_have_gaps(lab: ServerProcess, connect: Connect, name: str) -> None:
    client = await connect(lab.sync_url, first_request=7)
    assert await client.run("counters:add", {"name": name}) == 1
    request = await client.request("Mutation", "counters:add", {"name": name}, request_id=4096)
    assert (await client.settle(request))["result"] == 2


async def test_arguments_must_be_one_object(lab: ServerProcess, connect: Connect) -> None:
    client = await connect(lab.sync_url)
    for number, args in enumerate(([], [{}, {}], ["text"], [[]])):
        client.calls[number] = Call("Mutation")
        await client.send(
            {
                "type": "Mutation",
                "requestId": number,
                "udfPath": "deep/echo:mutation",
                "args": args,
            }
        )
        response = await client.settle(number)
        assert not response["success"], f"{args} was accepted"


async def test_deflate_is_no_trap(lab: ServerProcess) -> None:
    """Node's own WebSocket fails on large messages when the extension was negotiated.

    Whatever the server chooses, a client that offers it must understand what comes back.
    """
    async with (
        aiohttp.ClientSession() as http,
        http.ws_connect(lab.sync_url, compress=15, max_msg_size=0) as socket,
    ):
        assert socket.compress in {0, 15}
        addition = {"type": "Add", "queryId": 0, "udfPath": "plain", "args": [{}]}
        await socket.send_json(
            {
                "type": "ModifyQuerySet",
                "baseVersion": 0,
                "newVersion": 1,
                "modifications": [addition],
            }
        )
        frame = await socket.receive_json(timeout=10)
        while not frame["modifications"]:
            frame = await socket.receive_json(timeout=10)
        assert frame["modifications"][0]["value"] == "hello world"


async def test_two_sockets_may_share_a_session(
    lab: ServerProcess, connect: Connect, name: str
) -> None:
    one = await connect(lab.sync_url)
    two: SyncClient = await connect(lab.sync_url, session_id=one.session_id, first_request=100)
    assert await one.run("counters:add", {"name": name}) == 1
    assert await two.run("counters:add", {"name": name}) == 2
    assert sorted(one.calls) == [0]
    assert sorted(two.calls) == [100]
