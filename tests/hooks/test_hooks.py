"""The hooks and what is under them, with the npm clients against a server of the root app.

A script runs all of its checks against one server, whose flag they turn; every check is one test
here.
"""

import asyncio
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from tests.hooks.conftest import JS, ROOT, SCRIPTS
from tests.proxy import TcpProxy
from tests.scripts import Report, check_names, node, run_script
from tests.server import ServerProcess

ADMIN_KEY = "the tests' own"
CHECKS = [(script, check) for script in SCRIPTS for check in check_names(JS / script)]


async def _run(server: ServerProcess, script: Path) -> Report:
    async with TcpProxy(server.port) as proxy:

        async def cut() -> None:
            proxy.cut()

        async def heal() -> None:
            proxy.heal()

        return await run_script(
            node(script),
            cwd=script.parent,
            env={
                "SERVER_URL": server.url,
                "PROXY_URL": proxy.url,
                "ADMIN_KEY": ADMIN_KEY,
                "VECTORS": str(ROOT / "tests" / "ai" / "vectors"),
            },
            handlers={"cut": cut, "heal": heal},
        )


@pytest.fixture(scope="module")
def reports(bundles: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Report]:
    """The report of a script, made when it is first asked for."""

    @cache
    def report(script: str) -> Report:
        store = tmp_path_factory.mktemp("hooks") / "data.sqlite3"
        flags = ["--admin-key", ADMIN_KEY]
        with ServerProcess(ROOT, store, flags=flags, env={"REACTIVE_RATE_LIMIT": "0"}) as server:
            return asyncio.run(_run(server, bundles / script))

    return report


@pytest.mark.timeout(180)
@pytest.mark.parametrize(("script", "check"), CHECKS)
def test_hooks(reports: Callable[[str], Report], script: str, check: str) -> None:
    reports(script).expect(check)


@pytest.mark.timeout(180)
@pytest.mark.parametrize("script", SCRIPTS)
def test_script_ran_every_check(reports: Callable[[str], Report], script: str) -> None:
    report = reports(script)
    assert list(report.errors) == check_names(JS / script)
    assert report.exit_code == 0
