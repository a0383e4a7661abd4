"""Large results, slow readers and quiet sockets."""

import asyncio
import contextlib
import json
import struct
from collections.abc import Callable

import aiohttp
import pytest

from tests.clients.conftest import Connect
from tests.proxy import TcpProxy
from tests.server import ServerProcess

StartServer = Callable[..., ServerProcess]
MEGABYTE = 1_000_000


async def raw_frames(port: int, message: str, *, until_bytes: int) -> list[tuple[int, bool, int]]:
    """Opens a socket as the Python client does and gives the frames as they are on the wire.

    Each is (opcode, is final, payload bytes). Read by hand, because every WebSocket library
    puts the fragments of a message together before it hands it out.
    """
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        b"GET /api/sync HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
        b"Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        b"Sec-WebSocket-Version: 13\r\nConvex-Client: python-0.8.1\r\n\r\n"
    )
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101")
    body = message.encode()
    assert len(body) < 65_536
    # A client must mask; the mask of zeros leaves the payload readable.
    writer.write(bytes([0x81, 0xFE]) + struct.pack("!H", len(body)) + bytes(4) + body)
    frames: list[tuple[int, bool, int]] = []
    while sum(length for _, _, length in frames) < until_bytes:
        first, second = await reader.readexactly(2)
        length = second & 0x7F
        if length == 126:
            (length,) = struct.unpack("!H", await reader.readexactly(2))
        elif length == 127:
            (length,) = struct.unpack("!Q", await reader.readexactly(8))
        await reader.readexactly(length)
        frames.append((first & 0x0F, bool(first & 0x80), length))
    writer.close()
    return frames


def subscription(path: str, args: dict[str, object]) -> str:
    return json.dumps(
        {
            "type": "ModifyQuerySet",
            "baseVersion": 0,
            "newVersion": 1,
            "modifications": [{"type": "Add", "queryId": 0, "udfPath": path, "args": [args]}],
        }
    )


async def test_large_transition_comes_in_chunks(lab: ServerProcess, connect: Connect) -> None:
    client = await connect(lab.sync_url)
    query = await client.subscribe("limits:text", {"characters": 12 * MEGABYTE})
    assert client.results[query].value == "x" * 12 * MEGABYTE
    assert client.chunked_transitions == 1


async def test_chunks_cut_no_character(lab: ServerProcess, connect: Connect) -> None:
    client = await connect(lab.sync_url)
    value = "\U0001f600é" * 600_000
    query = await client.subscribe("deep/echo:query", {"value": value})
    assert client.results[query].value == value
    assert client.chunked_transitions == 1


async def test_small_transition_comes_whole(lab: ServerProcess, connect: Connect) -> None:
    client = await connect(lab.sync_url)
    await client.subscribe("limits:text", {"characters": 1000})
    assert client.chunked_transitions == 0


async def test_responses_are_never_chunked(lab: ServerProcess, connect: Connect) -> None:
    client = await connect(lab.sync_url)
    response = await client.action("big:quotes", {"count": 6 * MEGABYTE})
    assert response["result"] == '"' * 6 * MEGABYTE
    assert client.chunked_transitions == 0


@pytest.mark.parametrize(
    ("path", "client"),
    [("/api/1.27.0/sync", None), ("/api/sync", "python-0.8.1"), ("/api/sync", "swift-1.0.0")],
)
async def test_clients_without_chunks_get_the_whole(
    lab: ServerProcess, connect: Connect, path: str, client: str | None
) -> None:
    headers = {} if client is None else {"Convex-Client": client}
    socket = await connect(f"ws://127.0.0.1:{lab.port}{path}", headers=headers)
    query = await socket.subscribe("limits:text", {"characters": 12 * MEGABYTE})
    assert len(socket.results[query].value) == 12 * MEGABYTE
    assert socket.chunked_transitions == 0


@pytest.mark.parametrize("kind", ["query", "action"])
async def test_frames_to_python_stay_below_its_limit(lab: ServerProcess, kind: str) -> None:
    """Its library refuses a frame above 16 MiB, and reconnects for ever."""
    if kind == "query":
        message = subscription("limits:quotes", {"count": 10 * MEGABYTE})
    else:
        message = json.dumps(
            {
                "type": "Action",
                "requestId": 0,
                "udfPath": "big:quotes",
                "args": [{"count": 10 * MEGABYTE}],
            }
        )
    async with asyncio.timeout(20):
        frames = await raw_frames(lab.port, message, until_bytes=20 * MEGABYTE)
    assert max(length for _, _, length in frames) <= 16 * 1024 * 1024
    opcodes = [opcode for opcode, _, length in frames if length >= MEGABYTE]
    assert len(opcodes) >= 2
    assert opcodes[0] == aiohttp.WSMsgType.TEXT
    assert set(opcodes[1:]) == {int(aiohttp.WSMsgType.CONTINUATION)}
    assert frames[-1][1], "the last fragment is not marked as the last"


