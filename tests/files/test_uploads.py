"""Uploads: the URL, the bytes, the row; and all that can be wrong with them."""

import asyncio
import base64
import hashlib
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.files.conftest import Http, until
from tests.server import ServerProcess


def digest_of(data: bytes) -> str:
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


def folder_of(server: ServerProcess) -> Path:
    return Path(server.store.removeprefix("sqlite:///") + ".files")


def kept(server: ServerProcess) -> tuple[set[str], set[str]]:
    """The names of whole files, and of those that are being written."""
    folder = folder_of(server)
    staged = folder / "staged"
    whole = {each.name for each in folder.iterdir() if each.is_file()} if folder.exists() else set()
    return whole, {each.name for each in staged.iterdir()} if staged.exists() else set()


async def nothing_staged(server: ServerProcess) -> None:
    await until(lambda: not kept(server)[1])


async def test_what_goes_up_comes_down(http: Http, files_server: ServerProcess) -> None:
    data = bytes(range(256)) * 4_000
    file = await http.upload(data, **{"Content-Type": "image/png"})
    facts = await http.query("files:facts", file=file)

    assert facts == {
        "_id": file,
        "_creationTime": facts["_creationTime"],
        "size": float(len(data)),
        "sha256": digest_of(data),
        "contentType": "image/png",
    }
    url = await http.file_url(file)
    assert url.startswith(f"{files_server.url}/api/storage/")
    assert file not in url
    async with http.session.get(url) as response:
        assert await response.read() == data


async def test_keys_cannot_be_listed(http: Http) -> None:
    await http.upload(b"hidden")

    assert (await http.answer("query", "files:hidden"))["status"] == "error"


async def test_chunked_body_without_a_length(http: Http) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for number in range(100):
            yield b"%d," % number

    file = await http.upload(pieces())
    async with http.session.get(await http.file_url(file)) as response:
        assert await response.read() == b"".join([b"%d," % number for number in range(100)])


async def test_empty_file(http: Http) -> None:
    file = await http.upload(b"")

    assert (await http.query("files:facts", file=file))["size"] == 0
    for headers in ({}, {"Range": "bytes=0-"}):
        async with http.session.get(await http.file_url(file), headers=headers) as response:
            assert response.status == 200
            assert await response.read() == b""


async def test_upload_without_a_type_has_none(http: Http) -> None:
    url = await http.upload_url()
    async with http.session.post(url, data=b"x", skip_auto_headers=["Content-Type"]) as answer:
        file = (await answer.json())["storageId"]

    assert "contentType" not in await http.query("files:facts", file=file)
    async with http.session.get(await http.file_url(file)) as response:
        assert response.headers["Content-Type"] == "application/octet-stream"


async def test_one_url_takes_several_files(http: Http) -> None:
    url = await http.upload_url()
    ids = set()
    for _ in range(2):
        async with http.session.post(url, data=b"same") as answer:
            ids.add((await answer.json())["storageId"])

    assert len(ids) == 2


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        (lambda url: url.partition("?")[0], 400, "BadQueryArgs"),
        (lambda url: url.partition("=")[0] + "=", 401, "StorageTokenInvalid"),
        (lambda url: url.partition("=")[0] + "=%C3%A9%00", 401, "StorageTokenInvalid"),
        (lambda url: url[:-1] + ("A" if url[-1] != "A" else "B"), 401, "StorageTokenInvalid"),
        (lambda url: url[:-6], 401, "StorageTokenInvalid"),
    ],
    ids=["none", "empty", "no base64", "changed", "cut"],
)
async def test_bad_token(
    http: Http, files_server: ServerProcess, change: Any, status: int, code: str
) -> None:
    before = kept(files_server)
    async with http.session.post(change(await http.upload_url()), data=b"x") as answer:
        assert answer.status == status
        assert set(await answer.json()) == {"code", "message"}
        assert (await answer.json())["code"] == code
    assert kept(files_server) == before


