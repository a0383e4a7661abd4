"""`convex.ConvexClient` of PyPI, against a real server."""

import asyncio
import math
from typing import Any

from convex import ConvexClient, ConvexError, ConvexInt64
from harness import PROXY_URL, URL, ask, check, failure, run, unique_name

client = ConvexClient(URL)


def next_that(subscription: Any, wanted: Any) -> list[Any]:
    """Reads a subscription until a value; gives all that came."""
    values: list[Any] = []
    while not values or values[-1] != wanted:
        values.append(next(subscription))
    return values


@check("query, mutation and action")
def _() -> None:
    name = unique_name()
    assert client.query("counters:get", {"name": name}) == 0
    assert client.mutation("counters:add", {"name": name, "by": 5}) == 5
    assert client.action("nested:two_transactions", {"name": name}) == [6, 8]
    assert client.query("counters:get", {"name": name}) == 8
    assert client.query("plain") == "hello world"


@check("values of every kind come back as they were")
def _() -> None:
    value: dict[str, Any] = {
        "null": None,
        "booleans": [True, False],
        "numbers": [0.0, 1.5, math.inf, -math.inf, 5e-324],
        "int64": [ConvexInt64(0), ConvexInt64(-1), ConvexInt64(2**63 - 1), ConvexInt64(-(2**63))],
        "bytes": b"\x00\x01\xff",
        "text": 'é \U0001f600 \\ "',
        "nested": [[{"deep": []}], {}],
    }
    for back in (
        client.query("deep/echo:query", {"value": value}),
        client.mutation("deep/echo:mutation", {"value": value}),
        client.action("deep/echo:action", {"value": value}),
    ):
        assert back == value
        assert type(back["int64"][0]) is ConvexInt64
        assert type(back["bytes"]) is bytes
        assert type(back["numbers"][0]) is float
    nan = client.query("deep/echo:query", {"value": math.nan})
    assert math.isnan(nan)
    zero = client.query("deep/echo:query", {"value": -0.0})
    assert math.copysign(1, zero) == -1


@check("a subscription gives each new value")
def _() -> None:
    name = unique_name()
    subscription = client.subscribe("counters:get", {"name": name})
    assert next(subscription) == 0
    for value in (1, 2, 3):
        client.mutation("counters:add", {"name": name})
        assert next(subscription) == value
    subscription.unsubscribe()


@check("another client's write arrives")
def _() -> None:
    name = unique_name()
    subscription = client.subscribe("counters:get", {"name": name})
    assert next(subscription) == 0
    ask("addElsewhere", name, 7)
    assert next_that(subscription, 7) == [7]
    subscription.unsubscribe()


@check("a set of queries is seen at one moment")
def _() -> None:
    left, right = unique_name(), unique_name()
    one = client.subscribe("counters:get", {"name": left})
    two = client.subscribe("counters:get", {"name": right})
    assert next(one) == 0
    assert next(two) == 0
    watched = client.watch_all()
    sums = set()
    for _ in range(5):
        client.mutation("counters:transfer", {"source": left, "target": right, "amount": 1})
    moved = 0
    while moved != 5:
        results: Any = next(watched)
        moved = results[two.id]["value"]
        sums.add(results[one.id]["value"] + moved)
    assert sums == {0}
    one.unsubscribe()
    two.unsubscribe()


@check("application errors carry their data")
def _() -> None:
    expected = {"code": "NOPE", "count": ConvexInt64(7), "list": [1.5, None]}
    for call in (
        lambda: client.query("errors:dataQuery"),
        lambda: client.mutation("errors:dataMutation"),
        lambda: client.action("errors:dataAction"),
    ):
        error = failure(call)
        assert type(error) is ConvexError
        assert error.data == expected


@check("errors reach the caller")
def _() -> None:
    for call in (
        lambda: client.query("errors:boomQuery"),
        lambda: client.mutation("errors:boomMutation"),
        lambda: client.action("errors:boomAction"),
    ):
        error = failure(call)
        assert type(error) is Exception
        assert "Server Error" in str(error)


@check("a wrong argument is named")
def _() -> None:
    assert "name" in str(failure(lambda: client.query("counters:get")))
    assert "name" in str(failure(lambda: client.mutation("counters:add", {"name": 5})))


@check("a subscription to a failing query recovers")
def _() -> None:
    name = unique_name()
    subscription = client.subscribe("counters:must_not_be_negative", {"name": name})
    assert next(subscription) == 0
    client.mutation("counters:put", {"name": name, "value": -3})
    error = failure(lambda: next(subscription))
    assert type(error) is ConvexError
    assert error.data == {"name": name, "value": -3}
    client.mutation("counters:put", {"name": name, "value": 4})
    assert next(subscription) == 4
    subscription.unsubscribe()


@check("results of twenty megabytes arrive")
def _() -> None:
    """Above what the library takes in one frame."""
    count = 10_000_000
    assert client.query("limits:quotes", {"count": count}) == '"' * count
    assert client.action("big:quotes", {"count": count}) == '"' * count
    assert len(client.query("limits:data", {"size": 15_000_000})) == 15_000_000
    assert client.mutation("deep/echo:mutation", {"value": '"' * count}) == '"' * count


@check("a subscription outlives its connection")
def _() -> None:
    name = unique_name()
    through_proxy = ConvexClient(PROXY_URL)
    subscription = through_proxy.subscribe("counters:get", {"name": name})
    assert next(subscription) == 0
    ask("cut")
    ask("addElsewhere", name, 5)
    assert next_that(subscription, 5)[-1] == 5
    assert through_proxy.mutation("counters:add", {"name": name}) == 6
    assert next_that(subscription, 6)[-1] == 6


@check("an async iterator gives each new value")
def _() -> None:
    name = unique_name()

    async def iterate() -> list[Any]:
        values = []
        async for value in client.subscribe("counters:get", {"name": name}):
            values.append(value)
            if value == 3:
                return values
            client.mutation("counters:add", {"name": name})
        raise AssertionError("the subscription ended")

    assert asyncio.run(iterate()) == [0, 1, 2, 3]


run()
