"""Functions over HTTP, one call at a time. Source of routes and bodies: Convex's HTTP API."""

import re
import secrets
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import orjson
from aiohttp import web

from reactive.backend import (
    EMPTY_LOG,
    Backend,
    CallOutcome,
    Failure,
    MutationRequest,
)
from reactive.errors import CallError, ReactiveError
from reactive.limits import Limits
from reactive.protocol.codec import timestamp_body
from reactive.protocol.paths import canonical_path
from reactive.protocol.version import UNKNOWN, ClientVersion, parse_client
from reactive.values.encoding import JsonBytes, load_json, to_plain_json
from reactive.values.timestamp import decode_timestamp
from reactive.wire.callers import proved_caller

API = "/{slashes:/*}api"
"""Clients do not tidy a deployment URL that ends with a slash, so `//api/…` is served as well."""

_ENCODED = {"convex_encoded_json", "convex_json"}
_PLAIN = {"json", "convex_clean_json"}
_REQUEST_ID = re.compile(r"[0-9A-Za-z_-]{1,64}\Z")


def error_response(error: ReactiveError, status: int | None = None) -> web.Response:
    """The answer to a request that no function was run for."""
    is_telling = error.is_public or error.http_status < 500
    code = error.code if is_telling else "InternalServerError"
    message = (
        error.message if is_telling else "Your request couldn't be completed. Try again later."
    )
    return web.json_response({"code": code, "message": message}, status=status or error.http_status)


class HttpApi:
    """The routes below `/api`."""

    def __init__(self, backend: Backend, limits: Limits) -> None:
        self._backend = backend
        self._limits = limits

    def routes(self) -> list[web.RouteDef]:
        """Where each call is answered."""
        return [
            web.post(f"{API}/query", self.query),
            web.get(f"{API}/query", self.query, allow_head=False),
            web.post(f"{API}/query_ts", self.query_ts),
            web.post(f"{API}/query_at_ts", self.query_at_ts),
            web.post(f"{API}/query_batch", self.query_batch),
            web.post(f"{API}/mutation", self.mutation),
            web.post(f"{API}/action", self.action),
            web.post(f"{API}/function", self.function),
            web.post(f"{API}/run/{{path:.*}}", self.run),
        ]

    async def query(self, request: web.Request) -> web.Response:
        if request.method == "GET":
            body: dict[str, Any] = dict(request.query)
            body["args"] = load_json(body.get("args", "{}"))
            _is_encoded(body.get("format"), client_of(request))
        else:
            body = await self._body(request)
        caller = await proved_caller(self._backend, request)
        outcome = await self._backend.query(_path(body), _arguments(body), caller)
        return self._answer(
            request, body, CallOutcome(outcome.value, outcome.failure, outcome.log_lines)
        )

    async def query_ts(self, request: web.Request) -> web.Response:
        return web.Response(
            body=timestamp_body(self._backend.head), content_type="application/json"
        )

    async def query_at_ts(self, request: web.Request) -> web.Response:
        body = await self._body(request)
        at = decode_timestamp(body.get("ts"))
        if at > self._backend.head and not await self._backend.wait_for(at):
            raise CallError("the timestamp is in the future", code="BadTimestamp")
        caller = await proved_caller(self._backend, request)
        outcome = await self._backend.query(_path(body), _arguments(body), caller, at)
        return self._answer(
            request, body, CallOutcome(outcome.value, outcome.failure, outcome.log_lines)
        )

    async def query_batch(self, request: web.Request) -> web.Response:
        body = await self._body(request)
        queries = body.get("queries")
        if not isinstance(queries, list) or not all(isinstance(q, dict) for q in queries):
            raise CallError("queries must be an array of objects", code="BadJsonBody")
        caller = await proved_caller(self._backend, request)
        at = self._backend.head
        results = []
        for each in queries:
            outcome = await self._backend.query(_path(each), _arguments(each), caller, at)
            results.append(
                self._result(
                    request, each, CallOutcome(outcome.value, outcome.failure, outcome.log_lines)
                )
            )
        return web.Response(
            body=b'{"results":[%b]}' % b",".join(results), content_type="application/json"
        )

    async def mutation(self, request: web.Request) -> web.Response:
        body = await self._body(request)
        caller = await proved_caller(self._backend, request)
        outcome = await self._backend.mutate_and_wait(
            MutationRequest(_path(body), _arguments(body), caller, _request_id(request))
        )
        return self._answer(request, body, outcome)

    async def action(self, request: web.Request) -> web.Response:
        body = await self._body(request)
        caller = await proved_caller(self._backend, request)
        outcome = await self._backend.act(
            _path(body), _arguments(body), caller, _request_id(request)
        )
        return self._answer(request, body, outcome)

    async def function(self, request: web.Request) -> web.Response:
        body = await self._body(request)
        caller = await proved_caller(self._backend, request)
        if not caller.is_admin:
            raise ForbiddenError("this endpoint needs an admin key", code="AdminKeyRequired")
        outcome = await self._backend.call(
            _path(body), _arguments(body), caller, _request_id(request)
        )
        return self._answer(request, body, outcome)

    async def run(self, request: web.Request) -> web.Response:
        segments = request.match_info["path"].split("/")
        if len(segments) < 2 or not all(segments):
            raise CallError("the path must name a module and a function", code="MissingIdentifier")
        path = "/".join(segments[:-1]) + ":" + segments[-1]
        body = await self._body(request)
        caller = await proved_caller(self._backend, request)
        outcome = await self._backend.call(path, _arguments(body), caller, _request_id(request))
        return self._answer(request, {"format": "json", **body}, outcome)

    # What is common to all

    async def _body(self, request: web.Request) -> dict[str, Any]:
        if request.content_type != "application/json":
            raise CallError("the body must be application/json", code="BadJsonBody")
        raw = await request.read()
        limit = self._limits.http_body_bytes_max
        if len(raw) > limit:
            raise CallError(f"the body may have {limit} bytes, not {len(raw)}", code="BodyTooLarge")
        try:
            body = load_json(raw)
        except CallError as error:
            raise CallError(error.message, code="BadJsonBody") from error
        if not isinstance(body, dict):
            raise CallError("the body must be an object", code="BadJsonBody")
        _is_encoded(body.get("format"), client_of(request))
        return body

    def _answer(
        self, request: web.Request, body: Mapping[str, Any], outcome: CallOutcome
    ) -> web.Response:
        return web.Response(
            body=self._result(request, body, outcome), content_type="application/json"
        )

    def _result(
        self, request: web.Request, body: Mapping[str, Any], outcome: CallOutcome
    ) -> JsonBytes:
        is_encoded = _is_encoded(body.get("format"), client_of(request))
        log_lines = b"" if outcome.log_lines == EMPTY_LOG else b',"logLines":' + outcome.log_lines
        if outcome.failure is None:
            value = outcome.value or b"null"
            return b'{"status":"success","value":%b%b}' % (
                value if is_encoded else _plain(value),
                log_lines,
            )
        return b'{"status":"error","errorMessage":%b%b%b}' % (
            orjson.dumps(_named(outcome.failure, request).text),
            _error_data(outcome.failure, is_encoded),
            log_lines,
        )


