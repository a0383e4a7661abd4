"""The npm clients that read answers over HTTP, each script in one Node process.

Every check of a script is one test here. What the scripts do is wait, so they run side by side.
"""

import asyncio
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from tests.proxy import TcpProxy
from tests.scripts import Report, check_names, node, run_script
from tests.server import ServerProcess

JS = Path(__file__).parent / "js"
RUNS = {
    "ai 6": ("ui.mjs", "ai6"),
    "ai 7": ("ui.mjs", "ai7"),
    "trpc": ("trpc.mjs", "ai7"),
    "all at once": ("same.mjs", "ai7"),
}
CHECKS = [(run, check) for run, (script, _) in RUNS.items() for check in check_names(JS / script)]
CHECKS += [("all at once", name) for name in ("text", "tools", "a failure", "cuts")]


async def _run(server: ServerProcess, script: str, sdk: str) -> Report:
    async with TcpProxy(server.port) as proxy:

        async def cut() -> None:
            proxy.cut()

        async def heal() -> None:
            proxy.heal()

        return await run_script(
            node(JS / script),
            cwd=JS,
            env={"SERVER_URL": server.url, "PROXY_URL": proxy.url, "AI_SDK": sdk},
            handlers={"cut": cut, "heal": heal},
        )


@pytest.fixture(scope="module")
def reports(app: ServerProcess) -> Callable[[str], Report]:
    """The report of a run; all are made when one is first asked for."""

    async def run_all() -> list[Report]:
        return await asyncio.gather(*[_run(app, *run) for run in RUNS.values()])

    @cache
    def reports() -> dict[str, Report]:
        return dict(zip(RUNS, asyncio.run(run_all()), strict=True))

    return lambda name: reports()[name]


@pytest.mark.parametrize(("run", "check"), CHECKS)
def test_npm(reports: Callable[[str], Report], run: str, check: str) -> None:
    reports(run).expect(check)
