"""Sockets of a small app: what the library does, whatever an author makes of it."""

import asyncio
from typing import Any

from reactive import ActionCtx, ApplicationError, Room, Socket, SocketRouter

socketio = SocketRouter()
gone: list[str] = []


class Lobby(Room):
    """Says hello to everybody for as long as somebody is there."""

    ended = 0

    async def run(self, ctx: ActionCtx) -> None:
        try:
            while True:
                await self.emit("tick", len(self.sockets))
                await asyncio.sleep(0.02)
        finally:
            Lobby.ended += 1


@socketio.on("connect")
async def connect(ctx: ActionCtx, socket: Socket) -> None:
    handshake = socket.handshake or {}
    if handshake.get("refuse"):
        raise ApplicationError({"code": "full", "message": "No more seats."})
    if handshake.get("break"):
        raise RuntimeError("a secret")
    if handshake.get("greet"):
        await socket.emit("hello", "from the handler")

        async def work(_: ActionCtx) -> None:
            await socket.emit("hello", "from the work")

        socket.start("greeting", work)


@socketio.on("disconnect")
async def disconnect(ctx: ActionCtx, socket: Socket, reason: str) -> None:
    gone.append(reason)


@socketio.on("wait")
async def wait(ctx: ActionCtx, socket: Socket, payload: Any) -> Any:
    await asyncio.sleep(payload["seconds"])
    await socket.emit("waited", payload["name"])
    return payload["name"]


@socketio.on("fail")
async def fail(ctx: ActionCtx, socket: Socket, payload: Any) -> None:
    raise RuntimeError("a secret")


@socketio.on("start")
async def start(ctx: ActionCtx, socket: Socket, payload: Any) -> str:
    async def work(inner: ActionCtx) -> None:
        await socket.emit("worked", None)

    socket.start("work", work)
    await asyncio.sleep(0.05)
    return "acknowledged"


@socketio.on("break")
async def break_down(ctx: ActionCtx, socket: Socket, payload: Any) -> None:
    async def work(inner: ActionCtx) -> None:
        raise RuntimeError("a secret")

    socket.start("work", work)


@socketio.on("enter")
async def enter(ctx: ActionCtx, socket: Socket, payload: Any) -> None:
    socket.join("lobby", Lobby)


@socketio.on("leave")
async def leave(ctx: ActionCtx, socket: Socket, payload: Any) -> None:
    socket.leave("lobby")


@socketio.on("facts")
async def facts(ctx: ActionCtx, socket: Socket, payload: Any) -> dict[str, Any]:
    return {"gone": list(gone), "ended": Lobby.ended}


@socketio.on("flood")
async def flood(ctx: ActionCtx, socket: Socket, payload: Any) -> int:
    sent = 0
    while await socket.emit("flood", "x" * 10_000):
        sent += 1
    return sent
