"""The log of functions, streamed to an administrator.

`GET /api/logs` answers with JSON lines for as long as the client listens; `?success=true` tells of
functions that ran well and logged nothing, too. A line has `ts` (when it began, in milliseconds
since the epoch), `path`, `kind`, `requestId`, `durationMs`, `status` (`success` or `error`),
`logLines` (each begins with its level, as `[INFO]`) and, when it failed, `error`. An empty line
only says that the server is there; `{"dropped": n}` that the client reads too slowly for so many.
"""

import asyncio

from aiohttp import web

from reactive.backend import Backend, LogFollower, LogSource
from reactive.limits import Limits
from reactive.wire.callers import proved_caller
from reactive.wire.http import API, ForbiddenError


class LogApi:
    """The route of the log."""

    def __init__(self, backend: Backend, logs: LogSource, limits: Limits) -> None:
        self._backend = backend
        self._logs = logs
        self._limits = limits

    def routes(self) -> list[web.RouteDef]:
        """Where it is answered."""
        return [web.get(f"{API}/logs", self.follow, allow_head=False)]

    async def follow(self, request: web.Request) -> web.StreamResponse:
        caller = await proved_caller(self._backend, request)
        if not caller.is_admin:
            raise ForbiddenError("the log needs an admin key", code="AdminKeyRequired")
        response = web.StreamResponse(headers={"Cache-Control": "no-store"})
        response.content_type = "application/x-ndjson"
        follower = self._logs.follow(all_runs=request.query.get("success") == "true")
        try:
            await response.prepare(request)
            # So that the client knows from when on it hears everything.
            await response.write(b"\n")
            await self._send(response, follower)
        except ConnectionResetError:
            # The client has gone, which is how a log ends.
            pass
        finally:
            follower.close()
        return response

    async def _send(self, response: web.StreamResponse, follower: LogFollower) -> None:
        while True:
            try:
                async with asyncio.timeout(self._limits.log_feed_idle_s):
                    text = await follower.next()
            except TimeoutError:
                text = b"\n"
            if text is None:
                return
            await response.write(text)
