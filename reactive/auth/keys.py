"""Where the keys of an issuer come from, and for how long they are believed.

    fresh ────────▶ half of auth_keys_s ────────▶ auth_keys_s ───────▶ auth_keys_stale_s
      used at once       used at once,              asked for first,      not used
                         asked for beside           used if that fails

A key that nobody has heard of makes the issuer be asked at once: it may have new ones. As anybody
can name a key, that happens once in `auth_refetch_s`, and a name that came to nothing is not asked
for again until a time that doubles with each time it comes to nothing.
"""

import asyncio
import base64
import binascii
from collections import OrderedDict
from typing import Protocol
from urllib.parse import unquote_to_bytes

import orjson

from reactive.auth.fetch import DocumentFetcher, IssuerUnavailableError, discovery_failed
from reactive.auth.keyset import Key, KeySet
from reactive.clock import Clock
from reactive.errors import CallError, ReactiveError
from reactive.limits import Limits
from reactive.settings import canonical_issuer, check_issuer_url

_DISCOVERY = "/.well-known/openid-configuration"


class KeySource(Protocol):
    """Knows the keys of one issuer."""

    async def find(self, kid: str | None, algorithm: str) -> Key:
        """The key that a token names.

        Raises:
            CallError: when the issuer has none that fits.
            IssuerUnavailableError: when the issuer cannot be asked.
        """
        ...

    async def count(self) -> int:
        """How many keys there are that can be used.

        Raises:
            CallError, IssuerUnavailableError: as `DocumentFetcher.json`. Notes of the error have
                the URL and the reason.
        """
        ...

    async def close(self) -> None:
        """Asks no more."""
        ...


class FixedKeys:
    """Keys that stand in a `data:` URL."""

    def __init__(self, url: str) -> None:
        """Reads the URL (RFC 2397).

        Raises:
            ValueError: when it holds no keys that can be used.
        """
        head, comma, data = url.removeprefix("data:").partition(",")
        if not comma:
            raise ValueError("a data: URL has a comma between its type and its data")
        try:
            raw = unquote_to_bytes(data)
            if head.endswith(";base64"):
                raw = base64.b64decode(raw, validate=True)
            self._keys = KeySet(orjson.loads(raw))
        except (binascii.Error, orjson.JSONDecodeError) as error:
            raise ValueError(f"its data is no JSON: {error}") from error
        if not self._keys:
            raise ValueError("none of its keys verifies RS256, ES256 or EdDSA")

    async def find(self, kid: str | None, algorithm: str) -> Key:
        key = self._keys.find(kid, algorithm)
        if key is None:
            raise _unknown_key()
        return key

    async def count(self) -> int:
        return len(self._keys)

    async def close(self) -> None:
        pass