class ForbiddenError(CallError):
    """The request is not allowed for this caller."""

    default_code = "Forbidden"
    http_status = 403


def client_of(request: web.Request) -> ClientVersion:
    """The client that sends the request; one that does not say is served like any other."""
    header = request.headers.get("Convex-Client")
    return UNKNOWN if header is None else parse_client(header, None)


def _error_data(failure: Failure, is_encoded: bool) -> JsonBytes:
    if failure.data is None:
        return b""
    return b',"errorData":' + (failure.data if is_encoded else _plain(failure.data))


def _named(failure: Failure, request: web.Request) -> Failure:
    """The failure under the name that the client gave its request, if it gave one."""
    given = request.headers.get("convex-request-id", "")
    return replace(failure, request_id=given) if _REQUEST_ID.match(given) else failure


def _plain(value: JsonBytes) -> JsonBytes:
    return orjson.dumps(to_plain_json(orjson.loads(value)))


def _is_encoded(format_name: object, client: ClientVersion) -> bool:
    if format_name is None:
        return not client.takes_json_by_default
    if format_name in _ENCODED:
        return True
    if format_name in _PLAIN:
        return False
    raise CallError(f"unknown format {format_name!r:.80}", code="BadFormat")


def _path(body: Mapping[str, Any]) -> str:
    path = body.get("path")
    if not isinstance(path, str):
        raise CallError("path must be a string", code="BadJsonBody")
    return canonical_path(path)


def _arguments(body: Mapping[str, Any]) -> Any:
    """The arguments object, which some clients send in an array."""
    args = body.get("args", {})
    return args[0] if isinstance(args, list) and len(args) == 1 else args


def _request_id(request: web.Request) -> str:
    given = request.headers.get("convex-request-id", "")
    if _REQUEST_ID.match(given):
        return given
    return secrets.token_hex(8)
