"""The HTTP client below both SDKs: one for each request, closed with it, so that no key outlives
its request and a closed answer has no open socket. What is dear to make is made once.
"""

import ssl
from functools import cache

import httpx2

from reactive.limits import DEFAULT_LIMITS

RETRIES = 0
"""The SDKs' own would multiply with the generator's."""

TIMEOUT = httpx2.Timeout(
    DEFAULT_LIMITS.provider_silence_s, connect=DEFAULT_LIMITS.provider_connect_s
)


@cache
def _tls() -> ssl.SSLContext:
    return httpx2.create_ssl_context()


def http_client() -> httpx2.AsyncClient:
    """A client that the SDK's client owns and closes."""
    return httpx2.AsyncClient(verify=_tls(), timeout=TIMEOUT, follow_redirects=True)
