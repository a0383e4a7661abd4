"""A TCP proxy that misbehaves on command: cuts, closes one half, holds, stalls or drops one way."""

import asyncio
import contextlib
import socket
from typing import Self

# Small, so that a stalled direction soon pushes back on the server's own buffers.
_BUFFER_BYTES = 64 * 1024


class Direction:
    """One way through the proxy.

    Stalled, the bytes stay where they are and the sender feels it. Dropping, they are read and
    thrown away, so the sender believes that they arrived; only a cut is sensible afterwards.
    """

    def __init__(self) -> None:
        self.dropping = False
        self.dropped_bytes = 0
        self._open = asyncio.Event()
        self._open.set()

    def stall(self) -> None:
        self._open.clear()

    def resume(self) -> None:
        self._open.set()

    async def pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(_BUFFER_BYTES):
            await self._open.wait()
            if self.dropping:
                self.dropped_bytes += len(data)
                continue
            writer.write(data)
            await writer.drain()


class TcpProxy:
    """Forwards a port of its own to `target_port`, both on 127.0.0.1."""

    def __init__(self, target_port: int) -> None:
        self.target_port = target_port
        self.to_server = Direction()
        self.to_client = Direction()
        self._connecting = asyncio.Event()
        self._connecting.set()
        self._server: asyncio.Server | None = None
        self._live: set[asyncio.Task[None]] = set()
        self._upstream: set[asyncio.StreamWriter] = set()

    @property
    def port(self) -> int:
        assert self._server is not None
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def sync_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/api/1.48.0/sync"

    def cut(self) -> None:
        """Ends every connection at once, without a WebSocket goodbye. New ones are accepted."""
        for task in self._live:
            task.cancel()

    def half_close(self) -> None:
        """Tells the server, on every connection, that its client will say no more."""
        for writer in self._upstream:
            if not writer.is_closing():
                writer.write_eof()

    def hold(self) -> None:
        """New connections wait, as before a load balancer whose server is restarting."""
        self._connecting.clear()

    def heal(self) -> None:
        """Back to plain forwarding, for the connections that come."""
        self._connecting.set()
        for direction in (self.to_server, self.to_client):
            direction.dropping = False
            direction.resume()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._live.add(task)
        try:
            await self._connecting.wait()
            await self._both_ways(reader, writer)
            # An orderly end: what is still in the buffer is delivered first.
            writer.close()
        except (OSError, asyncio.CancelledError):
            writer.transport.abort()
        finally:
            self._live.discard(task)

    async def _both_ways(
        self, client_reader: asyncio.StreamReader, client_writer: asyncio.StreamWriter
    ) -> None:
        upstream = socket.socket()
        upstream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
        upstream.setblocking(False)  # its only way to be called
        try:
            await asyncio.get_running_loop().sock_connect(upstream, ("127.0.0.1", self.target_port))
        except BaseException:
            upstream.close()
            raise
        reader, writer = await asyncio.open_connection(sock=upstream, limit=_BUFFER_BYTES)
        self._upstream.add(writer)
        up = asyncio.create_task(self.to_server.pump(client_reader, writer))
        down = asyncio.create_task(self.to_client.pump(reader, client_writer))
        try:
            # Whichever end closes first takes the other with it, as a real broken link does.
            await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._upstream.discard(writer)
            up.cancel()
            down.cancel()
            try:
                with contextlib.suppress(OSError):
                    await asyncio.gather(up, down, return_exceptions=True)
            finally:
                writer.transport.abort()  # also when a second cut comes meanwhile

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(
            self._forward, "127.0.0.1", 0, limit=_BUFFER_BYTES
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()
        while self._live:
            await asyncio.wait(self._live)
