"""Login, refresh, logout and the end of a token on a socket."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from tests.auth import forge
from tests.auth.issuer import Issuer
from tests.server import ServerProcess
from tests.sync_client import NO_CLOSE_CODE, SyncClient


class Socket(SyncClient):
    """A client that can say who it is."""

    identities = 0

    async def authenticate(self, token: str | None) -> None:
        """Says who it is, without waiting for an answer."""
        said: dict[str, Any] = {"type": "Authenticate", "baseVersion": self.identities}
        said |= {"tokenType": "None"} if token is None else {"tokenType": "User", "value": token}
        self.identities += 1
        await self.send(said)

    async def become(self, token: str | None) -> dict[str, Any]:
        """Says who it is; gives the Transition that confirms it."""
        await self.authenticate(token)
        await self.until(lambda: self.version.identity == self.identities)
        return self.transitions[-1]

    async def refusal(self) -> dict[str, Any]:
        """The AuthError that ends the socket."""
        closed = await self.closed()
        assert (NO_CLOSE_CODE, "") == (closed.code, closed.reason)
        assert "AuthError" == self.frames[-1]["type"]
        return self.frames[-1]

    async def runs(self) -> dict[str, int]:
        """How often the server ran some queries."""
        response = await self.action("who:count_runs")
        counts: dict[str, int] = response["result"]
        return counts


class Sockets:
    """Opens sockets, and closes them after the test."""

    def __init__(self, stack: AsyncExitStack) -> None:
        self._stack = stack

    async def open(self, server: ServerProcess, **options: Any) -> Socket:
        client = await self._stack.enter_async_context(Socket(**options))
        await client.open(server.sync_url)
        return client


@pytest.fixture
async def sockets() -> AsyncIterator[Sockets]:
    async with AsyncExitStack() as stack:
        yield Sockets(stack)


def changed(transition: dict[str, Any]) -> list[int]:
    return [each["queryId"] for each in transition["modifications"]]


async def test_login_refresh_and_logout(
    server: ServerProcess, issuer: Issuer, sockets: Sockets
) -> None:
    client = await sockets.open(server)
    me, notes = await client.subscribe("who:me"), await client.subscribe("who:all_notes")
    before = await client.runs()

    login = await client.become(issuer.token("grace", jti="1"))
    assert [me] == changed(login)
    assert f"{issuer.url}|grace" == client.results[me].value["token_identifier"]

    refresh = await client.become(issuer.token("grace", jti="2", lives_s=900))
    assert [] == changed(refresh)

    other = await client.become(issuer.token("hedy"))
    assert [me] == changed(other)
    assert "hedy" == client.results[me].value["subject"]

    logout = await client.become(None)
    assert [me] == changed(logout)
    assert client.results[me].value is None

    after = await client.runs()
    assert {"me": 2, "all_notes": 0} == {name: after[name] - before[name] for name in after}
    assert notes in client.results


async def test_queries_of_one_user_are_run_once(
    server: ServerProcess, issuer: Issuer, sockets: Sockets
) -> None:
    first, second = await sockets.open(server), await sockets.open(server)
    await first.become(issuer.token("rosa"))
    await first.subscribe("who:me")
    before = await first.runs()
    # Another device: its token came from another login of the same user.
    await second.become(issuer.token("rosa", jti="other", lives_s=300))
    query = await second.subscribe("who:me")

    assert before == await first.runs()
    assert "rosa" == second.results[query].value["subject"]


async def test_user_sees_what_is_theirs(
    server: ServerProcess, issuer: Issuer, sockets: Sockets
) -> None:
    ada, bob = await sockets.open(server), await sockets.open(server)
    await ada.become(issuer.token("ada of the notes"))
    await bob.become(issuer.token("bob of the notes"))
    mine, theirs = await ada.subscribe("who:my_notes"), await bob.subscribe("who:my_notes")
    assert "ada of the notes" == await ada.run("who:write", {"text": "secret"})
    await ada.value_becomes(mine, ["secret"])
    await bob.catch_up(ada.version.ts)
    assert [] == bob.results[theirs].value

    await ada.become(None)
    assert "log in first" == ada.results[mine].error_data


async def test_identity_goes_with_the_calls(
    server: ServerProcess, issuer: Issuer, sockets: Sockets
) -> None:
    client = await sockets.open(server)
    await client.become(issuer.token("ida"))

    assert ["ida"] * 3 == (await client.action("who:act"))["result"]


async def test_mutation_has_the_identity_of_its_time(
    server: ServerProcess, issuer: Issuer, sockets: Sockets
) -> None:
    client = await sockets.open(server)
    calls = []
    for token in (None, issuer.token("ada"), issuer.token("bob")):
        if token is not None:
            await client.authenticate(token)
        calls.append(await client.request("Mutation", "who:write", {"text": "order"}))
    found = [(await client.settle(call))["result"] for call in calls]

    assert ["nobody", "ada", "bob"] == found


async def test_bad_token_ends_the_socket(
    server: ServerProcess, issuer: Issuer, sockets: Sockets
) -> None:
    attacker = forge.rsa_key("attacker").named(issuer.keys[0].kid)
    for token, reason in {
        issuer.token(lives_s=-60): "it has expired",
        issuer.token(key=attacker): "its signature is wrong",
        issuer.token(aud="other"): "No auth provider found",
        forge.unsigned(forge.claims(issuer.url)): "not allowed",
        "nonsense": "it is no JWT",
    }.items():
        client = await sockets.open(server)
        await client.become(issuer.token())
        await client.authenticate(token)
        error = await client.refusal()

        assert reason in error["error"]
        assert (1, True) == (error["baseVersion"], error["authUpdateAttempted"])


async def test_expired_token_ends_the_socket_and_the_mutation_is_sent_again(
    server: ServerProcess, issuer: Issuer, sockets: Sockets
) -> None:
    client = await sockets.open(server)
    token = issuer.token("eve", exp=int(time.time()) + 3)
    await client.become(token)
    query = await client.subscribe("who:my_name")
    while not is_over(token):  # noqa: ASYNC110 - only time brings it about
        await asyncio.sleep(0.02)
    call = await client.request("Mutation", "who:write", {"text": "late"})
    error = await client.refusal()
    assert "expired" in error["error"]
    assert (1, False) == (error["baseVersion"], error["authUpdateAttempted"])
    assert "eve" == client.results[query].value
    assert client.calls[call].response is None

    again = await sockets.open(server, session_id=client.session_id)
    await again.become(issuer.token("eve"))
    notes = await again.subscribe("who:my_notes")
    await again.request("Mutation", "who:write", {"text": "late"}, request_id=call)
    assert "eve" == (await again.settle(call))["result"]
    await again.value_becomes(notes, ["late"])


async def test_change_after_the_end_of_a_token_is_not_shown(
    server: ServerProcess, issuer: Issuer, sockets: Sockets
) -> None:
    watcher, writer = await sockets.open(server), await sockets.open(server)
    token = issuer.token("mallory", exp=int(time.time()) + 3)
    await watcher.become(token)
    await watcher.subscribe("who:all_notes")
    refused = asyncio.create_task(watcher.refusal())
    async with asyncio.timeout(15):
        while not refused.done():
            await writer.run("who:write", {"text": f"seen at {time.time()}"})

    assert (await refused)["authUpdateAttempted"] is False
    shown = watcher.results[0].value
    end = forge.claims_of(token)["exp"]
    assert all(float(text.split()[-1]) < end for text in shown if text.startswith("seen at"))


async def test_issuer_that_is_down_is_no_auth_error(
    own_server: ServerProcess, own_issuer: Issuer, sockets: Sockets
) -> None:
    for fault in ("503", "429"):
        own_issuer.fault = fault
        client = await sockets.open(own_server)
        await client.authenticate(own_issuer.token())
        closed = await client.closed()

        assert (1013, "AuthProviderUnavailable") == (closed.code, closed.reason)
        assert "AuthError" not in [frame["type"] for frame in client.frames]


async def test_slow_issuer_holds_up_nobody_else(
    own_server: ServerProcess, own_issuer: Issuer, sockets: Sockets
) -> None:
    own_issuer.fault = "slow"
    waiting, other = await sockets.open(own_server), await sockets.open(own_server)
    await waiting.authenticate(own_issuer.token())
    query = await other.subscribe("who:my_name")

    assert "nobody" == other.results[query].value
    assert "nobody" == await other.run("who:write", {"text": "meanwhile"})
    assert 1013 == (await waiting.closed()).code
    assert 1 == own_issuer.fetches()


async def test_admin_acts_as_a_user(server: ServerProcess, sockets: Sockets) -> None:
    client = await sockets.open(server)
    acting_as = {"tokenIdentifier": "https://fake|ada"}
    said = {"type": "Authenticate", "baseVersion": 0, "tokenType": "Admin", "value": "dev:secret"}
    await client.send({**said, "acting_as": acting_as})
    query = await client.subscribe("who:hidden")
    assert "ada" == client.results[query].value

    for wrong in ({"value": "wrong"}, {"impersonating": {"name": "Ada"}}):
        refused = await sockets.open(server)
        await refused.send({**said, **wrong})
        assert (await refused.refusal())["authUpdateAttempted"] is True


def is_over(token: str) -> bool:
    """Whether the token says that it has ended."""
    return time.time() >= float(forge.claims_of(token)["exp"])
