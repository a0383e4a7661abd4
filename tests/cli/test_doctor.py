"""`reactive doctor`: each thing that is wrong has a name of its own, and nothing is made worse."""

import asyncio
import json
import re
import shutil
import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from reactive.cli import main
from tests.ai.fake_provider import FakeProvider, environment
from tests.auth import forge
from tests.auth.issuer import Issuer
from tests.server import ServerProcess, free_port, run_reactive

ROOT = Path(__file__).parents[2]
HELLO = ROOT / "examples" / "hello"


class Said(NamedTuple):
    """What the command said: its exit code, and its findings by what was looked at."""

    code: int
    findings: Mapping[str, list[dict[str, str]]]

    def one(self, check: str) -> dict[str, str]:
        (found,) = self.findings[check]
        return found

    @property
    def problems(self) -> set[str]:
        return {
            each["code"]
            for found in self.findings.values()
            for each in found
            if each["status"] == "problem"
        }


Doctor = Callable[..., Said]


@pytest.fixture
def doctor(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Doctor:
    """Runs the command in this process, on an app without data unless told otherwise."""
    for variable in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "OPENROUTER_API_KEY"):
        monkeypatch.delenv(variable, raising=False)

    def run(*arguments: str, project: Path = HELLO, env: Mapping[str, str] | None = None) -> Said:
        for variable, value in (env or {}).items():
            monkeypatch.setenv(variable, value)
        given = list(arguments)
        for flag, value in (("--store", f"sqlite:///{tmp_path}/none.sqlite3"), ("--port", "0")):
            given += [] if flag in given else [flag, value]
        with pytest.raises(SystemExit) as ended:
            main(["doctor", "--project", str(project), "--json", *given])
        told = json.loads(capfd.readouterr().out)
        findings: dict[str, list[dict[str, str]]] = {}
        for each in told["findings"]:
            findings.setdefault(each["check"], []).append(each)
        code = ended.value.code
        assert isinstance(code, int)
        assert told["ok"] is (code == 0)
        return Said(code, findings)

    return run


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """The app of this repository, running."""
    store = tmp_path_factory.mktemp("doctor") / "data.sqlite3"
    with ServerProcess(ROOT, store) as server:
        yield server


@pytest.fixture
def store(app: ServerProcess, tmp_path: Path) -> Path:
    """A copy of what the server has stored so far, which nobody serves."""
    copy = tmp_path / "copy.sqlite3"
    with (
        closing(sqlite3.connect(app.store.removeprefix("sqlite:///"))) as served,
        closing(sqlite3.connect(copy)) as copied,
    ):
        served.backup(copied)
    return copy


def change(store: Path, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(store)) as connection, connection:
        assert connection.execute(statement, values).rowcount == 1


@contextmanager
def stranger() -> Iterator[str]:
    """A web server of another kind."""

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = b'{"status": "ok"}'
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


# --- All is well ---


def test_project_that_was_never_started_is_well_and_stays_untouched(
    doctor: Doctor, tmp_path: Path
) -> None:
    said = doctor()

    assert (0, set()) == (said.code, said.problems)
    assert {"project", "settings", "store", "disk", "clock", "port", "provider", "auth"} == set(
        said.findings
    )
    assert "2 functions, 1 tables" in said.one("project")["message"]
    assert "a durable write takes" in said.one("store")["message"]
    assert [] == list(tmp_path.iterdir())


def test_lines_for_people() -> None:
    port = str(free_port())
    well = run_reactive("doctor", "--project", str(HELLO), "--store", "memory:", "--port", port)
    ill = run_reactive(
        "doctor", "--project", str(HELLO), "--store", "memory:", "--host", "192.0.2.1"
    )

    assert (0, "all is well") == (well.returncode, well.stdout.splitlines()[-1]), well.stderr
    assert f"ok       port      127.0.0.1:{port} is free" in well.stdout.splitlines()
    assert "skipped  store     the data is in memory, and ends with the server" in well.stdout
    assert (1, "1 problem") == (ill.returncode, ill.stdout.splitlines()[-1])
    assert "problem  port      cannot-listen: cannot listen on 192.0.2.1:3210" in ill.stdout


def test_stored_data_is_looked_at(doctor: Doctor, store: Path) -> None:
    said = doctor("--store", f"sqlite:///{store}", project=ROOT)

    assert (0, set()) == (said.code, said.problems)
    assert f"{store}: a durable write takes" in said.one("store")["message"]
    assert "after the last commit" in said.one("clock")["message"]
    assert "realtime: 'reactive' for everybody" == said.one("flags")["message"]


