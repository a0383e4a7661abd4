"""What a socket is told, and in which order.

Most of it is asserted by `SyncClient` on every frame; these tests bring about the situations.
"""

import asyncio

import pytest

from tests.clients.conftest import Connect
from tests.server import ServerProcess
from tests.sync_client import SyncClient, without_request_id
from tests.wire_values import bytes_value, exact, float64, int64, ts_number


def kinds(client: SyncClient) -> list[str]:
    return [frame["type"] for frame in client.frames]


# --- Responses and Transitions ---


async def test_write_is_answered_and_then_shown(
    lab: ServerProcess, connect: Connect, name: str
) -> None:
    client = await connect(lab.sync_url)
    query = await client.subscribe("counters:get", {"name": name})
    seen = len(client.frames)
    request = await client.request("Mutation", "counters:add", {"name": name, "by": 3})
    response = await client.settle(request)
    assert response == {
        "type": "MutationResponse",
        "requestId": request,
        "success": True,
        "result": 3,
        "ts": response["ts"],
        "logLines": [],
    }
    transition = client.transitions[-1]
    assert kinds(client)[seen:] == ["MutationResponse", "Transition"]
    assert ts_number(transition["endVersion"]["ts"]) >= ts_number(response["ts"])
    assert [change["queryId"] for change in transition["modifications"]] == [query]
    assert transition["modifications"][0]["value"] == 3


async def test_one_transition_per_commit(lab: ServerProcess, connect: Connect, name: str) -> None:
    """Python's client gives its subscribers a value for every Transition, an empty one too."""
    client = await connect(lab.sync_url)
    watcher = await connect(lab.sync_url)
    for each in (client, watcher):
        await each.subscribe("counters:get", {"name": name})
    for _ in range(5):
        response = await client.mutation("counters:add", {"name": name})
        await watcher.reaches(response["ts"])
    await client.catch_up()
    await watcher.catch_up()
    assert kinds(client) == ["Transition", *["MutationResponse", "Transition"] * 5, "Transition"]
    assert kinds(watcher) == ["Transition"] * 7


async def test_ts_is_the_wall_clock_in_nanoseconds(
    lab: ServerProcess, connect: Connect, name: str
) -> None:
    client = await connect(lab.sync_url)
    response = await client.mutation("counters:add", {"name": name})
    await client.catch_up()
    server = client.transitions[-1]["serverTs"]
    assert abs(server - ts_number(response["ts"])) < 60_000_000_000


@pytest.mark.parametrize(
    ("kind", "path", "success"),
    [
        ("Mutation", "counters:nothing", True),
        ("Mutation", "errors:boomMutation", False),
        ("Mutation", "errors:dataMutation", False),
        ("Mutation", "errors:missing", False),
        ("Action", "deep/echo:action", True),
        ("Action", "errors:boomAction", False),
        ("Action", "errors:dataAction", False),
        ("Action", "errors:missing", False),
    ],
)
async def test_transition_follows_every_response(
    lab: ServerProcess, connect: Connect, kind: str, path: str, *, success: bool
) -> None:
    """Also without a subscription, and when nothing changed."""
    client = await connect(lab.sync_url)
    response = await client.settle(await client.request(kind, path))
    assert response["success"] is success
    assert client.transitions[-1]["modifications"] == []


async def test_mutation_that_changes_nothing_moves_the_client_past_it(
    lab: ServerProcess, connect: Connect, name: str
) -> None:
    client = await connect(lab.sync_url)
    query = await client.subscribe("counters:get", {"name": name})
    response = await client.mutation("counters:nothing")
    assert client.version.ts >= ts_number(response["ts"])
    assert len(client.history[query]) == 1


