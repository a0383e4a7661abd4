"""The HTTP endpoints, without a client library between."""

import base64
import io
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from tests.server import ServerProcess
from tests.sync_client import without_request_id
from tests.wire_values import bytes_value, float64, int64, ts_number, ts_text

Answer = dict[str, Any]
ENCODED = "convex_encoded_json"


class Http:
    """Posts calls to one server."""

    def __init__(self, session: aiohttp.ClientSession, server: ServerProcess) -> None:
        self.session = session
        self.url = server.url

    async def call(
        self,
        endpoint: str,
        path: str,
        args: Any = None,
        *,
        format: str | None = ENCODED,  # the name of the key
        **more: Any,
    ) -> Answer:
        """A call that the server takes; gives the answer, which is 200 even for a failure."""
        body = {"path": path, "args": {} if args is None else args, **more}
        if format is not None:
            body["format"] = format
        async with self.session.post(f"{self.url}/api/{endpoint}", json=body) as response:
            text = await response.text()
            assert response.status == 200, text
            assert response.content_type == "application/json"
            answer: Answer = json.loads(text)
        if answer["status"] == "success":
            assert set(answer) <= {"status", "value", "logLines"}
            assert "value" in answer
        else:
            assert answer["status"] == "error"
            assert set(answer) <= {"status", "errorMessage", "errorData", "logLines"}
            assert isinstance(answer["errorMessage"], str)
        # Left out where there are none.
        assert answer.get("logLines") != []
        return answer

    async def value(self, endpoint: str, path: str, args: Any = None, **more: Any) -> Any:
        answer = await self.call(endpoint, path, args, **more)
        assert answer["status"] == "success", answer
        return answer["value"]

    async def refused(self, method: str, route: str, **request: Any) -> tuple[int, dict[str, str]]:
        """A request that the server does not take; gives status and body."""
        async with self.session.request(method, f"{self.url}{route}", **request) as response:
            text = await response.text()
            assert response.status >= 400, text
            error = json.loads(text)
            assert set(error) >= {"code", "message"}
            assert isinstance(error["code"], str)
            assert isinstance(error["message"], str)
            return response.status, error


@pytest.fixture
async def http(lab: ServerProcess) -> AsyncIterator[Http]:
    async with aiohttp.ClientSession() as session:
        yield Http(session, lab)


@pytest.fixture
async def dev_http(lab_dev: ServerProcess) -> AsyncIterator[Http]:
    async with aiohttp.ClientSession() as session:
        yield Http(session, lab_dev)


# --- Calls ---


async def test_query_mutation_and_action(http: Http, name: str) -> None:
    assert await http.value("query", "counters:get", {"name": name}) == 0
    assert await http.value("mutation", "counters:add", {"name": name, "by": 4}) == 4
    assert await http.value("query", "counters:get", {"name": name}) == 4
    assert await http.value("action", "nested:two_transactions", {"name": name}) == [5, 7]


async def test_arguments_are_an_object_or_an_array_of_one(http: Http, name: str) -> None:
    for args in ({"name": name}, [{"name": name}]):
        assert await http.value("query", "counters:get", args) == 0


async def test_query_by_get(http: Http) -> None:
    params = {"path": "plain", "args": json.dumps({"name": "you"}), "format": "json"}
    async with http.session.get(f"{http.url}/api/query", params=params) as response:
        assert response.status == 200
        assert await response.json() == {"status": "success", "value": "hello you"}


@pytest.mark.parametrize(
    ("path", "args"),
    [("plain", {}), ("plain.js", {}), ("plain:default", {}), ("deep/echo.js:query", {"value": 1})],
)
async def test_paths_are_normalised(http: Http, path: str, args: Any) -> None:
    assert await http.value("query", path, args) == args.get("value", "hello world")


async def test_run_takes_the_function_from_the_url(http: Http, name: str) -> None:
    for route, args, expected in (
        ("counters/add", {"name": name}, 1),
        ("counters/get", {"name": name}, 1),
        ("deep/echo/action", {"value": int64(5)}, "5"),
        ("plain/default", {}, "hello world"),
    ):
        url = f"{http.url}/api/run/{route}"
        async with http.session.post(url, json={"args": args}) as response:
            assert response.status == 200
            assert await response.json() == {"status": "success", "value": expected}
    status, error = await http.refused("POST", "/api/run/plain", json={"args": {}})
    assert (status, error["code"]) == (400, "MissingIdentifier")


