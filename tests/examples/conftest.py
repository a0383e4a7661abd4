"""Each example as a newcomer meets it: started by `reactive dev examples/NAME`."""

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.server import ServerProcess
from tests.web.browser import Browser

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[[str], ServerProcess]]:
    """Starts an example on a free port, with a store of its own."""
    with ExitStack() as stack:

        def serve(name: str) -> ServerProcess:
            server = ServerProcess(EXAMPLES / name, tmp_path / f"{name}.sqlite3", command="dev")
            server.arguments.remove("--project")  # the folder may stand alone, and here it does
            if name == "login":
                # Its settings name the port that they are written for.
                keys = f"{server.url}/login/keys"
                issuer = {"issuer": "https://login.example", "audience": "notes", "jwks": keys}
                server.arguments += ["--auth", json.dumps([issuer])]
            return stack.enter_context(server)

        yield serve


@pytest.fixture(scope="session")
def pages() -> None:
    """The pages of all examples, from their sources as they are now."""
    subprocess.run(["npm", "run", "build"], cwd=EXAMPLES, check=True)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with Browser() as browser:
        yield browser
