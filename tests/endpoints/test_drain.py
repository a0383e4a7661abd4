"""Endpoints when the server stops, and when it reloads."""

import asyncio
import shutil
from pathlib import Path

from aiohttp import ClientSession

from tests.endpoints.conftest import APP
from tests.server import ServerProcess


async def test_request_in_flight_may_finish(tmp_path: Path) -> None:
    with ServerProcess(APP, tmp_path / "data.sqlite3") as server:
        async with ClientSession(server.url) as site:
            answer = asyncio.ensure_future(site.get("/slow"))
            await asyncio.to_thread(server.wait_for_output, "slow has begun")
            server.process.terminate()
            async with await answer as response:
                assert (response.status, await response.text()) == (200, "finished")
        assert server.stop() == 0


async def test_endless_stream_does_not_keep_the_server(tmp_path: Path) -> None:
    with ServerProcess(APP, tmp_path / "data.sqlite3") as server:
        async with ClientSession(server.url) as site:
            response = await site.get("/endless?name=x")
            await response.content.readexactly(1000)
            assert await asyncio.to_thread(server.stop) == 0
            response.close()


async def test_reload_changes_the_routes(tmp_path: Path) -> None:
    app = tmp_path / "app"
    shutil.copytree(APP, app, ignore=shutil.ignore_patterns("__pycache__"))
    with ServerProcess(app, tmp_path / "data.sqlite3", command="dev") as server:
        async with ClientSession(server.url) as site:
            async with site.get("/hello") as first:
                assert first.status == 200
            file = app / "functions" / "http.py"
            file.write_text(file.read_text().replace('"/hello"', '"/goodbye"'))
            await asyncio.to_thread(server.wait_for_output, "reloaded after")
            async with site.get("/hello") as old, site.get("/goodbye") as new:
                assert (old.status, new.status) == (404, 200)


async def test_module_without_a_router_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "functions").mkdir()
    (tmp_path / "functions" / "http.py").write_text("routes = 1\n")
    server = ServerProcess(tmp_path, tmp_path / "data.sqlite3").launch()

    assert await asyncio.to_thread(server.process.wait, 30) != 0
    server.wait_for_output("HttpRouter")
