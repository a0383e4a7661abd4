"""Which browser origins may connect, and the CORS headers that say so."""

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from aiohttp import web

_LOOPBACK = re.compile(r"https?://(localhost|127\.0\.0\.1)(:\d+)?")


def _pattern(allowed: str) -> re.Pattern[str]:
    """A lone `*` is any origin; within one it is any port, or any part of the host."""
    return re.compile(".*" if allowed == "*" else re.escape(allowed).replace(r"\*", "[^/]*"))


class Origins:
    """The setting `allowed_origins`; without it the own host and this machine's may connect."""

    def __init__(self, allowed: Sequence[str] | None) -> None:
        self._patterns = None if allowed is None else [_pattern(each) for each in allowed]

    def allows(self, request: web.Request) -> bool:
        """Whether the request may be served; one without `Origin` always may."""
        origin = request.headers.get("Origin")
        if origin is None:
            return True
        if self._patterns is not None:
            return any(pattern.fullmatch(origin) for pattern in self._patterns)
        own = urlsplit(origin).netloc == request.host and bool(request.host)
        return own or bool(_LOOPBACK.fullmatch(origin))

    def headers(self, request: web.Request) -> dict[str, str]:
        """The headers of an answer to an allowed origin: Convex's server mirrors requests."""
        origin = request.headers.get("Origin")
        if origin is None or not self.allows(request):
            return {}
        return {
            "Access-Control-Allow-Origin": origin,
            "Access-Control-Allow-Credentials": "true",
            "Vary": "Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
        }

    def preflight(self, request: web.Request) -> web.Response:
        """The answer to an `OPTIONS` request."""
        headers = self.headers(request)
        if headers:
            headers |= {
                "Access-Control-Allow-Headers": request.headers.get(
                    "Access-Control-Request-Headers", "Authorization, Content-Type, Convex-Client"
                ),
                "Access-Control-Allow-Methods": "GET,POST,OPTIONS,PATCH,DELETE,PUT",
                "Access-Control-Max-Age": "86400",
            }
        return web.Response(headers=headers)