async def test_function_route_needs_the_admin_key(http: Http, name: str) -> None:
    body = {"path": "counters:add", "args": {"name": name}}
    status, _ = await http.refused("POST", "/api/function", json=body)
    assert status in {401, 403}
    assert await http.value("query", "counters:get", {"name": name}) == 0


# --- Values ---

EVERY_KIND = {
    "int64": int64(2**60),
    "float": 1.5,
    "whole": 5.0,
    "nan": float64(float("nan")),
    "infinite": float64(float("-inf")),
    "bytes": bytes_value(b"\x00\xff"),
    "nested": [None, True, {"text": "é"}],
}


@pytest.mark.parametrize("encoded", [ENCODED, "convex_json"])
async def test_encoded_format_keeps_every_kind(http: Http, encoded: str) -> None:
    for endpoint, path in (
        ("query", "deep/echo:query"),
        ("mutation", "deep/echo:mutation"),
        ("action", "deep/echo:action"),
    ):
        value = await http.value(endpoint, path, {"value": EVERY_KIND}, format=encoded)
        assert value == EVERY_KIND


@pytest.mark.parametrize("clean", ["json", "convex_clean_json", None])
async def test_clean_format_is_plain_json(http: Http, clean: str | None) -> None:
    """The default where no format is given."""
    args = {"value": EVERY_KIND}
    assert await http.value("query", "deep/echo:query", args, format=clean) == {
        "int64": str(2**60),
        "float": 1.5,
        "whole": 5.0,
        "nan": "NaN",
        "infinite": "-Infinity",
        "bytes": base64.b64encode(b"\x00\xff").decode(),
        "nested": [None, True, {"text": "é"}],
    }


async def test_numbers_are_written_as_floats(http: Http) -> None:
    """The Python HTTP client takes a JSON integer for an error."""
    body = {"path": "limits:numbers", "args": {"count": 3}, "format": ENCODED}
    async with http.session.post(f"{http.url}/api/query", json=body) as response:
        text = await response.text()
    assert "[0.0,1.0,2.0]" in text.replace(" ", "")


async def test_unknown_format_is_refused(http: Http) -> None:
    status, error = await http.refused(
        "POST", "/api/query", json={"path": "plain", "args": {}, "format": "xml"}
    )
    assert (status, error["code"]) == (400, "BadFormat")


# --- Failures of functions ---


@pytest.mark.parametrize("kind", ["Query", "Mutation", "Action"])
async def test_failure_is_answered_with_200(http: Http, dev_http: Http, kind: str) -> None:
    plain = await http.call(kind.lower(), f"errors:boom{kind}")
    assert without_request_id(plain.pop("errorMessage")) == " Server Error"
    assert plain == {"status": "error"}
    with_data = await http.call(kind.lower(), f"errors:data{kind}")
    assert with_data["errorData"] == {
        "code": "NOPE",
        "count": int64(7),
        "list": [1.5, None],
    }
    told = await dev_http.call(kind.lower(), f"errors:boom{kind}")
    assert f"the {kind.lower()} went boom" in told["errorMessage"]
    assert "errorData" not in told


async def test_request_id_of_the_caller_is_used(http: Http) -> None:
    async with http.session.post(
        f"{http.url}/api/query",
        json={"path": "errors:boomQuery", "args": {}},
        headers={"convex-request-id": "0123456789abcdef"},
    ) as response:
        answer = await response.json()
    assert answer["errorMessage"] == "[Request ID: 0123456789abcdef] Server Error"


@pytest.mark.parametrize(
    ("endpoint", "path", "args", "named"),
    [
        ("query", "counters:get", {}, "name"),
        ("mutation", "counters:add", {"name": 5}, "name"),
        ("action", "faults:slow", {"seconds": "x"}, "seconds"),
        ("query", "counters:get", {"name": "x", "surplus": 1}, "surplus"),
    ],
)
async def test_argument_error_is_a_failure_that_names_it(
    http: Http, endpoint: str, path: str, args: Any, named: str
) -> None:
    assert named in (await http.call(endpoint, path, args))["errorMessage"]


