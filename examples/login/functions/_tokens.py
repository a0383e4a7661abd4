"""Passwords, keys and tokens; plain functions, which know neither requests nor the database."""

import hashlib
from datetime import datetime, timedelta
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from jwt.algorithms import ECAlgorithm

ISSUER: Final = "https://login.example"
AUDIENCE: Final = "notes"
LIFETIME: Final = timedelta(hours=1)
KEY_ID: Final = "1"


def digest_of(password: str, salt: bytes) -> bytes:
    """What is kept of a password; slow on purpose, some 50 ms."""
    return hashlib.scrypt(password.encode(), salt=salt, n=2**14, r=8, p=1)


def new_key() -> str:
    """A private key for ES256, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def public_keys(pem: str) -> dict[str, Any]:
    """The JWK set by which others prove our tokens."""
    key = load_pem_private_key(pem.encode(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError(f"the signing key is a {type(key).__name__}")
    jwk = ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    return {"keys": [{**jwk, "kid": KEY_ID, "use": "sig", "alg": "ES256"}]}


def new_token(pem: str, *, subject: str, name: str, now: datetime) -> str:
    """A signed statement of who somebody is, good for an hour."""
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": subject,
        "name": name,
        "iat": now,
        "exp": now + LIFETIME,
    }
    return jwt.encode(claims, pem, algorithm="ES256", headers={"kid": KEY_ID})
