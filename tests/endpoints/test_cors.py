"""CORS of endpoints, as `reactive.cors` gives it."""

import pytest
from aiohttp import ClientSession

LOCAL = "http://localhost:5173"
EXAMPLE = "https://app.example.com"


async def preflight(
    site: ClientSession, path: str, origin: str, method: str = "GET", headers: str | None = None
) -> tuple[int, dict[str, str]]:
    asked = {"Origin": origin, "Access-Control-Request-Method": method}
    if headers is not None:
        asked["Access-Control-Request-Headers"] = headers
    async with site.options(path, headers=asked) as response:
        return response.status, {name.lower(): value for name, value in response.headers.items()}


async def test_preflight_of_the_default(site: ClientSession) -> None:
    status, headers = await preflight(site, "/cors/default", LOCAL, "POST", "x-one, content-type")

    assert status == 204
    assert headers["access-control-allow-origin"] == LOCAL
    assert headers["access-control-allow-methods"] == "GET, POST"
    assert headers["access-control-allow-headers"] == "x-one, content-type"
    assert headers["access-control-max-age"] == "86400"
    assert "access-control-allow-credentials" not in headers
    assert {"Origin", "Access-Control-Request-Headers"} == set(headers["vary"].split(", "))


async def test_preflight_of_a_list(site: ClientSession) -> None:
    status, headers = await preflight(site, "/cors/list/x", EXAMPLE, "PUT", "x-three")

    assert status == 204
    assert headers["access-control-allow-origin"] == EXAMPLE
    assert headers["access-control-allow-credentials"] == "true"
    assert headers["access-control-allow-headers"] == "X-One, X-Two"
    assert headers["access-control-max-age"] == "60"
    assert headers["vary"] == "Origin"


@pytest.mark.parametrize("port", ["1", "8080"])
async def test_any_port(site: ClientSession, port: str) -> None:
    origin = f"http://dev.example.com:{port}"
    assert (await preflight(site, "/cors/list/", origin, "PUT"))[0] == 204


@pytest.mark.parametrize(
    ("path", "origin", "method"),
    [
        ("/cors/default", "https://evil.example", "GET"),
        ("/cors/list/", LOCAL, "PUT"),
        ("/cors/list/", "https://app.example.com.evil.example", "PUT"),
        ("/cors/list/", "null", "PUT"),
    ],
)
async def test_foreign_origin(site: ClientSession, path: str, origin: str, method: str) -> None:
    status, headers = await preflight(site, path, origin, method)
    assert status == 403
    assert "access-control-allow-origin" not in headers
    async with site.request(method, path, headers={"Origin": origin}) as response:
        assert response.status == 200
        assert "Access-Control-Allow-Origin" not in response.headers
        assert "Origin" in response.headers["Vary"]


@pytest.mark.parametrize(
    "path", ["/cors/decorated", "/cors/decorated-above", "/http/cors/decorated"]
)
async def test_any_origin(site: ClientSession, path: str) -> None:
    status, headers = await preflight(site, path, "https://anybody.example")
    assert (status, headers["access-control-allow-origin"]) == (204, "*")
    async with site.get(path, headers={"Origin": "https://anybody.example"}) as response:
        assert response.headers["Access-Control-Allow-Origin"] == "*"
        assert "Vary" not in response.headers


async def test_headers_of_an_answer(site: ClientSession) -> None:
    async with site.put("/cors/list/x", headers={"Origin": EXAMPLE}) as response:
        assert response.headers["Access-Control-Allow-Origin"] == EXAMPLE
        assert response.headers["Access-Control-Allow-Credentials"] == "true"
        assert response.headers["Access-Control-Expose-Headers"] == "X-Stream-Id"
        assert response.headers["Vary"] == "Accept, Origin"


@pytest.mark.parametrize(
    ("path", "status"), [("/cors/boom", 500), ("/cors/gone", 410), ("/cors/sse", 200)]
)
async def test_failures_and_streams_have_them_too(
    site: ClientSession, path: str, status: int
) -> None:
    async with site.get(path, headers={"Origin": EXAMPLE}) as response:
        assert response.status == status
        assert response.headers["Access-Control-Allow-Origin"] == "*"


async def test_options_that_is_no_preflight(site: ClientSession) -> None:
    async with site.options("/cors/default") as response:
        assert (response.status, response.headers["Allow"]) == (204, "GET, POST, OPTIONS")


async def test_authors_own_options_come_first(site: ClientSession) -> None:
    status, headers = await preflight(site, "/cors/by-hand", LOCAL)
    assert (status, headers["access-control-allow-origin"]) == (200, "https://by.hand")
    async with site.get("/cors/by-hand", headers={"Origin": LOCAL}) as response:
        assert response.headers.getall("Access-Control-Allow-Origin") == ["https://by.hand"]


async def test_without_cors_there_are_none(site: ClientSession) -> None:
    assert (await preflight(site, "/cors/none", LOCAL))[0] == 404
    async with site.get("/cors/none", headers={"Origin": LOCAL}) as response:
        assert "Access-Control-Allow-Origin" not in response.headers


async def test_own_endpoints_keep_their_own(site: ClientSession) -> None:
    status, headers = await preflight(site, "/api/query", LOCAL, "POST", "convex-client")
    assert (status, headers["access-control-allow-origin"]) == (200, LOCAL)
    assert headers["access-control-allow-credentials"] == "true"
