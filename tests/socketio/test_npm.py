"""The npm package `socket.io-client`, in one Node process; every check of the script is a test."""

import asyncio
from pathlib import Path

import pytest

from tests.proxy import TcpProxy
from tests.scripts import Report, check_names, node, run_script
from tests.server import ServerProcess

SCRIPT = Path(__file__).parent / "js" / "field.mjs"


async def _run(server: ServerProcess) -> Report:
    async with TcpProxy(server.port) as proxy:

        async def cut() -> None:
            proxy.cut()

        async def heal() -> None:
            proxy.heal()

        env = {"SERVER_URL": server.url, "PROXY_URL": proxy.url}
        return await run_script(
            node(SCRIPT), cwd=SCRIPT.parent, env=env, handlers={"cut": cut, "heal": heal}
        )


@pytest.fixture(scope="module")
def report(server: ServerProcess) -> Report:
    return asyncio.run(_run(server))


@pytest.mark.parametrize("check", check_names(SCRIPT))
def test_npm_client(report: Report, check: str) -> None:
    report.expect(check)
