"""`reactive import --url`: rows into the database of a server, under the eyes of clients."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import aiohttp
import pytest
from convex import ConvexClient

from reactive.values.ids import encode_id
from tests.server import ServerProcess
from tests.transfer.conftest import Site, jsonl

KEY = "a-secret"


@pytest.fixture
def server(site: Site) -> Iterator[ServerProcess]:
    with site.server("--admin-key", KEY) as server:
        yield server


def test_live_queries_see_what_is_imported(
    site: Site, server: ServerProcess, tmp_path: Path
) -> None:
    flags = ("--url", server.url, "--admin-key", KEY)
    client = ConvexClient(server.url)
    author = client.mutation("posts:write", {"name": "Ada", "titles": ["old"]})
    post = encode_id(10_002, bytes(range(16)))
    titles = client.subscribe("posts:titles", {})
    missing = client.subscribe("posts:title_of", {"post": post})
    found = client.subscribe("posts:search", {"text": "new"})
    before = (next(titles), next(missing), next(found))
    row = {"_id": post, "_creationTime": 5.5, "author": author, "title": "new"}
    said = site.do(
        "import", "--append", "--table", "posts", jsonl(tmp_path / "a.jsonl", row), *flags
    )

    assert before == (["old"], None, [])
    assert (next(titles), next(missing), next(found)) == (["new", "old"], "new", ["new"])
    assert "posts: 1 rows" in said
    client.mutation("posts:write", {"name": "Bea", "titles": ["newest"]})
    assert next(titles) == ["new", "old", "newest"]


def test_whole_export_takes_the_place_of_everything(
    new_site: Callable[[str], Site], site: Site, server: ServerProcess, tmp_path: Path
) -> None:
    """The tables have other numbers there; those who watch are told what is there now."""
    old = new_site("old")
    schema = (old.folder / "schema.py").read_text()
    first, *classes = schema.split("\n\n\n")
    (old.folder / "schema.py").write_text("\n\n\n".join([first, classes[2], *classes[:2]]))
    old.call("posts:write", name="Ada", titles=["moved"])
    file = old.call("files:keep", data={"$bytes": "aGVsbG8="})
    old.do("export", tmp_path / "one.zip")
    client = ConvexClient(server.url)
    client.mutation("posts:write", {"name": "Bea", "titles": ["to go"]})
    titles = client.subscribe("posts:titles", {})
    before = next(titles)
    flags = ("--url", server.url, "--admin-key", KEY)
    site.do("import", "--replace", tmp_path / "one.zip", *flags)
    after = next(titles)
    author = client.mutation("posts:write", {"name": "Cleo", "titles": ["written"]})

    assert (before, after) == (["to go"], ["moved"])
    assert next(titles) == ["moved", "written"]
    assert client.action("files:read", {"file": file}) == b"hello"
    server.kill()
    server.start()
    assert ConvexClient(server.url).query("posts:titles", {}) == ["moved", "written"]
    assert author in [row["_id"] for row in site.rows("authors")]


def test_what_is_wrong_is_told_and_the_server_goes_on(
    site: Site, server: ServerProcess, tmp_path: Path
) -> None:
    rows = jsonl(tmp_path / "a.jsonl", {"name": "Ada"}, {"name": 5})
    flags = ("--url", server.url, "--admin-key", KEY)
    wrong = site.refused("import", "--table", "authors", rows, *flags)
    nobody = site.refused("import", "--table", "authors", rows, "--url", server.url)
    (tmp_path / "bad.zip").write_bytes(b"PK")
    damaged = site.refused("import", tmp_path / "bad.zip", *flags)

    assert "the file, line 2: table authors: field name: Input should be a valid string" in wrong
    assert "admin key" in nobody
    assert "bad.zip is damaged" in damaged
    assert site.rows("authors") == []
    assert not list(site.database.parent.glob("import-*"))


def test_mutations_wait_and_are_not_lost(site: Site, server: ServerProcess, tmp_path: Path) -> None:
    rows = jsonl(tmp_path / "a.jsonl", *[{"value": n} for n in range(3_000)])
    client = ConvexClient(server.url)
    written = [0]
    is_over = threading.Event()

    def write() -> None:
        while not is_over.is_set():
            client.mutation("posts:write", {"name": "Ada", "titles": [str(written[0])]})
            written[0] += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        flags = ("--url", server.url, "--admin-key", KEY)
        site.do("import", "--table", "samples", rows, *flags)
    finally:
        is_over.set()
        writer.join()

    assert written[0] > 0
    assert client.query("posts:titles", {}) == [str(n) for n in range(written[0])]
    assert len(site.do("data", "samples", "--limit", "9999").splitlines()) == 3_000


async def test_import_is_for_administrators(server: ServerProcess) -> None:
    async with aiohttp.ClientSession() as session:
        for headers, status in (({}, 403), ({"Authorization": "Convex wrong"}, 401)):
            async with session.post(
                f"{server.url}/api/import", data=b"{}", headers=headers
            ) as response:
                assert response.status == status
