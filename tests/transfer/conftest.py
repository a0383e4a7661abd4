"""A project to move data out of and into, and the command line on it."""

import io
import json
import shutil
import subprocess
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from reactive.cli import main
from tests.server import ServerProcess, run_reactive

APP = Path(__file__).parent / "app"


class Site:
    """A copy of the app with a database of its own, and the command line on it.

    It is called in this process, which is quicker, unless `in_processes` says otherwise.
    """

    in_processes = False

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(APP, folder, ignore=shutil.ignore_patterns("__pycache__"))

    @property
    def database(self) -> Path:
        return self.folder / ".reactive" / "data.sqlite3"

    def try_to(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        line = [*map(str, arguments), "--project", str(self.folder)]
        if self.in_processes:
            return run_reactive(*line)
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as ended:
            main(line)
        code = ended.value.code
        assert isinstance(code, int)
        return subprocess.CompletedProcess(line, code, out.getvalue(), err.getvalue())

    def do(self, *arguments: str | Path) -> str:
        done = self.try_to(*arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def refused(self, *arguments: str | Path) -> str:
        """What the command line says to something that is wrong."""
        done = self.try_to(*arguments)
        assert done.returncode == 1, done.stdout
        assert "Traceback" not in done.stderr
        return done.stderr

    def call(self, function: str, **args: Any) -> Any:
        return json.loads(self.do("run", function, json.dumps(args)))

    def rows(self, table: str) -> list[dict[str, Any]]:
        lines = self.do("data", table, "--order", "asc", "--format", "jsonl").splitlines()
        return [json.loads(line) for line in lines]

    def server(self, *flags: str) -> ServerProcess:
        return ServerProcess(self.folder, self.database, flags=flags)


def jsonl(path: Path, *rows: object) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture
def new_site(tmp_path: Path) -> Callable[[str], Site]:
    return lambda name: Site(tmp_path / name)


@pytest.fixture
def site(new_site: Callable[[str], Site]) -> Site:
    return new_site("site")
