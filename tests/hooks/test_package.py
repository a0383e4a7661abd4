"""The package as those who copy it get it: its types, its list of packages, its guide."""

import json
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.request import Request, urlopen

import pytest

from tests.hooks.conftest import PACKAGE, ROOT
from tests.server import REACTIVE, ServerProcess, environment

HERE = Path(__file__).parent

PATHS_OF_THE_GUIDE = [
    ("reactive", "TARGETING_MATCH"),
    ("legacy", "DEFAULT"),
    ("legacy", "DEFAULT"),  # this user is not among the 1 %
    ("legacy", "DISABLED"),
    ("legacy", "DEFAULT"),
    ("shadow", "TARGETING_MATCH"),
    ("legacy", "DEFAULT"),
    ("legacy", "DEFAULT"),  # nor among 5 % or 25 %
    ("legacy", "DEFAULT"),
    ("reactive", "SPLIT"),
    ("legacy", "DEFAULT"),
    ("reactive", "SPLIT"),
    ("reactive-only", "DEFAULT"),
    ("legacy", "DEFAULT"),
]
"""What the user has after each `flags:set`, the ways back among them."""


def type_check(project: Path) -> None:
    tsc = PACKAGE / "node_modules" / ".bin" / "tsc"
    found = subprocess.run(
        [str(tsc), "--noEmit", "--strict", "--project", str(project)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (found.stdout, found.returncode) == ("", 0)


@pytest.fixture
def front_end() -> Iterator[Path]:
    """A front end as the guide makes one: a copy of the hooks, and its own code."""
    cache = PACKAGE / "node_modules" / ".cache"
    cache.mkdir(exist_ok=True)
    with TemporaryDirectory(prefix="guide-", dir=cache) as folder:
        place = Path(folder)
        (place / "streaming").symlink_to(PACKAGE / "src")
        [code] = blocks_of_guide("tsx")
        (place / "App.tsx").write_text(code)
        settings = {"extends": str(HERE / "tsconfig.json"), "include": ["App.tsx"]}
        (place / "tsconfig.json").write_text(json.dumps(settings))
        yield place


def test_package_and_shapes_type_check() -> None:
    for project in (PACKAGE, HERE):
        type_check(project)


def test_code_of_the_guide_type_checks(front_end: Path) -> None:
    type_check(front_end)


def test_lower_half_knows_no_framework() -> None:
    for file in (PACKAGE / "src" / "core").glob("*.ts"):
        # A type leaves no trace in what runs.
        imported = re.findall(
            r'^import (?!type\b).*? from "([^"]+)"', file.read_text(), re.M | re.S
        )
        assert [name for name in imported if not name.startswith("./")] in ([], ["convex/server"])


def test_clients_are_of_the_versions_that_the_other_examples_have() -> None:
    ours, others = (
        json.loads((folder / "package.json").read_text()) for folder in (PACKAGE, ROOT / "examples")
    )
    versions = {**others["dependencies"], **others["devDependencies"]}
    own = {**ours["dependencies"], **ours["devDependencies"]}
    assert {"convex", "react", "typescript"} <= own.keys() & versions.keys()
    for name in own.keys() & versions.keys():
        assert own[name] == versions[name], name
    assert "resolved" not in (PACKAGE / "package-lock.json").read_text()


def test_guide_names_files_and_functions_that_exist() -> None:
    guide = (PACKAGE / "MIGRATION.md").read_text()
    for path in re.findall(r"`((?:src|examples|functions)/[\w./-]+)`", guide):
        assert (ROOT / path).exists() or (PACKAGE / path).exists(), path
    for target in re.findall(r"\]\(([\w./-]+)\)", guide):
        assert (PACKAGE / target).exists(), target
    steps = re.findall(r"^## (\d)\. ", guide, re.M)
    assert steps == ["0", "1", "2", "3", "4", "5"]
    for section in re.split(r"^## ", guide, flags=re.M)[2:7]:
        assert "**Back:**" in section, section[:40]


def blocks_of_guide(language: str) -> list[str]:
    guide = (PACKAGE / "MIGRATION.md").read_text()
    return [
        block
        for name, block in re.findall(r"^```(\w*)\n(.*?)^```$", guide, re.M | re.S)
        if name == language
    ]


def _commands() -> list[str]:
    """The guide's commands that talk to the server that it has started, in its order."""
    lines = [line for block in blocks_of_guide("") for line in block.splitlines()]
    return [line for line in lines if "http://127.0.0.1:3210" in line and "--watch" not in line]


def _decision(url: str) -> dict[str, Any]:
    body = json.dumps({"path": "flags:get", "args": {"key": "realtime"}, "format": "json"})
    headers = {"Content-Type": "application/json"}
    with urlopen(Request(f"{url}/api/query", body.encode(), headers)) as answer:
        found: dict[str, Any] = json.load(answer)["value"]
    return found


@pytest.mark.timeout(240)
def test_commands_of_the_guide_work_in_their_order(tmp_path: Path) -> None:
    key = {"REACTIVE_ADMIN_KEY": "change-me"}
    env = {**key, "REACTIVE_FLAG_REALTIME": "legacy"}
    outputs: list[tuple[str, str]] = []
    decisions: list[tuple[str, str]] = []
    with ServerProcess(ROOT, tmp_path / "data.sqlite3", env=env) as server:
        for line in _commands():
            words = shlex.split(line.replace("http://127.0.0.1:3210", server.url))
            if words[0] == ".venv/bin/reactive":
                words[0] = str(REACTIVE)
            found = subprocess.run(
                words,
                cwd=ROOT,
                env=environment(key),
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
            assert found.returncode == 0, f"{line}\n{found.stderr}"
            outputs.append((line, found.stdout))
            if "flags:set" in line:
                own = _decision(server.url)
                decisions.append((own["variant"], own["reason"]))
    assert decisions == PATHS_OF_THE_GUIDE
    assert len(outputs) >= 15
    old_client = [output for line, output in outputs if line.startswith("node ")]
    assert "[answers come by the legacy path]" in old_client[0]
    assert "Good morning." in old_client[0]
    assert all("[COMPLETED]" in output for output in old_client)
    [report] = [json.loads(output) for line, output in outputs if "trials:report" in line]
    assert report["streams"] >= 1
    [own] = [json.loads(output) for line, output in outputs if "flags:get" in line]
    assert (own["variant"], own["reason"]) == ("reactive", "TARGETING_MATCH")
