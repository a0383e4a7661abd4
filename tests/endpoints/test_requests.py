"""Endpoints of a real server: paths, bodies, contexts, failures."""

import asyncio
import base64
import hashlib
import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import ClientError, ClientSession

from tests.server import ServerProcess

MIB = 1024 * 1024


async def get(site: ClientSession, path: str, **headers: str) -> tuple[int, str]:
    async with site.get(path, headers=headers) as response:
        return response.status, await response.text()


async def notes_come(site: ClientSession, *wanted: str) -> None:
    """Waits until these notes are there."""
    body = {"path": "notes:list", "args": {}, "format": "json"}
    async with asyncio.timeout(15):
        while True:
            async with site.post("/api/query", json=body) as response:
                if set(wanted) <= set((await response.json())["value"]):
                    return


# Paths


@pytest.mark.parametrize("mount", ["", "/http"])
@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/hello", "hello you"),
        ("/hello?name=Ada", "hello Ada"),
        ("/tree/", "tree:"),
        ("/tree/fir/cone", "tree:fir/cone"),
        ("/tree/oak/", "oak:"),
        ("/tree/oak/acorn", "oak:acorn"),
        ("/tree/oak/leaf", "leaf:"),
        ("/tree/a%20b", "tree:a b"),
    ],
)
async def test_path(site: ClientSession, mount: str, path: str, text: str) -> None:
    assert await get(site, mount + path) == (200, text)


@pytest.mark.parametrize("path", ["/hell", "/hello/", "/tree", "/http/", "/http/nowhere", "/Hello"])
async def test_no_route(site: ClientSession, path: str) -> None:
    assert await get(site, path) == (404, "No matching routes found")


async def test_project_without_endpoints(tmp_path: Path) -> None:
    (tmp_path / "functions").mkdir()
    with ServerProcess(tmp_path, tmp_path / "data.sqlite3") as server:
        async with ClientSession(server.url) as site:
            assert await get(site, "/hello") == (404, "This server has no HTTP endpoints")


async def test_handler_sees_the_original_path(site: ClientSession) -> None:
    async with site.post("/http/echo", data=b"x") as response:
        assert response.headers["X-Path"] == "/http/echo"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_methods(site: ClientSession, method: str) -> None:
    async with site.request(method, "/echo", data=b"body") as response:
        assert (response.status, response.headers["X-Method"]) == (201, method)
        assert await response.read() == b"body"


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PROPFIND"])
async def test_other_methods(site: ClientSession, method: str) -> None:
    async with site.request(method, "/echo") as response:
        assert response.status == 404


@pytest.mark.parametrize("path", ["/hello", "/sse", "/lazy", "/source", "/page.txt"])
async def test_head_is_get_without_a_body(site: ClientSession, path: str) -> None:
    async with site.get(path) as whole:
        await whole.read()
    # The second request goes over the same connection, which a body would have spoiled.
    for _ in range(2):
        async with site.head(path) as response:
            assert response.status == 200
            assert response.headers["Content-Type"] == whole.headers["Content-Type"]
            assert response.headers.get("Content-Length") == whole.headers.get("Content-Length")
            assert await response.read() == b""


# What is nearer


async def test_own_paths_come_first(site: ClientSession) -> None:
    async with site.post("/api/query", json={"path": "notes:list", "args": {}}) as response:
        assert (await response.json())["status"] == "success"
    assert "sockets" in (await get(site, "/healthz"))[1]


async def test_own_paths_of_the_author_are_below_http(site: ClientSession) -> None:
    assert await get(site, "/http/healthz") == (200, "the author's")


async def test_route_that_is_hidden_is_warned_of(endpoints: ServerProcess) -> None:
    for path in ("/api/query", "/healthz"):
        endpoints.wait_for_output(f"route {path} is only reached as /http{path}")
    assert "/api/chat is only" not in endpoints.output


async def test_paths_below_api_that_are_not_the_servers(site: ClientSession) -> None:
    async with site.post("/api/chat") as response:
        assert await response.text() == "the author's own /api/chat"
    async with site.post("/api/nowhere", json={}) as response:
        assert response.status == 404
        assert set(await response.json()) == {"code", "message"}


