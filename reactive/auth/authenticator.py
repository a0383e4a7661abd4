"""From a token to who is calling: implements `reactive.backend.Authenticator`."""

import logging
from collections.abc import Sequence

from reactive.auth.fetch import DocumentFetcher
from reactive.auth.keys import FetchedKeys, FixedKeys, KeySource
from reactive.auth.tokens import (
    Trust,
    caller_of,
    check_signature,
    check_token,
    read_token,
    trust_for,
)
from reactive.backend import Caller
from reactive.clock import Clock
from reactive.errors import CallError, ProjectError
from reactive.limits import Limits
from reactive.settings import TokenIssuer

_log = logging.getLogger("reactive.auth")


class TokenAuthenticator:
    """Believes the issuers of the `auth` setting, in their order."""

    def __init__(self, issuers: Sequence[TokenIssuer], clock: Clock, limits: Limits) -> None:
        """Asks no issuer yet: a server starts although they are down.

        Raises:
            ProjectError: for keys in a `data:` URL that cannot be used.
        """
        self._clock = clock
        self._limits = limits
        self._fetcher = DocumentFetcher(limits)
        self._sources: dict[Trust, KeySource] = {}
        known: dict[tuple[str, str | None], KeySource] = {}
        for position, setting in enumerate(issuers):
            trust = Trust.of(setting)
            place = (trust.issuer, setting.jwks)
            if place not in known:
                known[place] = self._source(trust, setting, position)
            self._sources.setdefault(trust, known[place])
            if trust.audience is None:
                _log.warning(
                    "setting auth.%d has no audience: what %s issued for other applications "
                    "is accepted, too",
                    position,
                    setting.issuer,
                )

    def _source(self, trust: Trust, setting: TokenIssuer, position: int) -> KeySource:
        if setting.jwks is None or not setting.jwks.startswith("data:"):
            return FetchedKeys(trust.issuer, setting.jwks, self._fetcher, self._clock, self._limits)
        try:
            return FixedKeys(setting.jwks)
        except ValueError as error:
            raise ProjectError(f"setting auth.{position}.jwks: {error}") from error

    async def identify(self, token: str) -> Caller:
        """Who a token proves to be calling.

        Raises:
            CallError: `InvalidAuthHeader`, `NoAuthProvider`, `Unauthenticated` or
                `AuthProviderDiscoveryFailed`, when it proves nobody.
            IssuerUnavailableError: when that cannot be known now, as its issuer does not answer.
        """
        if not self._sources:
            raise CallError(
                "No auth provider found matching the given token: this server trusts no issuer",
                code="NoAuthProvider",
            )
        presented = read_token(token, self._limits)
        trust = trust_for(presented, self._sources)
        # What costs nothing first: a token that is over must not make anybody ask the issuer.
        end_s = check_token(presented, trust, self._clock.now_ns() / 1e9, self._limits)
        key = await self._sources[trust].find(presented.kid, presented.algorithm)
        check_signature(presented, key)
        return caller_of(presented, end_s)

    async def key_count(self) -> int:
        """How many keys the issuers have that can be used, asking those that publish them.

        Raises:
            CallError, IssuerUnavailableError: as `KeySource.count`.
        """
        return sum([await source.count() for source in {*self._sources.values()}])

    async def close(self) -> None:
        """Ends what is asked of issuers at the moment."""
        for source in self._sources.values():
            await source.close()
        await self._fetcher.close()
