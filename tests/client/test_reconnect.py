"""The client on connections that break, and with servers that die."""

import asyncio
import random
from typing import Any

import pytest

from reactive.client import ConnectionLostError, OptimisticStore, ReactiveClient, Subscription
from reactive.limits import Limits
from tests.client.conftest import StartServer
from tests.proxy import TcpProxy
from tests.server import ServerProcess

pytestmark = pytest.mark.timeout(90)
COUNTER = "counters:get"
QUICK = Limits(client_backoff_s=0.02, client_overload_backoff_s=0.02, client_backoff_max_s=0.2)


async def becomes(subscription: Subscription, value: Any) -> list[Any]:
    """Reads until the value comes; gives the values before it."""
    seen: list[Any] = []
    async with asyncio.timeout(20):
        async for each in subscription:
            if each == value:
                return seen
            seen.append(each)
    raise AssertionError(f"ended after {seen}")


async def test_subscription_goes_on(lab: ServerProcess, name: str) -> None:
    """What was written meanwhile is seen, and what has not changed is not told again."""
    async with (
        TcpProxy(lab.port) as proxy,
        ReactiveClient(lab.url) as other,
        ReactiveClient(proxy.url, limits=QUICK) as client,
    ):
        live = client.subscribe(COUNTER, name=name)
        same = client.subscribe(COUNTER, name=f"{name} same")
        assert await anext(live) == await anext(same) == 0
        waiting = asyncio.create_task(anext(same))
        proxy.hold()
        proxy.cut()
        await other.mutation("counters:add", name=name)
        proxy.heal()
        assert await becomes(live, 1) == []
        await client.wait_connected()
        assert not waiting.done()
        await other.mutation("counters:add", name=f"{name} same")
        assert await waiting == 1


async def test_connection_can_be_watched(lab: ServerProcess) -> None:
    async with TcpProxy(lab.port) as proxy, ReactiveClient(proxy.url, limits=QUICK) as client:
        seen = [client.is_connected]
        await client.wait_connected()
        seen.append(client.is_connected)
        proxy.hold()
        proxy.cut()
        await disconnected(client)
        seen.append(client.is_connected)
        proxy.heal()
        await client.wait_connected()
        assert [*seen, client.is_connected] == [False, True, False, True]


async def test_mutation_whose_answer_was_lost(lab: ServerProcess, name: str) -> None:
    """Committed, and answered into the void; its update is shown once all the time."""

    def update(store: OptimisticStore) -> None:
        value = store.get_query(COUNTER, {"name": name})
        store.set_query(COUNTER, {"name": name}, value + 1)

    async with (
        TcpProxy(lab.port) as proxy,
        ReactiveClient(lab.url) as other,
        ReactiveClient(proxy.url, limits=QUICK) as client,
    ):
        live = client.subscribe(COUNTER, name=name)
        assert await anext(live) == 0
        seen: list[Any] = []
        reader = asyncio.create_task(collect(live, seen))
        watched = other.subscribe(COUNTER, name=name)
        proxy.to_client.dropping = True
        call = asyncio.create_task(client.mutation("counters:add", name=name, optimistic=update))
        await becomes(watched, 1)
        proxy.cut()
        proxy.heal()
        assert await call == 1
        assert await other.query(COUNTER, name=name) == 1
        await live.aclose()
        await reader
        assert seen == [1]


async def disconnected(client: ReactiveClient) -> None:
    async with asyncio.timeout(10):
        while client.is_connected:  # noqa: ASYNC110  # only being connected can be waited for
            await asyncio.sleep(0.005)


async def collect(subscription: Subscription, seen: list[Any]) -> None:
    async for value in subscription:
        seen.append(value)


