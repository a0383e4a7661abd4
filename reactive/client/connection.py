"""The socket of a client, made anew whenever it breaks."""

import asyncio
import logging
import random
import time
from collections.abc import Callable
from typing import Final

import aiohttp

from reactive.client.errors import ProtocolError
from reactive.client.state import Effects, SyncState
from reactive.limits import Limits

_log = logging.getLogger("reactive.client")
_CLIENT_NAME: Final = "reactive-python-0.1.0"
_OVERLOADED: Final = 1013


class Connection:
    """Carries the messages of a `SyncState`, for as long as `run` runs."""

    def __init__(
        self, url: str, state: SyncState, limits: Limits, apply: Callable[[Effects], None]
    ) -> None:
        self._url = url
        self._state = state
        self._limits = limits
        self._apply = apply
        self._news = asyncio.Event()
        self._is_refused = False

    def send(self) -> None:
        """The state may have something to send."""
        if self._state.has_outgoing:
            self._news.set()

    def reconnect(self) -> None:
        """The server is about to close the present socket, which is of no use any more."""
        self._is_refused = True

    async def run(self) -> None:
        """Connects, again and again.

        Raises:
            ClientError: what `apply` raises, when it makes no sense to go on.
        """
        delay = self._limits.client_backoff_s
        async with aiohttp.ClientSession(
            headers={"Convex-Client": _CLIENT_NAME},
            timeout=aiohttp.ClientTimeout(total=None),
        ) as http:
            while True:
                reason, is_overloaded, was_healthy = await self._one_socket(http)
                floor = (
                    self._limits.client_overload_backoff_s
                    if is_overloaded
                    else self._limits.client_backoff_s
                )
                delay = floor if was_healthy else max(delay, floor)
                pause = delay * random.uniform(0.5, 1.5)
                _log.info("not connected (%s); trying again in %.1f s", reason, pause)
                await asyncio.sleep(pause)
                delay = min(delay * 2, self._limits.client_backoff_max_s)

    async def _one_socket(self, http: aiohttp.ClientSession) -> tuple[str, bool, bool]:
        """From a connection to its end: why, whether the server was overloaded, whether it had
        answered everything."""
        try:
            async with asyncio.timeout(self._limits.client_connect_s):
                ws = await http.ws_connect(
                    self._url,
                    timeout=aiohttp.ClientWSTimeout(ws_close=self._limits.client_close_s),
                    max_msg_size=0,
                )
        except TimeoutError:
            return f"no connection in {self._limits.client_connect_s} s", False, False
        except (aiohttp.ClientError, OSError) as error:
            return f"{type(error).__name__}: {error}", False, False
        self._state.opened(time.time_ns() // 1_000_000)
        self._is_refused = False
        self._news.set()
        writer = asyncio.create_task(self._write(ws))
        reason = "closed by the client"
        try:
            reason = await self._read(ws)
        finally:
            was_healthy = self._state.is_healthy
            self._apply(self._state.closed(reason))
            writer.cancel()
            try:
                await asyncio.wait({writer})
            finally:
                await self._close(ws)
        if not writer.cancelled():
            writer.result()  # a mistake in it must not pass unseen
        return reason, ws.close_code == _OVERLOADED, was_healthy

    async def _close(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        try:
            # Twice: the goodbye may be stuck behind what the server does not read.
            async with asyncio.timeout(2 * self._limits.client_close_s):
                await ws.close()
        except TimeoutError:
            _log.info("the server did not say goodbye")

    async def _write(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            while texts := self._state.take_outgoing():
                for text in texts:
                    try:
                        await ws.send_str(text.decode())
                    except (ConnectionError, aiohttp.ClientError):
                        return  # the reader learns it, too

    async def _read(self, ws: aiohttp.ClientWebSocketResponse) -> str:
        """Until the socket ends; gives the reason, as the server is told it later."""
        while True:
            try:
                # The server's pings count as life, though they are answered out of sight.
                message = await ws.receive(timeout=self._limits.client_silence_s)
            except TimeoutError:
                return "InactiveServer"
            if message.type is not aiohttp.WSMsgType.TEXT:
                return str(message.extra or "") or f"closed with code {ws.close_code}"
            try:
                self._apply(self._state.receive(message.data))
            except ProtocolError as error:
                _log.error("the server broke the protocol: %s", error.message)
                return error.code
            if self._is_refused:
                return "AuthError"
            self.send()
