"""Broken connections, re-sent requests, and servers that die."""

import asyncio
import time
from collections.abc import Callable

from tests.clients.conftest import Connect
from tests.proxy import TcpProxy
from tests.server import ServerProcess
from tests.sync_client import Message, SyncClient
from tests.wire_values import ts_number

StartServer = Callable[..., ServerProcess]


async def test_resent_mutation_runs_once(lab: ServerProcess, connect: Connect, name: str) -> None:
    """The same result, by its random number the same run, and the ts of the first time."""
    first = await connect(lab.sync_url)
    request = await first.request("Mutation", "counters:add_and_show_run", {"name": name})
    answer = await first.settle(request)
    await first.run("counters:add", {"name": f"{name} later"})
    await first.drop()

    second = await connect(lab.sync_url, session_id=first.session_id, connection_count=1)
    await second.request(
        "Mutation", "counters:add_and_show_run", {"name": name}, request_id=request
    )
    again = await second.settle(request)
    assert again == answer
    assert (await second.query("counters:get", {"name": name})).value == 1


async def test_resent_mutation_compares_no_arguments(
    lab: ServerProcess, connect: Connect, name: str
) -> None:
    """Session and request id are the whole key."""
    first = await connect(lab.sync_url)
    request = await first.request("Mutation", "counters:add", {"name": name})
    answer = await first.settle(request)
    second = await connect(lab.sync_url, session_id=first.session_id)
    await second.request("Mutation", "counters:nothing", request_id=request)
    assert await second.settle(request) == answer


async def test_other_session_with_same_request_id_runs(
    lab: ServerProcess, connect: Connect, name: str
) -> None:
    values = []
    for _ in range(2):
        client = await connect(lab.sync_url)
        values.append(await client.run("counters:add", {"name": name}))
    assert values == [1, 2]


async def test_resend_joins_the_run_in_flight(
    lab: ServerProcess, connect: Connect, name: str
) -> None:
    first = await connect(lab.sync_url)
    args = {"name": name, "reads": 400}
    request = await first.request("Mutation", "counters:add_slowly", args)
    second = await connect(lab.sync_url, session_id=first.session_id, connection_count=1)
    await second.request("Mutation", "counters:add_slowly", args, request_id=request)
    answers = [await first.settle(request), await second.settle(request)]
    assert answers[0] == answers[1]
    assert answers[0]["result"]["value"] == 1
    assert (await second.query("counters:get", {"name": name})).value == 1


async def test_mutation_outlives_its_socket(
    lab: ServerProcess, connect: Connect, name: str
) -> None:
    """A client that is gone before the answer finds it on its next socket."""
    first = await connect(lab.sync_url)
    watcher = await connect(lab.sync_url)
    query = await watcher.subscribe("counters:get", {"name": name})
    args = {"name": name, "reads": 400}
    request = await first.request("Mutation", "counters:add_slowly", args)
    # Frames are read in order: with a later one answered, the mutation is in the server's hands.
    await first.catch_up()
    await first.drop()
    second = await connect(lab.sync_url, session_id=first.session_id, connection_count=1)
    await second.request("Mutation", "counters:add_slowly", args, request_id=request)
    assert (await second.settle(request))["result"]["value"] == 1
    await watcher.value_becomes(query, 1)
    await watcher.catch_up()
    assert [result.value for result in watcher.history[query]] == [0, 1]


async def test_failed_mutation_runs_again_when_resent(
    lab: ServerProcess, connect: Connect, name: str
) -> None:
    args = {"name": name, "switch": f"{name} switch"}
    first = await connect(lab.sync_url)
    request = await first.request("Mutation", "counters:add_if_armed", args)
    failed = await first.settle(request)
    assert not failed["success"]
    assert failed["errorData"] == "not armed"
    await first.drop()

    other = await connect(lab.sync_url)
    await other.run("counters:put", {"name": args["switch"], "value": 1})
    second = await connect(lab.sync_url, session_id=first.session_id, connection_count=1)
    await second.request("Mutation", "counters:add_if_armed", args, request_id=request)
    assert (await second.settle(request))["result"] == 1


async def test_lost_response_is_found_through_a_broken_link(
    lab: ServerProcess, connect: Connect, name: str
) -> None:
    """The server committed and answered; the answer never arrived."""
    watcher = await connect(lab.sync_url)
    query = await watcher.subscribe("counters:get", {"name": name})
    async with TcpProxy(lab.port) as proxy:
        first = await connect(proxy.sync_url)
        await first.catch_up()
        proxy.to_client.dropping = True
        request = await first.request("Mutation", "counters:add_and_show_run", {"name": name})
        await watcher.value_becomes(query, 1)
        proxy.cut()
        await first.closed()
        proxy.heal()
        second = await connect(proxy.sync_url, session_id=first.session_id, connection_count=1)
        await second.request(
            "Mutation", "counters:add_and_show_run", {"name": name}, request_id=request
        )
        assert (await second.settle(request))["result"]["value"] == 1
    await watcher.catch_up()
    assert [result.value for result in watcher.history[query]] == [0, 1]


