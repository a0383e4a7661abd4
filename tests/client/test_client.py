"""The client against a real server whose connection holds."""

import asyncio
import gc
import logging
from typing import Any

import pytest

from reactive.client import (
    ApplicationError,
    AuthenticationError,
    ClientClosedError,
    FunctionError,
    Int64,
    OptimisticStore,
    ReactiveClient,
    Subscription,
)
from reactive.errors import CallError, UsageError
from tests.client.conftest import StartServer
from tests.proxy import TcpProxy
from tests.server import ServerProcess

pytestmark = pytest.mark.timeout(60)
COUNTER = "counters:get"


async def becomes(subscription: Subscription, value: Any) -> list[Any]:
    """Reads until the value comes; gives the values before it."""
    seen: list[Any] = []
    async with asyncio.timeout(10):
        async for each in subscription:
            if each == value:
                return seen
            seen.append(each)
    raise AssertionError(f"ended after {seen}")


def at_once(subscription: Subscription) -> Any:
    """The next result, which must be there without waiting."""
    step = subscription.__anext__()
    try:
        step.send(None)
    except StopIteration as done:
        return done.value
    step.close()
    raise AssertionError("nothing new")


async def test_query_mutation_action(lab: ServerProcess, name: str) -> None:
    async with ReactiveClient(lab.url) as client:
        assert await client.query(COUNTER, name=name) == 0
        assert await client.mutation("counters:add", {"name": name}, by=3) == 3
        assert await client.query(COUNTER, {"name": name}) == 3
        assert await client.action("nested:two_transactions", name=name) is not None
        assert await client.query("plain", name="you") == "hello you"


@pytest.mark.parametrize("form", ["{}", "{}/", "ws{}"])
async def test_forms_of_the_address(lab: ServerProcess, form: str) -> None:
    address = form.format(lab.url.removeprefix("http") if form[0] == "w" else lab.url)
    async with ReactiveClient(address) as client:
        assert await client.query("plain") == "hello world"


@pytest.mark.parametrize("address", ["127.0.0.1:3210", "ftp://host", "http://", "http://host?a=b"])
def test_what_is_no_address(address: str) -> None:
    with pytest.raises(UsageError, match="address"):
        ReactiveClient(address)


@pytest.mark.parametrize("kind", ["query", "mutation", "action"])
async def test_values(lab: ServerProcess, kind: str) -> None:
    value = {"a": [1, 1.5, None, True, "é"], "big": Int64(2**60), "raw": b"\0\1", "inf": -1e400}
    async with ReactiveClient(lab.url) as client:
        back = await getattr(client, kind)(f"deep/echo:{kind}", value=value)
    assert back == value
    assert type(back["big"]) is Int64
    assert [type(each) for each in back["a"]] == [int, float, type(None), bool, str]


async def test_names_that_python_cannot_spell(lab: ServerProcess, name: str) -> None:
    async with ReactiveClient(lab.url) as client:
        await client.mutation("items:fill", list_name=name, ranks=[1, 2, 3])
        options = {"numItems": 2, "cursor": None}
        result = await client.query(
            "items:page", {"paginationOpts": options}, list_name=name, order="desc"
        )
        assert [item["rank"] for item in result["page"]] == [3, 2]
        with pytest.raises(CallError, match="'order' is given twice"):
            await client.query("items:page", {"order": "asc"}, order="desc")


async def test_errors(lab: ServerProcess) -> None:
    async with ReactiveClient(lab.url) as client:
        for kind in ("Query", "Mutation", "Action"):
            call = getattr(client, kind.lower())
            with pytest.raises(ApplicationError) as own:
                await call(f"errors:data{kind}")
            assert own.value.data == {"code": "NOPE", "count": Int64(7), "list": [1.5, None]}
            assert "request id" in own.value.__notes__[0]
            with pytest.raises(FunctionError, match="Server Error") as plain:
                await call(f"errors:boom{kind}")
            assert plain.value.request_id
            assert plain.value.function == f"errors:boom{kind}"
        with pytest.raises(FunctionError, match="no such|Could not find"):
            await client.query("nowhere:at_all")
        with pytest.raises(CallError, match="not a valid path"):
            await client.query("no where")
        with pytest.raises(CallError, match=r"at \.name"):
            await client.mutation("counters:add", name=object())
        assert await client.query("plain") == "hello world"


