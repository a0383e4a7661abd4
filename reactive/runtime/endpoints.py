"""Runs the HTTP endpoints of a project; implements `reactive.backend.Endpoints`."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol

from reactive.backend import Caller, Cors, Failure
from reactive.limits import Limits
from reactive.runtime.context import ActionCtx, Calls
from reactive.runtime.execution import note_run, run_of
from reactive.runtime.http import Route
from reactive.runtime.logs import LogFeed
from reactive.runtime.runner import Project, Runner

_MOUNT: Final = "/http"
"""Convex's clients and proxies reach endpoints below this path, too."""


class EndpointService(Protocol):
    """What endpoints need of `FunctionService`."""

    logs: LogFeed

    @property
    def project(self) -> Project: ...

    def note_running(self) -> object:
        """The current task is an action: the server waits for it before it stops."""
        ...


class ProjectEndpoints:
    """The endpoints of whatever project is loaded."""

    def __init__(
        self, service: EndpointService, runner: Runner, calls: Calls, limits: Limits
    ) -> None:
        self._service = service
        self._runner = runner
        self._calls = calls
        self._limits = limits

    @property
    def is_empty(self) -> bool:
        http = self._service.project.http
        return http is None or http.is_empty

    def find(self, method: str, path: str) -> "_Endpoint | None":
        """The endpoint of a request. Below `/http/` the rest of the path counts first."""
        project = self._service.project
        if project.http is None:
            return None
        paths = [path.removeprefix(_MOUNT), path] if path.startswith(_MOUNT + "/") else [path]
        for each in paths:
            route = project.http.find(method, each)
            if route is not None:
                return _Endpoint(self, project, route, each)
        return None

    async def run(
        self,
        endpoint: "_Endpoint",
        request: object,
        caller: Caller,
        send: Callable[[Any], Awaitable[None]],
    ) -> None:
        """See `reactive.backend.Endpoint`."""
        self._service.note_running()
        handler = endpoint.route.handler
        run = self._runner.execution(endpoint.project, endpoint.name, caller, None)

        async def serve(ctx: ActionCtx) -> None:
            # What is sent may still be made by the author's code, with this context.
            await send(await handler(ctx, request))

        try:
            async with asyncio.timeout(self._limits.action_time_s):
                await self._runner.run_endpoint(serve, run, self._calls)
        except Exception as error:
            note_run(error, run)
            raise
        self._service.logs.note("http", endpoint.name, run)

    def failure(self, endpoint: "_Endpoint", error: BaseException) -> Failure:
        """See `reactive.backend.Endpoint`."""
        failure = self._runner.failure(endpoint.name, error, "")
        run = run_of(error)
        self._service.logs.note(
            "http", endpoint.name, run, request_id=failure.request_id, error=error
        )
        return failure


class _Endpoint:
    """Implements `reactive.backend.Endpoint`."""

    __slots__ = ("_endpoints", "_path", "project", "route")

    def __init__(
        self, endpoints: ProjectEndpoints, project: Project, route: Route, path: str
    ) -> None:
        self._endpoints = endpoints
        self._path = path
        self.project = project
        self.route = route

    @property
    def name(self) -> str:
        """What it is called in logs."""
        return f"{self.route.method} {self.route.path}{'*' if self.route.is_prefix else ''}"

    @property
    def cors(self) -> Cors | None:
        return self.route.cors

    @property
    def tail(self) -> str:
        return self._path.removeprefix(self.route.path) if self.route.is_prefix else ""

    async def run(
        self, request: object, caller: Caller, send: Callable[[Any], Awaitable[None]]
    ) -> None:
        await self._endpoints.run(self, request, caller, send)

    def failure(self, error: BaseException) -> Failure:
        return self._endpoints.failure(self, error)