async def test_answered_mutations_survive_kill_and_run_once(
    own_server: StartServer, connect: Connect, name: str
) -> None:
    """Killed in the middle of the load, three times.

    Whatever was answered is there; whatever was not is re-sent as a client does, and counted
    once; whatever is re-sent although it was answered keeps its result and its ts.
    """
    server = own_server()
    session = SyncClient().session_id
    answered: dict[int, Message] = {}
    sent: set[int] = set()
    next_request = 0
    for round_number in range(3):
        client = await connect(server.sync_url, session_id=session, connection_count=round_number)
        resent = sorted(sent)
        for request in resent:
            await client.request("Mutation", "counters:add", {"name": name}, request_id=request)
        for request in resent:
            answer = await client.settle(request)
            assert answered.setdefault(request, answer) == answer
        for _ in range(60):
            sent.add(
                await client.request(
                    "Mutation", "counters:add", {"name": name}, request_id=next_request
                )
            )
            next_request += 1
        enough = next_request - 40
        await client.answered(enough)
        server.kill()
        for request, call in client.calls.items():
            if call.response is not None:
                answered.setdefault(request, call.response)
        server.start()

    client = await connect(server.sync_url, session_id=session, connection_count=3)
    for request in sorted(sent):
        await client.request("Mutation", "counters:add", {"name": name}, request_id=request)
    for request in sorted(sent):
        answer = await client.settle(request)
        assert answered.setdefault(request, answer) == answer
    assert len(sent) == 180
    assert (await client.query("counters:get", {"name": name})).value == 180
    assert sorted(answer["result"] for answer in answered.values()) == list(range(1, 181))


async def test_ts_grows_over_restarts(own_server: StartServer, connect: Connect, name: str) -> None:
    server = own_server()
    stamps = []
    for count in range(3):
        client = await connect(server.sync_url)
        await client.catch_up()
        stamps.append(client.version.ts)
        response = await client.mutation("counters:add", {"name": name})
        assert response["result"] == count + 1
        stamps.append(ts_number(response["ts"]))
        await client.close()
        if count == 0:
            server.kill()
        else:
            assert server.stop() == 0
        server.start()
    assert stamps == sorted(stamps)
    # A restart may repeat the newest snapshot; two commits never share a ts.
    assert len(set(stamps[1::2])) == 3


async def test_client_of_before_the_restart_is_served(
    own_server: StartServer, connect: Connect, name: str
) -> None:
    """Its newest ts is what the store holds, so the restarted server is not behind."""
    server = own_server()
    first = await connect(server.sync_url)
    response = await first.mutation("counters:add", {"name": name})
    server.kill()
    server.start()
    second = await connect(
        server.sync_url,
        session_id=first.session_id,
        connection_count=1,
        max_observed_ts=response["ts"],
    )
    query = await second.subscribe("counters:get", {"name": name})
    assert second.results[query].value == 1
    assert second.version.ts >= ts_number(response["ts"])


async def test_unfinished_mutation_leaves_nothing_behind(
    own_server: StartServer, connect: Connect, name: str
) -> None:
    server = own_server()
    client = await connect(server.sync_url)
    await client.run("counters:put", {"name": name, "value": 7})
    await client.request("Mutation", "faults:write_and_loop", {"name": name})
    await client.request("Mutation", "counters:add", {"name": name})
    server.kill()
    server.start()
    again = await connect(server.sync_url)
    assert (await again.query("counters:get", {"name": name})).value == 7


async def test_sockets_are_closed_on_the_way_down(
    own_server: StartServer, connect: Connect
) -> None:
    server = own_server()
    clients = [await connect(server.sync_url) for _ in range(10)]
    for client in clients:
        await client.subscribe("plain")
    began = time.monotonic()
    code = await asyncio.to_thread(server.stop)
    assert code == 0
    assert time.monotonic() - began < 10
    for client in clients:
        assert (await client.closed()).code in {1000, 1001, 1005, 1012, 1013}


async def test_action_in_flight_is_answered_on_the_way_down(
    own_server: StartServer, connect: Connect
) -> None:
    server = own_server()
    client = await connect(server.sync_url)
    request = await client.request("Action", "faults:slow", {"seconds": 1})
    await client.catch_up()
    stopping = asyncio.create_task(asyncio.to_thread(server.stop))
    await client.closed()
    response = client.calls[request].response
    assert response is not None
    assert response["result"] == "done"
    assert await stopping == 0


async def test_answered_before_the_way_down_is_there_afterwards(
    own_server: StartServer, connect: Connect, name: str
) -> None:
    """SIGTERM in the middle of a load loses nothing that was answered."""
    server = own_server()
    client = await connect(server.sync_url)
    for _ in range(100):
        await client.request("Mutation", "counters:add", {"name": name})
    await client.answered(10)
    stopping = asyncio.create_task(asyncio.to_thread(server.stop))
    await client.closed()
    assert await stopping == 0
    answers = [call.response for call in client.calls.values() if call.response is not None]
    assert all(answer["success"] for answer in answers)
    server.start()
    again = await connect(server.sync_url)
    value = (await again.query("counters:get", {"name": name})).value
    assert len(answers) <= value <= 100
