"""`convex.http_client.ConvexHttpClient` of PyPI, against a real server."""

import math
import warnings
from typing import Any

from convex import ConvexError, ConvexInt64
from convex.http_client import ConvexExecutionError, ConvexHttpClient
from harness import URL, check, failure, run, unique_name

# A warning would be one about this client's version.
warnings.simplefilter("error")

client = ConvexHttpClient(URL)


@check("query, mutation and action")
def _() -> None:
    name = unique_name()
    # Whole numbers must come as floats, or the client raises.
    assert client.query("counters:get", {"name": name}) == 0
    assert client.mutation("counters:add", {"name": name, "by": 5}) == 5
    assert client.query("counters:get", {"name": name}) == 5
    assert client.action("nested:two_transactions", {"name": name}) == [6, 8]
    assert client.query("plain") == "hello world"
    assert client.query("limits:numbers", {"count": 3}) == [0, 1, 2]


@check("values of every kind come back as they were")
def _() -> None:
    value: dict[str, Any] = {
        "numbers": [0.0, 1.5, math.inf, -math.inf, 1e21, -1e-7],
        "int64": [ConvexInt64(0), ConvexInt64(2**63 - 1)],
        "bytes": b"\x00\xff",
        "nested": [None, True, {"text": "é\U0001f600"}],
    }
    for back in (
        client.query("deep/echo:query", {"value": value}),
        client.mutation("deep/echo:mutation", {"value": value}),
        client.action("deep/echo:action", {"value": value}),
    ):
        assert back == value
    assert math.isnan(client.query("deep/echo:query", {"value": math.nan}))


@check("documents and their creation times")
def _() -> None:
    name = unique_name()
    client.mutation("counters:put", {"name": name, "value": 3})
    document = client.query("counters:document", {"name": name})
    assert type(document.pop("_creationTime")) is float
    assert type(document.pop("_id")) is str
    assert document == {"name": name, "value": 3}


@check("errors reach the caller")
def _() -> None:
    for call in (
        lambda: client.query("errors:boomQuery"),
        lambda: client.mutation("errors:boomMutation"),
        lambda: client.action("errors:boomAction"),
    ):
        error = failure(call)
        assert type(error) is ConvexExecutionError
        assert "Server Error" in str(error)


@check("application errors carry their data")
def _() -> None:
    error = failure(lambda: client.query("errors:textQuery"))
    assert type(error) is ConvexError
    assert error.data == "only a text"
    error = failure(lambda: client.mutation("errors:dataMutation"))
    assert type(error) is ConvexError
    assert error.data["code"] == "NOPE"


@check("a wrong argument is named")
def _() -> None:
    assert "name" in str(failure(lambda: client.query("counters:get")))


@check("a bad request is told with code and message")
def _() -> None:
    error = failure(lambda: client.query("not a path"))
    assert str(error).startswith("400 BadConvexFunctionIdentifier: ")


run()
