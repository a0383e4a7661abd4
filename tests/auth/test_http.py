"""Tokens and keys in the `Authorization` header."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from tests.auth import forge
from tests.auth.issuer import DISCOVERY, KEYS, Issuer
from tests.server import ServerProcess


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


class Client:
    """Calls functions over HTTP, with some `Authorization`."""

    def __init__(self, http: aiohttp.ClientSession, server: ServerProcess) -> None:
        self._http = http
        self._url = server.url

    async def post(self, path: str, authorization: str | None) -> tuple[int, dict[str, Any]]:
        headers = {} if authorization is None else {"Authorization": authorization}
        body = {"path": path, "args": {}, "format": "json"}
        url = f"{self._url}/api/query"
        async with self._http.post(url, json=body, headers=headers) as response:
            found: dict[str, Any] = await response.json()
            return response.status, found

    async def value(self, path: str, authorization: str | None) -> Any:
        status, body = await self.post(path, authorization)
        assert (200, "success") == (status, body.get("status")), body
        return body["value"]

    async def refusal(self, authorization: str) -> str:
        """The code of a refusal, which must be one."""
        status, body = await self.post("who:all_notes", authorization)
        assert (401, {"code", "message"}) == (status, set(body)), body
        code: str = body["code"]
        return code


@pytest.fixture
def client(http: aiohttp.ClientSession, server: ServerProcess) -> Client:
    return Client(http, server)


@pytest.fixture
def own_client(http: aiohttp.ClientSession, own_server: ServerProcess) -> Client:
    return Client(http, own_server)


async def test_identity_is_what_the_token_says(client: Client, issuer: Issuer) -> None:
    token = issuer.token("ada", name="Ada", picture="https://i", org={"id": 5}, jti="1", nbf=1)

    assert {
        "token_identifier": f"{issuer.url}|ada",
        "subject": "ada",
        "issuer": issuer.url,
        "name": "Ada",
        "picture": "https://i",
        "claims": {
            "iss": issuer.url,
            "sub": "ada",
            "aud": "app",
            "name": "Ada",
            "picture": "https://i",
            "org": {"id": 5},
            "org.id": 5,
        },
    } == await client.value("who:me", f"Bearer {token}")
    assert await client.value("who:me", None) is None


async def test_every_issuer_is_trusted(client: Client, issuer: Issuer, plain: Issuer) -> None:
    tokens = [
        issuer.token("a"),
        issuer.token("b", key=issuer.keys[1]),
        issuer.token("c", iss=f"{issuer.url}/"),
        plain.token("d", aud=None),
        forge.token(forge.rsa_key("data"), forge.claims("https://data.example", "e")),
        forge.token(forge.rsa_key("data"), forge.claims("https://data.example/", "f"), kid=None),
    ]
    found = [await client.value("who:my_name", f"Bearer {token}") for token in tokens]

    assert list("abcdef") == found
    assert 1 == issuer.fetches() == issuer.fetches(DISCOVERY) == plain.fetches()
    assert 0 == plain.fetches(DISCOVERY)


async def test_bad_tokens_are_refused(client: Client, issuer: Issuer, plain: Issuer) -> None:
    """The whole corpus is in `test_tokens`; these go through every part of the server."""
    good = forge.claims(issuer.url)
    own = issuer.keys[0]
    attacker = forge.rsa_key("attacker")
    refused = {
        "": "InvalidAuthHeader",
        "x": "InvalidAuthHeader",
        forge.unsigned(good): "InvalidAuthHeader",
        forge.confused(own, good, own.pem()): "InvalidAuthHeader",
        forge.token(attacker.named(own.kid), good): "InvalidAuthHeader",
        forge.token(attacker, good, jwk=attacker.jwk()): "InvalidAuthHeader",
        forge.token(attacker, good, jku=f"{plain.url}{KEYS}"): "InvalidAuthHeader",
        forge.token(own, good, typ="logout+jwt"): "InvalidAuthHeader",
        issuer.token(lives_s=-60): "Unauthenticated",
        issuer.token(nbf=2**32): "Unauthenticated",
        issuer.token(aud="other"): "NoAuthProvider",
        issuer.token(iss="https://evil.example"): "NoAuthProvider",
        plain.token(key=issuer.keys[1]): "InvalidAuthHeader",
        plain.token(key=own): "InvalidAuthHeader",
    }
    before = plain.fetches()
    found = {token: await client.refusal(f"Bearer {token}") for token in refused}

    assert refused == found
    assert plain.fetches() - before <= 1


@pytest.mark.parametrize("header", ["Basic eDp5", "Bearer", "", "Negotiate x", "Token x"])
async def test_other_headers_are_refused(client: Client, header: str) -> None:
    assert "InvalidAuthHeader" == await client.refusal(header)


async def test_scheme_is_written_as_one_likes(client: Client, issuer: Issuer) -> None:
    for scheme in ("bearer", "BEARER", "Bearer "):
        assert "ada" == await client.value("who:my_name", f"{scheme} {issuer.token()}")


async def test_admin_acts_as_a_user(client: Client) -> None:
    def acting_as(said: object) -> str:
        return f"Convex secret:{base64.b64encode(json.dumps(said).encode()).decode()}"

    ada = acting_as({"issuer": "https://fake", "subject": "ada", "name": "Ada"})

    assert "ada" == await client.value("who:hidden", ada)
    assert "Ada" == (await client.value("who:me", ada))["name"]
    assert "nobody" == await client.value("who:hidden", "Convex secret")
    assert "BadImpersonation" == await client.refusal(acting_as({"name": "Ada"}))
    for key in ("", "wrong", "secret2", "secre", "\udcff"):
        assert "BadAdminKey" == await client.refusal(f"Convex {key}")


async def test_rotated_key_is_found_at_once(own_client: Client, own_issuer: Issuer) -> None:
    before = own_issuer.token("before")
    assert "before" == await own_client.value("who:my_name", f"Bearer {before}")
    own_issuer.keys = [forge.ec_key("rotated")]

    assert "after" == await own_client.value("who:my_name", f"Bearer {own_issuer.token('after')}")
    assert "InvalidAuthHeader" == await own_client.refusal(f"Bearer {before}")


async def test_unknown_keys_do_not_storm_the_issuer(own_client: Client, own_issuer: Issuer) -> None:
    good = own_issuer.token()
    await own_client.value("who:my_name", f"Bearer {good}")
    key = own_issuer.keys[0]
    tokens = [own_issuer.token(key=key.named(f"unknown {number}")) for number in range(100)]
    codes = await asyncio.gather(*[own_client.refusal(f"Bearer {token}") for token in tokens])

    assert {"InvalidAuthHeader"} == set(codes)
    assert 2 == own_issuer.fetches()
    assert "ada" == await own_client.value("who:my_name", f"Bearer {good}")


@pytest.mark.parametrize("fault", ["500", "429"])
async def test_issuer_that_is_down_is_no_fault_of_the_token(
    own_client: Client, own_issuer: Issuer, fault: str
) -> None:
    own_issuer.fault = fault
    status, body = await own_client.post("who:my_name", f"Bearer {own_issuer.token()}")

    assert (503, "AuthProviderUnavailable") == (status, body["code"])
    assert "nobody" == await own_client.value("who:my_name", None)
    own_issuer.fault = None

    async def is_up() -> bool:
        status, _ = await own_client.post("who:my_name", f"Bearer {own_issuer.token()}")
        return status == 200

    async with asyncio.timeout(10):
        while not await is_up():  # noqa: ASYNC110 - the issuer is another thread
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("fault", ["404", "redirect", "huge", "html"])
async def test_issuer_with_a_useless_answer(
    own_client: Client, own_issuer: Issuer, fault: str
) -> None:
    own_issuer.fault = fault

    assert "AuthProviderDiscoveryFailed" == await own_client.refusal(f"Bearer {own_issuer.token()}")
    assert "/elsewhere" not in own_issuer.requests


async def test_known_keys_outlast_their_issuer(own_client: Client, own_issuer: Issuer) -> None:
    await own_client.value("who:my_name", f"Bearer {own_issuer.token()}")
    own_issuer.is_down = True

    assert "bob" == await own_client.value("who:my_name", f"Bearer {own_issuer.token('bob')}")
    unknown = own_issuer.token(key=forge.rsa_key("unknown"))
    assert 503 == (await own_client.post("who:my_name", f"Bearer {unknown}"))[0]