async def test_large_arguments_are_taken(lab: ServerProcess, connect: Connect) -> None:
    """Above the WebSocket library's default limit for a message."""
    client = await connect(lab.sync_url)
    text = '"' * 7 * MEGABYTE
    assert (await client.query("limits:size_of", {"text": text})).value == 7 * MEGABYTE


async def test_message_beyond_reason_is_refused(lab: ServerProcess, connect: Connect) -> None:
    client = await connect(lab.sync_url)
    before = lab.memory_bytes()
    # The server may hang up while this end is still sending, and its word on why is lost then.
    with contextlib.suppress(ConnectionError, aiohttp.ClientError):
        await client.socket.send_str('"' + "x" * (70 * 1024 * 1024) + '"')
    assert (await client.closed()).code in {1006, 1009}
    assert lab.memory_bytes() - before < 200 * MEGABYTE
    other = await connect(lab.sync_url)
    assert (await other.query("plain")).value == "hello world"


async def test_slow_reader_is_skipped_forward(
    own_server: StartServer, connect: Connect, name: str
) -> None:
    """A client that stops reading costs a bounded amount, and wakes up to the newest state."""
    server = own_server()
    args = {"name": name, "characters": MEGABYTE}
    writes = 80
    async with TcpProxy(server.port) as proxy:
        slow = await connect(proxy.sync_url)
        query = await slow.subscribe("limits:text_with_counter", args)
        quick = await connect(server.sync_url)
        watched = await quick.subscribe("counters:get", {"name": name})
        writer = await connect(server.sync_url)
        proxy.to_client.stall()
        before = server.memory_bytes()
        for value in range(1, writes + 1):
            await writer.run("counters:put", {"name": name, "value": value})
        await quick.value_becomes(watched, writes)
        grown = server.memory_bytes() - before
        assert grown < 40 * MEGABYTE, "what the slow reader has not read is kept"
        proxy.to_client.resume()
        await slow.result_becomes(query, lambda result: str(result.value).startswith(f"{writes}:"))
    assert len(slow.history[query]) < writes / 3


async def test_slow_reader_still_gets_its_responses(
    lab: ServerProcess, connect: Connect, name: str
) -> None:
    async with TcpProxy(lab.port) as proxy:
        slow = await connect(proxy.sync_url)
        query = await slow.subscribe(
            "limits:text_with_counter", {"name": name, "characters": MEGABYTE}
        )
        proxy.to_client.stall()
        requests = [
            await slow.request("Mutation", "counters:add", {"name": name}) for _ in range(30)
        ]
        watcher = await connect(lab.sync_url)
        watched = await watcher.subscribe("counters:get", {"name": name})
        await watcher.value_becomes(watched, 30)
        proxy.to_client.resume()
        results = [(await slow.settle(request))["result"] for request in requests]
        assert results == list(range(1, 31))
        assert str(slow.results[query].value).startswith("30:")


async def test_many_subscriptions_on_one_socket(
    lab: ServerProcess, connect: Connect, name: str
) -> None:
    client = await connect(lab.sync_url)
    names = [f"{name} {number}" for number in range(1000)]
    additions = [client.addition("counters:get", {"name": one}) for one in names]
    await client.change_queries(*additions)
    await client.until(lambda: len(client.results) == 1000, seconds=20)
    await client.run("counters:add", {"name": names[500]})
    changed = client.transitions[-1]["modifications"]
    assert [change["queryId"] for change in changed] == [additions[500]["queryId"]]


async def test_queue_of_mutations_is_bounded(
    lab: ServerProcess, connect: Connect, name: str
) -> None:
    """One runs and a thousand wait; the next one ends the socket, to be tried again later."""
    client = await connect(lab.sync_url)
    await client.request("Mutation", "counters:add_slowly", {"name": name, "reads": 2000})
    for _ in range(1500):
        await client.request("Mutation", "counters:nothing")
    closed = await client.closed()
    assert closed.code == 1013
    assert closed.reason == "TooManyConcurrentMutations"


async def test_actions_in_flight_are_bounded(lab: ServerProcess, connect: Connect) -> None:
    client = await connect(lab.sync_url)
    for _ in range(1001):
        await client.request("Action", "faults:slow", {"seconds": 1.5})
    closed = await client.closed()
    assert closed.code == 1013
    assert closed.reason == "TooManyInflightActionsForSingleClient"


@pytest.mark.slow
@pytest.mark.timeout(60)
async def test_quiet_socket_is_kept_alive(lab: ServerProcess, connect: Connect) -> None:
    """A Ping after 15 s for clients that count messages, WebSocket pings for the others.

    This client answers no ping, and must not be thrown out for it within this time.
    """
    client = await connect(lab.sync_url, autoping=False)
    await client.catch_up()
    began = asyncio.get_running_loop().time()
    await client.until(lambda: client.pings == 1, seconds=20)
    waited = asyncio.get_running_loop().time() - began
    assert 13 < waited < 18
    assert client.websocket_pings >= 2
    assert (await client.query("plain")).value == "hello world"
