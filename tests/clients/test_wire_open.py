"""Opening a socket: where it is, who may, and how it introduces itself."""

import json
from typing import Any

import aiohttp
import pytest

from tests.clients.conftest import Connect
from tests.server import ServerProcess
from tests.wire_values import ts_text

INT_MAX_TS = 2**63 - 1


async def handshake(
    url: str, headers: dict[str, str] | None = None
) -> tuple[int, dict[str, str], bytes]:
    """Tries to open a WebSocket; gives the status, headers and body of what came instead."""
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    async with (
        aiohttp.ClientSession() as http,
        http.get(url, headers=upgrade | (headers or {})) as response,
    ):
        body = b"" if response.status == 101 else await response.read()
        return response.status, dict(response.headers), body


# --- Where the socket is ---


@pytest.mark.parametrize(
    "path",
    [
        "/api/1.48.0/sync",
        "/api/1.45.0-alpha.0/sync",
        "/api/sync",
        pytest.param("//api/1.48.0/sync", id="deployment URL with a trailing slash"),
    ],
)
async def test_socket_is_served_at(lab: ServerProcess, connect: Connect, path: str) -> None:
    client = await connect(f"ws://127.0.0.1:{lab.port}{path}")
    query = await client.subscribe("plain", {"name": "you"})
    assert client.results[query].value == "hello you"


async def test_python_client_opens_without_version_in_path(
    lab: ServerProcess, connect: Connect
) -> None:
    client = await connect(
        f"ws://127.0.0.1:{lab.port}/api/sync", headers={"Convex-Client": "python-0.8.1"}
    )
    assert (await client.query("plain")).value == "hello world"


async def test_origin_decides_for_browsers(lab: ServerProcess, connect: Connect) -> None:
    for origin in ("http://localhost:5173", "http://127.0.0.1:9", lab.url):
        client = await connect(lab.sync_url, headers={"Origin": origin})
        assert (await client.query("plain")).value == "hello world"
    status, _, _ = await handshake(f"{lab.url}/api/1.48.0/sync", {"Origin": "https://evil.example"})
    assert status == 403


# --- Versions of clients ---


@pytest.mark.parametrize(
    ("path", "client"),
    [
        ("/api/0.19.1/sync", None),
        ("/api/0.1.0/sync", None),
        ("/api/sync", "npm-0.19.1"),
        ("/api/sync", "NPM-CLI-0.19.0"),
        ("/api/sync", "actions-0.18.0"),
        ("/api/sync", "python-0.0.2"),
        ("/api/sync", "python-convex-0.0.1"),
        ("/api/sync", "rust-0.0.1"),
        ("/api/sync", "npm-unknown"),
        pytest.param("/api/1.48.0/sync", "npm-0.19.1", id="the header comes before the path"),
    ],
)
async def test_old_client_is_refused(lab: ServerProcess, path: str, client: str | None) -> None:
    headers = {} if client is None else {"Convex-Client": client}
    status, answered, body = await handshake(lab.url + path, headers)
    assert status == 400
    error = json.loads(body)
    assert error["code"] == "ClientVersionUnsupported"
    assert isinstance(error["message"], str)
    assert answered["x-convex-deprecation-state"] == "Unsupported"
    assert answered["x-convex-deprecation-message"]


@pytest.mark.parametrize(
    ("path", "client"),
    [
        ("/api/sync", "nodash"),
        ("/api/latest/sync", None),
        ("/api/1.48/sync", None),
    ],
)
async def test_version_that_is_none_is_refused(
    lab: ServerProcess, path: str, client: str | None
) -> None:
    headers = {} if client is None else {"Convex-Client": client}
    status, _, body = await handshake(lab.url + path, headers)
    assert status == 400
    assert json.loads(body)["code"] == "InvalidClientVersion"


async def test_ageing_client_is_served_and_warned(lab: ServerProcess, connect: Connect) -> None:
    client = await connect(
        f"ws://127.0.0.1:{lab.port}/api/sync", headers={"Convex-Client": "python-0.2.0"}
    )
    assert client.headers["x-convex-deprecation-state"] == "UpgradeRequired"
    assert client.headers["x-convex-deprecation-message"]
    assert (await client.query("plain")).value == "hello world"


@pytest.mark.parametrize("client", ["swift-0.0.1", "my-own-client-0.0.0", "npm-1.48.0-beta.1"])
async def test_other_clients_are_never_refused(
    lab: ServerProcess, connect: Connect, client: str
) -> None:
    socket = await connect(f"ws://127.0.0.1:{lab.port}/api/sync", headers={"Convex-Client": client})
    assert (await socket.query("plain")).value == "hello world"
    assert "x-convex-deprecation-state" not in socket.headers


# --- Connect ---


async def test_socket_without_connect_works(
    lab: ServerProcess, connect: Connect, name: str
) -> None:
    """Some client flows lose the Connect message."""
    client = await connect(lab.sync_url, connect=False)
    query = await client.subscribe("counters:get", {"name": name})
    assert await client.run("counters:add", {"name": name}) == 1
    await client.value_becomes(query, 1)
    assert "clientClockSkew" not in client.transitions[-1]
    response = await client.action("deep/echo:action", {"value": "x"})
    assert response["result"] == "x"


async def test_mutations_without_session_are_not_deduplicated(
    lab: ServerProcess, connect: Connect, name: str
) -> None:
    values = []
    for _ in range(2):
        client = await connect(lab.sync_url, connect=False)
        values.append(await client.run("counters:add", {"name": name}))
    assert values == [1, 2]


@pytest.mark.parametrize(
    "extra",
    [
        {"maxObservedTimestamp": None, "clientTs": None, "lastCloseReason": None},
        {"connectionCount": 3, "lastCloseReason": "StartVersionMismatch", "clientTs": 0},
        {"unknownKey": {"nested": [1, 2]}},
    ],
)
async def test_connect_takes_null_and_unknown_keys(
    lab: ServerProcess, connect: Connect, extra: dict[str, Any]
) -> None:
    client = await connect(lab.sync_url, connect=False)
    message = {
        "type": "Connect",
        "sessionId": client.session_id,
        "connectionCount": 0,
        "lastCloseReason": "InitialConnect",
    }
    await client.send(message | extra)
    assert (await client.query("plain")).value == "hello world"


async def test_client_ahead_of_the_server_is_not_served(
    lab: ServerProcess, connect: Connect, name: str
) -> None:
    """It has seen a state that this server does not have; older results would be a lie."""
    ahead = await connect(lab.sync_url, max_observed_ts=ts_text(INT_MAX_TS))
    await ahead.add("plain")
    closed = await ahead.closed()
    assert closed.code in {1011, 1013}
    assert ahead.transitions == []
    # Its claim must not have pushed the server's own clock.
    other = await connect(lab.sync_url)
    await other.run("counters:add", {"name": name})
    assert other.version.ts < INT_MAX_TS // 2