async def test_missing_and_internal_are_answered_alike(http: Http) -> None:
    answers = set()
    for path in ("hidden:secret_query", "hidden:missing"):
        message = (await http.call("query", path))["errorMessage"]
        answers.add(without_request_id(message).replace(path, "PATH"))
    assert len(answers) == 1


async def test_log_lines_in_development(dev_http: Http, name: str) -> None:
    answer = await dev_http.call("mutation", "errors:logged", {"text": name})
    (line,) = answer["logLines"]
    assert line.startswith("[LOG] ")
    assert name in line


# --- Requests that are wrong ---


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"{", {"Content-Type": "application/json"}),
        (b"[]", {"Content-Type": "application/json"}),
        (b"", {"Content-Type": "application/json"}),
        (b'{"args": {}}', {"Content-Type": "application/json"}),
        (b'{"path": 5, "args": {}}', {"Content-Type": "application/json"}),
        (b'{"path": "plain", "args": {}}', {"Content-Type": "text/plain"}),
        (b'{"path": "plain", "args": {"a": NaN}}', {"Content-Type": "application/json"}),
    ],
)
async def test_bad_body_is_refused(http: Http, body: bytes, headers: dict[str, str]) -> None:
    for endpoint in ("query", "mutation", "action"):
        status, error = await http.refused("POST", f"/api/{endpoint}", data=body, headers=headers)
        assert (status, error["code"]) == (400, "BadJsonBody")


@pytest.mark.parametrize("path", ["", "a b:c", "../schema:get", "deep/echo:1x"])
async def test_bad_path_is_refused(http: Http, path: str) -> None:
    status, error = await http.refused("POST", "/api/query", json={"path": path, "args": {}})
    assert (status, error["code"]) == (400, "BadConvexFunctionIdentifier")


async def test_body_over_the_limit_is_refused(http: Http) -> None:
    limit = 16 * 1024 * 1024
    body = json.dumps({"path": "limits:size_of", "args": {"text": "x" * (limit + 3000)}})
    headers = {"Content-Type": "application/json"}
    status, _ = await http.refused(
        "POST", "/api/query", data=io.BytesIO(body.encode()), headers=headers
    )
    assert status in {400, 413}
    body = json.dumps({"path": "limits:size_of", "args": {"text": "x" * (limit - 100)}})
    async with http.session.post(
        f"{http.url}/api/query", data=io.BytesIO(body.encode()), headers=headers
    ) as response:
        assert (await response.json())["value"] == limit - 100


async def test_unknown_route_is_404(http: Http) -> None:
    for method, route in (("GET", "/api/nothing"), ("POST", "/api/nothing"), ("GET", "/nothing")):
        async with http.session.request(method, f"{http.url}{route}") as response:
            assert response.status == 404


async def test_old_client_is_refused(http: Http) -> None:
    status, error = await http.refused(
        "POST",
        "/api/query",
        json={"path": "plain", "args": {}},
        headers={"Convex-Client": "npm-0.19.1"},
    )
    assert (status, error["code"]) == (400, "ClientVersionUnsupported")


async def test_ageing_client_is_warned(http: Http) -> None:
    async with http.session.post(
        f"{http.url}/api/query",
        json={"path": "plain", "args": {}},
        headers={"Convex-Client": "python-0.2.0"},
    ) as response:
        assert response.status == 200
        assert response.headers["x-convex-deprecation-state"] == "UpgradeRequired"
        assert response.headers["x-convex-deprecation-message"]
        # So old a client expects the encoded format where it names none.
        assert (await response.json())["value"] == "hello world"


@pytest.mark.parametrize("client", ["python-0.4.9", "npm-1.4.0"])
async def test_old_clients_get_the_encoded_format_unasked(http: Http, client: str) -> None:
    async with http.session.post(
        f"{http.url}/api/query",
        json={"path": "deep/echo:query", "args": {"value": int64(5)}},
        headers={"Convex-Client": client},
    ) as response:
        assert (await response.json())["value"] == int64(5)


# --- One snapshot for several queries ---


