"""A token issuer of one's own: publishes keys, signs tokens, and fails as it is told to.

It runs on a thread with an event loop of its own, so that tests with or without one can use it.
"""

import asyncio
import json
import threading
from typing import Any, Self

from aiohttp import web

from tests.auth import forge
from tests.auth.forge import SigningKey

DISCOVERY = "/.well-known/openid-configuration"
KEYS = "/keys"


class Issuer:
    """Answers at `url`. What it serves may be changed between two requests."""

    def __init__(self, *keys: SigningKey) -> None:
        self.keys = list(keys or [forge.rsa_key()])
        self.fault: str | None = None
        """What is wrong with the keys: a status as text, `slow`, `huge`, `html`, `redirect`,
        `drip`."""
        self.discovery: dict[str, Any] = {}
        """What the discovery document says otherwise."""
        self.requests: list[str] = []
        self.is_down = False
        self._loop = asyncio.new_event_loop()
        self._released = asyncio.Event()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._runner: web.AppRunner | None = None
        self.url = ""

    def fetches(self, path: str = KEYS) -> int:
        """How often a document was asked for."""
        return self.requests.count(path)

    def setting(self, **more: Any) -> dict[str, Any]:
        """The setting that trusts this issuer."""
        return {"issuer": self.url, "audience": "app", **more}

    def token(self, subject: str = "ada", *, key: SigningKey | None = None, **more: Any) -> str:
        """A token of this issuer; see `forge.claims`."""
        signer = key or self.keys[0]
        return forge.token(signer, forge.claims(self.url, subject, **more))

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request.path)
        if self.is_down:
            assert request.transport is not None
            request.transport.abort()
            raise web.HTTPServiceUnavailable
        if request.path == DISCOVERY:
            document = {"issuer": self.url, "jwks_uri": f"{self.url}{KEYS}", **self.discovery}
            return web.json_response(document)
        if request.path != KEYS:
            raise web.HTTPNotFound
        return await self._keys(request)

    async def _keys(self, request: web.Request) -> web.StreamResponse:
        good = json.dumps(forge.jwks(*self.keys))
        match self.fault:
            case None:
                return web.Response(text=good, content_type="application/json")
            case "slow":
                await self._released.wait()
                return web.Response(text=good)
            case "drip":
                response = web.StreamResponse()
                await response.prepare(request)
                while not self._released.is_set():
                    await response.write(b" ")
                    await asyncio.sleep(0.05)
                return response
            case "huge":
                return web.Response(text=good + " " * 65_536, content_type="application/json")
            case "html":
                return web.Response(text="<html>", content_type="text/html")
            case "redirect":
                raise web.HTTPFound(f"{self.url}/elsewhere")
            case status:
                return web.Response(status=int(status), text=good)

    async def _start(self) -> None:
        application = web.Application()
        application.add_routes([web.route("*", "/{path:.*}", self._answer)])
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def _stop(self) -> None:
        self._released.set()
        assert self._runner is not None
        await self._runner.cleanup()

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(10)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()
