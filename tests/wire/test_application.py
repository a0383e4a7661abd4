"""The whole application over a real port of this machine: a few messages of each kind."""

import json
from collections.abc import AsyncIterator, Iterator

import pytest
from aiohttp import WSMsgType, web
from aiohttp.test_utils import TestClient, TestServer

from reactive import create_app
from tests.runtime.harness import APP, own_modules
from tests.session.peers import Add, Peer

Client = TestClient[web.Request, web.Application]


@pytest.fixture(autouse=True)
def _own_modules() -> Iterator[None]:
    with own_modules():
        yield


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    application = create_app(APP, dev=True, store="memory:", admin_key="secret")
    async with TestClient(TestServer(application)) as opened:
        yield opened


async def test_sync_protocol(client: Client) -> None:
    peer = Peer()
    async with client.ws_connect("/api/1.48.0/sync") as ws:
        for text in [
            *peer.connect(),
            peer.modify([Add("counters:get", {"name": "a"})]),
            peer.call("Mutation", "counters:put", {"name": "a", "value": 5}),
        ]:
            await ws.send_str(text)
        while not (peer.calls[0].is_settled and 5 == peer.results[0].value):
            peer.receive((await ws.receive()).data)

    peer.check_at_rest()


async def test_what_is_no_message_ends_the_socket(client: Client) -> None:
    async with client.ws_connect("/api/sync") as ws:
        await ws.send_str('{"type":"Nonsense"}')
        fatal = json.loads((await ws.receive()).data)
        closed = await ws.receive()

        assert "FatalError" == fatal["type"]
        assert fatal["error"].startswith("WSMessageInvalidJson: ")
        assert closed.type is WSMsgType.CLOSE
        # No code at all, which clients see as 1005.
        assert 1005 == ws.close_code or closed.data in (0, 1005)


async def test_binary_message_is_refused(client: Client) -> None:
    async with client.ws_connect("/api/sync") as ws:
        await ws.send_bytes(b"{}")
        closed = await ws.receive()

        assert (WSMsgType.CLOSE, 1003) == (closed.type, closed.data)


async def test_old_client_is_refused_with_advice(client: Client) -> None:
    response = await client.get("/api/0.19.1/sync")

    assert 400 == response.status
    assert "ClientVersionUnsupported" == (await response.json())["code"]
    assert "Unsupported" == response.headers["x-convex-deprecation-state"]
    assert "npm 0.19.1" in response.headers["x-convex-deprecation-message"]


async def test_foreign_origin_is_refused(client: Client) -> None:
    response = await client.get("/api/1.48.0/sync", headers={"Origin": "https://evil.com"})

    assert 403 == response.status


@pytest.mark.parametrize(
    ("path", "body", "status", "answer"),
    [
        (
            "/api/query",
            {"path": "counters:get", "args": {"name": "a"}, "format": "json"},
            200,
            {"status": "success", "value": 0.0},
        ),
        (
            "/api/mutation",
            {"path": "counters:add", "args": [{"name": "a"}], "format": "json"},
            200,
            {"status": "success", "value": 1.0},
        ),
        (
            "/api/run/counters/get",
            {"args": {"name": "a"}},
            200,
            {"status": "success", "value": 0.0},
        ),
        ("/api/query", {"path": 5}, 400, {"code": "BadJsonBody"}),
        ("/api/query", [], 400, {"code": "BadJsonBody"}),
        ("/api/query", {"path": "a:b", "format": "xml"}, 400, {"code": "BadFormat"}),
        ("/api/nowhere", {}, 404, {"code": "NotFound"}),
        ("/api/function", {"path": "counters:get"}, 403, {"code": "AdminKeyRequired"}),
    ],
)
async def test_http(
    client: Client, path: str, body: object, status: int, answer: dict[str, object]
) -> None:
    response = await client.post(path, json=body)
    found = await response.json()

    assert status == response.status
    assert answer == {name: found[name] for name in answer}


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("Bearer x.y.z", "NoAuthProvider"),
        ("Convex wrong", "BadAdminKey"),
        ("Basic x", "InvalidAuthHeader"),
    ],
)
async def test_identity_that_is_not_proved_is_refused(
    client: Client, header: str, code: str
) -> None:
    response = await client.post(
        "/api/query", json={"path": "counters:get"}, headers={"Authorization": header}
    )

    assert 401 == response.status
    assert code == (await response.json())["code"]


async def test_admin_key(client: Client) -> None:
    response = await client.post(
        "/api/function",
        json={"path": "nested:hidden", "args": {"name": "a"}, "format": "json"},
        headers={"Authorization": "Convex secret"},
    )

    assert {"status": "success", "value": 1.0} == await response.json()


async def test_small_routes(client: Client) -> None:
    health = await (await client.get("/healthz")).json()
    name = await (await client.get("/instance_name")).text()

    assert "ok" == health["status"]
    assert APP.name == name
    assert 200 == (await client.get("/version")).status
    assert 404 == (await client.get("/nowhere")).status
    assert 404 == (await client.get("/api/mutation")).status
