"""The CORS headers of a project's endpoints, as `reactive.cors` asks for them.

Source of the rules: the Fetch standard, "CORS protocol".
"""

from collections.abc import Sequence

from aiohttp import web
from multidict import CIMultiDict

from reactive.backend import Cors
from reactive.wire.origins import Origins


def cors_headers(policy: Cors, request: web.Request, default: Origins) -> CIMultiDict[str]:
    """The headers of an answer; of those only `Vary` for an origin that may not read it."""
    headers: CIMultiDict[str] = CIMultiDict()
    is_open = policy.origins is not None and "*" in policy.origins
    if not is_open:
        headers["Vary"] = "Origin"
    origin = request.headers.get("Origin")
    origins = default if policy.origins is None else Origins(policy.origins)
    if origin is None or not origins.allows(request):
        return headers
    headers["Access-Control-Allow-Origin"] = "*" if is_open else origin
    if policy.credentials:
        headers["Access-Control-Allow-Credentials"] = "true"
    if policy.expose:
        headers["Access-Control-Expose-Headers"] = ", ".join(policy.expose)
    return headers


def preflight(
    policy: Cors, request: web.Request, default: Origins, methods: Sequence[str]
) -> web.Response:
    """The answer to an `OPTIONS` request that no route of the author's answers."""
    headers = cors_headers(policy, request, default)
    headers["Allow"] = ", ".join([*methods, "OPTIONS"])
    if "Access-Control-Allow-Origin" not in headers:
        if "Origin" in request.headers:
            return web.Response(status=403, text="this origin may not call", headers=headers)
        return web.Response(status=204, headers=headers)
    headers["Access-Control-Allow-Methods"] = ", ".join(methods)
    asked = request.headers.get("Access-Control-Request-Headers")
    allowed = asked if policy.headers is None else ", ".join(policy.headers)
    if allowed:
        headers["Access-Control-Allow-Headers"] = allowed
    headers["Access-Control-Max-Age"] = str(policy.max_age_s)
    if policy.headers is None:
        _vary(headers, "Access-Control-Request-Headers")
    return web.Response(status=204, headers=headers)


def add_headers(headers: CIMultiDict[str], added: CIMultiDict[str]) -> None:
    """Adds what the author's code has not said itself."""
    for name, value in added.items():
        if name == "Vary":
            _vary(headers, value)
        elif name not in headers:
            headers[name] = value


def _vary(headers: CIMultiDict[str], name: str) -> None:
    known = headers.get("Vary", "")
    if name.lower() not in (each.strip().lower() for each in known.split(",")):
        headers["Vary"] = f"{known}, {name}" if known else name
