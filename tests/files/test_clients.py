"""Files from Convex's own clients, npm and PyPI."""

import asyncio
import json
import urllib.request
from functools import cache
from pathlib import Path

import pytest
from convex import ConvexClient

from tests.scripts import Report, check_names, node, run_script
from tests.server import ServerProcess

SCRIPT = Path(__file__).parent.parent / "clients" / "js" / "files.mjs"


@pytest.fixture(scope="module")
def report(files_server: ServerProcess) -> Report:
    @cache
    def run() -> Report:
        return asyncio.run(
            run_script(node(SCRIPT), cwd=SCRIPT.parent, env={"SERVER_URL": files_server.url})
        )

    return run()


@pytest.mark.parametrize("check", check_names(SCRIPT))
def test_npm(report: Report, check: str) -> None:
    report.expect(check)


def test_pypi(files_server: ServerProcess) -> None:
    client = ConvexClient(files_server.url)
    url = client.mutation("files:generate_upload_url")
    request = urllib.request.Request(url, b"from Python", {"Content-Type": "text/plain"})
    with urllib.request.urlopen(request) as answer:
        file = json.load(answer)["storageId"]
    with urllib.request.urlopen(client.query("files:url", {"file": file})) as answer:
        assert answer.headers["Content-Type"] == "text/plain"
        assert answer.read() == b"from Python"
    assert client.query("files:facts", {"file": file})["size"] == 11.0
