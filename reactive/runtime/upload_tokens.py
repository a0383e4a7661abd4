"""Tokens that let anybody who knows one upload a file for a while.

Nothing is kept of them: a token carries when it ends, proved by the server's secret.
"""

import base64
import binascii
import hashlib
import hmac
import struct
from typing import Final

from reactive.errors import CallError

_PURPOSE: Final = b"reactive upload token 1"
_BODY: Final = struct.Struct(">QQ")


class UploadTokenError(CallError):
    """The token does not let its bearer upload."""

    default_code = "StorageTokenInvalid"
    http_status = 401


def make_token(secret: bytes, expires_ms: int, nonce: int) -> str:
    """A token that ends at a time in milliseconds since the epoch; `nonce` has 64 bits."""
    body = _BODY.pack(expires_ms, nonce)
    return base64.urlsafe_b64encode(body + _proof(secret, body)).decode().rstrip("=")


def check_token(secret: bytes, token: str, now_ms: float) -> None:
    """Whether the token is one of this server's, and still good.

    Raises:
        UploadTokenError: `StorageTokenInvalid`, `StorageTokenExpired`.
    """
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    body, proof = raw[: _BODY.size], raw[_BODY.size :]
    if len(body) < _BODY.size or not hmac.compare_digest(proof, _proof(secret, body)):
        raise UploadTokenError("this upload URL is not one of this server's")
    if now_ms >= _BODY.unpack(body)[0]:
        raise UploadTokenError(
            "this upload URL has expired; generate a new one", code="StorageTokenExpired"
        )


def _proof(secret: bytes, body: bytes) -> bytes:
    # A key of its own, so that no other use of the secret can make a token.
    key = hmac.digest(secret, _PURPOSE, hashlib.sha256)
    return hmac.digest(key, body, hashlib.sha256)
