"""Files and a server process that is killed, restarted, or given a lot to carry."""

import asyncio
import hashlib
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import ClientSession, TCPConnector

from tests.files.conftest import APP, Http, until
from tests.files.test_uploads import arrives, digest_of, folder_of, kept, raw_upload
from tests.server import ServerProcess

MIB = 1024 * 1024
SIZE = 200 * MIB
GROWTH_MAX = 48 * MIB


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[ServerProcess]:
    running = ServerProcess(APP, tmp_path / "data.sqlite3")
    with running:
        yield running


@pytest.fixture
async def http(server: ServerProcess) -> AsyncIterator[Http]:
    # No connection outlives a request: the server behind it may be another one by then.
    async with ClientSession(connector=TCPConnector(force_close=True)) as session:
        yield Http(session, server.url)


async def test_large_file_is_never_in_memory(server: ServerProcess, http: Http) -> None:
    block = bytes(range(256)) * 1024
    sent = hashlib.sha256()

    async def pieces() -> AsyncIterator[bytes]:
        for number in range(SIZE // len(block)):
            piece = number.to_bytes(8, "big") + block[8:]
            sent.update(piece)
            yield piece

    await http.upload(b"warm")
    before = server.memory_bytes()
    file = await http.upload(pieces(), **{"Content-Type": "video/mp4"})
    grown_by_upload = server.memory_bytes() - before
    received = hashlib.sha256()
    async with http.session.get(await http.file_url(file)) as response:
        assert response.headers["Content-Length"] == str(SIZE)
        async for chunk in response.content.iter_chunked(MIB):
            received.update(chunk)
    grown = server.memory_bytes() - before

    assert received.digest() == sent.digest()
    assert grown_by_upload < GROWTH_MAX
    assert grown < GROWTH_MAX
    assert (await http.query("files:facts", file=file))["size"] == SIZE


async def test_kill_in_the_middle_of_an_upload(server: ServerProcess, http: Http) -> None:
    whole = await http.upload(b"whole")
    head = b"Content-Length: 1000000\r\n"
    with await raw_upload(server, http, head, b"x" * 500_000):
        await arrives(server, set())
        server.kill()
    names, staged = kept(server)
    assert (len(names), len(staged)) == (1, 1)
    server.start()

    assert kept(server) == (names, set())
    async with http.session.get(await http.file_url(whole)) as response:
        assert await response.read() == b"whole"
    assert len(await http.query("files:types")) == 1


async def test_file_without_a_row_is_swept_when_it_is_old(
    server: ServerProcess, http: Http
) -> None:
    """A crash between the two steps of an upload leaves such a file."""

    await http.upload(b"named")
    server.kill()
    folder = folder_of(server)
    (named,) = kept(server)[0]
    for name, age_s in [
        (named, 7200),
        ("00000000-0000-4000-8000-000000000001", 7200),
        ("00000000-0000-4000-8000-000000000002", 60),
    ]:
        path = folder / name
        if not path.exists():
            path.write_bytes(b"orphan")
        os.utime(path, (time.time() - age_s, time.time() - age_s))
    server.start()
    await until(lambda: len(kept(server)[0]) <= 2)

    assert kept(server)[0] == {named, "00000000-0000-4000-8000-000000000002"}


async def test_files_and_upload_urls_outlive_a_restart(server: ServerProcess, http: Http) -> None:
    file = await http.upload(b"lasting")
    url, upload = await http.file_url(file), await http.upload_url()
    assert server.stop() == 0
    server.start()

    assert await http.file_url(file) == url
    async with http.session.get(url) as response:
        assert response.headers["Digest"] == f"sha-256={digest_of(b'lasting')}"
        assert await response.read() == b"lasting"
    async with http.session.post(upload, data=b"later") as answer:
        assert answer.status == 200


async def test_upload_in_flight_may_finish_at_the_end(server: ServerProcess, http: Http) -> None:
    body = b"x" * 100_000
    head = b"Content-Length: 100000\r\n"
    with await raw_upload(server, http, head, body[:50_000]) as connection:
        await arrives(server, set())
        server.process.terminate()
        await asyncio.to_thread(connection.sendall, body[50_000:])
        answer = b""
        while chunk := await asyncio.to_thread(connection.recv, 4096):
            answer += chunk
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"storageId" in answer
    assert server.process.wait(10) == 0


async def test_upload_that_never_ends_does_not_keep_the_server(
    server: ServerProcess, http: Http
) -> None:
    with await raw_upload(server, http, b"Content-Length: 100000\r\n", b"x" * 50_000):
        await arrives(server, set())
        assert await asyncio.to_thread(server.stop) == 0

    assert kept(server) == (set(), set())


async def test_many_at_once(server: ServerProcess, http: Http) -> None:
    bodies = [bytes([number]) * 500_000 for number in range(30)]
    files = await asyncio.gather(*map(http.upload, bodies))

    async def download(file: str) -> bytes:
        async with http.session.get(await http.file_url(file)) as response:
            return await response.read()

    assert await asyncio.gather(*map(download, files)) == bodies
    assert len(kept(server)[0]) == len(set(files)) == 30


async def test_upload_token_of_another_server(
    server: ServerProcess, http: Http, files_server: ServerProcess
) -> None:
    url = (await http.upload_url()).replace(server.url, files_server.url)
    async with http.session.post(url, data=b"x") as answer:
        assert (answer.status, (await answer.json())["code"]) == (401, "StorageTokenInvalid")
