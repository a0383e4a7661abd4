"""Connections that break, servers that stop, clients that are slow: nothing lost or doubled."""

import asyncio
import random
import signal

import pytest

from tests.proxy import TcpProxy
from tests.socketio.conftest import Site
from tests.socketio.field import Connect, expected, kinds


@pytest.mark.parametrize("transport", ["polling", "websocket"])
@pytest.mark.parametrize("seed", [1, 2])
async def test_cuts_at_random_places(
    site: Site, connect: Connect, task: str, transport: str, seed: int
) -> None:
    dice = random.Random(seed)
    await site.thread(task)
    async with TcpProxy(site.server.port) as proxy:
        client = await connect(proxy.url, (transport,))
        await client.join(task)
        sender = await connect(site.server.url)
        sent = await sender.send(task, "hello", llmModel="scripted/story")
        for _ in range(4):
            seen = len(client.chunks()) + dice.randint(1, 10)
            await client.until(lambda seen=seen: len(client.chunks()) >= seen)  # type: ignore[misc]
            joins = len(client.joined)
            proxy.cut()
            await client.until(lambda joins=joins: len(client.joined) > joins)  # type: ignore[misc]
        await sender.call("stop-stream", taskId=task)
        await client.until_told("stream-complete")
        assert kinds(client.chunks()) == expected(await site.log(sent["streamId"]))
        assert client.connects == 5
        await client.close()


async def test_what_ends_and_begins_while_a_client_is_away(
    site: Site, connect: Connect, task: str
) -> None:
    await site.thread(task)
    client = await connect(site.server.url)
    await client.join(task)
    first = await client.send(task, "hello", llmModel="scripted/echo")
    await client.until(lambda: len(client.chunks()) >= 1)
    cursor = {"streamId": first["streamId"], "seq": client.chunks()[0]["seq"]}
    known = client.chunks()[:1]
    await client.until_told("stream-complete")
    second = await client.send(task, "again", llmModel="scripted/echo")
    await client.until_told("stream-complete", 2)

    back = await connect(site.server.url)
    told = await back.join(task, since=cursor)
    assert (told["streamId"], told["seq"]) == (cursor["streamId"], cursor["seq"])
    await back.until_told("stream-complete", 2)
    assert back.told("stream-state")[0]["chunks"] == known
    assert known + back.chunks() == client.chunks()
    ends = [each["streamId"] for each in back.told("stream-complete")]
    assert ends == [first["streamId"], second["streamId"]]
    await back.until(lambda: back.statuses() == ["RUNNING", "COMPLETED"] * 2)


@pytest.mark.parametrize("transport", ["polling", "websocket"])
async def test_a_slow_client_holds_nobody_and_gets_everything(
    site: Site, connect: Connect, task: str, transport: str
) -> None:
    await site.thread(task)
    lines = 200
    async with TcpProxy(site.server.port) as proxy:
        slow = await connect(proxy.url, (transport,))
        await slow.join(task)
        fast = await connect(site.server.url)
        await fast.join(task)
        await slow.until_told("stream-state")
        proxy.to_client.stall()
        before = site.server.memory_bytes()
        for number in range(lines):
            entry = {"id": number, "data": "x" * 50_000, "type": "stdout", "timestamp": number}
            await site.admin("tasks:terminalOutput", taskId=task, entry=entry)
        await fast.until_told("terminal-output", lines)
        assert len(slow.told("terminal-output")) < lines
        grown = site.server.memory_bytes() - before
        proxy.to_client.resume()
        await slow.until_told("terminal-output", lines)
        for client in (slow, fast):
            ids = [each["entry"]["id"] for each in client.told("terminal-output")]
            assert ids == list(range(lines))
        assert grown < 100 * 1024 * 1024
        await slow.close()


async def test_a_server_that_stops_says_goodbye(
    own_site: Site, connect: Connect, task: str
) -> None:
    await own_site.thread(task)
    clients = [await connect(own_site.server.url, (each,)) for each in ("polling", "websocket")]
    for client in clients:
        await client.join(task)
    # What is being answered is answered before the server stops.
    await clients[0].send(task, "word " * 50, llmModel="scripted/echo")
    for client in clients:
        await client.until(lambda client=client: len(client.chunks()) >= 3)  # type: ignore[misc]
    own_site.server.process.send_signal(signal.SIGTERM)
    for client in clients:
        await client.until_told("disconnect")
    assert await asyncio.to_thread(own_site.server.stop) == 0
    assert "Traceback" not in own_site.server.output
