"""`reactive logs` and what it is made of: the log of functions, followed."""

import asyncio
import json
import re
import subprocess
import threading
from collections.abc import Callable, Iterator
from typing import Any

import aiohttp
import pytest
from convex import ConvexClient

from reactive.clock import SystemClock
from reactive.limits import Limits
from reactive.runtime.logs import LogFeed
from tests.server import REACTIVE, ServerProcess, environment
from tests.transfer.conftest import Site

KEY = "a-secret"


class Follower:
    """A running `reactive logs`."""

    def __init__(self, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [str(REACTIVE), "logs", *arguments],
            env=environment({"REACTIVE_ADMIN_KEY": KEY}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._news = threading.Condition()
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as stream:
            for line in stream:
                with self._news:
                    self.lines.append(line.rstrip("\n"))
                    self._news.notify_all()

    def wait_for(self, pattern: str, count: int = 1) -> str:
        def found() -> bool:
            return len(re.findall(pattern, "\n".join(self.lines))) >= count

        with self._news:
            assert self._news.wait_for(found, 20), f"no {pattern!r} in {self.lines}"
            return "\n".join(self.lines)

    def end(self) -> None:
        self.process.terminate()
        self.process.wait(10)
        self._reader.join()


@pytest.fixture
def server(site: Site) -> Iterator[ServerProcess]:
    with site.server("--admin-key", KEY) as server:
        yield server


@pytest.fixture
def follow(site: Site) -> Iterator[Callable[..., Follower]]:
    followers: list[Follower] = []

    def start(*arguments: str) -> Follower:
        followers.append(Follower(*arguments, "--project", str(site.folder)))
        followers[-1].wait_for("following")
        return followers[-1]

    yield start
    for follower in followers:
        follower.end()


def test_what_is_logged_and_what_fails_is_shown(
    server: ServerProcess, follow: Callable[..., Follower]
) -> None:
    log = follow("--url", server.url)
    client = ConvexClient(server.url)
    client.mutation("posts:write", {"name": "Ada", "titles": []})
    assert client.query("posts:shouts", {"text": "hi"}) == "HI"
    with pytest.raises(Exception, match="Server Error"):
        client.mutation("posts:fail", {})
    with pytest.raises(Exception, match="ArgumentValidationError"):
        client.action("files:keep", {"data": 5})
    text = log.wait_for("action files:keep failed")

    assert re.search(r"query posts:shouts in \d+\.\d ms\n  \[LOG\] 'shouting' 'hi'\n", text)
    assert re.search(
        r"mutation posts:fail failed in \d+\.\d ms \(request \w+\)\n"
        r"  \[LOG\] 'about to fail'\n"
        r"  Server Error\n"
        r"  Uncaught ValueError: nobody is told in production\n",
        text,
    )
    assert "ArgumentValidationError" in text
    assert "posts:write" not in text


def test_successes_are_shown_when_asked_for(
    server: ServerProcess, follow: Callable[..., Follower]
) -> None:
    log = follow("--url", server.url, "--success", "--jsonl")
    client = ConvexClient(server.url)
    client.mutation("posts:write", {"name": "Ada", "titles": []})
    client.query("posts:titles", {})
    client.action("files:keep", {"data": b"x"})
    log.wait_for("files:keep")
    entries = [json.loads(line) for line in log.lines if line.startswith("{")]

    assert [(each["kind"], each["path"]) for each in entries] == [
        ("mutation", "posts:write"),
        ("query", "posts:titles"),
        ("action", "files:keep"),
    ]
    assert all(each["status"] == "success" and each["logLines"] == [] for each in entries)
    assert all(each["durationMs"] >= 0 and each["ts"] > 1.7e12 for each in entries)


def test_query_that_is_answered_from_what_is_known_did_not_run(
    server: ServerProcess, follow: Callable[..., Follower]
) -> None:
    log = follow("--url", server.url, "--jsonl")
    client = ConvexClient(server.url)
    watching = client.subscribe("posts:shouts", {"text": "hi"})
    next(watching)
    client.query("posts:shouts", {"text": "hi"})
    client.query("posts:shouts", {"text": "ho"})
    text = log.wait_for("'ho'")

    assert text.count("posts:shouts") == 2


def test_follower_waits_for_a_server_that_comes_back(
    site: Site, server: ServerProcess, follow: Callable[..., Follower]
) -> None:
    log = follow("--url", server.url)
    assert server.stop() == 0
    log.wait_for("has stopped; waiting for it")
    server.start()
    log.wait_for(f"following {server.url} again")
    client = ConvexClient(server.url)
    client.query("posts:shouts", {"text": "back"})

    assert "[LOG] 'shouting' 'back'" in log.wait_for("'back'")


def test_log_is_for_administrators(site: Site, server: ServerProcess) -> None:
    flags = ("--url", server.url)
    without = site.refused("logs", *flags)
    wrong = site.refused("logs", *flags, "--admin-key", "other")
    nobody = site.refused("logs", "--url", "http://127.0.0.1:1", "--admin-key", KEY)

    assert "admin_key" in without
    assert "does not show its log" in wrong
    assert "(401)" in wrong
    assert "cannot follow http://127.0.0.1:1" in nobody


async def test_endpoints_are_logged_too(
    server: ServerProcess, follow: Callable[..., Follower]
) -> None:
    log = follow("--url", server.url)
    async with aiohttp.ClientSession() as session:
        for path in ("hello", "broken"):
            async with session.get(f"{server.url}/{path}") as response:
                await response.read()
    text = log.wait_for("broken on purpose")

    assert re.search(r"http GET /hello in \d+\.\d ms\n  \[LOG\] 'said hello'", text)
    assert re.search(r"http GET /broken failed .*\n  \[LOG\] 'about to break'", text)


async def test_anybody_else_is_refused(server: ServerProcess) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{server.url}/api/logs") as response,
    ):
        assert response.status == 403
        assert (await response.json())["code"] == "AdminKeyRequired"


def test_internal_function_is_run_for_the_key_only(site: Site, server: ServerProcess) -> None:
    flags = ("--url", server.url)
    refused = site.refused("run", "posts:hidden", *flags)

    assert json.loads(site.do("run", "posts:hidden", *flags, "--admin-key", KEY)) == (
        "for administrators"
    )
    assert "Could not find public function for 'posts:hidden'" in refused


def test_prints_of_a_function_are_not_its_result(site: Site) -> None:
    done = site.try_to("run", "posts:shouts", '{"text": "hi"}')

    assert done.stdout == '"HI"\n'
    assert "shouting hi" in done.stderr


# --- A follower who is slow ---


def feed_of(limit: int) -> LogFeed:
    return LogFeed(Limits(log_feed_bytes_max=limit), SystemClock(), str)


async def test_slow_follower_loses_the_oldest_and_is_told() -> None:
    feed = feed_of(1_000)
    slow = feed.follow(all_runs=True)
    quick = feed.follow(all_runs=True)
    seen: list[dict[str, Any]] = []
    for number in range(50):
        feed.note("query", f"m:f{number}", None)
        text = await quick.next()
        assert text is not None
        seen += map(json.loads, text.splitlines())
    text = await slow.next()
    assert text is not None
    notice, *rest = map(json.loads, text.splitlines())

    assert [each["path"] for each in seen] == [f"m:f{number}" for number in range(50)]
    assert 0 < len(rest) < 50
    assert notice == {"dropped": 50 - len(rest)}
    assert rest[-1]["path"] == "m:f49"


async def test_entry_larger_than_all_room_is_counted() -> None:
    feed = feed_of(50)
    follower = feed.follow(all_runs=True)
    feed.note("query", "m:f", None)

    assert await follower.next() == b'{"dropped":1}\n'


async def test_followers_end_with_the_feed() -> None:
    feed = feed_of(1_000)
    follower = feed.follow(all_runs=True)
    waiting = asyncio.ensure_future(follower.next())
    await asyncio.sleep(0)
    feed.note("query", "m:f", None, error=ValueError("odd"))
    first = await waiting
    feed.close()

    assert first is not None
    assert json.loads(first)["error"] == "odd"
    assert await follower.next() is None


async def test_nobody_is_told_after_closing() -> None:
    feed = feed_of(1_000)
    follower = feed.follow(all_runs=True)
    follower.close()
    feed.note("query", "m:f", None)
    follower.end()

    assert await follower.next() is None