def test_beside_a_running_server(doctor: Doctor, app: ServerProcess) -> None:
    by_port = doctor("--store", app.store, "--port", str(app.port), project=ROOT)
    by_url = doctor("--store", app.store, "--url", app.url + "/", project=ROOT)

    for said, check in ((by_port, "port"), (by_url, "url")):
        assert (0, set()) == (said.code, said.problems)
        assert f"serves {ROOT.name} at {app.url}" in said.one(check)["message"]
        assert "is in use by the server that runs" in said.one("store")["message"]
        assert "after the last commit" in said.one("clock")["message"]


# --- The project and its settings ---


def test_no_folder(doctor: Doctor, tmp_path: Path) -> None:
    said = doctor(project=tmp_path / "none")

    assert (1, {"no-folder"}) == (said.code, said.problems)
    assert str(tmp_path / "none") in said.one("project")["message"]


def test_folder_of_no_app(doctor: Doctor, tmp_path: Path) -> None:
    assert {"no-functions"} == doctor(project=tmp_path).problems


def test_code_that_does_not_load(doctor: Doctor, tmp_path: Path) -> None:
    (tmp_path / "functions").mkdir()
    (tmp_path / "functions" / "broken.py").write_text(
        "print('noise')\nimport nothing_of_the_kind\n"
    )
    said = doctor(project=tmp_path)

    assert (1, {"not-loaded"}) == (said.code, said.problems)
    assert "nothing_of_the_kind" in said.one("project")["message"]
    assert "broken.py:2" in said.one("project")["message"]


def test_every_wrong_setting_is_named(doctor: Doctor, tmp_path: Path) -> None:
    shutil.copytree(HELLO, tmp_path / "app")
    (tmp_path / "app" / "pyproject.toml").write_text(
        '[tool.reactive]\ncase = "upper"\ncolour = "red"\nstatic = "pages"\n'
    )
    env = {"REACTIVE_TOKEN_TIMEOUT": "soon", "REACTIVE_AUTH": "[oops"}
    said = doctor("--port", "99999", project=tmp_path / "app", env=env)
    messages = "\n".join(each["message"] for each in said.findings["settings"])

    assert (1, {"wrong-setting", "no-static-folder"}) == (said.code, said.problems)
    assert 6 == len(said.findings["settings"])
    for part in (
        "setting case in pyproject.toml: ",
        "unknown setting 'colour' in pyproject.toml",
        "setting token_timeout in the environment: ",
        "REACTIVE_AUTH is not JSON: ",
        "setting port in the call: ",
        "setting static: there is no folder ",
    ):
        assert part in messages


def test_settings_that_are_no_toml(doctor: Doctor, tmp_path: Path) -> None:
    shutil.copytree(HELLO, tmp_path / "app")
    (tmp_path / "app" / "pyproject.toml").write_text("[tool.reactive\n")

    assert {"wrong-setting"} == doctor(project=tmp_path / "app").problems


# --- The store ---


def test_store_that_is_none(doctor: Doctor, tmp_path: Path) -> None:
    file = tmp_path / "data.sqlite3"
    file.write_text("This is a letter, and no database. " * 100)
    said = doctor("--store", f"sqlite:///{file}")

    assert (1, {"not-writable"}) == (said.code, said.problems)
    assert "not a database" in said.one("store")["message"]


def test_store_where_nothing_can_be_made(doctor: Doctor, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    said = doctor("--store", f"sqlite:///{tmp_path}/file/deep/data.sqlite3")

    assert {"not-writable"} == said.problems


def test_store_that_another_server_has(doctor: Doctor, app: ServerProcess) -> None:
    said = doctor("--store", app.store, project=ROOT)

    assert {"in-use"} == said.problems
    assert "in use by another server" in said.one("store")["message"]


def test_disk_that_is_nearly_full(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=3 << 20))
    said = doctor()

    assert {"nearly-full"} == said.problems
    assert "3 MiB are free" in said.one("disk")["message"]


def test_clock_that_is_behind_the_newest_commit(doctor: Doctor, store: Path) -> None:
    ahead = time.time_ns() + 7_200_000_000_000
    change(store, "UPDATE meta SET value = ? WHERE name = 'head'", ahead)
    said = doctor("--store", f"sqlite:///{store}", project=ROOT)

    assert (1, {"behind"}) == (said.code, said.problems)
    # The clock goes on while the doctor looks.
    assert re.search("7,[12]\\d\\d s behind the newest commit", said.one("clock")["message"])


