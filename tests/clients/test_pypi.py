"""The PyPI package's own clients, each script in a process of its own."""

import asyncio
from functools import cache
from pathlib import Path

import pytest

from tests.proxy import TcpProxy
from tests.scripts import Report, check_names, python, run_script
from tests.server import ServerProcess
from tests.sync_client import SyncClient

SCRIPTS = Path(__file__).parent / "python"


class Scripts:
    """Runs each script once, when the first of its checks is asked for."""

    def __init__(self, server: ServerProcess) -> None:
        self._server = server
        self.report = cache(self._report)

    def _report(self, script: str) -> Report:
        return asyncio.run(self._run(script))

    async def _run(self, script: str) -> Report:
        async with TcpProxy(self._server.port) as proxy:

            async def cut() -> None:
                proxy.cut()

            async def add_elsewhere(name: str, by: int) -> None:
                async with SyncClient() as client:
                    await client.open(self._server.sync_url)
                    await client.run("counters:add", {"name": name, "by": by})

            return await run_script(
                python(SCRIPTS / script),
                cwd=SCRIPTS,
                env={"SERVER_URL": self._server.url, "PROXY_URL": proxy.url},
                handlers={"cut": cut, "addElsewhere": add_elsewhere},
            )


@pytest.fixture(scope="module")
def scripts(lab: ServerProcess) -> Scripts:
    return Scripts(lab)


@pytest.mark.timeout(150)
@pytest.mark.parametrize("check", check_names(SCRIPTS / "socket_client.py"))
def test_socket_client(scripts: Scripts, check: str) -> None:
    scripts.report("socket_client.py").expect(check)


@pytest.mark.timeout(150)
@pytest.mark.parametrize("check", check_names(SCRIPTS / "http_client.py"))
def test_http_client(scripts: Scripts, check: str) -> None:
    scripts.report("http_client.py").expect(check)


@pytest.mark.timeout(150)
@pytest.mark.parametrize("script", ["socket_client.py", "http_client.py"])
def test_script_ran_every_check(scripts: Scripts, script: str) -> None:
    report = scripts.report(script)
    assert list(report.errors) == check_names(SCRIPTS / script)
    assert report.exit_code == 0
