"""The flag: who is told the text of answers over Socket.IO, and how open readers move."""

import pytest

from tests.socketio.conftest import Site
from tests.socketio.field import Connect, expected, kinds

STREAM_EVENTS = {"stream-chunk", "stream-complete", "stream-error"}


async def _tell_all(site: Site, task: str) -> None:
    entry = {"id": 7, "timestamp": 1.5, "data": "$ ls", "type": "command"}
    await site.admin("tasks:terminalOutput", taskId=task, entry=entry)
    await site.admin("tasks:fsChange", taskId=task, operation="file-created", filePath="a.py")


@pytest.mark.parametrize("variant", ["legacy", "shadow", "mirror", "reactive", "reactive-only"])
async def test_what_each_variant_is_told(
    flip_site: Site, connect: Connect, task: str, variant: str
) -> None:
    await flip_site.thread(task)
    await flip_site.admin("flags:set", key="realtime", variant=variant)
    client = await connect(flip_site.server.url)
    path = "legacy" if variant in ("legacy", "shadow") else "reactive"
    assert await client.join(task) == {"variant": variant, "path": path}
    await client.send(task, "hello", llmModel="scripted/echo")
    await client.until(lambda: client.statuses() == ["RUNNING", "COMPLETED"])
    await client.send(task, "hello", llmModel="scripted/fail")
    await client.until(lambda: client.statuses()[2:] == ["RUNNING", "FAILED"])
    await _tell_all(flip_site, task)
    await client.until_told("fs-change")
    heard = set(client.names()) & STREAM_EVENTS
    assert heard == (STREAM_EVENTS if path == "legacy" else set())
    assert len(client.told("terminal-output")) == 1
    back = await connect(flip_site.server.url)
    await back.join(task)
    await back.until_told("fs-change")
    assert back.told("terminal-output") == client.told("terminal-output")
    state = back.told("stream-state")[0]
    assert state["isStreaming"] is False
    assert bool(state["chunks"]) == (path == "legacy")


async def test_open_readers_move_and_come_back(
    flip_site: Site, connect: Connect, task: str
) -> None:
    site = flip_site
    await site.thread(task)
    client = await connect(site.server.url)
    idle = await connect(site.server.url, ("polling",))
    await client.join(task)
    await idle.join(task)
    sent = await client.send(task, "hello", llmModel="scripted/story")
    stream = sent["streamId"]
    await client.until(lambda: len(client.chunks()) >= 5)

    await site.admin("flags:set", key="realtime", variant="reactive")
    moved = await client.until_told("path-changed")
    for each in (client, idle):
        assert await each.until_told("path-changed") == {
            "streamId": stream,
            "afterSeq": each.chunks()[-1]["seq"],
            "variant": "reactive",
        }
    told = len(client.chunks())
    seen = await site.log(stream)
    await client.call("heartbeat")
    assert len(client.chunks()) == told
    # The other path goes on from there.
    rest = await site.call(
        "query", "streamEvents:getStreamEvents", streamId=stream, after=moved["afterSeq"]
    )
    assert [each["seq"] for each in rest["events"]] == [
        moved["afterSeq"] + 1 + n for n in range(len(rest["events"]))
    ]
    assert len(seen) >= moved["afterSeq"]

    await site.admin("flags:set", key="realtime", variant="legacy")
    back = await client.until_told("path-changed", 2)
    assert back["variant"] == "legacy"
    assert back["afterSeq"] == client.chunks()[told - 1]["seq"]
    await client.until(lambda: len(client.chunks()) >= told + 5)
    await client.call("stop-stream", taskId=task)
    complete = await client.until_told("stream-complete")
    assert complete["streamId"] == stream
    await idle.until_told("stream-complete")
    log = await site.log(stream)
    assert kinds(client.chunks()) == expected(log)
    assert idle.chunks() == client.chunks()
    names = client.names()
    away = names[names.index("path-changed") + 1 :]
    assert not STREAM_EVENTS & set(away[: away.index("path-changed")])


async def test_who_comes_back_to_legacy_says_where_from(
    flip_site: Site, connect: Connect, task: str
) -> None:
    site = flip_site
    await site.thread(task)
    await site.admin("flags:set", key="realtime", variant="reactive")
    client = await connect(site.server.url)
    await client.join(task)
    sent = await client.send(task, "hello", llmModel="scripted/story")
    stream = sent["streamId"]
    await client.until(lambda: client.statuses() == ["RUNNING"])
    read = await site.log(stream)
    while len(read) < 5:
        read = await site.log(stream)
    await site.admin("flags:set", key="realtime", variant="legacy")
    moved = await client.until_told("path-changed")
    assert moved == {"streamId": stream, "afterSeq": 0, "variant": "legacy"}
    client.heard.clear()
    cursor = {"streamId": stream, "seq": read[-1]["seq"]}
    told = await client.join(task, since=cursor)
    assert told == {"variant": "legacy", "path": "legacy", **cursor}
    await client.until(lambda: len(client.chunks()) >= 5)
    await client.call("stop-stream", taskId=task)
    await client.until_told("stream-complete")
    # Before the state there may be what was on its way when the cursor was given.
    at = client.names().index("stream-state")
    after = [payload for name, payload in client.heard[at:] if name == "stream-chunk"]
    assert kinds(after) == [
        each for each in expected(await site.log(stream)) if each[0] > cursor["seq"]
    ]


async def test_an_idle_client_is_told_of_its_path(
    flip_site: Site, connect: Connect, task: str
) -> None:
    await flip_site.thread(task)
    client = await connect(flip_site.server.url)
    await client.join(task)
    await client.until_told("stream-state")
    await flip_site.admin("flags:set", key="realtime", enabled=False)
    await flip_site.admin("flags:set", key="realtime", enabled=True, variant="mirror")
    moved = await client.until_told("path-changed")
    assert moved == {"streamId": None, "afterSeq": 0, "variant": "mirror"}