async def test_mutations_of_a_socket_run_in_order(
    lab: ServerProcess, connect: Connect, name: str
) -> None:
    client = await connect(lab.sync_url)
    query = await client.subscribe("counters:get", {"name": name})
    requests = [await client.request("Mutation", "counters:add", {"name": name}) for _ in range(50)]
    responses = [await client.settle(request) for request in requests]
    assert [response["result"] for response in responses] == list(range(1, 51))
    answered = [
        frame["requestId"] for frame in client.frames if frame["type"] == "MutationResponse"
    ]
    assert answered == requests
    stamps = [ts_number(response["ts"]) for response in responses]
    assert stamps == sorted(set(stamps))
    shown = [result.value for result in client.history[query]]
    assert shown == sorted(shown)
    assert shown[-1] == 50


async def test_query_added_beside_a_mutation_shows_no_early_write(
    lab: ServerProcess, connect: Connect, name: str
) -> None:
    """An optimistic update would be applied on top of the real change."""
    client = await connect(lab.sync_url)
    for value in range(1, 31):
        before = await client.add("counters:get", {"name": name})
        request = await client.request("Mutation", "counters:add", {"name": name})
        after = await client.add("counters:get", {"name": name})
        await client.settle(request)
        await client.catch_up()
        for query in (before, after):
            assert client.results[query].value == value
            await client.remove(query)


async def test_actions_of_a_socket_run_at_once(
    lab: ServerProcess, connect: Connect, name: str
) -> None:
    """A slow action holds up neither a quick one nor a mutation."""
    client = await connect(lab.sync_url)
    slow = await client.request("Action", "faults:slow", {"seconds": 0.8})
    quick = await client.request("Action", "faults:slow", {"seconds": 0})
    mutation = await client.request("Mutation", "counters:add", {"name": name})
    for request in (slow, quick, mutation):
        assert (await client.settle(request))["success"]
    answered = [frame["requestId"] for frame in client.frames if "requestId" in frame]
    assert answered[-1] == slow


async def test_action_response_carries_no_ts(lab: ServerProcess, connect: Connect) -> None:
    client = await connect(lab.sync_url)
    response = await client.action("deep/echo:action", {"value": "x"})
    assert response == {
        "type": "ActionResponse",
        "requestId": 0,
        "success": True,
        "result": "x",
        "logLines": [],
    }


async def test_write_of_an_action_is_seen_no_later_than_its_response_settles(
    lab: ServerProcess, connect: Connect, name: str
) -> None:
    client = await connect(lab.sync_url)
    query = await client.subscribe("counters:get", {"name": name})
    response = await client.action("nested:two_transactions", {"name": name})
    assert response["result"] == [1, 3]
    assert client.results[query].value == 3


async def test_write_is_shown_to_other_clients(
    lab: ServerProcess, connect: Connect, name: str
) -> None:
    writer = await connect(lab.sync_url)
    watcher = await connect(lab.sync_url)
    query = await watcher.subscribe("counters:get", {"name": name})
    for value in range(1, 4):
        await writer.run("counters:put", {"name": name, "value": value})
        await watcher.value_becomes(query, value)
    assert [result.value for result in watcher.history[query]] == [0, 1, 2, 3]


async def test_failed_mutation_shows_nothing(
    lab: ServerProcess, connect: Connect, name: str
) -> None:
    client = await connect(lab.sync_url)
    query = await client.subscribe("counters:get", {"name": name})
    await client.fail("counters:add_then_fail", {"name": name})
    await client.catch_up()
    assert [result.value for result in client.history[query]] == [0]


# --- When a result is sent ---


async def test_run_again_with_equal_value_sends_nothing(
    lab: ServerProcess, connect: Connect, name: str
) -> None:
    watcher = await connect(lab.sync_url)
    writer = await connect(lab.sync_url)
    await writer.run("counters:put", {"name": name, "value": 1})
    plain = await watcher.subscribe("counters:is_positive", {"name": name})
    run = await watcher.subscribe("counters:is_positive_run", {"name": name})
    for value in range(2, 6):
        response = await writer.mutation("counters:put", {"name": name, "value": value})
        await watcher.catch_up(response["ts"])
    # The random number shows that the other query, which reads the same, did run again.
    assert len(watcher.history[run]) == 5
    assert [result.value for result in watcher.history[plain]] == [True]


