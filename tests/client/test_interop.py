"""The npm client and `ReactiveClient` beside each other, on one server."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from reactive.client import ApplicationError, Int64, ReactiveClient, Subscription
from tests.scripts import Handler, check_names, node, run_script
from tests.server import ServerProcess

JS = Path(__file__).parents[1] / "clients" / "js"
SCRIPT = JS / "interop.mjs"

pytestmark = pytest.mark.timeout(150)


class Python:
    """What the script may ask the Python client for."""

    def __init__(self, client: ReactiveClient) -> None:
        self.client = client
        self.live: dict[str, Subscription] = {}

    async def watch(self, name: str) -> int:
        self.live[name] = self.client.subscribe("counters:get", name=name)
        value: int = await anext(self.live[name])
        return value

    async def becomes(self, name: str, value: int) -> Any:
        async with asyncio.timeout(20):
            async for each in self.live[name]:
                if each == value:
                    return each
        return None

    async def add(self, name: str, by: int) -> Any:
        return await self.client.mutation("counters:add", name=name, by=by)

    async def add_many(self, name: str, count: int) -> None:
        await asyncio.gather(*(self.add(name, 1) for _ in range(count)))

    async def describe(self, group: str) -> str:
        value = {"big": Int64(2**60), "list": [1, 1.5, None, True, "é"], "negative": -0.0}
        await self.client.mutation("samples:store", group=group, values=[value])
        (stored,) = await self.client.query("samples:in_order", group=group)
        return repr(stored)

    async def failure_data(self) -> Any:
        with pytest.raises(ApplicationError) as error:
            await self.client.query("errors:dataQuery")
        data: Any = error.value.data
        assert type(data["count"]) is Int64
        return data


@pytest.fixture
async def python(lab: ServerProcess) -> AsyncIterator[Python]:
    async with ReactiveClient(lab.url) as client:
        yield Python(client)


async def test_npm_and_python(lab: ServerProcess, python: Python) -> None:
    handlers: dict[str, Handler] = {
        "watch": python.watch,
        "becomes": python.becomes,
        "add": python.add,
        "addMany": python.add_many,
        "describe": python.describe,
        "failureData": python.failure_data,
    }
    report = await run_script(
        node(SCRIPT), cwd=JS.parent, env={"SERVER_URL": lab.url}, handlers=handlers
    )
    for check in check_names(SCRIPT):
        report.expect(check)
    assert report.exit_code == 0
