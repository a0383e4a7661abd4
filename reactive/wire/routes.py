"""The aiohttp application: which path goes where, and what every answer has in common."""

import logging
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import unquote

from aiohttp import web

from reactive.errors import CallError, ReactiveError
from reactive.limits import Limits
from reactive.protocol.version import UNKNOWN, ClientVersion, parse_client
from reactive.wire.endpoints import EndpointApi
from reactive.wire.http import API, HttpApi, client_of, error_response
from reactive.wire.imports import ImportApi
from reactive.wire.logs import LogApi
from reactive.wire.origins import Origins
from reactive.wire.sending import note_started
from reactive.wire.storage import StorageApi
from reactive.wire.websocket import SocketHub

_log = logging.getLogger("reactive.wire")

VERSION: Final = "0.1.0"
_OWN_PATHS: Final = re.compile(
    r"/api/(?:(?:[^/]+/)?sync|query(?:_ts|_at_ts|_batch)?|mutation|action|function|logs|import)"
    r"|/api/(?:run|storage)/.*|/version|/instance_name|/instance_version|/healthz",
    re.DOTALL,
)
"""What no endpoint of a project can take the place of."""


def is_own_path(path: str) -> bool:
    """Whether the server itself answers a path, before any endpoint of a project."""
    return _OWN_PATHS.fullmatch(path) is not None


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class EventSockets(Protocol):
    """Sockets of a project's own events, where it has any."""

    def answers(self, path: str) -> bool:
        """Whether a path is theirs."""
        ...

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Answers a request for such a path."""
        ...


class Routes:
    """Every path that a server answers."""

    def __init__(
        self,
        api: HttpApi,
        hub: SocketHub,
        storage: StorageApi,
        endpoints: EndpointApi,
        logs: LogApi,
        imports: ImportApi,
        sockets: EventSockets | None,
        origins: Origins,
        instance_name: str,
        static: Path | None,
        on_place: Callable[[int, str], None],
    ) -> None:
        self._api = api
        self._hub = hub
        self._storage = storage
        self._endpoints = endpoints
        self._logs = logs
        self._imports = imports
        self._sockets = sockets
        self._origins = origins
        self._instance_name = instance_name
        self._static = static
        self._on_place = on_place
        self._port: int | None = None
        self._prefix = ""
        self._everything: web.AbstractResource | None = None

    def application(self, limits: Limits) -> web.Application:
        """The application, not started yet."""
        application = web.Application(
            client_max_size=limits.endpoint_body_bytes_max,
            middlewares=[self._answer_errors],
        )
        application.on_response_prepare.append(self._prepare)
        *_, everything = application.add_routes(
            [
                *self._api.routes(),
                *self._storage.routes(),
                *self._logs.routes(),
                *self._imports.routes(),
                web.get(f"{API}/sync", self._sync, allow_head=False),
                web.get(f"{API}/{{version}}/sync", self._sync, allow_head=False),
                web.get("/version", self._version),
                web.get("/instance_version", self._version),
                web.get("/instance_name", self._name),
                web.get("/healthz", self._health),
                web.route("*", "/{path:.*}", self._rest),
            ]
        )
        self._everything = everything.resource
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

    async def _rest(self, request: web.Request) -> web.StreamResponse:
        """An endpoint of the project, or else a static file, where there is one."""
        path = self._path(request)
        if self._sockets is not None and self._sockets.answers(path):
            return await self._sockets.serve(request)
        if not self._is_own(request):
            response = await self._endpoints.answer(request, path)
            if response is not None:
                return response
        name = request.match_info["path"]
        if self._static is not None and request.method in ("GET", "HEAD"):
            root = self._static.resolve()
            file = (root / name).resolve()
            if file.is_dir():
                file = file / "index.html"
            if file.is_relative_to(root) and file.is_file():
                return web.FileResponse(file, headers={"Cache-Control": "no-cache"})
        if name == "" and request.method in ("GET", "HEAD"):
            return web.Response(text="This reactive server is running.\n")
        if self._is_own(request):
            raise web.HTTPNotFound
        return self._endpoints.no_answer()

    def _is_own(self, request: web.Request) -> bool:
        """Whether the server itself answers the path, if only to say that it does not know it."""
        asked = self._path(request)
        path = "/" + asked.lstrip("/")
        if is_own_path(path) or (self._sockets is not None and self._sockets.answers(path)):
            return True
        return path.startswith("/api/") and not self._endpoints.knows(asked)

    def _path(self, request: web.Request) -> str:
        """What is asked for, whatever the application is mounted below."""
        return request.path.removeprefix(self._prefix)

    async def _prepare(self, request: web.Request, response: web.StreamResponse) -> None:
        """Adds to an answer, streamed or not, what has to be in its headers."""
        note_started(request)
        if self._is_own(request):
            response.headers.update(self._origins.headers(request))
        else:
            self._endpoints.add_headers(request, response)

    def _learn_place(self, request: web.Request) -> None:
        """The first request tells where the server is, whoever started it, and how."""
        if self._everything is not None:
            # aiohttp tells an application that is added to another one in no other way.
            self._prefix = unquote(self._everything.canonical.removesuffix("/{path}"))
        name = None if request.transport is None else request.transport.get_extra_info("sockname")
        if isinstance(name, tuple):
            self._port = name[1]
            self._on_place(name[1], self._prefix)

    @web.middleware
    async def _answer_errors(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if self._port is None:
            self._learn_place(request)
        if not self._is_own(request):
            return await handler(request)
        if request.method == "OPTIONS":
            return self._origins.preflight(request)
        client = UNKNOWN
        try:
            client = client_of(request)
            if client.state == "Unsupported":
                refusal = CallError(client.advice(), code="ClientVersionUnsupported")
                response: web.StreamResponse = error_response(refusal)
            else:
                response = await handler(request)
        except web.HTTPRequestEntityTooLarge as error:
            response = error_response(CallError(str(error.text), code="BodyTooLarge"))
        except web.HTTPException as error:
            code = type(error).__name__.removeprefix("HTTP")
            response = error_response(
                CallError(error.text or error.reason, code=code), error.status
            )
        except ReactiveError as error:
            if not error.is_public:
                _log.error("%s %s: %s", request.method, request.path, error)
            response = error_response(error)
        if not response.prepared:
            _advise(client, response)
        return response


def _advise(client: ClientVersion, response: web.StreamResponse) -> web.StreamResponse:
    """Tells a client that is too old so, in headers that its users get to see."""
    if client.state is not None:
        response.headers["x-convex-deprecation-state"] = client.state
        response.headers["x-convex-deprecation-message"] = client.advice()
    return response
