"""The public keys of an issuer, as a JWK set (RFC 7517) lists them. Pure.

A key is good for one algorithm, which follows from what kind of key it is and never from a token.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm
from jwt.exceptions import PyJWTError

from reactive.errors import CallError

_RSA_BITS_MIN = 2_048
"""Source: RFC 7518, section 3.3."""

_SPELLINGS = {"RS256": ("RS256",), "ES256": ("ES256",), "EdDSA": ("EdDSA", "Ed25519")}


class Key(NamedTuple):
    """A public key, and the one algorithm that it may be used with."""

    algorithm: str
    public: Any
    weakness: str | None = None
    """Why nothing that it signed is believed."""


class KeySet:
    """The keys of one issuer at one time."""

    __slots__ = ("_keys",)

    def __init__(self, document: object) -> None:
        """Reads a JWK set. Keys of other uses and kinds are passed over.

        Raises:
            ValueError: when it is no JWK set.
        """
        listed = document.get("keys") if isinstance(document, dict) else None
        if not isinstance(listed, list):
            raise ValueError("no JWK set: it has no list of keys")  # noqa: TRY004 - data, not code
        self._keys: dict[tuple[str | None, str], Key] = {}
        for position, jwk in enumerate(listed):
            key = _key_of(jwk) if isinstance(jwk, dict) else None
            if key is not None:
                # Keys without a name are told apart by their place, so that none hides another.
                name = jwk.get("kid") if isinstance(jwk.get("kid"), str) else f"\0{position}"
                self._keys.setdefault((name, key.algorithm), key)

    def __len__(self) -> int:
        return len(self._keys)

    def find(self, kid: str | None, algorithm: str) -> Key | None:
        """The key that a token's header names, or None if this set has never heard of it.

        A token that names no key means the only one of its algorithm.

        Raises:
            CallError: `InvalidAuthHeader`, when there is one that must not be used.
        """
        if kid is None:
            found = [key for key in self._keys.values() if key.algorithm == algorithm]
            if len(found) != 1:
                raise _refused(
                    f"the token names no key (kid), and its issuer has {len(found)} for {algorithm}"
                )
            key = found[0]
        elif (kid, algorithm) in self._keys:
            key = self._keys[kid, algorithm]
        elif any(name == kid for name, _ in self._keys):
            raise _refused(f"the key that the token names is not for {algorithm}")
        else:
            return None
        if key.weakness is not None:
            raise _refused(key.weakness)
        return key


def _refused(reason: str) -> CallError:
    return CallError(f"Could not verify the token: {reason}", code="InvalidAuthHeader")


def _key_of(jwk: Mapping[str, Any]) -> Key | None:
    """A key that verifies signatures; None for any other, and for one that is damaged."""
    family = "RSA" if jwk.get("kty") == "RSA" else f"{jwk.get('kty')} {jwk.get('crv')}"
    kind = _KINDS.get(family)
    if kind is None or not _is_for_signatures(jwk, kind.algorithm):
        return None
    # Members of a private key, which nobody should publish, are not even looked at.
    members = {name: jwk.get(name) for name in kind.members}
    if not all(isinstance(value, str) for value in members.values()):
        return None
    try:
        public = kind.load(members)
    except (PyJWTError, ValueError):
        return None
    if kind.algorithm == "RS256" and public.key_size < _RSA_BITS_MIN:
        weakness = f"its issuer's key has {public.key_size} bits, fewer than {_RSA_BITS_MIN}"
        return Key(kind.algorithm, public, weakness)
    return Key(kind.algorithm, public)


def _is_for_signatures(jwk: Mapping[str, Any], algorithm: str) -> bool:
    operations = jwk.get("key_ops", ["verify"])
    return (
        jwk.get("use", "sig") == "sig"
        and isinstance(operations, list)
        and "verify" in operations
        and jwk.get("alg", algorithm) in _SPELLINGS[algorithm]
    )


class _Kind(NamedTuple):
    algorithm: str
    members: tuple[str, ...]
    load: Callable[[dict[str, Any]], Any]


_KINDS = {
    "RSA": _Kind("RS256", ("kty", "n", "e"), RSAAlgorithm.from_jwk),
    "EC P-256": _Kind("ES256", ("kty", "crv", "x", "y"), ECAlgorithm.from_jwk),
    "OKP Ed25519": _Kind("EdDSA", ("kty", "crv", "x"), OKPAlgorithm.from_jwk),
}
