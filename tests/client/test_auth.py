"""Tokens that are fetched, refused, replaced; and servers that misbehave."""

import asyncio
import base64
import json
from collections.abc import Iterator

import pytest

from reactive.client import FatalServerError, ReactiveClient
from reactive.client.auth import refresh_delay
from reactive.limits import Limits
from tests.client.scripted import ScriptedServer

pytestmark = pytest.mark.timeout(60)
QUICK = Limits(client_backoff_s=0.01, client_overload_backoff_s=0.01, client_backoff_max_s=0.05)


def tokens(*names: str) -> Iterator[str]:
    yield from names
    raise AssertionError("asked for another token")


def web_token(issued: float, expires: float, name: str = "") -> str:
    claims = json.dumps({"iat": issued, "exp": expires, "name": name}).encode()
    return f"h.{base64.urlsafe_b64encode(claims).decode().rstrip('=')}.s"


async def test_token() -> None:
    changes: list[bool] = []
    async with (
        ScriptedServer() as server,
        ReactiveClient(server.url, on_auth_change=changes.append) as client,
    ):
        assert await client.query("who:am_i") is None
        accepted = client.set_auth("ada")
        assert await client.mutation("who:am_i") == "ada"
        assert await accepted
        before = client.is_authenticated
        live = client.subscribe("who:am_i")
        assert await anext(live) == "ada"
        client.clear_auth()
        assert await anext(live) is None
        assert (before, client.is_authenticated) == (True, False)
    assert changes == [True, False]


async def test_nothing_is_sent_before_the_token_is_there() -> None:
    fetched = asyncio.Event()

    async def fetch() -> str:
        await fetched.wait()
        return "ada"

    async with ScriptedServer() as server, ReactiveClient(server.url) as client:
        accepted = client.set_auth(fetch)
        call = asyncio.create_task(client.mutation("who:am_i"))
        live = asyncio.create_task(client.query("who:am_i"))
        await asyncio.sleep(0)
        assert not client.is_connected
        fetched.set()
        assert await call == await live == "ada"
        assert await accepted
        assert [each["type"] for each in server.heard[0]][:4] == [
            "Connect",
            "Authenticate",
            "ModifyQuerySet",
            "Mutation",
        ]


async def test_refused_token_is_replaced() -> None:
    source = tokens("old", "new")
    async with (
        ScriptedServer(lambda token: token == "new") as server,
        ReactiveClient(server.url, limits=QUICK) as client,
    ):
        live = client.subscribe("who:am_i")
        assert await anext(live) is None
        assert await client.set_auth(lambda: next(source))
        assert await anext(live) == "new"
        assert await client.mutation("who:am_i") == "new"


async def test_expired_token_is_replaced() -> None:
    """A mutation under way when the identity ends is done by the new one."""
    source = tokens("first", "second")
    async with ScriptedServer() as server, ReactiveClient(server.url, limits=QUICK) as client:
        assert await client.set_auth(lambda: next(source))
        await server.links[-1].refuse("expired", 1, attempted=False)
        live = client.subscribe("who:am_i")
        while await anext(live) != "second":
            pass
        assert await client.mutation("who:am_i") == "second"
        assert client.is_authenticated


async def test_token_that_is_always_bad(caplog: pytest.LogCaptureFixture) -> None:
    changes: list[bool] = []
    count = iter(range(100))
    async with (
        ScriptedServer(lambda token: False) as server,
        ReactiveClient(server.url, limits=QUICK, on_auth_change=changes.append) as client,
    ):
        assert not await client.set_auth(lambda: f"bad {next(count)}")
        assert await client.mutation("who:am_i") is None
        assert next(count) == 1 + QUICK.client_token_attempts_max
        assert not await client.set_auth("as bad")
        assert await client.mutation("who:am_i") is None
    assert changes == []
    assert "bad token" in caplog.text


async def test_source_that_fails(caplog: pytest.LogCaptureFixture) -> None:
    def fetch() -> str:
        raise ValueError("no token today")

    async with ScriptedServer() as server, ReactiveClient(server.url) as client:
        assert not await client.set_auth(fetch)
        assert await client.mutation("who:am_i") is None
    assert "no token today" in caplog.text


async def test_token_is_replaced_before_it_expires() -> None:
    limits = Limits(client_token_age_min_s=0.01, client_token_age_max_s=0.02)
    source = tokens(web_token(0, 100, "one"), "not a web token")
    async with ScriptedServer() as server, ReactiveClient(server.url, limits=limits) as client:
        live = client.subscribe("who:am_i")
        assert await client.set_auth(lambda: next(source))
        while await anext(live) != "not a web token":
            pass
        assert len(server.links) == 1


@pytest.mark.parametrize(
    ("token", "delay"),
    [
        (web_token(1_000, 1_600), 590),
        (web_token(900, 1_500), 490),
        (web_token(5_000, 5_600), 590),  # this machine's clock is late
        (web_token(0, 10), 1),
        (web_token(0, 1e12), 20 * 86_400),
        ("opaque", None),
        ("a.%%%.c", None),
        ("a.bm9uc2Vuc2U.c", None),
    ],
)
def test_when_a_token_is_replaced(token: str, delay: float | None) -> None:
    assert refresh_delay(token, 1_000, Limits()) == delay


async def test_another_identity_wins_over_one_under_way() -> None:
    never = asyncio.Event()

    async def fetch() -> str:
        await never.wait()
        return "late"

    async with ScriptedServer() as server, ReactiveClient(server.url) as client:
        first = client.set_auth(fetch)
        second = client.set_auth("ada")
        assert await second
        assert not await first
        assert await client.mutation("who:am_i") == "ada"


async def test_fatal_error_ends_the_client() -> None:
    async with ScriptedServer() as server, ReactiveClient(server.url) as client:
        live = client.subscribe("who:am_i")
        await anext(live)
        waiting = asyncio.create_task(anext(live))
        call = asyncio.create_task(client.action("never:answered"))
        await server.until(lambda: server.heard[0][-1]["type"] == "Action")
        await server.links[0].say(type="FatalError", error="go away")
        for each in (waiting, call):
            with pytest.raises(FatalServerError, match="go away"):
                await each
        with pytest.raises(FatalServerError):
            await client.query("who:am_i")
    assert len(server.links) == 1


async def test_broken_protocol_makes_a_new_connection(caplog: pytest.LogCaptureFixture) -> None:
    async with ScriptedServer() as server, ReactiveClient(server.url, limits=QUICK) as client:
        await client.wait_connected()
        server.links[0].version = (7, 7, 7)
        await server.links[0].transition()
        await server.until(lambda: len(server.heard) > 1 and len(server.heard[1]) > 1)
        assert await client.mutation("who:am_i") is None
        assert server.heard[1][0]["lastCloseReason"] == "StartVersionMismatch"
        assert server.heard[1][0]["sessionId"] == server.heard[0][0]["sessionId"]
        assert server.heard[1][0]["connectionCount"] == 1
    assert "broke the protocol" in caplog.text