@pytest.mark.parametrize(
    ("header", "status", "code"),
    [
        (digest_of(b"the file"), 200, None),
        (digest_of(b"another"), 400, "Sha256Mismatch"),
        ("AAAA", 400, "InvalidDigest"),
        ("%%%", 400, "InvalidDigest"),
    ],
    ids=["right", "wrong", "short", "no base64"],
)
async def test_digest_of_the_sender(
    http: Http, files_server: ServerProcess, header: str, status: int, code: str | None
) -> None:
    before = kept(files_server)[0]
    headers = {"Digest": f"md5=abc, sha-256={header}"}
    url = await http.upload_url()
    async with http.session.post(url, data=b"the file", headers=headers) as answer:
        assert answer.status == status
        assert (await answer.json()).get("code") == code
    assert len(kept(files_server)[0] - before) == (status == 200)
    await nothing_staged(files_server)


async def test_type_that_no_header_can_carry(http: Http, files_server: ServerProcess) -> None:
    async with http.session.post(
        await http.upload_url(), data=b"x", headers={"Content-Type": "text/" + "x" * 300}
    ) as answer:
        assert (answer.status, (await answer.json())["code"]) == (400, "InvalidContentType")


async def raw_upload(server: ServerProcess, http: Http, head: bytes, body: bytes) -> socket.socket:
    """A connection on which a part of an upload was sent."""
    parts = urlsplit(await http.upload_url())
    connection = socket.create_connection(("127.0.0.1", server.port))
    connection.settimeout(15)
    request = f"POST {parts.path}?{parts.query} HTTP/1.1\r\nHost: localhost\r\n".encode()
    connection.sendall(request + head + b"\r\n" + body)
    return connection


async def arrives(server: ServerProcess, before: set[str]) -> None:
    """Waits until bytes of an upload that was not there before are on the disk."""
    staged = folder_of(server) / "staged"
    await until(lambda: any((staged / each).stat().st_size for each in kept(server)[1] - before))


@pytest.mark.parametrize(
    ("head", "body"),
    [
        (b"Content-Length: 1000000\r\n", b"x" * 990_000),
        (b"Transfer-Encoding: chunked\r\n", b"5\r\nhello\r\n"),
    ],
    ids=["short of its length", "without a last chunk"],
)
async def test_upload_that_breaks_off_leaves_nothing(
    http: Http, files_server: ServerProcess, head: bytes, body: bytes
) -> None:
    whole, staged = kept(files_server)
    complaints = files_server.output.count("Traceback")
    with await raw_upload(files_server, http, head, body):
        await arrives(files_server, staged)
    await nothing_staged(files_server)

    assert kept(files_server)[0] == whole
    assert files_server.output.count("Traceback") == complaints


async def test_broken_framing_is_refused(http: Http, files_server: ServerProcess) -> None:
    whole = kept(files_server)[0]
    head = b"Transfer-Encoding: chunked\r\n"
    with await raw_upload(files_server, http, head, b"5\r\nhello\r\nnonsense\r\n") as connection:
        answer = await asyncio.to_thread(connection.recv, 4096)
        assert answer.split()[1] == b"400"
    await nothing_staged(files_server)

    assert kept(files_server)[0] == whole


async def test_cors_of_uploads(http: Http) -> None:
    origin = {"Origin": "http://localhost:5173"}
    url = await http.upload_url()
    asked = {"Access-Control-Request-Headers": "content-type,digest"}
    async with http.session.options(url, headers=origin | asked) as answer:
        assert answer.status == 200
        assert answer.headers["Access-Control-Allow-Headers"] == "content-type,digest"
        assert "POST" in answer.headers["Access-Control-Allow-Methods"]
    async with http.session.post(url, data=b"x", headers=origin) as answer:
        assert answer.headers["Access-Control-Allow-Origin"] == origin["Origin"]
        file = (await answer.json())["storageId"]
    async with http.session.get(await http.file_url(file), headers=origin) as answer:
        assert answer.headers["Access-Control-Allow-Origin"] == origin["Origin"]
    async with http.session.post(url + "x", data=b"x", headers=origin) as answer:
        assert answer.headers["Access-Control-Allow-Origin"] == origin["Origin"]


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_other_methods(http: Http, method: str) -> None:
    async with http.session.request(method, await http.upload_url()) as answer:
        assert answer.status in (400, 404, 405)
        assert set(await answer.json()) == {"code", "message"}
