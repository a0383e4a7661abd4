"""Judges user tokens: what one says, whether its issuer is trusted, whether it holds now. Pure.

Nothing that a token says about its own keys is believed (`jwk`, `jku`, `x5u`, `x5c`): the key comes
from the issuer, and the algorithm from the key. Sources: RFC 7519 (JWT), RFC 8725 (its pitfalls),
OpenID Connect Core 3.1.3.7, and Convex's server for which issuer a token belongs to.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson
from jwt.api_jws import PyJWS
from jwt.exceptions import PyJWTError

from reactive.auth.keyset import Key
from reactive.backend import Caller, Identity
from reactive.errors import CallError
from reactive.limits import Limits
from reactive.settings import TokenIssuer, canonical_issuer

ALGORITHMS = ("RS256", "ES256", "EdDSA")

_TYPES = {"jwt", "application/jwt"}
_ACCESS_TOKEN_TYPES = {"at+jwt", "application/at+jwt"}
_LAST_SECOND = 253_402_300_799  # of the year 9999
_VOLATILE_CLAIMS = {"jti", "nbf", "iat", "exp", "nonce", "at_hash", "c_hash", "fva"}
"""What differs between two tokens of one user. Functions do not see it, so that a result which
looks at the identity holds for the next token, too."""

_jws = PyJWS(algorithms=ALGORITHMS)


@dataclass(frozen=True, slots=True)
class Trust:
    """What is asked of an issuer's tokens."""

    issuer: str
    audience: str | None
    algorithms: tuple[str, ...]
    is_oidc: bool
    """It is an OpenID provider that is asked for its keys, and its ID tokens are what counts."""

    @classmethod
    def of(cls, setting: TokenIssuer) -> "Trust":
        """What a setting asks."""
        return cls(
            canonical_issuer(setting.issuer),
            setting.audience,
            ALGORITHMS if setting.algorithm is None else (setting.algorithm,),
            setting.jwks is None,
        )

    def takes(self, claims: Mapping[str, Any]) -> bool:
        """Whether a token with these claims is for this issuer to prove."""
        issuer = claims.get("iss")
        if not isinstance(issuer, str) or canonical_issuer(issuer) != self.issuer:
            return False
        if self.audience is None:
            return True
        audience = claims.get("aud")
        if isinstance(audience, str):
            return audience == self.audience
        if not isinstance(audience, list) or self.audience not in audience:
            return False
        is_meant = not self.is_oidc or len(audience) == 1
        return is_meant or claims.get("azp") == self.audience


class PresentedToken(NamedTuple):
    """What a token says. Nothing of it is proved."""

    text: str
    header: dict[str, Any]
    claims: dict[str, Any]

    @property
    def kid(self) -> str | None:
        """The name of the key."""
        return self.header.get("kid")

    @property
    def algorithm(self) -> str:
        """How it says that it is signed."""
        return str(self.header.get("alg"))


def read_token(text: str, limits: Limits) -> PresentedToken:
    """Takes a token apart.

    Raises:
        CallError: `InvalidAuthHeader`, when it is no JWT.
    """
    if len(text) > limits.auth_token_bytes_max:
        raise _invalid(f"it is longer than {limits.auth_token_bytes_max} bytes")
    if not text.isascii():
        raise _invalid("it is no JWT")
    try:
        parts = _jws.decode_complete(text, options={"verify_signature": False})
        claims = orjson.loads(parts["payload"])
    except (PyJWTError, orjson.JSONDecodeError) as error:
        raise _invalid("it is no JWT") from error
    if not isinstance(claims, dict):
        raise _invalid("its claims are no object")
    return PresentedToken(text, parts["header"], claims)


def trust_for(token: PresentedToken, trusted: Iterable[Trust]) -> Trust:
    """The first of those that are trusted whose issuer and audience are the token's.

    Raises:
        CallError: `NoAuthProvider`.
    """
    for trust in trusted:
        if trust.takes(token.claims):
            return trust
    issuer, audience = token.claims.get("iss"), token.claims.get("aud")
    raise CallError(
        "No auth provider found matching the given token: its issuer is "
        f"{issuer!r:.200} and its audience {audience!r:.200}",
        code="NoAuthProvider",
    )


def check_token(token: PresentedToken, trust: Trust, now_s: float, limits: Limits) -> float:
    """Checks all but the signature; gives when the token ends, in seconds since the epoch.

    One that is shown within the leeway after its end is good until the leeway is over, too.

    Raises:
        CallError: `InvalidAuthHeader` for a token that can never be good, `Unauthenticated` for one
            that is not good now.
    """
    if token.algorithm not in trust.algorithms:
        raise _invalid(f"the algorithm {token.algorithm!r:.40} is not allowed")
    kind = token.header.get("typ", "JWT")
    types = _TYPES if trust.is_oidc else _TYPES | _ACCESS_TOKEN_TYPES
    if not isinstance(kind, str) or kind.lower() not in types:
        raise _invalid(f"a token of type {kind!r:.40} is not for this")
    if "crit" in token.header or "cty" in token.header:
        raise _invalid("its header asks for what this server does not know")
    subject = token.claims.get("sub")
    if not isinstance(subject, str) or not subject:
        raise _invalid("it has no subject (sub)")
    end = _seconds(token.claims, "exp")
    if end is None:
        raise _invalid("it has no end (exp)")
    leeway = limits.auth_leeway_s
    if now_s >= end + leeway:
        raise CallError("Could not verify the token: it has expired", code="Unauthenticated")
    for name in ("nbf", "iat"):
        start = _seconds(token.claims, name)
        if start is not None and now_s + leeway < start:
            raise CallError(
                f"Could not verify the token: it is not valid yet ({name})", code="Unauthenticated"
            )
    return end if now_s < end else end + leeway


def check_signature(token: PresentedToken, key: Key) -> None:
    """Proves that the holder of the key made the token.

    Raises:
        CallError: `InvalidAuthHeader`.
    """
    try:
        _jws.decode_complete(token.text, key.public, algorithms=[key.algorithm])
    except PyJWTError as error:
        raise _invalid("its signature is wrong") from error


def caller_of(token: PresentedToken, end_s: float) -> Caller:
    """On whose behalf a token that was proved lets functions run."""
    claims = {name: value for name, value in token.claims.items() if name not in _VOLATILE_CLAIMS}
    for name, value in list(claims.items()):
        if isinstance(value, dict):
            _flatten(name, value, claims)
    issuer, subject = claims["iss"], claims["sub"]
    identity = Identity(f"{issuer}|{subject}", subject, issuer, claims)
    return Caller(identity, expires_ns=int(end_s * 1e9))


def _flatten(prefix: str, nested: Mapping[str, Any], into: dict[str, Any]) -> None:
    """Adds what is nested under dotted names, as Convex does."""
    for name, value in nested.items():
        dotted = f"{prefix}.{name}"
        into.setdefault(dotted, value)
        if isinstance(value, dict):
            _flatten(dotted, value, into)


def _seconds(claims: Mapping[str, Any], name: str) -> float | None:
    value = claims.get(name)
    if value is None:
        return None
    if (
        not isinstance(value, int | float)
        or isinstance(value, bool)
        or not math.isfinite(value)
        or not 0 <= value <= _LAST_SECOND
    ):
        raise _invalid(f"{name} is no time")
    return float(value)


def _invalid(reason: str) -> CallError:
    return CallError(f"Could not verify the token: {reason}", code="InvalidAuthHeader")