async def test_action_under_way_is_lost(lab: ServerProcess, name: str) -> None:
    async with (
        TcpProxy(lab.port) as proxy,
        ReactiveClient(lab.url) as other,
        ReactiveClient(proxy.url, limits=QUICK) as client,
    ):
        watched = other.subscribe(COUNTER, name=name)
        call = asyncio.create_task(client.action("faults:add_and_wait", name=name, seconds=5))
        await becomes(watched, 1)
        proxy.hold()
        proxy.cut()
        with pytest.raises(ConnectionLostError, match="add_and_wait"):
            await call
        # One that was never sent waits for the next connection.
        later = asyncio.create_task(client.action("faults:slow", seconds=0))
        proxy.heal()
        assert await later == "done"
        assert await other.query(COUNTER, name=name) == 1


async def test_silent_server_is_left(lab: ServerProcess, name: str) -> None:
    """A link that takes everything and brings nothing."""
    limits = Limits(client_silence_s=0.3, client_backoff_s=0.02, client_close_s=0.1)
    async with TcpProxy(lab.port) as proxy, ReactiveClient(proxy.url, limits=limits) as client:
        await client.wait_connected()
        proxy.to_client.stall()
        proxy.to_server.dropping = True
        call = asyncio.create_task(client.mutation("counters:add", name=name))
        await disconnected(client)
        proxy.cut()
        proxy.heal()
        assert await call == 1


async def test_server_that_is_not_there_yet(own_server: StartServer, name: str) -> None:
    server = own_server()
    server.stop()
    async with ReactiveClient(server.url, limits=QUICK) as client:
        call = asyncio.create_task(client.mutation("counters:add", name=name))
        live = client.subscribe(COUNTER, name=name)
        reader = asyncio.create_task(becomes(live, 1))
        await asyncio.to_thread(server.start)
        assert await call == 1
        await reader


@pytest.mark.parametrize("seed", range(4))
async def test_nothing_is_lost_or_done_twice(lab: ServerProcess, name: str, seed: int) -> None:
    """Connections end at random, with answers on their way or lost; every call is answered."""
    dice = random.Random(seed)
    count = 60
    async with TcpProxy(lab.port) as proxy, ReactiveClient(proxy.url, limits=QUICK) as client:
        live = client.subscribe(COUNTER, name=name)

        def update(store: OptimisticStore) -> None:
            value = store.get_query(COUNTER, {"name": name}, 0)
            store.set_query(COUNTER, {"name": name}, value + 1)

        async def disturb() -> None:
            while True:
                await asyncio.sleep(dice.uniform(0.001, 0.05))
                direction = dice.choice([proxy.to_client, proxy.to_server])
                direction.dropping = dice.random() < 0.5
                await asyncio.sleep(dice.uniform(0, 0.01))
                proxy.cut()
                proxy.heal()

        async def write() -> list[Any]:
            calls = []
            for _ in range(count):
                await asyncio.sleep(dice.uniform(0, 0.02))
                optimistic = update if dice.random() < 0.5 else None
                call = client.mutation("counters:add", name=name, optimistic=optimistic)
                calls.append(asyncio.create_task(call))
            return await asyncio.gather(*calls)

        trouble = asyncio.create_task(disturb())
        async with asyncio.timeout(60):
            results = await write()
        trouble.cancel()
        assert results == list(range(1, count + 1))
        seen = await becomes(live, count)
        assert all(value <= count for value in seen)


async def test_server_that_dies(own_server: StartServer, name: str) -> None:
    """Killed in the midst of mutations, and started again on the same port and store."""
    server = own_server()
    count = 200
    async with ReactiveClient(server.url, limits=QUICK) as client:
        live = client.subscribe(COUNTER, name=name)
        reader = asyncio.create_task(becomes(live, count))
        calls = [
            asyncio.create_task(client.mutation("counters:add", name=name)) for _ in range(count)
        ]
        await calls[count // 4]
        server.kill()
        await asyncio.to_thread(server.start)
        assert await asyncio.gather(*calls) == list(range(1, count + 1))
        seen = await reader
        assert seen == sorted(seen)
