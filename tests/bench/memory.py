"""What an idle client and an idle subscription cost a server of the sync protocol in memory.

The kit tells a server's memory only after it was written to for seconds, with caches and recent
commits in it. Here clients connect and subscribe, each to something of its own, and then stay
still. Prints one JSON line of the kit's kind.
"""

import asyncio
import json
import os
import sys
import uuid

from aiohttp import ClientSession, ClientWebSocketResponse, TCPConnector

from tests.bench.servers import resident_kb

CONNECTIONS = 1_000
QUERIES_EACH = 10
WARM_UP = 20  # clients that come and go first, so that what is loaded once is not counted
SETTLE_S = 0.5


async def connect(session: ClientSession, url: str) -> ClientWebSocketResponse:
    """A client that has said who it is and has been shown the empty state."""
    socket = await session.ws_connect(f"{url}/api/1.48.0/sync", compress=0, max_msg_size=0)
    await socket.send_json(
        {
            "type": "Connect",
            "sessionId": str(uuid.uuid4()),
            "connectionCount": 0,
            "lastCloseReason": None,
        }
    )
    await subscribe(socket, 0, [])
    return socket


async def subscribe(socket: ClientWebSocketResponse, version: int, channels: list[str]) -> None:
    """Asks for one query per channel and waits until all are answered."""
    modifications = [
        {
            "type": "Add",
            "queryId": number,
            "udfPath": "bench:latest",
            "args": [{"channel": channel}],
        }
        for number, channel in enumerate(channels)
    ]
    await socket.send_json(
        {
            "type": "ModifyQuerySet",
            "baseVersion": version,
            "newVersion": version + 1,
            "modifications": modifications,
        }
    )
    answered = 0
    while True:
        message = await socket.receive_json()
        if message["type"] == "Transition":
            answered += len(message["modifications"])
            if answered >= len(channels) and message["endVersion"]["querySet"] == version + 1:
                return


async def measure(url: str, pid: int) -> dict[str, float]:
    async with ClientSession(connector=TCPConnector(limit=0)) as session:
        for number in range(WARM_UP):
            socket = await connect(session, url)
            await subscribe(socket, 1, [f"warm{number}_{each}" for each in range(QUERIES_EACH)])
            await socket.close()
        await asyncio.sleep(SETTLE_S)
        empty = resident_kb(pid)
        sockets = [await connect(session, url) for _ in range(CONNECTIONS)]
        await asyncio.sleep(SETTLE_S)
        connected = resident_kb(pid)
        for number, socket in enumerate(sockets):
            await subscribe(socket, 1, [f"m{number}_{each}" for each in range(QUERIES_EACH)])
        await asyncio.sleep(SETTLE_S)
        subscribed = resident_kb(pid)
        await asyncio.gather(*(socket.close() for socket in sockets))
    return {
        "kb_per_connection": (connected - empty) / CONNECTIONS,
        "kb_per_subscription": (subscribed - connected) / (CONNECTIONS * QUERIES_EACH),
    }


if __name__ == "__main__":
    server = os.environ["CONVEX_URL"], int(os.environ["CONVEX_PID"])
    print(json.dumps({"memory": asyncio.run(measure(*server))}), file=sys.stdout)