async def test_routes_come_before_files(site: ClientSession) -> None:
    assert await get(site, "/page.txt") == (200, "from the route")
    assert await get(site, "/only.txt") == (200, "only here\n")


# Bodies


async def test_body_of_twenty_megabytes_is_read_at_once(site: ClientSession) -> None:
    async def pieces(size: int) -> AsyncIterator[bytes]:
        for _ in range(size // MIB):
            yield b"x" * MIB
        yield b"x" * (size % MIB)

    async with site.post("/echo", data=pieces(20 * MIB - 1)) as response:
        assert len(await response.read()) == 20 * MIB - 1
    async with site.post("/echo", data=pieces(20 * MIB + 1)) as response:
        assert response.status == 413
        assert str(20 * MIB) in await response.text()


async def test_body_is_streamed_without_limit(
    site: ClientSession, endpoints: ServerProcess
) -> None:
    sent = hashlib.sha256()

    async def pieces() -> AsyncIterator[bytes]:
        for number in range(100):
            piece = number.to_bytes(8, "big") * (MIB // 8)
            sent.update(piece)
            yield piece

    await get(site, "/hello")
    before = endpoints.memory_bytes()
    async with site.post("/digest", data=pieces()) as response:
        found = await response.json()

    assert found == {"sha256": sent.hexdigest(), "size": 100 * MIB}
    assert endpoints.memory_bytes() - before < 32 * MIB


async def test_own_endpoints_keep_their_own_limit(site: ClientSession) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b'{"path": "notes:list", "args": {"x": "'
        for _ in range(17):
            yield b"x" * MIB
        yield b'"}}'

    headers = {"Content-Type": "application/json"}
    async with site.post("/api/query", data=body(), headers=headers) as response:
        assert (response.status, (await response.json())["code"]) == (400, "BodyTooLarge")


# Contexts


async def test_context_of_an_action(site: ClientSession) -> None:
    async with site.post("/notes", data="from the context") as response:
        found = await response.json()

    assert found["count"] >= 1
    assert found["shouted"] == "HEY"
    await notes_come(site, "from the context", "HEY", "from the context, later")


async def test_body_becomes_a_file(site: ClientSession) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(50):
            yield b"x" * MIB

    async with site.post("/files", data=pieces(), headers={"Content-Type": "x/y"}) as response:
        url = (await response.json())["url"]
    async with site.get(url) as response:
        assert response.headers["Content-Length"] == str(50 * MIB)
        assert response.headers["Content-Type"] == "x/y"


def acting_as(subject: str) -> str:
    identity = json.dumps({"issuer": "i", "subject": subject}).encode()
    return f"Convex secret:{base64.b64encode(identity).decode()}"


async def test_identity(site: ClientSession) -> None:
    assert await get(site, "/who") == (200, "nobody")
    assert await get(site, "/who", Authorization=acting_as("Ada")) == (200, "Ada")


@pytest.mark.parametrize("header", ["Bearer x.y.z", "Basic dTpw", "Convex wrong", "nonsense"])
async def test_bad_token_fails_only_who_asks(site: ClientSession, header: str) -> None:
    assert await get(site, "/anybody", Authorization=header) == (200, header)
    async with site.get("/who", headers={"Authorization": header}) as response:
        assert response.status == 401
        assert set(await response.json()) == {"code", "message"}


# Streams


async def test_server_sent_events(site: ClientSession) -> None:
    async with site.get("/sse") as response:
        assert response.headers["Content-Type"] == "text/event-stream"
        events = (await response.text()).split("\n\n")

    assert [event.split("\n")[0] for event in events] == ["id: 0", "id: 1", "id: 2", ""]


async def test_body_that_is_made_while_it_is_sent(site: ClientSession) -> None:
    status, text = await get(site, "/lazy")

    assert status == 200
    assert len(text.split()) == 3


async def test_other_responses(site: ClientSession) -> None:
    assert await get(site, "/unprepared") == (202, "")
    assert "Endpoints of every kind" in (await get(site, "/source"))[1]


async def test_connection_outlives_a_file(endpoints: ServerProcess) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", endpoints.port)
    writer.write(b"GET /source HTTP/1.1\r\nHost: x\r\n\r\n")
    assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"
    await reader.readuntil(b"/cors/none")
    writer.write(b"GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    rest = await asyncio.wait_for(reader.read(), 15)
    writer.close()

    assert rest.endswith(b"hello you")


async def test_websocket_of_the_authors_own(site: ClientSession) -> None:
    async with site.ws_connect("/socket") as socket:
        for text in ("one", "two"):
            await socket.send_str(text)
            assert (await socket.receive_str()).startswith(text)


async def test_reader_that_leaves_is_noticed_by_who_writes(
    site: ClientSession, endpoints: ServerProcess
) -> None:
    response = await site.get("/endless?name=Eve")
    await response.content.readexactly(1000)
    response.close()
    await notes_come(site, "Eve has left")

    assert "GET /endless failed" not in endpoints.output


async def test_sender_that_leaves_is_no_error_of_the_author(
    site: ClientSession, endpoints: ServerProcess
) -> None:
    with socket.create_connection(("127.0.0.1", endpoints.port)) as connection:
        connection.sendall(
            b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nhalf"
        )
    await asyncio.to_thread(endpoints.wait_for_output, "POST /echo: the client has gone away")

    assert "POST /echo failed" not in endpoints.output


# Failures


async def test_exception_is_redacted_in_production(
    site: ClientSession, endpoints: ServerProcess
) -> None:
    async with site.get("/boom") as response:
        assert response.status == 500
        body = await response.json()
        assert list(body) == ["code"]
        assert body["code"].startswith("[Request ID: ")
        assert body["code"].endswith("] Server Error")
    request_id = body["code"].split()[2].rstrip("]")
    output = endpoints.wait_for_output("the secret is 42")
    assert f"GET /boom failed (request {request_id})" in output


async def test_exception_is_told_in_development(site_dev: ClientSession) -> None:
    async with site_dev.get("/boom") as response:
        assert response.status == 500
        body = await response.json()
        assert body["code"].endswith("] Server Error: Uncaught ValueError: the secret is 42")
        assert "functions/http.py" in body["trace"]


@pytest.mark.parametrize(
    ("path", "data"), [("/full", {"reason": "full", "left": 0}), ("/own-data", "just so")]
)
async def test_data_of_an_application_error_is_told(
    site: ClientSession, path: str, data: object
) -> None:
    async with site.get(path) as response:
        body = await response.json()
        assert (response.status, set(body)) == (500, {"code", "data"})
        assert body["data"] == data


async def test_answers_that_are_raised(site: ClientSession) -> None:
    async with site.get("/gone") as response:
        assert (response.status, await response.text()) == (410, "not any more")
        assert response.headers["X-Since"] == "yesterday"
    async with site.get("/moved", allow_redirects=False) as response:
        assert (response.status, response.headers["Location"]) == (302, "/hello")


async def test_bad_arguments_are_named(site: ClientSession) -> None:
    async with site.get("/bad-call") as response:
        assert response.status == 400
        assert "wrong" in (await response.json())["message"]


@pytest.mark.parametrize(("path", "what"), [("/nothing", "None"), ("/a-dict", "{'not'")])
async def test_what_is_no_response(site_dev: ClientSession, path: str, what: str) -> None:
    async with site_dev.get(path) as response:
        assert response.status == 500
        assert "must return" in (await response.json())["code"]
        assert what in (await response.json())["code"]


async def test_response_of_another_request(site_dev: ClientSession) -> None:
    assert (await get(site_dev, "/reused"))[0] == 200
    async with site_dev.get("/reused") as response:
        assert response.status == 500
        assert "sent before" in (await response.json())["code"]


@pytest.mark.parametrize("path", ["/breaks", "/breaks-with-status", "/two"])
async def test_stream_that_breaks_does_not_look_whole(site: ClientSession, path: str) -> None:
    with pytest.raises(ClientError):
        async with site.get(path) as response:
            await response.read()
