"""Who may connect, and that there is nothing to connect to where Socket.IO is switched off."""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import socketio
from aiohttp import ClientSession
from aiohttp.test_utils import TestClient, TestServer

from reactive import create_app
from tests.auth.issuer import Issuer
from tests.server import ServerProcess
from tests.socketio.conftest import ROOT, Site
from tests.socketio.field import Connect

POLL = "/socket.io/?EIO=4&transport=polling"


async def _refused(url: str, transport: str, **auth: str) -> dict[str, str]:
    client = socketio.AsyncClient(reconnection=False)
    refusals: list[dict[str, Any]] = []
    client.on("connect_error", refusals.append)
    # Its last poll is answered at once, not when it is time for the next ping.
    async with asyncio.timeout(15):
        with pytest.raises(socketio.exceptions.ConnectionError):
            await client.connect(url, auth=auth, transports=[transport])
        await client.shutdown()
    assert refusals[0]["message"] == refusals[0]["data"]["message"]
    data: dict[str, str] = refusals[0]["data"]
    return data


@pytest.mark.parametrize("transport", ["polling", "websocket"])
async def test_tokens(
    guarded: Site, issuer: Issuer, connect: Connect, task: str, transport: str
) -> None:
    url = guarded.server.url
    nobody = await _refused(url, transport)
    assert nobody["code"] == "unauthenticated"
    wrong = await _refused(url, transport, token="no token")
    assert wrong["code"] == "InvalidAuthHeader"
    expired = await _refused(url, transport, token=issuer.token(lives_s=-60))
    assert expired["code"] == "Unauthenticated"

    ada = issuer.token("ada")
    headers = {"Authorization": f"Bearer {ada}"}
    body = {"path": "threads:create", "args": {"externalId": task}, "format": "json"}
    async with guarded.session.post(f"{url}/api/mutation", json=body, headers=headers) as response:
        thread = (await response.json())["value"]
    owner = await connect(url, (transport,), token=ada)
    await owner.join(task)
    sent = await owner.send(task, "hello", llmModel="scripted/echo")
    await owner.until_told("stream-complete")
    await guarded.admin("tasks:setStatus", taskId=task, status="ARCHIVED")
    await owner.until(lambda: owner.statuses()[-1] == "ARCHIVED")

    other = await connect(url, (transport,), token=issuer.token("bob"))
    for name in (task, thread):
        told = await other.call("join-task", taskId=name)
        assert told["error"]["code"] == "not_found"
        told = await other.call("user-message", taskId=name, message="x")
        assert told["error"]["code"] == "not_found"
    own = {"Authorization": f"Bearer {issuer.token('bob')}"}
    async with guarded.session.post(f"{url}/api/mutation", json=body, headers=own):
        pass
    # Now he has a task of that name himself.
    told = await other.call(
        "join-task", taskId=task, since={"streamId": sent["streamId"], "seq": 1}
    )
    refusal = {"code": "not_found", "message": f"There is no stream {sent['streamId']!r}."}
    assert told == {"error": refusal}
    assert set(other.names()) == {"connection-info", "message-error"}


async def test_a_token_that_ends_ends_the_connection(
    guarded: Site, issuer: Issuer, connect: Connect
) -> None:
    client = await connect(guarded.server.url, token=issuer.token("ada", lives_s=3))
    client.auth["token"] = issuer.token("ada")
    await client.until_told("disconnect")
    await client.until(lambda: client.connects == 2)
    await client.until_told("connection-info", 2)


async def test_origins(server: ServerProcess, session: ClientSession) -> None:
    own = {"Origin": "http://localhost:5173"}
    async with session.get(server.url + POLL, headers=own) as response:
        assert response.status == 200
        assert response.headers["Access-Control-Allow-Origin"] == own["Origin"]
    async with session.get(server.url + POLL, headers={"Origin": "https://evil.test"}) as response:
        assert response.status == 403
        assert "Access-Control-Allow-Origin" not in response.headers
    asked = {**own, "Access-Control-Request-Method": "POST"}
    async with session.options(server.url + POLL, headers=asked) as response:
        assert response.status == 200
        assert "POST" in response.headers["Access-Control-Allow-Methods"]


async def _answer(session: ClientSession, url: str) -> tuple[int, str, dict[str, str]]:
    headers = {"Origin": "http://localhost:5173"}
    async with session.get(url, headers=headers) as response:
        shown = {name: value for name, value in response.headers.items() if name != "Date"}
        return response.status, await response.text(), shown


async def test_switched_off_it_is_a_path_like_any_other(
    own_server: Callable[..., ServerProcess], session: ClientSession
) -> None:
    server = own_server("--socketio", "false")
    unknown = await _answer(session, f"{server.url}/nothing/at/all")
    assert unknown[0] == 404
    assert await _answer(session, server.url + POLL) == unknown
    async with session.options(server.url + POLL) as response:
        assert response.status == 404


async def test_without_the_package_the_app_is_served_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "socketio", None)
    app = create_app(ROOT, store=f"sqlite:///{tmp_path}/data.sqlite3")
    async with TestClient(TestServer(app)) as client:
        assert (await client.get(POLL)).status == 404
        assert (await client.get("/version")).status == 200
    assert "functions/socketio.py is not served" in caplog.text


async def test_an_application_of_ones_own_serves_it(tmp_path: Path, connect: Connect) -> None:
    app = create_app(ROOT, store=f"sqlite:///{tmp_path}/data.sqlite3")
    async with TestServer(app) as server:
        client = await connect(str(server.make_url("")))
        await client.until_told("connection-info")
        await client.close()
