"""`/watchers`: who watches a thread, which nobody's log, disk or query ever hears of."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import ClientSession

from reactive.ai.watchers import Watchers
from reactive.errors import LimitError
from reactive.limits import DEFAULT_LIMITS, Limits
from reactive.testing.clock import ManualClock
from tests.readers.reading import frames_of, new_thread
from tests.server import ServerProcess
from tests.upkeep.world import chatting

SILENT_S = DEFAULT_LIMITS.watcher_silent_s


async def names(frames: AsyncIterator[Any], wanted: list[str]) -> list[Any]:
    """What is told once these watch."""
    async for frame in frames:
        found: list[Any] = frame.json["watchers"]
        if [each["name"] for each in found] == wanted:
            return found
    raise AssertionError("the response has ended")


async def test_windows_see_each_other_come_move_and_go(
    site: ClientSession, app: ServerProcess, thread: str
) -> None:
    thread_id = await new_thread(site, "watched")
    url = f"{app.url}/watchers/{thread_id}"
    async with ClientSession() as http, http.get(f"{url}?clientId=a&name=Ada") as ada:
        assert ada.content_type == "text/event-stream"
        told = frames_of(ada)
        assert (await names(told, ["Ada"]))[0]["userId"] == "local"
        # Both names of a thread are one place.
        async with site.get("/watchers/watched?clientId=b&name=Grace") as grace:
            both = await names(frames_of(grace), ["Ada", "Grace"])
            assert await names(told, ["Ada", "Grace"]) == both
            said = {"clientId": "b", "name": "Grace H.", "data": {"x": 3, "y": 4}}
            async with http.post(url, json=said) as response:
                assert response.status == 204
            moved = await names(told, ["Ada", "Grace H."])
            assert moved[1]["data"] == {"x": 3, "y": 4}
            assert moved[1]["since"] == both[1]["since"]
            grace.close()
        await names(told, ["Ada"])


async def test_who_only_looks_is_not_seen(site: ClientSession, thread: str) -> None:
    await new_thread(site, "looked at")
    async with site.get("/watchers/looked%20at") as first:
        assert (await anext(frames_of(first))).json == {"watchers": []}


@pytest.mark.parametrize(
    ("path", "body", "status", "word"),
    [
        ("nowhere", {"clientId": "a"}, 404, "nowhere"),
        ("here", {"name": "a"}, 400, "clientId"),
        ("here", {"clientId": ""}, 400, "clientId"),
        ("here", {"clientId": "a", "cursor": 1}, 400, "cursor"),
        ("here", {"clientId": "a", "name": "x" * 41}, 400, "name"),
        ("here", {"clientId": "a", "data": "x" * 1_023}, 400, "data"),
    ],
)
async def test_bad_request_is_told_what_is_wrong(
    site: ClientSession, path: str, body: dict[str, Any], status: int, word: str
) -> None:
    await new_thread(site, "here")
    async with site.post(f"/watchers/{path}", json=body) as response:
        error = await response.json()
    assert (response.status, word in error["message"]) == (status, True), error


async def test_a_hundred_cursors_a_second_cost_no_transaction_and_run_no_chat_query() -> None:
    async with chatting() as chat:
        sent = await chat.send()
        await chat.backend.advance(2)
        async with ClientSession(await chat.backend.listen()) as site:
            url = f"/watchers/{sent.thread}"
            async with site.get(f"{url}?clientId=a&name=Ada") as response:
                frames = frames_of(response)
                await names(frames, ["Ada"])
                service, database = chat.backend._app.service, chat.backend._app.database
                commits, rows = database.commits, service.rows_read
                for x in range(100):
                    body = {"clientId": "b", "name": "Grace", "data": {"x": x}}
                    async with site.post(url, json=body) as moved:
                        assert moved.status == 204
                assert database.commits == commits
                # Whose thread it is, is looked up once for each.
                assert service.rows_read - rows <= 100
                await chat.backend.advance(1)
                told = await names(frames, ["Ada", "Grace"])
                assert told[1]["data"] == {"x": 99}


# --- The registry ---


async def shown(follower: AsyncIterator[list[dict[str, Any]]]) -> list[str]:
    return [each["name"] for each in await asyncio.wait_for(anext(follower), 5)]


async def test_who_falls_silent_is_forgotten() -> None:
    clock = ManualClock(0)
    watchers = Watchers(clock)
    watchers.note("t", "u", "a", "Ada", None)
    follower = watchers.follow("t")
    assert await shown(follower) == ["Ada"]
    clock.advance(SILENT_S - 1)
    watchers.note("t", "u", "a", "Ada", None)
    clock.advance(SILENT_S - 1)
    assert [each["name"] for each in watchers.present("t")] == ["Ada"]

    waiting = asyncio.ensure_future(shown(follower))
    for _ in range(5):
        await asyncio.sleep(0)
        clock.advance(1)

    assert await waiting == []
    await follower.aclose()
    assert len(watchers) == 0


async def test_same_window_of_another_user_is_another_watcher() -> None:
    watchers = Watchers(ManualClock(0))
    with watchers.connected("t", "u1", "a", "Ada", None):
        watchers.note("t", "u2", "a", "Grace", None)
        assert len(watchers.present("t")) == 2
        assert watchers.present("other") == []
    assert [each["name"] for each in watchers.present("t")] == ["Grace"]


async def test_window_with_two_connections_watches_until_both_are_gone() -> None:
    watchers = Watchers(ManualClock(0))
    with watchers.connected("t", "u", "a", "Ada", None):
        with watchers.connected("t", "u", "a", "Ada", None):
            assert len(watchers.present("t")) == 1
        assert len(watchers.present("t")) == 1
    assert len(watchers) == 0


async def test_there_may_be_too_many() -> None:
    watchers = Watchers(ManualClock(0), Limits(watchers_max=2))
    watchers.note("t", "u", "a", "", None)
    watchers.note("t", "u", "b", "", None)
    with pytest.raises(LimitError):
        watchers.note("t", "u", "c", "", None)
    watchers.note("t", "u", "b", "again", None)
    watchers.note("other", "u", "c", "", None)
