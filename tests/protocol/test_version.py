"""Which clients are served: the table of sync-protocol 1.2."""

import pytest

from reactive.errors import CallError
from reactive.protocol.version import UNKNOWN, ClientVersion, parse_client

WELCOME = None
REFUSED = "Unsupported"
WARNED = "UpgradeRequired"


@pytest.mark.parametrize(
    ("header", "state"),
    [
        ("npm-0.19.1", REFUSED),
        ("npm-0.19.2", WELCOME),
        ("npm-1.48.0", WELCOME),
        ("npm-cli-0.19.1", REFUSED),
        ("npm-cli-0.20.0", WELCOME),
        ("actions-0.1.0", REFUSED),
        ("actions-1.0.0", WELCOME),
        ("python-0.0.2", REFUSED),
        ("python-0.0.3", WARNED),
        ("python-0.2.0", WARNED),
        ("python-0.2.1", WELCOME),
        ("python-0.8.1", WELCOME),
        ("python-convex-0.0.2", REFUSED),
        ("python-convex-0.2.0", WARNED),
        ("python-convex-0.5.0", WELCOME),
        ("rust-0.0.1", REFUSED),
        ("rust-0.0.2", WELCOME),
        # Nobody knows them, so nobody refuses them.
        ("swift-0.0.1", WELCOME),
        ("my-own-client-0.0.0", WELCOME),
        ("somebody-else", WELCOME),
        # A known client that does not say its version counts as below all thresholds.
        ("npm-next", REFUSED),
        ("python-convex-dev", REFUSED),
        ("npm-", REFUSED),
    ],
)
def test_policy(header: str, state: str | None) -> None:
    assert state == parse_client(header, None).state


@pytest.mark.parametrize(
    ("header", "client"),
    [
        ("npm-1.2.3", ClientVersion("npm", (1, 2, 3))),
        ("NPM-1.2.3", ClientVersion("npm", (1, 2, 3))),
        ("npm-cli-1.2.3", ClientVersion("npm-cli", (1, 2, 3))),
        # The longest suffix that is a version counts, pre-releases and builds included.
        ("npm-1.2.3-alpha.1", ClientVersion("npm", (1, 2, 3))),
        ("npm-1.2.3-1.0.0", ClientVersion("npm", (1, 2, 3))),
        ("python-0.8.1+build.5", ClientVersion("python", (0, 8, 1))),
        ("python-convex-0.8.1", ClientVersion("python-convex", (0, 8, 1))),
        ("npm-1.2", ClientVersion("npm", None)),
    ],
)
def test_header(header: str, client: ClientVersion) -> None:
    assert client == parse_client(header, None)


def test_path_is_an_npm_client() -> None:
    assert ClientVersion("npm", (1, 48, 0)) == parse_client(None, "1.48.0")
    assert ClientVersion("npm", (0, 19, 1)) == parse_client(None, "0.19.1")


def test_header_wins_over_the_path() -> None:
    assert ClientVersion("python", (0, 8, 1)) == parse_client("python-0.8.1", "1.48.0")


def test_neither_is_served() -> None:
    assert parse_client(None, None) == UNKNOWN
    assert UNKNOWN.state is None


@pytest.mark.parametrize(
    ("header", "path"), [("npm", None), ("", None), (None, "latest"), (None, "1.2"), ("x", "1.0.0")]
)
def test_what_is_no_version_is_refused(header: str | None, path: str | None) -> None:
    with pytest.raises(CallError) as caught:
        parse_client(header, path)

    assert caught.value.code == "InvalidClientVersion"
    assert caught.value.http_status == 400


@pytest.mark.parametrize(
    ("header", "takes"),
    [
        ("npm-1.28.0", True),
        ("npm-1.48.0", True),
        ("npm-2.0.0", True),
        ("npm-1.27.9", False),
        ("npm-cli-1.48.0", False),
        ("python-1.48.0", False),
        ("somebody-1.48.0", False),
        ("reactive-python-0.1.0", True),
    ],
)
def test_chunks_are_for_clients_that_know_them(header: str, *, takes: bool) -> None:
    assert takes is parse_client(header, None).takes_chunks
    assert UNKNOWN.takes_chunks is False


@pytest.mark.parametrize("header", ["npm-0.1.0", "python-0.1.0", "npm-next"])
def test_advice_is_one_line_that_names_the_client(header: str) -> None:
    advice = parse_client(header, None).advice()

    assert header.partition("-")[0] in advice
    assert "\n" not in advice
