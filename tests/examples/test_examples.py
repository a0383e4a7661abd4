"""What every example has: a script that checks it through a client, types, a page to read."""

import json
import subprocess
import tomllib
from collections.abc import Callable

import pytest

from tests.examples.conftest import EXAMPLES
from tests.server import ServerProcess, run_reactive

NAMES = sorted(script.parent.name for script in EXAMPLES.glob("*/check.mjs"))
CHECK_SECONDS = 90.0


@pytest.mark.parametrize("name", NAMES)
def test_check_script_says_ok(name: str, serve: Callable[[str], ServerProcess]) -> None:
    server = serve(name)
    script = ["node", str(EXAMPLES / name / "check.mjs"), server.url]
    found = subprocess.run(
        script, capture_output=True, text=True, timeout=CHECK_SECONDS, check=False
    )
    assert (found.stdout.strip(), found.returncode) == ("ok", 0), f"{found.stderr}\n{server.output}"


@pytest.mark.parametrize("name", NAMES)
def test_generated_types_are_those_of_the_functions(name: str) -> None:
    found = run_reactive("codegen", "--check", "--project", str(EXAMPLES / name))
    assert (found.stderr, found.returncode) == ("", 0)


@pytest.mark.parametrize("name", NAMES)
def test_readme_names_the_command_and_files_that_exist(name: str) -> None:
    readme = (EXAMPLES / name / "README.md").read_text()
    assert f"reactive dev examples/{name}\n" in readme
    assert len(readme.splitlines()) <= 30
    spans = readme.split("`")[1::2]
    files = [span for span in spans if span.endswith((".py", ".mjs", ".ts", ".tsx"))]
    assert files
    assert [file for file in files if not (EXAMPLES / name / file).exists()] == []


def test_list_of_examples_is_complete() -> None:
    readme = (EXAMPLES / "README.md").read_text()
    assert [name for name in [*NAMES, "hello"] if f"]({name}" not in readme] == []


@pytest.mark.parametrize("name", NAMES)
def test_settings_serve_the_page(name: str) -> None:
    settings = tomllib.loads((EXAMPLES / name / "pyproject.toml").read_text())["tool"]["reactive"]
    assert (settings["case"], settings["static"]) == ("camel", "dist")
    assert (EXAMPLES / name / "web" / "main.tsx").exists()


def test_lock_file_names_no_registry() -> None:
    assert "resolved" not in (EXAMPLES / "package-lock.json").read_text()


def test_clients_are_of_the_versions_that_the_chat_page_has() -> None:
    ours, chat = (
        json.loads((folder / "package.json").read_text())
        for folder in (EXAMPLES, EXAMPLES.parent / "functions" / "_web")
    )
    for group in ("dependencies", "devDependencies"):
        both = ours[group].keys() & chat[group].keys()
        assert {"convex", "react"} <= both or "typescript" in both
        assert {name: ours[group][name] for name in both} == {
            name: chat[group][name] for name in both
        }
