"""The npm package's own clients, each script in one Node process.

A script runs all of its checks against the shared server; every check is one test here.
"""

import asyncio
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.proxy import TcpProxy
from tests.scripts import Handler, Report, check_names, node, run_script
from tests.server import APPS, ServerProcess
from tests.sync_client import SyncClient

JS = Path(__file__).parent / "js"


class Asked:
    """What the scripts may ask for."""

    def __init__(
        self, server: ServerProcess, proxy: TcpProxy, fragile: ServerProcess, balancer: TcpProxy
    ) -> None:
        self._server = server
        self._proxy = proxy
        self._fragile = fragile
        self._balancer = balancer

    @property
    def handlers(self) -> dict[str, Handler]:
        return {
            "cut": self._cut,
            "heal": self._heal,
            "hold": self._hold,
            "loseAnswers": self._lose_answers,
            "stall": self._stall,
            "addElsewhere": self._add_elsewhere,
            "addItemElsewhere": self._add_item_elsewhere,
            "counterBecomes": self._counter_becomes,
            "killAndRestart": self._kill_and_restart,
        }

    async def _cut(self) -> None:
        self._proxy.cut()

    async def _heal(self) -> None:
        self._proxy.heal()

    async def _hold(self) -> None:
        self._proxy.hold()

    async def _lose_answers(self) -> None:
        self._proxy.to_client.dropping = True

    async def _stall(self) -> None:
        self._proxy.to_client.stall()

    async def _run_elsewhere(self, path: str, args: dict[str, Any]) -> None:
        async with SyncClient() as client:
            await client.open(self._server.sync_url)
            await client.run(path, args)

    async def _add_elsewhere(self, name: str, by: int) -> None:
        await self._run_elsewhere("counters:add", {"name": name, "by": by})

    async def _add_item_elsewhere(self, list_name: str, rank: float) -> None:
        await self._run_elsewhere("items:add", {"list_name": list_name, "rank": rank})

    async def _counter_becomes(self, name: str, value: int) -> None:
        async with SyncClient() as client:
            await client.open(self._server.sync_url)
            query = await client.subscribe("counters:get", {"name": name})
            await client.value_becomes(query, value)

    async def _kill_and_restart(self) -> None:
        # Node's own WebSocket tells nobody of a connection that was refused, so none may be.
        self._balancer.hold()
        self._fragile.kill()
        await asyncio.to_thread(self._fragile.start)
        self._balancer.heal()


class Scripts:
    """Runs each script once, when the first of its checks is asked for."""

    def __init__(self, server: ServerProcess, fragile: ServerProcess) -> None:
        self._server = server
        self._fragile = fragile
        self.report = cache(self._report)

    def _report(self, script: str, *flags: str) -> Report:
        return asyncio.run(self._run(script, *flags))

    async def _run(self, script: str, *flags: str) -> Report:
        async with (
            TcpProxy(self._server.port) as proxy,
            TcpProxy(self._fragile.port) as balancer,
        ):
            return await run_script(
                node(JS / script, *flags),
                cwd=JS,
                env={
                    "SERVER_URL": self._server.url,
                    "PROXY_URL": proxy.url,
                    "FRAGILE_URL": balancer.url,
                },
                handlers=Asked(self._server, proxy, self._fragile, balancer).handlers,
            )


@pytest.fixture(scope="module")
def scripts(lab: ServerProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scripts]:
    store = tmp_path_factory.mktemp("fragile") / "data.sqlite3"
    with ServerProcess(APPS / "lab", store) as fragile:
        yield Scripts(lab, fragile)


@pytest.mark.timeout(150)
@pytest.mark.parametrize("check", check_names(JS / "convex_client.mjs"))
def test_convex_client(scripts: Scripts, check: str) -> None:
    """With the `ws` package, which the client brings along for Node."""
    scripts.report("convex_client.mjs").expect(check)


@pytest.mark.timeout(150)
@pytest.mark.parametrize("check", check_names(JS / "convex_client.mjs"))
def test_convex_client_on_builtin_websocket(scripts: Scripts, check: str) -> None:
    """With Node's own WebSocket, as browsers and later versions of Node do."""
    scripts.report("convex_client.mjs", "--experimental-websocket").expect(check)


@pytest.mark.timeout(150)
@pytest.mark.parametrize("check", check_names(JS / "react.mjs"))
def test_react(scripts: Scripts, check: str) -> None:
    scripts.report("react.mjs").expect(check)


@pytest.mark.timeout(150)
@pytest.mark.parametrize("check", check_names(JS / "http_client.mjs"))
def test_http_client(scripts: Scripts, check: str) -> None:
    scripts.report("http_client.mjs").expect(check)


@pytest.mark.timeout(150)
@pytest.mark.parametrize(
    ("script", "flags"),
    [
        ("convex_client.mjs", ()),
        ("convex_client.mjs", ("--experimental-websocket",)),
        ("react.mjs", ()),
        ("http_client.mjs", ()),
    ],
)
def test_script_ran_every_check(scripts: Scripts, script: str, flags: tuple[str, ...]) -> None:
    report = scripts.report(script, *flags)
    assert list(report.errors) == check_names(JS / script)
    assert report.exit_code == 0