async def test_first_result_is_sent_on_every_socket(
    lab: ServerProcess, connect: Connect, name: str
) -> None:
    """Clients forget their results when a socket ends; "unchanged" would leave them loading."""
    session = None
    for _ in range(3):
        options: dict[str, str] = {} if session is None else {"session_id": session}
        client = await connect(lab.sync_url, **options)
        session = client.session_id
        query = await client.subscribe("counters:get", {"name": name}, journal=None)
        assert client.results[query].value == 0
        await client.drop()


async def test_query_runs_once_however_many_hold_it(
    lab: ServerProcess, connect: Connect, name: str
) -> None:
    """Each run draws its own random number, so equal numbers are one run."""
    clients = [await connect(lab.sync_url) for _ in range(5)]
    queries = [
        await client.subscribe("counters:is_positive_run", {"name": name}) for client in clients
    ]
    first = [client.results[query].value for client, query in zip(clients, queries, strict=True)]
    assert all(value == first[0] for value in first)
    response = await clients[0].mutation("counters:add", {"name": name})
    for client in clients:
        await client.catch_up(response["ts"])
    second = [client.results[query].value for client, query in zip(clients, queries, strict=True)]
    assert all(value == second[0] for value in second)
    assert second[0] != first[0]


async def test_same_query_twice_on_one_socket(
    lab: ServerProcess, connect: Connect, name: str
) -> None:
    client = await connect(lab.sync_url)
    one = await client.subscribe("counters:get", {"name": name})
    two = await client.subscribe("counters:get", {"name": name})
    await client.run("counters:add", {"name": name})
    await client.value_becomes(one, 1)
    await client.value_becomes(two, 1)
    await client.remove(one)
    await client.run("counters:add", {"name": name})
    await client.value_becomes(two, 2)


async def test_unrelated_write_sends_nothing(
    lab: ServerProcess, connect: Connect, name: str
) -> None:
    watcher = await connect(lab.sync_url)
    writer = await connect(lab.sync_url)
    query = await watcher.subscribe("counters:is_positive_run", {"name": name})
    response = await writer.mutation("counters:add", {"name": f"{name} other"})
    await watcher.catch_up(response["ts"])
    assert len(watcher.history[query]) == 1


# --- Failures are results ---


async def test_failed_query_recovers_when_its_data_changes(
    lab: ServerProcess, connect: Connect, name: str
) -> None:
    watcher = await connect(lab.sync_url)
    writer = await connect(lab.sync_url)
    query = await watcher.subscribe("counters:must_not_be_negative", {"name": name})
    for value in (-1, -1, -2, 5):
        response = await writer.mutation("counters:put", {"name": name, "value": value})
        await watcher.catch_up(response["ts"])
    history = watcher.history[query]
    assert [result.error_data or result.value for result in history] == [
        0,
        {"name": name, "value": -1},
        {"name": name, "value": -2},
        5,
    ]
    assert [result.error is None for result in history] == [True, False, False, True]


async def test_query_that_fails_from_the_start_recovers(
    lab: ServerProcess, connect: Connect, name: str
) -> None:
    client = await connect(lab.sync_url)
    await client.run("counters:put", {"name": name, "value": -1})
    query = await client.subscribe("counters:must_not_be_negative", {"name": name})
    assert client.results[query].error is not None
    await client.run("counters:put", {"name": name, "value": 3})
    await client.value_becomes(query, 3)


