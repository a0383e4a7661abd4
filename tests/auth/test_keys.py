"""When an issuer is asked for its keys, and what its answers are worth."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any

import pytest

from reactive.auth.fetch import DocumentFetcher, IssuerUnavailableError
from reactive.auth.keys import FetchedKeys, FixedKeys
from reactive.auth.keyset import Key
from reactive.errors import CallError
from reactive.limits import DEFAULT_LIMITS
from reactive.testing.clock import ManualClock
from tests.auth import forge
from tests.auth.issuer import DISCOVERY, KEYS, Issuer

LIMITS = replace(DEFAULT_LIMITS, auth_fetch_s=0.5)
OLD, NEW = forge.rsa_key("old"), forge.ec_key("new")
ISSUER = "https://issuer.example"


class Publisher(DocumentFetcher):
    """An issuer without a network: answers when and what the test wants."""

    def __init__(self, *keys: forge.SigningKey) -> None:
        super().__init__(LIMITS)
        self.keys = list(keys)
        self.failure: Exception | None = None
        self.asked = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def json(self, url: str) -> Any:
        self.asked += 1
        await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        return forge.jwks(*self.keys)


class Cache:
    """Fetched keys, their publisher and their clock."""

    def __init__(self, *keys: forge.SigningKey) -> None:
        self.clock = ManualClock()
        self.publisher = Publisher(*keys)
        self.keys = FetchedKeys(ISSUER, f"{ISSUER}/keys", self.publisher, self.clock, LIMITS)

    async def find(self, key: forge.SigningKey) -> Key:
        return await self.keys.find(key.kid, key.algorithm)

    async def knows(self, key: forge.SigningKey) -> bool:
        try:
            await self.find(key)
        except CallError:
            return False
        return True

    async def turns(self) -> None:
        """Lets what was started beside come to its end."""
        for _ in range(5):
            await asyncio.sleep(0)


DOWN = IssuerUnavailableError("down")


async def test_keys_are_fetched_once() -> None:
    cache = Cache(OLD)
    for _ in range(3):
        assert await cache.knows(OLD)

    assert 1 == cache.publisher.asked


async def test_many_who_wait_ask_once() -> None:
    cache = Cache(OLD)
    cache.publisher.gate.clear()
    waiting = [asyncio.create_task(cache.find(OLD)) for _ in range(20)]
    await cache.turns()
    # One of them goes away; the others still get their answer.
    waiting.pop(0).cancel()
    cache.publisher.gate.set()
    await asyncio.gather(*waiting)

    assert 1 == cache.publisher.asked


async def test_unknown_key_is_asked_for_at_once() -> None:
    cache = Cache(OLD)
    await cache.find(OLD)
    cache.clock.advance(1)
    cache.publisher.keys = [NEW]

    assert await cache.knows(NEW)
    assert not await cache.knows(OLD), "what is not published any more is not believed"
    assert 2 == cache.publisher.asked


async def test_many_unknown_keys_cause_one_question_in_thirty_seconds() -> None:
    cache = Cache(OLD)
    await cache.find(OLD)
    for second in range(60):
        cache.clock.advance(1)
        for number in range(50):
            assert not await cache.knows(OLD.named(f"{second} {number}"))

    assert 3 == cache.publisher.asked, "the first, and one for each half a minute"


async def test_key_of_the_first_token_does_not_ask_twice() -> None:
    cache = Cache(OLD)

    assert not await cache.knows(NEW)
    assert 1 == cache.publisher.asked


async def test_key_that_comes_to_nothing_does_not_keep_others_from_being_asked_for() -> None:
    cache = Cache(OLD)
    await cache.find(OLD)
    lost = OLD.named("lost")
    asked = []
    for _ in range(300):
        cache.clock.advance(1)
        await cache.knows(lost)
        asked.append(cache.publisher.asked)

    # It was asked for after 1 s, and after 30, 60 and 120 s more.
    assert [1, 31, 91, 211] == [asked.index(count) + 1 for count in (2, 3, 4, 5)]
    cache.publisher.keys = [NEW]
    assert await cache.knows(NEW)


async def test_key_that_is_published_late_is_found_half_a_minute_later() -> None:
    cache = Cache(OLD)
    await cache.find(OLD)
    cache.clock.advance(1)
    assert not await cache.knows(NEW)
    cache.publisher.keys.append(NEW)
    cache.clock.advance(29)
    assert not await cache.knows(NEW)
    cache.clock.advance(1)

    assert await cache.knows(NEW)


async def test_names_that_came_to_nothing_are_bounded() -> None:
    cache = Cache(OLD)
    for number in range(LIMITS.auth_unknown_keys_max + 10):
        cache.clock.advance(LIMITS.auth_refetch_s)
        await cache.knows(OLD.named(f"lost {number}"))

    assert LIMITS.auth_unknown_keys_max == len(cache.keys._unknown)


async def test_key_of_another_algorithm_is_not_asked_for() -> None:
    cache = Cache(OLD)
    await cache.find(OLD)
    cache.clock.advance(60)

    with pytest.raises(CallError, match="not for ES256"):
        await cache.keys.find("old", "ES256")
    assert 1 == cache.publisher.asked


# Age


async def test_old_keys_are_used_while_new_ones_are_fetched() -> None:
    cache = Cache(OLD)
    await cache.find(OLD)
    cache.clock.advance(LIMITS.auth_keys_s / 2 + 1)
    cache.publisher.gate.clear()
    cache.publisher.keys = [NEW]

    assert await cache.knows(OLD)
    assert await cache.knows(OLD)
    await cache.turns()
    assert 2 == cache.publisher.asked
    cache.publisher.gate.set()
    await cache.turns()
    assert await cache.knows(NEW)
    assert 2 == cache.publisher.asked


async def test_outlived_keys_are_asked_for_first() -> None:
    cache = Cache(OLD)
    await cache.find(OLD)
    cache.clock.advance(LIMITS.auth_keys_s + 1)
    cache.publisher.keys = [NEW]

    assert not await cache.knows(OLD)
    assert await cache.knows(NEW)


async def test_outlived_keys_are_used_while_the_issuer_is_down() -> None:
    cache = Cache(OLD)
    await cache.find(OLD)
    cache.publisher.failure = DOWN
    cache.clock.advance(LIMITS.auth_keys_s + 1)
    for _ in range(10):
        assert await cache.knows(OLD)
    assert 2 == cache.publisher.asked, "it is not asked again at once"
    cache.clock.advance(LIMITS.auth_keys_stale_s - LIMITS.auth_keys_s - 2)
    assert await cache.knows(OLD)
    cache.clock.advance(2)

    with pytest.raises(IssuerUnavailableError):
        await cache.find(OLD)
    cache.publisher.failure = None
    cache.clock.advance(LIMITS.auth_retry_s)
    assert await cache.knows(OLD)


async def test_issuer_that_is_down_is_not_asked_for_every_token() -> None:
    cache = Cache(OLD)
    cache.publisher.failure = DOWN
    for _ in range(10):
        with pytest.raises(IssuerUnavailableError):
            await cache.find(OLD)
    assert 1 == cache.publisher.asked
    cache.publisher.failure = None
    cache.clock.advance(LIMITS.auth_retry_s)

    assert await cache.knows(OLD)


async def test_unknown_key_is_not_refused_while_the_issuer_is_down() -> None:
    """The key may be a new one: only an issuer that answers can say that it is not."""
    cache = Cache(OLD)
    await cache.find(OLD)
    cache.clock.advance(1)
    cache.publisher.failure = DOWN
    for _ in range(3):
        with pytest.raises(IssuerUnavailableError):
            await cache.find(NEW)
    assert 2 == cache.publisher.asked
    assert await cache.knows(OLD)
    cache.publisher.failure = None
    cache.publisher.keys = [NEW]
    cache.clock.advance(LIMITS.auth_retry_s)

    assert await cache.knows(NEW)


async def test_close_ends_a_question() -> None:
    cache = Cache(OLD)
    cache.publisher.gate.clear()
    waiting = asyncio.create_task(cache.find(OLD))
    await cache.turns()
    await cache.keys.close()

    with pytest.raises(asyncio.CancelledError):
        await waiting


# Over a socket


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with Issuer(OLD) as serving:
        yield serving


@pytest.fixture
async def fetcher() -> AsyncIterator[DocumentFetcher]:
    fetcher = DocumentFetcher(LIMITS)
    yield fetcher
    await fetcher.close()


def fetched(issuer: Issuer, fetcher: DocumentFetcher, *, jwks: bool = False) -> FetchedKeys:
    url = f"{issuer.url}{KEYS}" if jwks else None
    return FetchedKeys(issuer.url, url, fetcher, ManualClock(), LIMITS)


@pytest.mark.parametrize("jwks", [True, False])
async def test_keys_are_found_where_they_are(
    issuer: Issuer, fetcher: DocumentFetcher, jwks: bool
) -> None:
    issuer.discovery = {"issuer": f"{issuer.url}/"}
    keys = fetched(issuer, fetcher, jwks=jwks)

    assert "RS256" == (await keys.find("old", "RS256")).algorithm
    assert issuer.requests == ([KEYS] if jwks else [DISCOVERY, KEYS])


@pytest.mark.parametrize("fault", ["500", "503", "429", "slow", "drip"])
async def test_issuer_that_does_not_answer_is_unavailable(
    issuer: Issuer, fetcher: DocumentFetcher, fault: str
) -> None:
    issuer.fault = fault
    with pytest.raises(IssuerUnavailableError) as caught:
        await fetched(issuer, fetcher).find("old", "RS256")

    assert ("AuthProviderUnavailable", 503) == (caught.value.code, caught.value.http_status)


async def test_issuer_that_hangs_up_is_unavailable(
    issuer: Issuer, fetcher: DocumentFetcher
) -> None:
    issuer.is_down = True
    with pytest.raises(IssuerUnavailableError):
        await fetched(issuer, fetcher).find("old", "RS256")


@pytest.mark.parametrize("fault", ["404", "401", "204", "html", "huge", "redirect"])
async def test_answer_that_is_no_key_set_is_refused(
    issuer: Issuer, fetcher: DocumentFetcher, fault: str
) -> None:
    issuer.fault = fault
    with pytest.raises(CallError) as caught:
        await fetched(issuer, fetcher).find("old", "RS256")

    assert "AuthProviderDiscoveryFailed" == caught.value.code
    assert "/elsewhere" not in issuer.requests


@pytest.mark.parametrize(
    "discovery",
    [
        {"issuer": "https://evil.example"},
        {"issuer": None},
        {"jwks_uri": None},
        {"jwks_uri": "http://evil.example/keys"},
        {"jwks_uri": "file:///etc/passwd"},
        {"jwks_uri": "data:application/json,{}"},
        {"jwks_uri": "/keys"},
    ],
    ids=repr,
)
async def test_discovery_that_leads_astray_is_refused(
    issuer: Issuer, fetcher: DocumentFetcher, discovery: dict[str, Any]
) -> None:
    issuer.discovery = discovery
    with pytest.raises(CallError) as caught:
        await fetched(issuer, fetcher).find("old", "RS256")

    assert "AuthProviderDiscoveryFailed" == caught.value.code
    assert [DISCOVERY] == issuer.requests


# In a data: URL


async def test_keys_in_a_data_url() -> None:
    keys = FixedKeys(forge.data_url(OLD))

    assert "RS256" == (await keys.find("old", "RS256")).algorithm
    assert "RS256" == (await keys.find(None, "RS256")).algorithm
    with pytest.raises(CallError, match="no such key"):
        await keys.find("new", "RS256")


async def test_data_url_without_base64() -> None:
    keys = FixedKeys(
        'data:application/json,%7B%22keys%22:[{"kty":"OKP","crv":"Ed25519","kid":"a",'
        f'"x":"{forge.ed_key().jwk()["x"]}"}}]}}'
    )

    assert "EdDSA" == (await keys.find("a", "EdDSA")).algorithm


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("data:", "comma"),
        ("data:application/json;base64,?", "no JSON"),
        ("data:application/json,{", "no JSON"),
        ("data:application/json,[]", "no list of keys"),
        ('data:application/json,{"keys":[]}', "none of its keys"),
        ('data:application/json,{"keys":[{"kty":"oct","k":"AA"}]}', "none of its keys"),
    ],
)
def test_data_url_that_cannot_be_used(url: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        FixedKeys(url)
