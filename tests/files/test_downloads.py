"""Downloads: headers, ranges, validators, and what a browser is kept from."""

import base64
import hashlib

import pytest

from tests.files.conftest import Http

DATA = bytes(range(100))


@pytest.fixture
async def url(http: Http) -> str:
    return await http.file_url(await http.upload(DATA, **{"Content-Type": "image/gif"}))


async def test_headers_of_a_whole_file(http: Http, url: str) -> None:
    digest = hashlib.sha256(DATA)
    async with http.session.get(url) as response:
        assert response.status == 200
        assert response.headers["Content-Type"] == "image/gif"
        assert response.headers["Content-Length"] == "100"
        assert response.headers["Digest"] == (
            "sha-256=" + base64.b64encode(digest.digest()).decode()
        )
        assert response.headers["ETag"] == f'"{digest.hexdigest()}"'
        assert response.headers["Cache-Control"] == "private, max-age=2592000"
        assert response.headers["Accept-Ranges"] == "bytes"
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert await response.read() == DATA


async def test_head(http: Http, url: str) -> None:
    async with http.session.get(url) as whole, http.session.head(url) as response:
        assert response.status == 200
        same = ("Content-Type", "Content-Length", "Digest", "ETag", "Accept-Ranges")
        assert [response.headers[each] for each in same] == [whole.headers[each] for each in same]
        assert await response.read() == b""


@pytest.mark.parametrize(
    ("header", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=10-19", 10, 20),
        ("bytes=90-", 90, 100),
        ("bytes=-7", 93, 100),
        ("bytes=-1000", 0, 100),
        ("bytes=50-1000", 50, 100),
        ("Bytes=0-99", 0, 100),
        ("bytes=5-" + "9" * 5_000, 5, 100),
    ],
    ids=lambda value: str(value)[:20],
)
async def test_range(http: Http, url: str, header: str, start: int, end: int) -> None:
    async with http.session.get(url, headers={"Range": header}) as response:
        assert response.status == 206
        assert response.headers["Content-Range"] == f"bytes {start}-{end - 1}/100"
        assert response.headers["Content-Length"] == str(end - start)
        assert "Digest" not in response.headers
        assert await response.read() == DATA[start:end]


@pytest.mark.parametrize(
    "header",
    [
        "bytes=100-",
        "bytes=1000-2000",
        "bytes=-0",
        "bytes=0-1,5-6",
        "bytes=" + "0-1," * 1_000 + "2-3",
    ],
    ids=["at the end", "beyond", "of nothing", "two", "a thousand"],
)
async def test_range_that_cannot_be(http: Http, url: str, header: str) -> None:
    async with http.session.get(url, headers={"Range": header}) as response:
        assert response.status == 416
        assert response.headers["Content-Range"] == "bytes */100"
        assert await response.read() == b""


@pytest.mark.parametrize("header", ["lines=1-2", "bytes", "bytes=", "bytes=-", "bytes=5-2", "x"])
async def test_what_is_no_range_is_ignored(http: Http, url: str, header: str) -> None:
    async with http.session.get(url, headers={"Range": header}) as response:
        assert response.status == 200
        assert await response.read() == DATA


async def test_validators(http: Http, url: str) -> None:
    async with http.session.get(url) as response:
        etag = response.headers["ETag"]
    for known, status in [
        (etag, 304),
        (f'"other", W/{etag}', 304),
        ("*", 304),
        ('"other"', 200),
    ]:
        async with http.session.get(url, headers={"If-None-Match": known}) as response:
            assert response.status == status, known
            assert response.headers["ETag"] == etag
            assert await response.read() == (b"" if status == 304 else DATA)
    for known, status in [(etag, 206), ('"other"', 200), ("Wed, 21 Oct 2015 07:28:00 GMT", 200)]:
        headers = {"Range": "bytes=0-3", "If-Range": known}
        async with http.session.get(url, headers=headers) as response:
            assert response.status == status, known


@pytest.mark.parametrize(
    ("content_type", "is_safe"),
    [
        ("text/html", False),
        ("TEXT/HTML; charset=utf-8", False),
        ("image/svg+xml", False),
        ("application/xhtml+xml", False),
        ("text/xml", False),
        ("multipart/x-mixed-replace", False),
        ("image/png", True),
        ("application/pdf", True),
        ("text/plain", True),
    ],
)
async def test_pages_run_in_a_sandbox(http: Http, content_type: str, is_safe: bool) -> None:
    file = await http.upload(b"<script>alert(1)</script>", **{"Content-Type": content_type})
    async with http.session.get(await http.file_url(file)) as response:
        assert response.headers["Content-Type"] == content_type
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        policy = response.headers.get("Content-Security-Policy", "")
        assert ("sandbox" in policy) is not is_safe
        assert "allow-scripts" not in policy


@pytest.mark.parametrize(
    ("key", "status", "code"),
    [
        ("nonsense", 400, "InvalidStoragePath"),
        ("..%2f..%2fdata.sqlite3", 400, "InvalidStoragePath"),
        ("%2e%2e/secret", 400, "InvalidStoragePath"),
        ("staged/x", 400, "InvalidStoragePath"),
        ("", 400, "InvalidStoragePath"),
        ("00000000-0000-4000-8000-000000000000", 404, "FileNotFound"),
    ],
)
async def test_url_of_nothing(http: Http, key: str, status: int, code: str) -> None:
    from yarl import URL

    url = URL(f"{http.url}/api/storage/{key}", encoded=True)
    async with http.session.get(url) as response:
        assert (response.status, (await response.json())["code"]) == (status, code)


async def test_id_is_no_key(http: Http) -> None:
    file = await http.upload(b"x")
    async with http.session.get(f"{http.url}/api/storage/{file}") as response:
        assert response.status == 400