async def test_failed_query_does_not_stop_the_others(
    lab: ServerProcess, connect: Connect, name: str
) -> None:
    client = await connect(lab.sync_url)
    good, bad = (
        client.addition("counters:get", {"name": name}),
        client.addition("errors:boomQuery"),
    )
    await client.change_queries(good, bad)
    await client.until(lambda: len(client.results) == 2)
    assert client.results[good["queryId"]].value == 0
    error = client.results[bad["queryId"]].error
    assert error is not None
    assert without_request_id(error) == " Server Error"
    await client.run("counters:add", {"name": name})
    await client.value_becomes(good["queryId"], 1)


# --- Consistency ---


async def test_no_frame_shows_one_new_and_one_old(
    lab: ServerProcess, connect: Connect, name: str
) -> None:
    """Money moves between two counters; their sum is the same at every moment."""
    names = [f"{name} a", f"{name} b"]
    watcher = await connect(lab.sync_url)
    writers = [await connect(lab.sync_url) for _ in range(3)]
    await writers[0].run("counters:put", {"name": names[0], "value": 1000})
    left = await watcher.subscribe("counters:get", {"name": names[0]})
    right = await watcher.subscribe("counters:get", {"name": names[1]})
    both = await watcher.subscribe("counters:total", {"names": names})

    async def move(writer: SyncClient, amount: int) -> None:
        for _ in range(20):
            await writer.run(
                "counters:transfer",
                {"source": names[0], "target": names[1], "amount": amount},
            )

    async def watch() -> int:
        sums = set()
        while watcher.results[right].value != 20 * (1 + 2 + 3):
            await watcher.receive()
            sums.add(watcher.results[left].value + watcher.results[right].value)
        assert sums == {1000}
        return len(watcher.history[right])

    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        watching = group.create_task(watch())
        for amount, writer in enumerate(writers, 1):
            group.create_task(move(writer, amount))
    assert watching.result() >= 2
    assert [result.value for result in watcher.history[both]] == [1000]


async def test_slow_and_quick_queries_are_shown_at_one_moment(
    lab: ServerProcess, connect: Connect, name: str
) -> None:
    """A query that takes long holds up neither truth nor other clients."""
    watcher, writer = await connect(lab.sync_url), await connect(lab.sync_url)
    quick = await watcher.subscribe("counters:get", {"name": name})
    slow = await watcher.subscribe("counters:get_after_spin", {"name": name, "seconds": 0.3})
    requests = [await writer.request("Mutation", "counters:add", {"name": name}) for _ in range(30)]
    for request in requests:
        assert (await writer.settle(request))["success"]
    while watcher.results[quick].value != 30:
        await watcher.receive()
        assert watcher.results[slow].value == watcher.results[quick].value
    assert len(watcher.history[slow]) == len(watcher.history[quick])


async def test_time_never_goes_back_over_reconnects(
    lab: ServerProcess, connect: Connect, name: str
) -> None:
    session, seen = None, 0
    values = []
    for count in range(5):
        options: dict[str, str] = {} if session is None else {"session_id": session}
        client = await connect(lab.sync_url, first_request=count, connection_count=count, **options)
        session = client.session_id
        query = await client.subscribe("counters:get", {"name": name})
        assert client.version.ts >= seen
        values.append(client.results[query].value)
        await client.run("counters:add", {"name": name})
        seen = client.version.ts
        await client.drop()
    assert values == [0, 1, 2, 3, 4]


# --- Values on the wire ---


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        False,
        0,
        5,
        -1.5,
        1e308,
        5e-324,
        2**53,
        -(2**53),
        "",
        "text",
        'é \U0001f600 \u0000 \uffff \\ "',
        [],
        [1, [2, [None]]],
        {},
        {"b": 1, "a": {"deep": [True]}},
        {"with space": 1, "_id": "legal in values"},
        int64(0),
        int64(5),
        int64(-1),
        int64(2**63 - 1),
        int64(-(2**63)),
        float64(float("nan")),
        float64(float("inf")),
        float64(float("-inf")),
        float64(-0.0),
        bytes_value(b""),
        bytes_value(b"\x00\x01\xff" * 100),
    ],
    ids=lambda value: str(value)[:30],
)
async def test_value_comes_back_as_it_was_sent(
    lab: ServerProcess, connect: Connect, value: object
) -> None:
    client = await connect(lab.sync_url)
    for back in (
        (await client.query("deep/echo:query", {"value": value})).value,
        await client.run("deep/echo:mutation", {"value": value}),
        (await client.action("deep/echo:action", {"value": value}))["result"],
    ):
        assert exact(back) == exact(value)


