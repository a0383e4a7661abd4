"""An issuer and a server that trusts it, shared by the tests of a module."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.auth import forge
from tests.auth.issuer import KEYS, Issuer
from tests.server import ServerProcess

APP = Path(__file__).with_name("app")


def serve(folder: Path, *settings: Mapping[str, Any]) -> ServerProcess:
    """A server that trusts these issuers; it is not started yet."""
    env = {"REACTIVE_AUTH": json.dumps(settings), "REACTIVE_ADMIN_KEY": "secret"}
    return ServerProcess(APP, folder / "data.sqlite3", env=env)


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    """An OpenID provider."""
    with Issuer(forge.rsa_key(), forge.ec_key()) as serving:
        yield serving


@pytest.fixture(scope="module")
def plain() -> Iterator[Issuer]:
    """An issuer that only publishes its keys."""
    with Issuer(forge.ec_key("plain")) as serving:
        yield serving


@pytest.fixture(scope="module")
def server(
    issuer: Issuer, plain: Issuer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServerProcess]:
    settings = (
        issuer.setting(),
        plain.setting(audience=None, jwks=f"{plain.url}{KEYS}", algorithm="ES256"),
        {
            "issuer": "https://data.example/",
            "audience": "app",
            "jwks": forge.data_url(forge.rsa_key("data")),
        },
    )
    with serve(tmp_path_factory.mktemp("auth"), *settings) as running:
        yield running


@pytest.fixture
def own_issuer() -> Iterator[Issuer]:
    """An OpenID provider that a test may break."""
    with Issuer(forge.rsa_key()) as serving:
        yield serving


@pytest.fixture
def own_server(own_issuer: Issuer, tmp_path: Path) -> Iterator[ServerProcess]:
    """A server that trusts only `own_issuer`."""
    with serve(tmp_path, own_issuer.setting()) as running:
        yield running
