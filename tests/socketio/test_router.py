"""What the library does with sockets, whatever an author makes of them."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import socketio
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer

from reactive import ActionCtx, Socket, SocketRouter, create_app
from reactive.errors import ProjectError
from reactive.limits import DEFAULT_LIMITS
from tests.server import ServerProcess
from tests.socketio.field import Connect, Polling

APP = Path(__file__).with_name("app")


@pytest.fixture
async def url() -> AsyncIterator[str]:
    """The small app."""
    async with TestServer(create_app(APP, store="memory:")) as server:
        yield str(server.make_url(""))


def test_an_event_has_one_async_handler() -> None:
    router = SocketRouter()

    @router.on("a")
    async def first(ctx: ActionCtx, socket: Socket, payload: object) -> None: ...

    with pytest.raises(ProjectError, match="two handlers of the event 'a'"):
        router.on("a")(first)

    def second(ctx: ActionCtx, socket: Socket, payload: object) -> None: ...

    with pytest.raises(ProjectError, match="must be an async def"):
        router.on("b")(second)  # type: ignore[type-var]
    assert router.find("a") is first
    assert router.find("b") is None


async def test_events_of_one_socket_are_handled_one_after_another(
    url: str, connect: Connect
) -> None:
    client = await connect(url)
    other = await connect(url)
    slow = asyncio.create_task(client.call("wait", name="slow", seconds=0.3))
    await asyncio.sleep(0)
    quick = asyncio.create_task(client.call("wait", name="quick", seconds=0))
    assert await other.call("wait", name="other", seconds=0) == "other"
    assert not client.told("waited")
    assert await quick == "quick"
    assert await slow == "slow"
    assert client.told("waited") == ["slow", "quick"]


async def test_too_many_events_at_once_are_refused(url: str, connect: Connect) -> None:
    client = await connect(url)
    most = DEFAULT_LIMITS.socket_events_max
    waits = [0.2, *[0.0] * (most + 4)]
    calls = [client.call("wait", name=str(n), seconds=wait) for n, wait in enumerate(waits)]
    told = await asyncio.gather(*calls)
    refused = [each for each in told if isinstance(each, dict)]
    assert len(refused) == 5
    assert {each["error"]["code"] for each in refused} == {"TooManyConcurrentRequests"}
    assert client.told("waited") == [str(n) for n in range(most)]


async def test_a_client_hears_first_that_it_is_connected(url: str) -> None:
    async with ClientSession() as session:
        client = await Polling(session, url).open(greet=True)
        told: list[str] = []
        while len(told) < 3:
            told += await client.poll()
    assert told[0].startswith('40{"sid"')
    assert told[1:] == ['42["hello","from the handler"]', '42["hello","from the work"]']


async def test_only_the_library_says_who_comes_and_goes(url: str) -> None:
    async with ClientSession() as session:
        client = await Polling(session, url).open()
        assert (await client.poll())[0].startswith("40")
        await client.say(
            '421["connect",{},{"greet":true}]', '422["disconnect","me"]', '423[["start"]]'
        )
        told: list[str] = []
        while len(told) < 3:
            told += await client.poll()
        await client.say('424["wait",{"name":"a","seconds":0}]')
        while len(told) < 5:
            told += await client.poll()
    refusals = [json.loads(each[3:])[0]["error"] for each in sorted(told[:3])]
    assert [each["code"] for each in refusals] == ["UnknownEvent"] * 3
    assert "connect" in refusals[0]["message"]
    assert sorted(told[3:]) == ['42["waited","a"]', '434["a"]']


@pytest.mark.parametrize("why", ["refuse", "break"])
async def test_who_is_refused_is_told_why(url: str, why: str) -> None:
    client = socketio.AsyncClient(reconnection=False)
    refusals: list[dict[str, dict[str, str]]] = []
    client.on("connect_error", refusals.append)
    with pytest.raises(socketio.exceptions.ConnectionError):
        await client.connect(url, auth={why: True})
    await client.shutdown()
    if why == "refuse":
        assert refusals[0]["data"] == {"code": "full", "message": "No more seats."}
    else:
        assert "secret" not in str(refusals)
        assert refusals[0]["data"]["code"] == "ServerError"


async def test_a_handler_that_fails_is_acknowledged(url: str, connect: Connect) -> None:
    client = await connect(url)
    told = await client.call("fail")
    assert told["error"]["code"] == "ServerError"
    assert "secret" not in told["error"]["message"]
    told = await client.call("nothing of that name")
    assert told["error"]["code"] == "UnknownEvent"


async def test_work_begins_after_the_acknowledgement(url: str, connect: Connect) -> None:
    client = await connect(url, ("websocket",))
    acknowledged: list[int] = []

    async def note(*_: object) -> None:
        acknowledged.append(len(client.told("worked")))

    await client.io.emit("start", {}, callback=note)
    await client.until_told("worked")
    await client.call("facts")
    assert acknowledged == [0]


async def test_work_that_fails_ends_the_connection(url: str, connect: Connect) -> None:
    client = await connect(url)
    await client.call("break")
    await client.until_told("disconnect")
    await client.until(lambda: client.connects == 2)


async def test_a_room_lives_as_long_as_somebody_is_in_it(url: str, connect: Connect) -> None:
    first = await connect(url)
    second = await connect(url, ("polling",))
    before = (await first.call("facts"))["ended"]
    await first.call("enter")
    await second.call("enter")
    await first.until(lambda: 2 in first.told("tick"))
    await second.until_told("tick")
    await first.call("leave")
    assert (await first.call("facts"))["ended"] == before
    await second.close()
    while (await first.call("facts"))["ended"] == before:
        pass
    assert "client disconnect" in (await first.call("facts"))["gone"]


@pytest.mark.parametrize("transport", ["polling", "websocket"])
async def test_a_client_that_takes_nothing_is_sent_no_more(
    url: str, connect: Connect, transport: str
) -> None:
    client = await connect(url, (transport,))
    sent = await client.call("flood")
    # The handler never waits, so nothing is taken meanwhile.
    assert sent == -(-DEFAULT_LIMITS.socket_unsent_bytes_max // 10_015)
    await client.until_told("flood", sent)
    assert await client.call("flood") == sent


async def test_a_reload_has_clients_connect_anew(tmp_path: Path, connect: Connect) -> None:
    app = tmp_path / "app"
    shutil.copytree(APP, app)
    with ServerProcess(app, tmp_path / "data.sqlite3", command="dev") as server:
        client = await connect(server.url)
        await client.call("enter")
        file = app / "functions" / "socketio.py"
        file.write_text(file.read_text().replace('"acknowledged"', '"anew"'))
        await client.until_told("disconnect")
        await client.until(lambda: client.connects == 2)
        assert await client.call("start") == "anew"
        await client.close()


def test_the_file_must_declare_a_router(
    tmp_path: Path, own_server: Callable[..., ServerProcess]
) -> None:
    (tmp_path / "functions").mkdir()
    (tmp_path / "functions" / "socketio.py").write_text("socketio = 5\n")
    from reactive.runtime.loader import load_project

    with pytest.raises(ProjectError, match=r"must have `socketio = SocketRouter\(\)`"):
        load_project(tmp_path, "exact")