@pytest.mark.parametrize(
    "value",
    [
        float64(1.0),
        float64(0.0),
        {"$float": "AAAA"},
        {"$integer": "AAAA"},
        {"$integer": "not base64!!"},
        {"$integer": 5},
        {"$bytes": "not base64!!"},
        {"$bytes": 5},
        {"$set": [1]},
        {"$map": [[1, 2]]},
        {"$commitTs": None},
        {"$undefined": None},
        {"$unknown": 1},
        {"$integer": "AQAAAAAAAAA=", "second": "key"},
        {"fine": {"$bad": 1}},
        {"finé": 1},
        {"tab\t": 1},
        {"x" * 1025: 1},
        [0] * 8193,
        {f"field{number}": 0 for number in range(1025)},
    ],
    ids=lambda value: str(value)[:30],
)
async def test_value_that_is_none_is_refused(
    lab: ServerProcess, connect: Connect, value: object
) -> None:
    """An error of the call, which says what is wrong, and not of the socket."""
    client = await connect(lab.sync_url)
    for kind, path in (("Mutation", "deep/echo:mutation"), ("Action", "deep/echo:action")):
        response = await client.settle(await client.request(kind, path, {"value": value}))
        assert not response["success"]
        assert without_request_id(response["result"]) != " Server Error"
    query = await client.subscribe("deep/echo:query", {"value": value})
    assert client.results[query].error is not None


async def test_wire_values_become_python_types(lab: ServerProcess, connect: Connect) -> None:
    client = await connect(lab.sync_url)
    kinds_by_value = [
        (int64(5), "Int64"),
        (5.5, "float"),
        (True, "bool"),
        ("x", "str"),
        (bytes_value(b"x"), "bytes"),
        (None, "NoneType"),
        ([1], "list"),
        ({"a": 1}, "dict"),
    ]
    for value, kind in kinds_by_value:
        assert (await client.query("deep/echo:kinds", {"value": value})).value == kind


async def test_annotations_convert(lab: ServerProcess, connect: Connect) -> None:
    args = {
        "whole": 5,
        "real": 5,
        "big": int64(2**60),
        "text": "x",
        "data": bytes_value(b"\x01"),
    }
    client = await connect(lab.sync_url)
    assert (await client.query("deep/echo:typed", args)).value == args


async def test_int64_converts_explicitly(lab: ServerProcess, connect: Connect) -> None:
    client = await connect(lab.sync_url)
    result = await client.query("deep/echo:convert", {"big": int64(41)})
    assert result.value == {"number": 41, "next": int64(42)}
    refused = await client.query("deep/echo:convert", {"big": 41})
    assert refused.error is not None
    assert "big" in refused.error


async def test_number_beyond_exact_integers_is_an_error(
    lab: ServerProcess, connect: Connect
) -> None:
    client = await connect(lab.sync_url)
    assert (await client.query("deep/echo:big_number", {"exponent": 53})).value == 2**53
    beyond = await client.query("deep/echo:big_number", {"exponent": 54})
    assert beyond.error is not None


async def test_result_is_checked_by_its_annotation(
    lab_dev: ServerProcess, connect: Connect
) -> None:
    client = await connect(lab_dev.sync_url)
    assert (await client.query("deep/echo:result_is_checked", {"value": 7})).value == 7
    wrong = await client.query("deep/echo:result_is_checked", {"value": "seven"})
    assert wrong.error is not None
    assert "integer" in wrong.error
