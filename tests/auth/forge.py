"""Makes tokens, good and bad. Nothing here checks anything, so that anything can be made."""

import base64
import hashlib
import hmac
import json
import time
from functools import cache
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

Claims = dict[str, Any]


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value: int, size: int | None = None) -> str:
    return b64(value.to_bytes(size or (value.bit_length() + 7) // 8, "big"))


class SigningKey:
    """A key pair of an issuer."""

    def __init__(self, private: Any, algorithm: str, kid: str | None) -> None:
        self.private = private
        self.algorithm = algorithm
        self.kid = kid

    def named(self, kid: str | None) -> "SigningKey":
        """The same key under another name."""
        return SigningKey(self.private, self.algorithm, kid)

    def sign(self, data: bytes) -> bytes:
        private = self.private
        if isinstance(private, rsa.RSAPrivateKey):
            return private.sign(data, padding.PKCS1v15(), hashes.SHA256())
        if isinstance(private, ec.EllipticCurvePrivateKey):
            size = (private.curve.key_size + 7) // 8
            r, s = decode_dss_signature(private.sign(data, ec.ECDSA(hashes.SHA256())))
            return r.to_bytes(size, "big") + s.to_bytes(size, "big")
        signature: bytes = private.sign(data)
        return signature

    def jwk(self, **extra: Any) -> dict[str, Any]:
        """The public key as an issuer lists it."""
        public = self.private.public_key()
        if isinstance(public, rsa.RSAPublicKey):
            numbers = public.public_numbers()
            found = {"kty": "RSA", "n": number(numbers.n), "e": number(numbers.e)}
        elif isinstance(public, ec.EllipticCurvePublicKey):
            point = public.public_numbers()
            size = (public.curve.key_size + 7) // 8
            curve = {"secp256r1": "P-256", "secp384r1": "P-384"}[public.curve.name]
            found = {"kty": "EC", "crv": curve, "x": number(point.x, size)}
            found["y"] = number(point.y, size)
        else:
            raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
            found = {"kty": "OKP", "crv": "Ed25519", "x": b64(raw)}
        named = {} if self.kid is None else {"kid": self.kid}
        return {**found, "alg": self.algorithm, "use": "sig", **named, **extra}

    def pem(self) -> bytes:
        """The public key as a text that a careless verifier takes for a shared secret."""
        pem: bytes = self.private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return pem


@cache
def rsa_key(kid: str | None = "rsa", bits: int = 2048) -> SigningKey:
    return SigningKey(rsa.generate_private_key(65_537, bits), "RS256", kid)


@cache
def ec_key(kid: str | None = "ec") -> SigningKey:
    return SigningKey(ec.generate_private_key(ec.SECP256R1()), "ES256", kid)


@cache
def ed_key(kid: str | None = "ed") -> SigningKey:
    return SigningKey(ed25519.Ed25519PrivateKey.generate(), "EdDSA", kid)


def jwks(*keys: SigningKey) -> dict[str, Any]:
    return {"keys": [key.jwk() for key in keys]}


def data_url(*keys: SigningKey) -> str:
    """A JWK set as a `data:` URL."""
    encoded = base64.b64encode(json.dumps(jwks(*keys)).encode()).decode()
    return f"data:application/json;base64,{encoded}"


def claims(issuer: str, subject: str = "ada", *, lives_s: float = 600, **more: Any) -> Claims:
    """What a token says. A claim that is given as None is left out."""
    now = time.time()
    said = {
        "iss": issuer,
        "sub": subject,
        "aud": "app",
        "iat": int(now),
        "exp": int(now + lives_s),
        **more,
    }
    return {name: value for name, value in said.items() if value is not None}


def token(key: SigningKey, said: object, **header: Any) -> str:
    """A signed token. A header that is given as None is left out."""
    named = {"alg": key.algorithm, "typ": "JWT", "kid": key.kid, **header}
    top = {name: value for name, value in named.items() if value is not None}
    signed = f"{b64(json.dumps(top).encode())}.{b64(json.dumps(said).encode())}"
    return f"{signed}.{b64(key.sign(signed.encode()))}"


def unsigned(said: object, **header: Any) -> str:
    """A token that claims to need no signature."""
    top = {"alg": "none", "typ": "JWT", **header}
    return f"{b64(json.dumps(top).encode())}.{b64(json.dumps(said).encode())}."


def confused(key: SigningKey, said: object, secret: bytes, **header: Any) -> str:
    """A token that is signed with something public, as if that were a shared secret."""
    top = {"alg": "HS256", "typ": "JWT", "kid": key.kid, **header}
    signed = f"{b64(json.dumps(top).encode())}.{b64(json.dumps(said).encode())}"
    return f"{signed}.{b64(hmac.digest(secret, signed.encode(), hashlib.sha256))}"


def with_payload(text: str, said: object) -> str:
    """The token with other claims, and the signature that it had."""
    head, _, signature = text.split(".")
    return f"{head}.{b64(json.dumps(said).encode())}.{signature}"


def with_signature(text: str, signature: bytes) -> str:
    return f"{text.rpartition('.')[0]}.{b64(signature)}"


def claims_of(text: str) -> Claims:
    """What a token says."""
    payload = text.split(".")[1]
    found: Claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return found
