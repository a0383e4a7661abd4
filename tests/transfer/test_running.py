"""Moving data beside a running server, in the middle of a crash, and on a terminal."""

import json
import os
import pty
import signal
import subprocess
import threading
import time
import zipfile
from collections import Counter
from pathlib import Path

from convex import ConvexClient

from tests.server import REACTIVE, environment
from tests.transfer.conftest import Site, jsonl

WAIT_S = 30.0


def test_export_beside_a_server_is_one_moment(site: Site, tmp_path: Path) -> None:
    """Each mutation adds an author with two posts; no export may see one without the others."""
    with site.server() as server:
        client = ConvexClient(server.url)
        written = [0]
        is_over = threading.Event()

        def write() -> None:
            while not is_over.is_set():
                client.mutation("posts:write", {"name": "Ada", "titles": ["one", "two"]})
                written[0] += 1

        writer = threading.Thread(target=write)
        writer.start()
        try:
            counts = [0]
            while len(counts) < 6:
                before = written[0]
                site.do("export", tmp_path / "out.zip")
                with zipfile.ZipFile(tmp_path / "out.zip") as archive:
                    authors = archive.read("authors/documents.jsonl").splitlines()
                    posts = archive.read("posts/documents.jsonl").splitlines()
                per_author = Counter(json.loads(post)["author"] for post in posts)

                assert set(per_author) == {json.loads(author)["_id"] for author in authors}
                assert set(per_author.values()) <= {2}
                assert len(authors) >= before
                if len(authors) > counts[-1]:
                    counts.append(len(authors))
        finally:
            is_over.set()
            writer.join()


def test_data_beside_a_server_and_after_its_crash(site: Site) -> None:
    with site.server() as server:
        client = ConvexClient(server.url)
        client.mutation("posts:write", {"name": "Ada", "titles": ["one"]})
        running = site.rows("posts")
        server.kill()

    assert [row["title"] for row in running] == ["one"]
    assert site.rows("posts") == running


def test_import_beside_a_server_is_refused(site: Site, tmp_path: Path) -> None:
    rows = jsonl(tmp_path / "a.jsonl", {"name": "Ada"})
    with site.server():
        said = site.refused("import", "--table", "authors", rows)
        run = site.refused("run", "posts:titles")

    assert "is in use by another server; import through it with --url" in said
    assert "is in use by another server; call that server with --url" in run


def test_clients_see_what_was_imported(site: Site, tmp_path: Path) -> None:
    author = site.call("posts:write", name="Ada", titles=[])
    rows = jsonl(tmp_path / "a.jsonl", {"author": author, "title": "imported"})
    site.do("import", "--table", "posts", rows)
    with site.server() as server:
        client = ConvexClient(server.url)
        live = client.subscribe("posts:titles", {})
        first = next(live)
        client.mutation("posts:write", {"name": "Bea", "titles": ["written"]})
        second = next(live)

    assert (first, second) == (["imported"], ["imported", "written"])


def test_scheduled_functions_run_after_a_move(site: Site, tmp_path: Path) -> None:
    site.call("posts:write_soon", name="Ada", seconds=0)
    site.do("export", tmp_path / "out.zip")
    site.do("import", "--replace", tmp_path / "out.zip")
    with site.server() as server:
        client = ConvexClient(server.url)
        titles = next(each for each in client.subscribe("posts:titles", {}) if each)

    assert titles == ["later"]
    assert [job["state"]["kind"] for job in site.rows("_scheduled_functions")] == ["success"]


def test_crash_in_the_middle_leaves_nothing(site: Site, tmp_path: Path) -> None:
    site.do("import", "--table", "authors", jsonl(tmp_path / "a.jsonl", {"name": "Ada"}))
    before = site.rows("authors")
    with (tmp_path / "many.jsonl").open("w") as out:
        out.writelines(json.dumps({"name": f"{n} " + "x" * 500}) + "\n" for n in range(60_000))
    flags = ["--table", "authors", "--replace", "--project", str(site.folder)]
    log = Path(f"{site.database}-wal")
    process = subprocess.Popen(
        [str(REACTIVE), "import", str(tmp_path / "many.jsonl"), *flags], env=environment()
    )
    deadline = time.monotonic() + WAIT_S
    while not log.exists() or log.stat().st_size < 2_000_000:
        assert process.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.kill()

    assert process.wait() == -signal.SIGKILL
    assert site.rows("authors") == before
    with site.server() as server:
        client = ConvexClient(server.url)
        assert client.query("posts:titles", {}) == []
    assert site.rows("authors") == before


def test_progress_is_shown_on_a_terminal_only(site: Site, tmp_path: Path) -> None:
    rows = jsonl(tmp_path / "a.jsonl", *[{"name": f"author {n}"} for n in range(500)])
    plain = site.do("import", "--table", "authors", rows)
    shown = on_a_terminal("export", str(tmp_path / "out.zip"), "--project", str(site.folder))
    grid = on_a_terminal("data", "authors", "--limit", "2", "--project", str(site.folder))

    assert plain == f"authors: 500 rows\nimported 500 rows from {rows}\n"
    assert "Exporting documents" in shown
    assert "500/500" in shown
    assert "exported 500 documents" in shown
    assert "2 of 500 documents" in grid


def on_a_terminal(*arguments: str) -> str:
    """What a command shows on a terminal of its own."""
    control, terminal = pty.openpty()
    process = subprocess.Popen(
        [str(REACTIVE), *arguments],
        env=environment({"TERM": "xterm", "COLUMNS": "120"}),
        stdin=subprocess.DEVNULL,
        stdout=terminal,
        stderr=terminal,
    )
    os.close(terminal)
    shown = b""
    try:
        while piece := os.read(control, 4096):
            shown += piece
    except OSError:
        pass  # That is how the end of a terminal is told.
    os.close(control)
    assert process.wait(WAIT_S) == 0, shown
    return shown.decode()
