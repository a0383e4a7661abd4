"""The npm package's clients watch searches; every check of the script is one test here."""

import asyncio
from functools import cache
from pathlib import Path

import pytest

from tests.scripts import Report, check_names, node, run_script
from tests.server import ServerProcess

# Beside the other scripts, where Node finds the packages.
JS = Path(__file__).parents[1] / "clients" / "js"
SCRIPT = JS / "search.mjs"


@cache
def report(url: str) -> Report:
    return asyncio.run(run_script(node(SCRIPT), cwd=JS, env={"SERVER_URL": url}))


@pytest.mark.timeout(150)
@pytest.mark.parametrize("check", check_names(SCRIPT))
def test_npm_client(shared: ServerProcess, check: str) -> None:
    report(shared.url).expect(check)


def test_script_ran_every_check(shared: ServerProcess) -> None:
    assert list(report(shared.url).errors) == check_names(SCRIPT)
    assert report(shared.url).exit_code == 0
