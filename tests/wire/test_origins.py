"""Which browser origins may connect."""

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from reactive.wire.origins import Origins


def request(origin: str | None, host: str = "example.com:3210") -> web.Request:
    headers = {"Host": host} if origin is None else {"Host": host, "Origin": origin}
    return make_mocked_request("GET", "/api/sync", headers=headers)


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        (None, True),
        ("http://example.com:3210", True),
        ("https://example.com:3210", True),
        ("http://example.com", False),
        ("http://example.com:3211", False),
        ("http://localhost", True),
        ("http://localhost:5173", True),
        ("https://127.0.0.1:8443", True),
        ("http://localhost.evil.com", False),
        ("http://evil.com/localhost:80", False),
        ("http://127.0.0.1.evil.com", False),
        ("http://127.0.0.2", False),
        ("ftp://localhost", False),
        ("null", False),
        ("", False),
    ],
)
def test_own_host_and_this_machine_may_connect(origin: str | None, *, allowed: bool) -> None:
    assert allowed is Origins(None).allows(request(origin))


@pytest.mark.parametrize(
    ("patterns", "origin", "allowed"),
    [
        (["https://app.example"], "https://app.example", True),
        (["https://app.example"], "http://app.example", False),
        (["https://app.example"], "https://app.example.evil.com", False),
        (["https://app.example"], "https://xapp.example", False),
        (["https://app.example"], "https://appXexample", False),
        (["http://localhost:*"], "http://localhost:5173", True),
        (["http://localhost:*"], "http://localhost", False),
        (["https://*.example"], "https://a.example", True),
        (["https://*.example"], "https://a.b.example", True),
        (["https://*.example"], "https://evil.com/x.example", False),
        (["*"], "https://anything.at.all:1234", True),
        (["a", "https://b"], "https://b", True),
        ([], "http://localhost", False),
        ([], None, True),
        (["https://app.example"], None, True),
        # A list replaces what is allowed without one.
        (["https://app.example"], "http://example.com:3210", False),
    ],
)
def test_list_of_origins(patterns: list[str], origin: str | None, *, allowed: bool) -> None:
    assert allowed is Origins(patterns).allows(request(origin))


def test_allowed_origin_is_mirrored() -> None:
    headers = Origins(None).headers(request("http://localhost:5173"))

    assert "http://localhost:5173" == headers["Access-Control-Allow-Origin"]
    assert "true" == headers["Access-Control-Allow-Credentials"]
    assert "Origin" in headers["Vary"]


@pytest.mark.parametrize("origin", [None, "https://evil.com"])
def test_other_origin_is_told_nothing(origin: str | None) -> None:
    origins = Origins(None)

    assert {} == origins.headers(request(origin))
    assert not any(
        name.startswith("Access-Control") for name in origins.preflight(request(origin)).headers
    )


def test_preflight_allows_what_clients_send() -> None:
    headers = Origins(None).preflight(request("http://localhost")).headers

    assert "POST" in headers["Access-Control-Allow-Methods"].split(",")
    assert {"Authorization", "Content-Type", "Convex-Client"} == {
        name.strip() for name in headers["Access-Control-Allow-Headers"].split(",")
    }
