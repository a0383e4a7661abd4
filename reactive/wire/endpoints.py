"""The HTTP endpoints of a project: requests to handlers, and what handlers give to clients.

Source of the rules, and of the answers to errors: Convex's HTTP actions. A client that goes away
does not end its handler: an action runs to its end, and learns of it when it writes.
"""

import logging
from typing import Any, Final

from aiohttp import web
from multidict import CIMultiDict

from reactive.backend import ENDPOINT_METHODS, Backend, Endpoint, Endpoints
from reactive.errors import ReactiveError, UsageError
from reactive.values.encoding import load_json, to_plain_json
from reactive.wire.callers import any_caller
from reactive.wire.cors import add_headers, cors_headers, preflight
from reactive.wire.http import error_response
from reactive.wire.origins import Origins
from reactive.wire.sending import BROKEN, break_off, has_started, is_gone

_log = logging.getLogger("reactive.wire")

_CORS: Final = web.RequestKey("cors", CIMultiDict)


class EndpointApi:
    """Whatever the project's own `HttpRouter` answers."""

    def __init__(self, backend: Backend, endpoints: Endpoints, origins: Origins) -> None:
        self._backend = backend
        self._endpoints = endpoints
        self._origins = origins

    def knows(self, path: str) -> bool:
        """Whether the path is an endpoint's, by whatever method."""
        return any(self._endpoints.find(method, path) is not None for method in ENDPOINT_METHODS)

    async def answer(self, request: web.Request, path: str) -> web.StreamResponse | None:
        """What the endpoint of a path gives; None when there is none."""
        endpoint = self._endpoints.find(request.method, path)
        if endpoint is None:
            return self._preflight(request, path) if request.method == "OPTIONS" else None
        if endpoint.cors is not None:
            request[_CORS] = cors_headers(endpoint.cors, request, self._origins)
        request.match_info["tail"] = endpoint.tail
        return await self._run(endpoint, request)

    def no_answer(self) -> web.Response:
        """There is no such endpoint, and no file of the same name either."""
        if self._endpoints.is_empty:
            return web.Response(status=404, text="This server has no HTTP endpoints")
        return web.Response(status=404, text="No matching routes found")

    def _preflight(self, request: web.Request, path: str) -> web.Response | None:
        methods, policy = [], None
        asked = request.headers.get("Access-Control-Request-Method")
        for method in ENDPOINT_METHODS:
            endpoint = self._endpoints.find(method, path)
            if endpoint is not None and endpoint.cors is not None:
                methods.append(method)
                if policy is None or method == asked:
                    policy = endpoint.cors
        return None if policy is None else preflight(policy, request, self._origins, methods)

    def add_headers(self, request: web.Request, response: web.StreamResponse) -> None:
        """Adds the CORS headers of the endpoint that answers, before they are sent."""
        headers = request.get(_CORS)
        if headers is not None:
            add_headers(response.headers, headers)

    async def _run(self, endpoint: Endpoint, request: web.Request) -> web.StreamResponse:
        sent: list[web.StreamResponse] = []

        async def send(response: Any) -> None:
            if not isinstance(response, web.StreamResponse):
                raise UsageError(
                    "an HTTP endpoint must return an aiohttp web.Response or web.StreamResponse, "
                    f"not {response!r:.80}"
                )
            if response.prepared != has_started(request):
                raise UsageError(
                    "an HTTP endpoint must return one response for each request: this one was sent "
                    "before, or another one was"
                )
            sent.append(response)
            # A file is sent by aiohttp, which would send one that is sent already again.
            if not isinstance(response, web.FileResponse):
                await response.prepare(request)
                await response.write_eof()

        try:
            await endpoint.run(request, await any_caller(self._backend, request), send)
        except web.HTTPException as error:
            if not has_started(request):
                raise
            response: web.StreamResponse = error
        except Exception as error:  # noqa: BLE001 - it is the author's code that raised
            if isinstance(error, BROKEN) and is_gone(request):
                _log.info("%s %s: the client has gone away", request.method, request.path)
                return web.Response(status=500)
            response = self._failed(endpoint, error)
        else:
            return sent[-1]
        if has_started(request):
            break_off(request)
        return response

    def _failed(self, endpoint: Endpoint, error: Exception) -> web.Response:
        failure = endpoint.failure(error)
        if isinstance(error, ReactiveError) and error.is_public:
            return error_response(error)
        headline, _, rest = failure.text.partition("\n")
        first = rest.partition("\n")[0]
        body: dict[str, Any] = {"code": f"{headline}: {first}" if first else headline}
        if rest:
            body["trace"] = failure.text
        if failure.data is not None:
            body["data"] = to_plain_json(load_json(failure.data))
        return web.json_response(body, status=500)