class FetchedKeys:
    """Keys that an issuer publishes, at a URL of its own or where its discovery document says."""

    def __init__(
        self,
        issuer: str,
        jwks_url: str | None,
        fetcher: DocumentFetcher,
        clock: Clock,
        limits: Limits,
    ) -> None:
        self._issuer = issuer
        self._jwks_url = jwks_url
        self._fetcher = fetcher
        self._clock = clock
        self._limits = limits
        self._keys: KeySet | None = None
        self._fetched_at = self._tried_at = self._forced_at = float("-inf")
        self._failure: ReactiveError | None = None
        self._task: asyncio.Task[None] | None = None
        self._unknown: OrderedDict[str, tuple[float, int]] = OrderedDict()
        """When a name may be asked for again, and how often it came to nothing."""

    async def find(self, kid: str | None, algorithm: str) -> Key:
        began = self._clock.monotonic()
        key = (await self._current()).find(kid, algorithm)
        if key is None and kid is not None and self._fetched_at < began and self._may_ask_for(kid):
            self._forced_at = began
            await self._refresh()
            key = (await self._current()).find(kid, algorithm)
            if key is None:
                self._remember(kid)
        if key is not None:
            return key
        if isinstance(self._failure, IssuerUnavailableError):
            # It may have the key. Only an issuer that answered can say that it has not.
            raise self._failure.with_traceback(None)
        raise _unknown_key()

    async def count(self) -> int:
        return len(await self._current())

    async def _current(self) -> KeySet:
        age = self._clock.monotonic() - self._fetched_at
        keys = self._keys
        if keys is None or age > self._limits.auth_keys_stale_s:
            await self._refresh(self._limits.auth_retry_s)
        elif age > self._limits.auth_keys_s:
            try:
                await self._refresh(self._limits.auth_refetch_s)
            except (IssuerUnavailableError, CallError):
                return keys
        elif age > self._limits.auth_keys_s / 2 and not self._failed_within(
            self._limits.auth_refetch_s
        ):
            self._start()
        assert self._keys is not None
        return self._keys

    def _failed_within(self, seconds: float) -> bool:
        return self._failure is not None and self._clock.monotonic() - self._tried_at < seconds

    async def _refresh(self, patience_s: float = 0.0) -> None:
        """Asks the issuer, once for all who wait; not again so soon after it failed.

        Raises:
            IssuerUnavailableError, CallError: as `DocumentFetcher.json`.
        """
        if self._task is not None or not self._failed_within(patience_s):
            # Who waits may go away; the answer is for all.
            await asyncio.shield(self._start())
        if self._failure is not None:
            raise self._failure.with_traceback(None)

    def _start(self) -> "asyncio.Task[None]":
        if self._task is None:
            self._tried_at = self._clock.monotonic()
            self._task = asyncio.get_running_loop().create_task(self._fetch())
        return self._task

    async def _fetch(self) -> None:
        try:
            url = self._jwks_url or await self._discover()
            document = await self._fetcher.json(url)
            try:
                self._keys = KeySet(document)
            except ValueError as error:
                raise discovery_failed(url, str(error)) from error
            self._fetched_at = self._clock.monotonic()
            self._failure = None
        except (IssuerUnavailableError, CallError) as error:
            self._failure = error
        finally:
            self._task = None

    async def _discover(self) -> str:
        """The URL of the keys. Source: OpenID Connect Discovery 1.0, section 4."""
        url = self._issuer + _DISCOVERY
        found = await self._fetcher.json(url)
        if not isinstance(found, dict):
            raise discovery_failed(url, "it is no discovery document")
        issuer, jwks_url = found.get("issuer"), found.get("jwks_uri")
        if not isinstance(issuer, str) or canonical_issuer(issuer) != self._issuer:
            raise discovery_failed(url, f"it is of another issuer, {issuer!r:.200}")
        if not isinstance(jwks_url, str):
            raise discovery_failed(url, "it has no jwks_uri")
        try:
            check_issuer_url(jwks_url)
        except ValueError as error:
            raise discovery_failed(url, f"jwks_uri: {error}") from error
        if self._issuer.startswith("https:") and not jwks_url.startswith("https:"):
            raise discovery_failed(url, "jwks_uri leaves https")
        return jwks_url

    def _may_ask_for(self, kid: str) -> bool:
        now = self._clock.monotonic()
        again_at, _ = self._unknown.get(kid, (now, 0))
        has_failed = self._failure is not None
        pause_s = self._limits.auth_retry_s if has_failed else self._limits.auth_refetch_s
        return now >= again_at and now - self._forced_at >= pause_s

    def _remember(self, kid: str) -> None:
        _, misses = self._unknown.pop(kid, (0.0, 0))
        wait_s = min(self._limits.auth_refetch_s * 2**misses, self._limits.auth_keys_s)
        self._unknown[kid] = (self._clock.monotonic() + wait_s, min(misses + 1, 16))
        if len(self._unknown) > self._limits.auth_unknown_keys_max:
            self._unknown.popitem(last=False)

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()


def _unknown_key() -> CallError:
    return CallError(
        "Could not verify the token: its issuer has no such key (kid)", code="InvalidAuthHeader"
    )