@pytest.mark.parametrize(
    ("old", "new", "code", "reason"),
    [
        ('"key":"realtime"', '"key":"reeltime"', "missing-flag", "there is no such flag"),
        ('"revision":', '"variant":"warp","revision":', "broken-flag", "'warp' is no variant"),
        ('"enabled":true', '"enabled":"maybe"', "broken-flag", "its row does not fit: enabled"),
    ],
    ids=["missing", "unknown variant", "unreadable"],
)
def test_flag_that_is_missing_or_broken_means_legacy(
    doctor: Doctor, store: Path, old: str, new: str, code: str, reason: str
) -> None:
    with closing(sqlite3.connect(store)) as connection:
        rows = connection.execute("SELECT n, json FROM documents").fetchall()
    ((number, flag),) = [row for row in rows if b'"salt":"realtime"' in row[1]]
    assert 1 == flag.count(old.encode())
    changed = flag.replace(old.encode(), new.encode())
    change(store, "UPDATE documents SET json = ? WHERE n = ?", changed, number)
    said = doctor("--store", f"sqlite:///{store}", project=ROOT)

    assert {code} == said.problems
    assert reason in said.one("flags")["message"]
    assert "everybody gets 'legacy'" in said.one("flags")["message"]


# --- Servers ---


def test_wrong_urls_are_told_apart(doctor: Doctor) -> None:
    with stranger() as other:
        nobody = f"http://127.0.0.1:{free_port()}"
        said = {
            url: doctor("--url", url).one("url") for url in (nobody, other, "localhost:3210", "")
        }

    assert ["nobody-listens", "other-server", "bad-url", "bad-url"] == [
        found["code"] for found in said.values()
    ]
    assert f"nobody listens at {nobody}: Connection refused" in said[nobody]["message"]
    assert f"what answers at {other} is no reactive server" in said[other]["message"]


def test_port_that_something_else_has(doctor: Doctor) -> None:
    with stranger() as other, socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        port = other.rpartition(":")[2]
        taken = doctor("--port", port)
        bound = doctor("--port", str(silent.getsockname()[1]))

    assert (1, {"taken"}) == (taken.code, taken.problems)
    assert f"127.0.0.1:{port} is taken, and not by a reactive server" in str(taken.findings)
    assert {"taken"} == bound.problems


# --- Providers of models ---


def test_key_that_is_missing(doctor: Doctor) -> None:
    said = doctor("--model", "openai/gpt-x", "--ping")

    assert (1, {"no-key"}) == (said.code, said.problems)
    assert "set OPENAI_API_KEY" in said.one("provider")["message"]
    assert "ping" not in said.findings


def test_model_of_nobody(doctor: Doctor) -> None:
    assert {"no-model"} == doctor("--model", "gpt-x").problems


def test_scripted_model_answers_a_ping(doctor: Doctor) -> None:
    assert "ok" == doctor("--ping").one("ping")["status"]


def test_keys_are_found_and_never_shown(doctor: Doctor) -> None:
    env = {
        "OPENAI_API_KEY": "sk-secret",
        "OPENAI_BASE_URL": "https://user:hunter2@models.example/v1",
        "ANTHROPIC_API_KEY": "sk-secret",
        "ANTHROPIC_BASE_URL": "models.example",
    }
    said = doctor("--model", "openai/gpt-x", env=env)

    assert {"bad-url"} == said.problems
    assert "ANTHROPIC_BASE_URL is no URL" in str(said.findings["provider"])
    assert "is asked at https://models.example/v1" in str(said.findings["provider"])
    assert "secret" not in str(said.findings)
    assert "hunter2" not in str(said.findings)


async def test_pings_go_to_the_base_url_of_the_settings(doctor: Doctor) -> None:
    fake = await FakeProvider().start()
    try:
        env = environment(fake.url)
        models = ("openai/ok", "anthropic/ok", "openai/401", "openrouter/eof-at-once")
        said = {
            model: await asyncio.to_thread(doctor, "--model", model, "--ping", env=env)
            for model in models
        }
        asked = [recorded.behavior for recorded in fake.requests]
    finally:
        await fake.stop()

    assert [(0, "ok", ""), (0, "ok", ""), (1, "problem", "provider-auth")] == [
        (found.code, found.one("ping")["status"], found.one("ping")["code"])
        for found in [said[model] for model in models[:3]]
    ]
    assert "HTTP status 401" in said["openai/401"].one("ping")["message"]
    assert {"incomplete"} == said["openrouter/eof-at-once"].problems
    assert ["ok", "ok", "401", "eof-at-once"] == asked
    assert 3 == len(said["openai/ok"].findings["provider"])


# --- Issuers of tokens ---


def test_issuers(doctor: Doctor) -> None:
    with Issuer() as good, Issuer() as bad:
        bad.fault = "503"
        fixed = {"issuer": "https://own.example", "jwks": forge.data_url(forge.rsa_key())}
        said = doctor("--auth", json.dumps([good.setting(), bad.setting(), fixed]))

    first, second, third = said.findings["auth"]
    assert (1, {"no-keys"}) == (said.code, said.problems)
    assert ("ok", f"auth.0 ({good.url}): 1 keys") == (first["status"], first["message"])
    assert ("problem", "no-keys") == (second["status"], second["code"])
    assert f"{bad.url}/keys: status 503" in second["message"]
    assert "without an audience" in third["message"]
