"""Real servers: the npm package's clients, what a start sets, what a restart keeps."""

import asyncio
import json
import re
import sqlite3
import time
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from reactive import create_app
from reactive.errors import ProjectError
from tests.flags.conftest import ROOT, SHOP, Serve, call
from tests.runtime.harness import own_modules
from tests.scripts import Report, check_names, node, run_script
from tests.server import ServerProcess

# Beside the other scripts, where Node finds the packages.
JS = Path(__file__).parents[1] / "clients" / "js"
SCRIPT = JS / "flags.mjs"


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Runs the script once, when the first of its checks is asked for."""

    @cache
    def found() -> Report:
        folder = tmp_path_factory.mktemp("flags")
        env = {"REACTIVE_ADMIN_KEY": "secret"}
        with (
            ServerProcess(ROOT, folder / "chat.sqlite3", env=env) as chat,
            ServerProcess(SHOP, folder / "shop.sqlite3", env=env) as shop,
        ):
            urls = {"SERVER_URL": chat.url, "SHOP_URL": shop.url}
            return asyncio.run(run_script(node(SCRIPT), cwd=JS, env=urls))

    return found


@pytest.mark.timeout(200)
@pytest.mark.parametrize("check", check_names(SCRIPT))
def test_npm_client(report: Any, check: str) -> None:
    report().expect(check)


def test_script_ran_every_check(report: Any) -> None:
    assert check_names(SCRIPT) == list(report().errors)
    assert 0 == report().exit_code


def variant(server: ServerProcess, key: str = "realtime") -> tuple[str, str]:
    found = call(server, "flags:get", key=key)
    return found["variant"], found["reason"]


def test_start_sets_and_later_calls_win_until_the_next(serve: Serve) -> None:
    server = serve(REACTIVE_FLAG_REALTIME="mirror").start()
    assert ("mirror", "DEFAULT") == variant(server)
    call(server, "flags:set", key="realtime", variant="shadow")
    assert ("shadow", "DEFAULT") == variant(server)
    server.stop()

    plain = serve().start()
    assert ("shadow", "DEFAULT") == variant(plain)
    call(plain, "flags:set", key="realtime", variant="legacy", percentage=100)
    plain.stop()

    server.start()
    assert ("mirror", "DEFAULT") == variant(server)
    # It is also what those get who are in no percentage.
    call(server, "flags:set", key="realtime", variant="reactive", percentage=0)
    assert ("mirror", "DEFAULT") == variant(server)


def test_restart_keeps_overrides_revisions_and_the_kill_switch(serve: Serve) -> None:
    server = serve().start()
    call(server, "flags:set", key="realtime", variant="mirror", userId="local")
    call(server, "flags:set", key="own", variant="x")
    call(server, "flags:set", key="realtime", enabled=False)
    before = call(server, "flags:get", key="realtime")
    server.stop()

    server.start()

    assert before == call(server, "flags:get", key="realtime")
    assert ("x", "DEFAULT") == variant(server, "own")
    server.stop()
    # A variable is often in the file of a service, and must not end an emergency by itself.
    killed = serve(REACTIVE_FLAG_REALTIME="reactive").start()
    assert ("legacy", "DISABLED") == variant(killed)
    call(killed, "flags:set", key="realtime", enabled=True)
    assert ("mirror", "TARGETING_MATCH") == variant(killed)


def test_server_does_not_start_with_a_value_that_cannot_be(serve: Serve) -> None:
    server = serve(REACTIVE_FLAG_REALTIME="fast").launch()

    server.wait_for_output("setting flags.realtime: 'fast' is no variant")

    assert 0 != server.process.wait(10)
    assert "Traceback" not in server.output


@pytest.mark.parametrize(
    ("env", "message"),
    [
        ({"REACTIVE_FLAG_REALTIME": ""}, "setting flags.realtime: '' is no variant"),
        ({"REACTIVE_FLAG_REALTME": "legacy"}, "setting flags.realtme: is no flag of this app"),
        ({"REACTIVE_FLAGS": "[1]"}, "setting flags in the environment"),
        ({"REACTIVE_FLAGS": "{"}, "REACTIVE_FLAGS is not JSON"),
        ({"REACTIVE_FLAGS": '{"realtime": 5}'}, "setting flags.realtime in the environment"),
    ],
)
async def test_value_that_cannot_be_is_named(
    env: dict[str, str], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in env.items():
        monkeypatch.setenv(name, value)

    with own_modules(), pytest.raises(ProjectError, match=re.escape(message)):
        async with TestServer(create_app(ROOT, store="memory:")):
            pass


async def test_one_variable_wins_over_the_table_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REACTIVE_FLAGS", json.dumps({"new-checkout": "on", "steps": "few"}))
    monkeypatch.setenv("REACTIVE_FLAG_NEW_CHECKOUT", "off")
    with own_modules():
        async with TestClient(TestServer(create_app(SHOP, store="memory:"))) as client:
            body = {"path": "checkout:page", "args": {}, "format": "json"}
            async with client.post("/api/query", json=body) as response:
                assert {"is_new": False, "steps": 2} == (await response.json())["value"]


def test_reload_brings_the_row_of_a_new_flag(tmp_path: Path, serve: Serve) -> None:
    app = tmp_path / "shop"
    for file in SHOP.rglob("*.*"):
        if file.suffix in (".py", ".toml"):
            copy = app / file.relative_to(SHOP)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_text(file.read_text())
    with serve(app, dev=True) as server:
        assert ("off", "ERROR") == variant(server, "gift")
        module = app / "functions" / "flags.py"
        spec = '        FlagSpec("gift", ["yes", "no"], default="yes", off="no"),\n    ],\n'
        module.write_text(module.read_text().replace("    ],\n", spec, 1))
        deadline = time.monotonic() + 15
        while variant(server, "gift") != ("yes", "DEFAULT"):
            assert time.monotonic() < deadline, server.output
            time.sleep(0.05)


def test_row_that_cannot_be_read_means_legacy(tmp_path: Path, serve: Serve) -> None:
    """Somebody wrote into the file itself."""
    server = serve().start()
    call(server, "flags:set", key="realtime", variant="reactive-only")
    server.stop()
    with sqlite3.connect(tmp_path / "data.sqlite3") as file:
        changed = file.execute(
            "UPDATE documents SET json = CAST(replace(CAST(json AS TEXT), ?, ?) AS BLOB)"
            " WHERE CAST(json AS TEXT) LIKE '%reactive-only%'",
            ('"reactive-only"', '{"not": "a name"}'),
        )
        assert 1 == changed.rowcount
    file.close()

    server.start()
    assert ("legacy", "ERROR") == variant(server)

    call(server, "flags:set", key="realtime", variant="mirror")
    assert ("mirror", "DEFAULT") == variant(server)
