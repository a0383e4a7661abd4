"""The `reactive` command: starting, stopping, settings, and calls from a shell."""

import contextlib
import http.client
import json
import re
import shutil
import signal
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.clients.conftest import Connect
from tests.server import APPS, ServerProcess, free_port, run_reactive

StartServer = Callable[..., ServerProcess]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the small app, which the test may change."""
    copy = tmp_path / "app"
    shutil.copytree(APPS / "reload", copy, ignore=shutil.ignore_patterns("__pycache__"))
    return copy


def get_version(port: int) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    with contextlib.closing(connection):
        connection.request("GET", "/version")
        return connection.getresponse().read().decode().strip()


# --- Starting and stopping ---


@pytest.mark.parametrize("command", ["serve", "dev"])
def test_prints_one_line_with_its_url_and_exits_0(
    own_server: StartServer, project: Path, command: str
) -> None:
    server = own_server(project, command=command)
    assert get_version(server.port)
    assert server.stop() == 0
    assert [line for line in server.stdout if server.url in line] == server.stdout[:1]
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", server.port)) != 0


def test_interrupt_from_the_keyboard_stops_too(own_server: StartServer, project: Path) -> None:
    server = own_server(project)
    server.process.send_signal(signal.SIGINT)
    assert server.process.wait(10) in {0, 130, -signal.SIGINT}
    assert "Traceback" not in server.output


def test_second_server_on_the_store_is_refused(own_server: StartServer, project: Path) -> None:
    first = own_server(project)
    second = run_reactive(
        "serve", "--project", str(project), "--port", str(free_port()), "--store", first.store
    )
    assert second.returncode not in {0, None}
    assert first.store.removeprefix("sqlite:///") in second.stdout + second.stderr
    assert "Traceback" not in second.stderr
    assert get_version(first.port)


def test_store_is_free_again_after_a_kill(own_server: StartServer, project: Path) -> None:
    server = own_server(project)
    server.kill()
    server.start()
    assert server.stop() == 0


def test_port_that_is_taken_is_named(own_server: StartServer, project: Path) -> None:
    first = own_server(project)
    second = run_reactive(
        "serve",
        "--project",
        str(project),
        "--port",
        str(first.port),
        "--store",
        f"sqlite:///{project}/other.sqlite3",
    )
    assert second.returncode != 0
    assert str(first.port) in second.stderr


# --- Settings ---


def test_flag_wins_over_environment_wins_over_project(
    own_server: StartServer, project: Path, tmp_path: Path
) -> None:
    ports = [free_port() for _ in range(2)]
    (project / "pyproject.toml").write_text(f"[tool.reactive]\nport = {ports[0]}\n")
    from_flag = own_server(project, env={"REACTIVE_PORT": str(ports[1])})
    assert from_flag.url in from_flag.stdout[0]
    for env, port in (({"REACTIVE_PORT": str(ports[1])}, ports[1]), ({}, ports[0])):
        server = ServerProcess(project, tmp_path / f"port{port}.sqlite3", env=env)
        position = server.arguments.index("--port")
        del server.arguments[position : position + 2]
        server.port = port
        with server:
            assert get_version(port)


def test_store_from_the_environment_is_relative_to_the_project(project: Path) -> None:
    env = {"REACTIVE_STORE": "sqlite:///kept/data.sqlite3"}
    made = run_reactive("run", "tasks:add", '{"title": "kept"}', "--project", str(project), env=env)
    assert made.returncode == 0, made.stderr
    assert (project / "kept" / "data.sqlite3").exists()


def test_default_store_lies_in_the_project(project: Path) -> None:
    made = run_reactive("run", "tasks:add", '{"title": "kept"}', "--project", str(project))
    assert made.returncode == 0, made.stderr
    assert (project / ".reactive" / "data.sqlite3").exists()


def test_lists_come_as_json_from_the_environment(own_server: StartServer, project: Path) -> None:
    server = own_server(project, env={"REACTIVE_ALLOWED_ORIGINS": '["https://shop.example"]'})
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
    headers = {"Content-Type": "application/json", "Origin": "https://shop.example"}
    body = '{"path": "tasks:greeting", "args": {}}'
    with contextlib.closing(connection):
        connection.request("POST", "/api/query", body, headers)
        allowed = connection.getresponse().getheader("Access-Control-Allow-Origin")
    assert allowed == "https://shop.example"


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ('colour = "blue"', "colour"),
        ('case = "shouting"', "case"),
        ('port = "many"', "port"),
        ('store = "mysql://nowhere"', "store"),
    ],
)
def test_bad_setting_stops_the_start_and_is_named(project: Path, settings: str, named: str) -> None:
    (project / "pyproject.toml").write_text(f"[tool.reactive]\n{settings}\n")
    ended = run_reactive("serve", "--project", str(project))
    assert ended.returncode != 0
    assert named in ended.stderr
    assert "Traceback" not in ended.stderr


def test_unknown_flag_is_refused(project: Path) -> None:
    ended = run_reactive("serve", "--project", str(project), "--colour", "blue")
    assert ended.returncode != 0
    assert "--colour" in ended.stderr


def test_module_that_fails_stops_the_start_and_is_named(project: Path) -> None:
    (project / "functions" / "broken.py").write_text("import no_such_module_anywhere\n")
    ended = run_reactive("serve", "--project", str(project), "--port", str(free_port()))
    assert ended.returncode != 0
    assert "broken" in ended.stderr
    assert "no_such_module_anywhere" in ended.stderr


def test_folder_that_is_no_app_is_named(tmp_path: Path) -> None:
    ended = run_reactive("serve", "--project", str(tmp_path / "nowhere"))
    assert ended.returncode != 0
    assert "nowhere" in ended.stderr


@pytest.mark.parametrize(
    ("schema", "named"),
    [
        ("    points: str = ''\n", ["points", "string"]),
        ("    owner: str\n", ["owner"]),
    ],
)
def test_documents_that_the_schema_refuses_stop_the_start(
    project: Path, schema: str, named: list[str]
) -> None:
    """The error names the table, the id, the field and the reason."""
    made = run_reactive("run", "tasks:add", '{"title": "old"}', "--project", str(project))
    task = json.loads(made.stdout)
    original = (project / "schema.py").read_text()
    changed = original.replace("    points: int = 1\n", schema)
    assert changed != original
    (project / "schema.py").write_text(changed)
    ended = run_reactive("serve", "--project", str(project), "--port", str(free_port()))
    assert ended.returncode != 0
    for part in ["tasks", task, *named]:
        assert part in ended.stderr
    (project / "schema.py").write_text(original)
    listed = run_reactive("run", "tasks:titles", "--project", str(project))
    assert json.loads(listed.stdout) == ["old"]


# --- reactive run ---


def test_run_against_a_server(lab: ServerProcess, name: str) -> None:
    args = json.dumps({"name": name, "by": 5})
    added = run_reactive("run", "counters:add", args, "--url", lab.url)
    assert added.returncode == 0, added.stderr
    assert json.loads(added.stdout) == 5
    read = run_reactive("run", "counters:get", json.dumps({"name": name}), "--url", lab.url)
    assert json.loads(read.stdout) == 5
    acted = run_reactive("run", "deep/echo:action", '{"value": [1, "x"]}', "--url", lab.url)
    assert json.loads(acted.stdout) == [1, "x"]
    plain = run_reactive("run", "plain", "--url", lab.url)
    assert json.loads(plain.stdout) == "hello world"


def test_run_against_a_project(project: Path) -> None:
    for title in ("one", "two"):
        made = run_reactive(
            "run", "tasks:add", json.dumps({"title": title}), "--project", str(project)
        )
        assert made.returncode == 0, made.stderr
        assert re.fullmatch(r'"[0-9a-z]{31,37}"\n', made.stdout)
    listed = run_reactive("run", "tasks:titles", cwd=project)
    assert json.loads(listed.stdout) == ["one", "two"]


@pytest.mark.parametrize(
    ("function", "args", "named"),
    [
        ("counters:missing", "{}", "counters:missing"),
        ("hidden:secret_query", "{}", "hidden:secret_query"),
        ("counters:get", "{}", "name"),
        ("errors:dataQuery", "{}", "NOPE"),
        ("counters:get", "{not json", "JSON"),
        ("counters:get", "[1]", "object"),
    ],
)
def test_failed_run_says_why_and_exits_non_zero(
    lab: ServerProcess, function: str, args: str, named: str
) -> None:
    ended = run_reactive("run", function, args, "--url", lab.url)
    assert ended.returncode != 0
    assert ended.stdout == ""
    assert named in ended.stderr
    assert "Traceback" not in ended.stderr


def test_run_without_a_server_behind_the_url(lab: ServerProcess) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    ended = run_reactive("run", "plain", "--url", url)
    assert ended.returncode != 0
    assert url in ended.stderr
    assert "Traceback" not in ended.stderr


async def test_run_shows_up_in_live_queries(
    lab: ServerProcess, connect: Connect, name: str
) -> None:
    client = await connect(lab.sync_url)
    query = await client.subscribe("counters:get", {"name": name})
    run_reactive("run", "counters:add", json.dumps({"name": name}), "--url", lab.url)
    await client.value_becomes(query, 1)
