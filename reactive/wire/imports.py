"""Imports, sent to a running server by an administrator.

`POST /api/import` takes the zip of an export as its body, or with `?table=NAME` JSON lines;
`&mode=` is `empty` (only into tables without documents), `append` or `replace`. The answer is
`{"rows": {"messages": 3}}`, or `{"code", "message"}` when nothing was imported.
"""

import asyncio
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from aiohttp import web

from reactive.backend import Backend, Imports
from reactive.errors import ReactiveError
from reactive.wire.callers import proved_caller
from reactive.wire.http import API, ForbiddenError

_PIECE = 1 << 18


class ImportApi:
    """The route of imports; `folder` has room for what is sent, None for the system's own."""

    def __init__(self, backend: Backend, imports: Imports, folder: Path | None) -> None:
        self._backend = backend
        self._imports = imports
        self._folder = folder

    def routes(self) -> list[web.RouteDef]:
        """Where it is answered."""
        return [web.post(f"{API}/import", self.load)]

    async def load(self, request: web.Request) -> web.Response:
        caller = await proved_caller(self._backend, request)
        if not caller.is_admin:
            raise ForbiddenError("an import needs an admin key", code="AdminKeyRequired")
        query = request.query
        try:
            with tempfile.NamedTemporaryFile(dir=self._folder, prefix="import-") as spool:
                await _receive(request, spool)
                rows = await self._imports.load(
                    spool.name, query.get("table"), query.get("mode", "empty")
                )
        except ReactiveError as error:
            # An administrator is told everything, whatever other clients may see.
            return _answer({"code": error.code, "message": str(error)}, 400)
        return _answer({"rows": dict(rows)}, 200)


async def _receive(request: web.Request, spool: IO[bytes]) -> None:
    async for piece in request.content.iter_chunked(_PIECE):
        await asyncio.to_thread(spool.write, piece)
    await asyncio.to_thread(spool.flush)


def _answer(body: Mapping[str, object], status: int) -> web.Response:
    return web.json_response(body, status=status)