async def test_query_at_a_ts_sees_that_moment(http: Http, name: str) -> None:
    await http.value("mutation", "counters:put", {"name": name, "value": 1})
    async with http.session.post(f"{http.url}/api/query_ts") as response:
        assert response.status == 200
        ts = (await response.json())["ts"]
    assert ts_number(ts) > 0
    await http.value("mutation", "counters:put", {"name": name, "value": 2})
    args = {"name": name}
    assert await http.value("query_at_ts", "counters:get", args, ts=ts) == 1
    assert await http.value("query", "counters:get", args) == 2
    async with http.session.post(f"{http.url}/api/query_ts", json={"ignored": 1}) as response:
        later = (await response.json())["ts"]
    assert ts_number(later) > ts_number(ts)
    assert await http.value("query_at_ts", "counters:get", args, ts=later) == 2


@pytest.mark.parametrize("ts", ["", "not a ts", "AAAA", 5, None, ts_text(2**62)])
async def test_query_at_a_ts_that_is_none_is_refused(http: Http, ts: Any) -> None:
    """Not base64 of eight bytes, or a moment that is still to come."""
    body = {"path": "plain", "args": {}, "ts": ts}
    status, _ = await http.refused("POST", "/api/query_at_ts", json=body)
    assert status in {400, 503}


async def test_query_batch(http: Http, name: str) -> None:
    await http.value("mutation", "counters:put", {"name": name, "value": 3})
    queries = [
        {"path": "counters:get", "args": {"name": name}, "format": ENCODED},
        {"path": "counters:get", "args": [{"name": name}]},
        {"path": "errors:dataQuery", "args": {}, "format": ENCODED},
        {"path": "plain", "args": {}},
    ]
    async with http.session.post(
        f"{http.url}/api/query_batch", json={"queries": queries}
    ) as response:
        assert response.status == 200
        results = (await response.json())["results"]
    assert [result["status"] for result in results] == ["success", "success", "error", "success"]
    assert [result.get("value") for result in results] == [3, 3, None, "hello world"]
    assert results[2]["errorData"]["code"] == "NOPE"


# --- Browsers ---


async def test_preflight_is_answered(http: Http) -> None:
    async with http.session.options(
        f"{http.url}/api/query",
        headers={
            "Origin": "http://localhost:5173",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type,convex-client",
        },
    ) as response:
        assert response.status == 200
        headers = response.headers
    assert headers["Access-Control-Allow-Origin"] == "http://localhost:5173"
    assert headers["Access-Control-Allow-Credentials"] == "true"
    assert headers["Access-Control-Allow-Headers"] == "content-type,convex-client"
    assert headers["Access-Control-Max-Age"] == "86400"
    allowed = {method.strip() for method in headers["Access-Control-Allow-Methods"].split(",")}
    assert allowed == {"GET", "POST", "OPTIONS", "PATCH", "DELETE", "PUT"}
    varying = {part.strip().lower() for part in ",".join(headers.getall("Vary")).split(",")}
    assert varying >= {
        "origin",
        "access-control-request-method",
        "access-control-request-headers",
    }


async def test_origin_is_mirrored(http: Http) -> None:
    for body, status in (({"path": "plain", "args": {}}, 200), ({}, 400)):
        async with http.session.post(
            f"{http.url}/api/query", json=body, headers={"Origin": "http://127.0.0.1:8080"}
        ) as response:
            assert response.status == status
            assert response.headers["Access-Control-Allow-Origin"] == "http://127.0.0.1:8080"
            assert response.headers["Access-Control-Allow-Credentials"] == "true"


async def test_foreign_origin_is_not_mirrored(http: Http) -> None:
    async with http.session.post(
        f"{http.url}/api/query",
        json={"path": "plain", "args": {}},
        headers={"Origin": "https://evil.example"},
    ) as response:
        assert "Access-Control-Allow-Origin" not in response.headers


async def test_no_origin_no_headers(http: Http) -> None:
    async with http.session.post(
        f"{http.url}/api/query", json={"path": "plain", "args": {}}
    ) as response:
        assert response.status == 200
        assert "Access-Control-Allow-Origin" not in response.headers


# --- Small routes ---


@pytest.mark.parametrize("route", ["/version", "/instance_version", "/instance_name"])
async def test_small_route_is_a_text(http: Http, route: str) -> None:
    async with http.session.get(f"{http.url}{route}") as response:
        assert response.status == 200
        assert response.content_type == "text/plain"
        assert (await response.text()).strip()


async def test_health(http: Http) -> None:
    async with http.session.get(f"{http.url}/healthz") as response:
        assert response.status == 200
