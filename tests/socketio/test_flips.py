"""The flag flipped in mid-answer, anywhere, again and again: nothing is lost, nothing doubled."""

import asyncio
from typing import Any

import pytest

from tests.socketio.conftest import Site
from tests.socketio.field import Connect, FieldClient, expected, kinds

FLIPS = 24
MOVES_WITHIN_S = 5.0


async def _flip(site: Site, variant: str) -> None:
    await site.admin("flags:set", key="realtime", variant=variant)


async def _recorded(site: Site, connect: Connect, task: str) -> tuple[str, list[dict[str, Any]]]:
    """An answer with every type of event that has come to its end, and its log."""
    await site.thread(task)
    client = await connect(site.url)
    await client.join(task)
    sent = await client.send(task, "one two three", llmModel="scripted/tools")
    await client.until_told("stream-complete")
    return sent["streamId"], await site.log(sent["streamId"])


async def test_every_event_of_a_recorded_stream_is_a_place_to_change(
    flip_site: Site, connect: Connect, task: str
) -> None:
    stream, log = await _recorded(flip_site, connect, task)
    client = await connect(flip_site.url)
    for seq in range(len(log) + 1):
        # From the log to the sockets, which say what they go on from and then all the rest.
        client.heard.clear()
        cursor = {"streamId": stream, "seq": seq}
        told = await client.join(task, since=cursor)
        assert (told["streamId"], told["seq"]) == (stream, seq)
        state = await client.until_told("stream-state")
        assert kinds(state["chunks"]) == expected(log[:seq])
        if seq < len(log):
            await client.until_told("stream-complete")
        await client.call("leave-task", taskId=task)
        assert kinds(client.chunks()) == expected(log[seq:])
        # And from the sockets to the log.
        page = await flip_site.call(
            "query", "streamEvents:getStreamEvents", streamId=stream, after=seq
        )
        assert page["events"] == log[seq:]
        assert page["isDone"] is True


class Mover:
    """Reads one answer on whichever path the flag names, and takes nothing twice."""

    def __init__(self, site: Site, client: FieldClient, stream: str) -> None:
        self.site = site
        self.client = client
        self.stream = stream
        self.applied: list[tuple[int, str]] = []
        self.cursor = 0

    def take_chunks(self) -> None:
        """Takes what the sockets have told, but for what it has already."""
        for chunk in self.client.chunks(self.stream):
            if chunk["seq"] > self.cursor:
                self.applied += kinds([chunk])
                self.cursor = chunk["seq"]

    async def take_log(self) -> None:
        """Reads on in the log until there is something new."""
        before = self.cursor
        while self.cursor == before:
            page = await self.site.call(
                "query", "streamEvents:getStreamEvents", streamId=self.stream, after=self.cursor
            )
            self.applied += expected(page["events"])
            self.cursor = page["lastSeq"]
            if page["isDone"]:
                return

    async def moved(self, count: int, variant: str) -> None:
        """Waits until the sockets have moved, which takes five seconds at the most."""
        async with asyncio.timeout(MOVES_WITHIN_S):
            moved = await self.client.until_told("path-changed", count)
        assert (moved["streamId"], moved["variant"]) == (self.stream, variant)
        self.take_chunks()
        if variant != "legacy":
            # Events that make no chunk count, too.
            assert moved["afterSeq"] >= self.client.chunks()[-1]["seq"]


@pytest.mark.parametrize("transport", ["polling", "websocket"])
async def test_flipped_after_every_event_that_arrives(
    flip_site: Site, connect: Connect, task: str, transport: str
) -> None:
    site = flip_site
    await site.thread(task)
    client = await connect(site.url, (transport,))
    await client.join(task)
    sent = await client.send(task, "go", llmModel="scripted/story")
    mover = Mover(site, client, sent["streamId"])
    for flip in range(FLIPS):
        if flip % 2 == 0:
            await client.until(
                lambda: client.chunks() and client.chunks()[-1]["seq"] > mover.cursor
            )
        else:
            await mover.take_log()
        variant = "legacy" if flip % 2 else "reactive"
        await _flip(site, variant)
        await mover.moved(flip + 1, variant)
    await client.call("stop-stream", taskId=task)
    await client.until_told("stream-complete")
    mover.take_chunks()
    assert mover.applied == expected(await site.log(sent["streamId"]))


async def test_kill_switch_under_load(flip_site: Site, connect: Connect, task: str) -> None:
    """Forty sockets of eight answers: all of them move at once, and none misses anything."""
    site = flip_site
    await _flip(site, "reactive")
    tasks = [f"{task} {number}" for number in range(8)]
    streams = []
    clients: list[list[FieldClient]] = []
    for name in tasks:
        await site.thread(name)
        transports = ["polling", "websocket", "websocket", "websocket", "websocket"]
        clients.append([await connect(site.url, (each,)) for each in transports])
        for client in clients[-1]:
            assert (await client.join(name))["path"] == "reactive"
        sent = await clients[-1][0].send(name, "go", llmModel="scripted/story")
        streams.append(sent["streamId"])
    for stream in streams:
        while len(await site.log(stream)) < 3:
            pass

    await site.admin("flags:set", key="realtime", enabled=False)
    async with asyncio.timeout(MOVES_WITHIN_S):
        for stream, group in zip(streams, clients, strict=True):
            for client in group:
                moved = await client.until_told("path-changed")
                assert moved == {"streamId": stream, "afterSeq": 0, "variant": "legacy"}
    for name, group in zip(tasks, clients, strict=True):
        await group[0].call("stop-stream", taskId=name)
    for stream, group in zip(streams, clients, strict=True):
        for client in group:
            await client.until_told("stream-complete")
        told = expected(await site.log(stream))
        for client in group:
            assert kinds(client.chunks()) == told
            assert len(client.told("path-changed")) == 1
