"""A project inside somebody else's aiohttp application, below a path of it."""

from collections.abc import AsyncIterator, Iterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from reactive import create_app
from reactive.client import ReactiveClient
from tests.endpoints.conftest import APP
from tests.runtime.harness import own_modules

Client = TestClient[web.Request, web.Application]

ORIGIN = {"Origin": "http://localhost:5173"}


@pytest.fixture(autouse=True)
def _own_modules() -> Iterator[None]:
    with own_modules():
        yield


@pytest.fixture
async def outer() -> AsyncIterator[Client]:
    async def hello(request: web.Request) -> web.Response:
        return web.Response(text="the outer one")

    project = create_app(APP, store="memory:", static="web", admin_key="secret")
    application = web.Application()
    application.router.add_get("/hello", hello)
    application.add_subapp("/back/end", project)
    async with TestClient(TestServer(application)) as client:
        yield client


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/hello", "the outer one"),
        ("/back/end/hello?name=Ada", "hello Ada"),
        ("/back/end/http/hello", "hello you"),
        ("/back/end/tree/oak/acorn", "oak:acorn"),
        ("/back/end/page.txt", "from the route"),
        ("/back/end/", "This reactive server is running.\n"),
        ("/back/end/nowhere", "No matching routes found"),
    ],
)
async def test_paths(outer: Client, path: str, text: str) -> None:
    async with outer.get(path) as response:
        assert await response.text() == text


async def test_own_paths_come_first(outer: Client) -> None:
    async with outer.get("/back/end/healthz") as response:
        assert (await response.json())["status"] == "ok"
    async with outer.post("/back/end/api/query", json={"path": 5}, headers=ORIGIN) as response:
        assert response.status == 400
        assert (await response.json())["code"] == "BadJsonBody"
        assert response.headers["Access-Control-Allow-Origin"] == ORIGIN["Origin"]


async def test_cors(outer: Client) -> None:
    asked = {**ORIGIN, "Access-Control-Request-Method": "POST"}
    for path in ("/back/end/cors/default", "/back/end/api/mutation"):
        async with outer.options(path, headers=asked) as response:
            assert response.ok
            assert "POST" in response.headers["Access-Control-Allow-Methods"]
            assert response.headers["Access-Control-Allow-Origin"] == ORIGIN["Origin"]


async def test_url_of_a_file_leads_to_it(outer: Client) -> None:
    async with outer.post("/back/end/files", data=b"some bytes") as response:
        url = (await response.json())["url"]
    async with outer.session.get(url) as response:
        assert await response.read() == b"some bytes"


async def test_client(outer: Client) -> None:
    async with ReactiveClient(str(outer.make_url("/back/end"))) as client:
        await client.mutation("notes:add", text="from within")
        assert await client.query("notes:list") == ["from within"]
