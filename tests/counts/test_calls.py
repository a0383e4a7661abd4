"""How many calls of the server's own functions an operation is.

No function stands out in a profile any more: what an operation costs is how many of them it goes
through. A bound is what was counted when it was written, and a little; who needs fewer lowers it.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import reactive
from reactive.protocol.codec import decode_client_message
from tests.runtime.harness import Client, Server, serving, turns
from tests.session.peers import Add

APP = Path(__file__).parents[1] / "bench" / "app"
PACKAGE = str(Path(reactive.__file__).parent)
BODY = "x" * 100

INSERT = 119  # 116 were counted
TRANSFER = 220  # 217: two rows found, two changed
INCREMENT = 147  # 144
PUSH = 15  # 13
QUERY = 106  # 103, from its subscription to its first result


class Calls:
    """Counts calls of Python functions in the package."""

    def __init__(self) -> None:
        self.made = 0

    @contextmanager
    def counted(self) -> Iterator[None]:
        before = sys.getprofile()
        sys.setprofile(self._note)
        try:
            yield
        finally:
            sys.setprofile(before)

    def _note(self, frame: FrameType, event: str, argument: Any) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(PACKAGE):
            self.made += 1


async def calls_of(client: Client, count: int, path: str, **args: Any) -> int:
    """Calls that some equal mutations of a client are, from the socket's text to the answers."""
    texts = [client.peer.call("Mutation", path, args) for _ in range(count)]
    calls = Calls()
    with calls.counted():
        for text in texts:
            await client.worker.receive(decode_client_message(text))
        await turns()
    client.hear()
    return calls.made


async def per_mutation(server: Server, path: str, **args: Any) -> float:
    """Calls of one more mutation in a batch."""
    client = await server.client()
    await calls_of(client, 1, path, **args)
    few, many = [await calls_of(client, count, path, **args) for count in (10, 60)]
    return (many - few) / 50


async def test_insert() -> None:
    async with serving(APP) as server:
        found = await per_mutation(server, "bench:insert", channel="a", seq=1, body=BODY)

        assert 30 < found <= INSERT


async def test_transfer() -> None:
    async with serving(APP) as server:
        await server.mutate("bench:seed", start=0, count=10, balance=1_000)
        found = await per_mutation(server, "bench:transfer", from_id=3, to_id=5, amount=1)

        assert 30 < found <= TRANSFER


async def test_increment() -> None:
    async with serving(APP) as server:
        found = await per_mutation(server, "bench:incr", key="a")

        assert 30 < found <= INCREMENT


async def test_push_to_one_more_subscriber() -> None:
    made = []
    for subscribers in (10, 60):
        async with serving(APP) as server:
            for _ in range(subscribers):
                await server.client(Add("bench:latest", {"channel": "a"}))
            writer = await server.client()
            made.append(await calls_of(writer, 1, "bench:insert", channel="a", seq=1, body=BODY))
    found = (made[1] - made[0]) / 50

    assert 3 < found <= PUSH


async def test_one_more_query_of_a_client() -> None:
    made = []
    async with serving(APP) as server:
        for count in (10, 60):
            client = await server.client()
            added = [Add("bench:latest", {"channel": f"{count} {each}"}) for each in range(count)]
            text = client.peer.modify(added)
            calls = Calls()
            with calls.counted():
                await client.worker.receive(decode_client_message(text))
                await turns()
            made.append(calls.made)

        assert 30 < (made[1] - made[0]) / 50 <= QUERY