async def test_subscription_sees_writes_of_others(lab: ServerProcess, name: str) -> None:
    async with (
        ReactiveClient(lab.url) as client,
        ReactiveClient(lab.url) as other,
        client.subscribe(COUNTER, name=name) as live,
    ):
        assert await anext(live) == 0
        await other.mutation("counters:add", name=name)
        assert await anext(live) == 1


async def test_slow_reader_gets_the_newest(lab: ServerProcess, name: str) -> None:
    async with ReactiveClient(lab.url) as client:
        live = client.subscribe(COUNTER, name=name)
        assert await anext(live) == 0
        for _ in range(5):
            await client.mutation("counters:add", name=name)
        assert await anext(live) == 5
        waiting = asyncio.create_task(anext(live))
        await client.mutation("counters:add", name=f"{name} other")
        assert not waiting.done()
        await client.mutation("counters:add", name=name)
        assert await waiting == 6


async def test_own_write_is_there_when_the_mutation_returns(lab: ServerProcess, name: str) -> None:
    async with ReactiveClient(lab.url) as client:
        live = client.subscribe(COUNTER, name=name)
        await anext(live)
        for number in range(1, 20):
            await client.mutation("counters:add", name=name)
            assert at_once(live) == number


async def test_subscribers_share_one_query(
    lab: ServerProcess, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A shared query logs once each time that its result changes."""
    caplog.set_level(logging.INFO, "reactive.client")
    async with ReactiveClient(lab.url) as client:
        early = client.subscribe("counters:is_positive_run", name=name)
        first = await anext(early)
        late = client.subscribe("counters:is_positive_run", {"name": name})
        assert at_once(late) == first
        first["run"] = "changed"
        await early.aclose()
        with pytest.raises(StopAsyncIteration):
            await anext(early)
        await client.mutation("counters:add", name=name)
        second = await anext(late)
        assert second["positive"]
        assert await client.query("counters:is_positive_run", name=name) == second
        assert len(client._state._queries) == 1
        await late.aclose()
        assert not client._state._queries


async def test_forgotten_subscription_ends(lab: ServerProcess, name: str) -> None:
    async with ReactiveClient(lab.url) as client:
        async for _ in client.subscribe(COUNTER, name=name):
            break
        gc.collect()
        await client.query("plain")  # the loop's next turn ends what is garbage
        assert not client._state._queries


async def test_iteration_goes_on_after_an_error(lab: ServerProcess, name: str) -> None:
    async with ReactiveClient(lab.url) as client:
        live = client.subscribe("counters:must_not_be_negative", name=name)
        assert await anext(live) == 0
        await client.mutation("counters:put", name=name, value=-1)
        with pytest.raises(ApplicationError) as error:
            await anext(live)
        assert error.value.data == {"name": name, "value": -1}
        again = asyncio.create_task(becomes(live, 7))
        await client.mutation("counters:put", name=name, value=7)
        assert await again == []


async def test_pages_stay_gapless(lab: ServerProcess, name: str) -> None:
    async with ReactiveClient(lab.url) as client:
        await client.mutation("items:fill", list_name=name, ranks=[1, 2, 3, 4])
        options = {"numItems": 2, "cursor": None, "id": 1}
        live = client.subscribe("items:page", list_name=name, paginationOpts=options)
        first = await anext(live)
        assert [item["rank"] for item in first["page"]] == [1, 2]
        await client.mutation("items:add", list_name=name, rank=1.5)
        grown = await anext(live)
        assert [item["rank"] for item in grown["page"]] == [1, 1.5, 2]
        assert grown["continueCursor"] == first["continueCursor"]


async def test_mutations_run_in_order(lab: ServerProcess, name: str) -> None:
    """More than a server lets one client have under way."""
    async with ReactiveClient(lab.url) as client:
        calls = [client.mutation("counters:add", name=name) for _ in range(1_500)]
        assert await asyncio.gather(*calls) == list(range(1, 1_501))


async def test_large_results(lab: ServerProcess) -> None:
    """A Transition in many chunks, and an action's answer that cannot be cut."""
    text = "é" * 3_000_000
    async with ReactiveClient(lab.url) as client:
        assert await client.query("deep/echo:query", value=text) == text
        assert await client.action("big:quotes", count=3_000_000) == '"' * 3_000_000


async def test_log_lines(own_server: StartServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "reactive.client")
    server = own_server(command="dev")
    async with ReactiveClient(server.url) as client:
        await client.mutation("errors:logged", text="something")
    assert "errors:logged: [LOG] 'said' 'something'" in caplog.text


async def test_admin_key(own_server: StartServer) -> None:
    server = own_server(env={"REACTIVE_ADMIN_KEY": "dev|secret"})
    async with ReactiveClient(server.url, admin_key="dev|secret") as client:
        assert await client.query("hidden:secret_query") == "a secret"
        assert await client.mutation("hidden:secret_mutation") == "a secret"
        with pytest.raises(UsageError, match="admin key"):
            client.set_auth("token")
    async with ReactiveClient(server.url) as client:
        with pytest.raises(FunctionError):
            await client.query("hidden:secret_query")
    async with ReactiveClient(server.url, admin_key="dev|wrong") as client:
        with pytest.raises(AuthenticationError):
            await client.query("hidden:secret_query")
        with pytest.raises(AuthenticationError):
            client.subscribe("plain")


async def test_closing(lab: ServerProcess, name: str) -> None:
    client = ReactiveClient(lab.url)
    with pytest.raises(ClientClosedError, match="not open"):
        await client.query("plain")
    async with client:
        await client.wait_connected()
        live = client.subscribe(COUNTER, name=name)
        await anext(live)
        slow = asyncio.create_task(client.action("faults:slow", seconds=5))
        reader = asyncio.create_task(becomes(live, "never"))
        await client.query("plain")
    with pytest.raises(ClientClosedError, match="closed"):
        await slow
    with pytest.raises(AssertionError, match="ended after"):
        await reader
    assert not client.is_connected
    with pytest.raises(ClientClosedError):
        await client.mutation("counters:add", name=name)
    with pytest.raises(ClientClosedError):
        await client.wait_connected()
    await client.close()
    await live.aclose()
    with pytest.raises(UsageError, match="once"):
        await client.__aenter__()
    assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []


async def test_call_that_was_not_sent_is_taken_back(lab: ServerProcess, name: str) -> None:
    async with TcpProxy(lab.port) as proxy:
        proxy.hold()
        async with ReactiveClient(proxy.url) as client:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await client.mutation("counters:add", name=name, by=100)
            kept = asyncio.create_task(client.mutation("counters:add", name=name))
            assert not client.is_connected
            proxy.heal()
            assert await kept == 1


def add_optimistically(name: str, by: int) -> Any:
    def update(store: OptimisticStore) -> None:
        value = store.get_query(COUNTER, {"name": name})
        if value is not None:
            store.set_query(COUNTER, {"name": name}, value + by)

    return update


async def test_optimistic_update(lab: ServerProcess, name: str) -> None:
    """Shown at once, on top of what others write, until the result itself is there."""
    async with (
        TcpProxy(lab.port) as proxy,
        ReactiveClient(lab.url) as other,
        ReactiveClient(proxy.url) as client,
    ):
        live = client.subscribe(COUNTER, name=name)
        assert await anext(live) == 0
        proxy.to_server.stall()
        call = asyncio.create_task(
            client.mutation("counters:add", name=name, optimistic=add_optimistically(name, 1))
        )
        assert await anext(live) == 1
        await other.mutation("counters:add", name=name, by=10)
        assert await anext(live) == 11
        proxy.to_server.resume()
        assert await call == 11
        # The result is what was shown already, so there is no news.
        await client.mutation("counters:add", name=name)
        assert await anext(live) == 12


async def test_optimistic_update_of_a_failure_goes(lab: ServerProcess, name: str) -> None:
    async with ReactiveClient(lab.url) as client:
        live = client.subscribe(COUNTER, name=name)
        assert await anext(live) == 0
        call = asyncio.create_task(
            client.mutation(
                "counters:add_then_fail", name=name, optimistic=add_optimistically(name, 5)
            )
        )
        assert await anext(live) == 5
        with pytest.raises(FunctionError):
            await call
        assert await anext(live) == 0


async def test_many_clients_of_one_loop(lab: ServerProcess, name: str) -> None:
    clients = [ReactiveClient(lab.url) for _ in range(20)]
    for client in clients:
        await client.__aenter__()
    lives = [client.subscribe(COUNTER, name=name) for client in clients]
    await asyncio.gather(*(client.mutation("counters:add", name=name) for client in clients))
    await asyncio.gather(*(becomes(live, 20) for live in lives))
    for client in clients:
        await client.close()
