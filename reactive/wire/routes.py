"""The aiohttp application: which path goes where, and what every answer has in common."""

import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from aiohttp import web

from reactive.errors import CallError, ReactiveError
from reactive.limits import Limits
from reactive.protocol.version import UNKNOWN, ClientVersion, parse_client
from reactive.wire.http import API, HttpApi, client_of, error_response
from reactive.wire.origins import Origins
from reactive.wire.websocket import SocketHub

_log = logging.getLogger("reactive.wire")

VERSION: Final = "0.1.0"
_OWN_PATHS: Final = ("/api/", "/version", "/instance_name", "/instance_version", "/healthz")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Routes:
    """Every path that a server answers."""

    def __init__(
        self,
        api: HttpApi,
        hub: SocketHub,
        origins: Origins,
        instance_name: str,
        static: Path | None,
    ) -> None:
        self._api = api
        self._hub = hub
        self._origins = origins
        self._instance_name = instance_name
        self._static = static

    def application(self, limits: Limits) -> web.Application:
        """The application, not started yet."""
        application = web.Application(
            client_max_size=limits.http_body_bytes_max,
            middlewares=[self._answer_errors],
        )
        application.add_routes(
            [
                *self._api.routes(),
                web.get(f"{API}/sync", self._sync, allow_head=False),
                web.get(f"{API}/{{version}}/sync", self._sync, allow_head=False),
                web.get("/version", self._version),
                web.get("/instance_version", self._version),
                web.get("/instance_name", self._name),
                web.get("/healthz", self._health),
                web.route("*", "/{path:.*}", self._file),
            ]
        )
        return application

    async def _sync(self, request: web.Request) -> web.StreamResponse:
        if not self._origins.allows(request):
            raise web.HTTPForbidden(text="this origin may not connect")
        client = parse_client(
            request.headers.get("Convex-Client"), request.match_info.get("version")
        )
        if client.state == "Unsupported":
            refusal = CallError(client.advice(), code="ClientVersionUnsupported")
            return _advise(client, error_response(refusal))
        return await self._hub.serve(request, client)

    async def _version(self, request: web.Request) -> web.Response:
        return web.Response(text=VERSION)

    async def _name(self, request: web.Request) -> web.Response:
        return web.Response(text=self._instance_name)

    async def _health(self, request: web.Request) -> web.Response:
        return web.json_response({"status": "ok", "sockets": len(self._hub)})

    async def _file(self, request: web.Request) -> web.StreamResponse:
        """A static file, where there is one."""
        name = request.match_info["path"]
        if self._static is not None and request.method in ("GET", "HEAD"):
            root = self._static.resolve()
            file = (root / name).resolve()
            if file.is_dir():
                file = file / "index.html"
            if file.is_relative_to(root) and file.is_file():
                return web.FileResponse(file, headers={"Cache-Control": "no-cache"})
        if name == "" and request.method == "GET":
            return web.Response(text="This reactive server is running.\n")
        raise web.HTTPNotFound

    @web.middleware
    async def _answer_errors(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        is_own = ("/" + request.path.lstrip("/")).startswith(_OWN_PATHS)
        if is_own and request.method == "OPTIONS":
            return self._origins.preflight(request)
        client = UNKNOWN
        try:
            client = client_of(request)
            if client.state == "Unsupported" and is_own:
                refusal = CallError(client.advice(), code="ClientVersionUnsupported")
                response: web.StreamResponse = error_response(refusal)
            else:
                response = await handler(request)
        except web.HTTPRequestEntityTooLarge as error:
            response = error_response(CallError(str(error.text), code="BodyTooLarge"))
        except web.HTTPException as error:
            if not is_own:
                raise
            code = type(error).__name__.removeprefix("HTTP")
            response = error_response(
                CallError(error.text or error.reason, code=code), error.status
            )
        except ReactiveError as error:
            if not error.is_public:
                _log.error("%s %s: %s", request.method, request.path, error)
            response = error_response(error)
        if is_own and not response.prepared:
            response.headers.update(self._origins.headers(request))
            _advise(client, response)
        return response


def _advise(client: ClientVersion, response: web.StreamResponse) -> web.StreamResponse:
    """Tells a client that is too old so, in headers that its users get to see."""
    if client.state is not None:
        response.headers["x-convex-deprecation-state"] = client.state
        response.headers["x-convex-deprecation-message"] = client.advice()
    return response
