"""Gets small JSON documents from issuers, who may be slow, broken or hostile."""

import logging
from typing import Any

import aiohttp
import orjson

from reactive.errors import CallError, RetryableError
from reactive.limits import Limits

_log = logging.getLogger("reactive.auth")
_CHUNK_BYTES = 16_384


class IssuerUnavailableError(RetryableError):
    """An issuer does not answer now. That says nothing about the token, which may be good."""

    default_code = "AuthProviderUnavailable"
    is_public = True


def discovery_failed(url: str, reason: str) -> CallError:
    """The error for an issuer that does answer, but with nothing that can be used."""
    _log.warning("%s: %s", url, reason)
    error = CallError(
        "The token's issuer does not give its keys as it should", code="AuthProviderDiscoveryFailed"
    )
    error.add_note(f"{url}: {reason}")
    return error


class DocumentFetcher:
    """Follows no redirects, takes no cookies, and reads no more than it was told."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._http: aiohttp.ClientSession | None = None

    async def json(self, url: str) -> Any:
        """The document at the URL.

        Raises:
            IssuerUnavailableError: when nobody answers in time, or answers 429 or 5xx.
            CallError: `AuthProviderDiscoveryFailed`, for any other answer that is no document.
        """
        try:
            async with self._session().get(url, allow_redirects=False) as response:
                status = response.status
                body = await self._body(response) if status == 200 else b""
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _unavailable(url, f"{type(error).__name__}: {error}") from error
        if status == 429 or status >= 500:
            raise _unavailable(url, f"status {status}")
        if status != 200:
            raise discovery_failed(url, f"status {status}")
        if len(body) > self._limits.auth_document_bytes_max:
            raise discovery_failed(
                url, f"it is larger than {self._limits.auth_document_bytes_max} bytes"
            )
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise discovery_failed(url, "it is no JSON") from error

    async def _body(self, response: aiohttp.ClientResponse) -> bytes:
        body = bytearray()
        async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
            body += chunk
            if len(body) > self._limits.auth_document_bytes_max:
                response.close()
                break
        return bytes(body)

    def _session(self) -> aiohttp.ClientSession:
        if self._http is None:
            self._http = aiohttp.ClientSession(
                # Nothing is unpacked: a small answer must not become a large one.
                headers={"Accept": "application/json", "Accept-Encoding": "identity"},
                auto_decompress=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=self._limits.auth_fetch_s),
            )
        return self._http

    async def close(self) -> None:
        """Ends its connections."""
        if self._http is not None:
            await self._http.close()


def _unavailable(url: str, reason: str) -> IssuerUnavailableError:
    _log.warning("%s: %s", url, reason)
    error = IssuerUnavailableError("The token's issuer cannot be asked for its keys now")
    error.add_note(f"{url}: {reason}")
    return error
