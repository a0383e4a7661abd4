"""The `auth` setting: what may be trusted, and what stops the start."""

import json
from pathlib import Path
from typing import Any

import pytest

from reactive import create_app
from reactive.errors import ProjectError
from reactive.settings import load_settings
from tests.auth import forge
from tests.server import run_reactive

GOOD = "https://issuer.example"


@pytest.mark.parametrize(
    "setting",
    [
        {"issuer": GOOD},
        {"issuer": "issuer.example", "audience": "app"},
        {"issuer": "https://issuer.example/tenant/"},
        {"issuer": "http://localhost:5000"},
        {"issuer": "http://127.0.0.1"},
        {"issuer": "http://[::1]:80/"},
        {"issuer": GOOD, "jwks": "https://keys.example/x?y=z"},
        {"issuer": GOOD, "jwks": "http://127.1.2.3:8080/keys", "algorithm": "ES256"},
        {"issuer": GOOD, "jwks": forge.data_url(forge.rsa_key()), "algorithm": "EdDSA"},
    ],
    ids=lambda issuer: str(issuer)[:60],
)
def test_what_may_be_trusted(tmp_path: Path, setting: dict[str, Any]) -> None:
    create_app(tmp_path, auth=[setting])


@pytest.mark.parametrize(
    ("setting", "name", "reason"),
    [
        ({}, "auth.0.issuer", "required"),
        ({"issuer": "http://issuer.example"}, "auth.0.issuer", "plain http"),
        ({"issuer": "http://localhost.evil.example"}, "auth.0.issuer", "plain http"),
        ({"issuer": "http://127.0.0.1.evil.example"}, "auth.0.issuer", "plain http"),
        ({"issuer": "http://10.0.0.1"}, "auth.0.issuer", "plain http"),
        ({"issuer": "http://0.0.0.0"}, "auth.0.issuer", "plain http"),
        ({"issuer": "ftp://issuer.example"}, "auth.0.issuer", "no https URL"),
        ({"issuer": ""}, "auth.0.issuer", "no https URL"),
        ({"issuer": "https://user@issuer.example"}, "auth.0.issuer", "user"),
        ({"issuer": "https://issuer.example?x=1"}, "auth.0.issuer", "query"),
        ({"issuer": "https://issuer.example:99999"}, "auth.0.issuer", "ort"),
        ({"issuer": GOOD, "jwks": "http://keys.example"}, "auth.0.jwks", "plain http"),
        ({"issuer": GOOD, "jwks": "file:///keys.json"}, "auth.0.jwks", "no https URL"),
        ({"issuer": GOOD, "jwks": "keys.json"}, "auth.0.jwks", "no https URL"),
        ({"issuer": GOOD, "jwks": "data:application/json,{"}, "auth.0.jwks", "no JSON"),
        ({"issuer": GOOD, "algorithm": "HS256"}, "auth.0.algorithm", "RS256"),
        ({"issuer": GOOD, "algorithm": "none"}, "auth.0.algorithm", "RS256"),
        ({"issuer": GOOD, "audiance": "app"}, "auth.0.audiance", "not permitted"),
    ],
    ids=str,
)
def test_what_may_not(tmp_path: Path, setting: dict[str, Any], name: str, reason: str) -> None:
    with pytest.raises(ProjectError) as caught:
        create_app(tmp_path, auth=[setting])

    assert f"setting {name}" in caught.value.message
    assert reason in caught.value.message


def test_wrong_setting_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        '[[tool.reactive.auth]]\nissuer = "http://issuer.example"\naudience = "app"\n'
    )
    ended = run_reactive("serve", "--project", str(tmp_path), "--port", "0")

    assert ended.returncode not in (0, None)
    assert "setting auth.0.issuer in pyproject.toml" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_setting_comes_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REACTIVE_AUTH", json.dumps([{"issuer": GOOD, "audience": "app"}]))

    assert GOOD == load_settings(tmp_path, {}).auth[0].issuer


def test_issuer_without_an_audience_is_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    create_app(tmp_path, auth=[{"issuer": GOOD, "audience": "app"}, {"issuer": "a.example"}])

    assert ["setting auth.1 has no audience"] == [
        record.getMessage().partition(":")[0] for record in caplog.records
    ]
