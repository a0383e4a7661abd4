"""`FunctionService`: calls of every kind, snapshots of the past, administrators, redaction."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from reactive.backend import ANYBODY, Caller, CallOutcome, MutationRequest, QueryOutcome
from reactive.errors import CallError, UsageError
from reactive.limits import DEFAULT_LIMITS
from reactive.protocol.codec import decode_client_message
from reactive.runtime.db import DatabaseReader
from reactive.settings import Settings
from reactive.testing.clock import ManualClock
from reactive.testing.simulator import SimulatedClock, simulate
from reactive.values.encoding import load_json, to_wire
from tests.runtime.harness import FailedError, serving, turns, value_of
from tests.session.peers import Add

ADMIN = Caller(is_admin=True)


# Queries


async def test_query_at_a_timestamp_of_the_past() -> None:
    async with serving() as server:
        heads = []
        for value in range(1, 5):
            await server.mutate("counters:put", name="a", value=value)
            heads.append(server.service.head)
        seen = [
            value_of(await server.service.query("counters:get", {"name": "a"}, ANYBODY, at))
            for at in heads
        ]

        assert [1, 2, 3, 4] == seen


async def test_query_at_a_time_that_is_forgotten_gets_the_newest() -> None:
    async with serving(limits=replace(DEFAULT_LIMITS, log_entries_max=2)) as server:
        await server.mutate("counters:put", name="a", value=1)
        long_ago = server.service.head
        for value in range(2, 9):
            await server.mutate("counters:put", name="a", value=value)
        outcome = await server.service.query("counters:get", {"name": "a"}, ANYBODY, long_ago)

        assert 8 == value_of(outcome)
        assert server.service.head == outcome.ts


async def test_query_tells_the_timestamp_of_its_snapshot() -> None:
    async with serving() as server:
        await server.mutate("counters:put", name="a", value=1)
        first = await server.service.query("counters:get", {"name": "a"}, ANYBODY)
        await server.mutate("counters:put", name="b", value=1)
        second = await server.service.query("counters:get", {"name": "a"}, ANYBODY)

        assert first is second
        assert first.ts < server.service.head


async def test_concurrent_queries_share_one_run() -> None:
    async with serving() as server:
        executions = server.service.executions
        found = await asyncio.gather(*[server.query("counters:get", name="a") for _ in range(10)])

        assert [0] * 10 == found
        assert 1 == server.service.executions - executions


async def test_time_alone_runs_no_query_again_but_newcomers_get_a_fresh_one() -> None:
    clock = ManualClock()
    async with serving(clock=clock) as server:
        client = await server.client(Add("clock:now", {}))
        (seen,) = client.values
        clock.advance(10)

        assert seen == await server.query("clock:now")

        clock.advance(10)
        await server.mutate("counters:put", name="a", value=1)
        await turns()

        assert [seen] == client.values
        assert pytest.approx(20) == await server.query("clock:now") - seen


# Calls of every kind


@pytest.mark.parametrize(
    ("path", "args", "value"),
    [
        ("counters:get", {"name": "a"}, 0),
        ("counters:add", {"name": "a"}, 1),
        ("nested:act", {"name": "a"}, [0, 1, 1]),
    ],
)
async def test_call_finds_the_kind(path: str, args: dict[str, Any], value: object) -> None:
    async with serving() as server:
        calling = asyncio.ensure_future(server.service.call(path, args, ANYBODY, "r"))

        assert value == value_of(await calling)


@pytest.mark.parametrize("path", ["counters:nowhere", "nested:hidden", "", "a:b:c"])
async def test_call_of_nothing_is_a_failure(path: str) -> None:
    async with serving() as server:
        outcome = await server.service.call(path, {}, ANYBODY, "r")

        assert outcome.failure is not None
        assert outcome.failure.code in ("FunctionNotFound", "BadConvexFunctionIdentifier")


async def test_wrong_kind_is_a_failure() -> None:
    async with serving() as server:
        with pytest.raises(FailedError, match="as Query, but it is defined as Mutation"):
            await server.query("counters:add", name="a")
        with pytest.raises(FailedError, match="as Mutation, but it is defined as Query"):
            await server.mutate("counters:get", name="a")
        with pytest.raises(FailedError, match="as Action, but it is defined as Query"):
            await server.act("counters:get", name="a")


@pytest.mark.parametrize("args", [None, [], [{}], "text", 5])
async def test_arguments_are_one_object(args: object) -> None:
    async with serving() as server:
        outcomes: list[QueryOutcome | CallOutcome] = [
            await server.service.query("counters:get", args, ANYBODY),
            await server.service.mutate_and_wait(MutationRequest("counters:add", args, ANYBODY)),
            await asyncio.ensure_future(server.service.act("nested:act", args, ANYBODY, "r")),
        ]
        for outcome in outcomes:
            assert outcome.failure is not None
            assert "InvalidArguments" == outcome.failure.code


@pytest.mark.parametrize("value", [{"$bytes": 5}, {"$set": []}, {"$float": "AAAAAAAA8D8="}])
async def test_argument_that_is_no_value_is_told(value: object) -> None:
    async with serving(is_dev=False) as server:
        client = await server.client(Add("counters:get", {"name": value}))
        (failure,) = client.values

        assert "at .name: " in failure


async def test_large_arguments_name_limit_and_size() -> None:
    limits = replace(DEFAULT_LIMITS, argument_bytes_max=2 * 1024 * 1024)
    async with serving(limits=limits, is_dev=False) as server:
        with pytest.raises(FailedError) as caught:
            await server.mutate("counters:add", name="x" * 3 * 1024 * 1024)

        assert "too large (actual: 3.0 MiB, limit: 2 MiB)" in str(caught.value)


# Administrators


async def test_admin_key_opens_internal_functions() -> None:
    async with serving(settings=Settings(admin_key="secret")) as server:
        for key in ("secret", "prod:secret", "dev:secret"):
            assert server.service.admin(key, None).is_admin
        with pytest.raises(FailedError, match="Could not find public function"):
            await server.mutate("nested:hidden", name="a")
        assert 1 == await server.mutate("nested:hidden", ADMIN, name="a")


@pytest.mark.parametrize("admin_key", [None, "secret"])
async def test_wrong_admin_key_opens_nothing(admin_key: str | None) -> None:
    async with serving(settings=Settings(admin_key=admin_key)) as server:
        for key in ("", "wrong", "prod:", "secret2", "sécret", "None"):
            with pytest.raises(CallError) as caught:
                server.service.admin(key, None)

            assert "BadAdminKey" == caught.value.code


@pytest.mark.parametrize(
    ("acting_as", "expected"),
    [
        ({"issuer": "https://i", "subject": "s"}, ("https://i|s", "s", "https://i")),
        ({"tokenIdentifier": "https://i|s"}, ("https://i|s", "s", "https://i")),
    ],
)
async def test_admin_may_act_as_a_user(
    acting_as: dict[str, Any], expected: tuple[str, str, str]
) -> None:
    async with serving(settings=Settings(admin_key="secret")) as server:
        caller = server.service.admin("secret", {**acting_as, "name": "Fake", "pictureUrl": "u"})
        identity = caller.identity

        assert identity is not None
        assert caller.is_admin
        assert expected == (identity.token_identifier, identity.subject, identity.issuer)
        assert ("Fake", "u", None) == (identity.name, identity.picture_url, identity.email)
        assert expected[1] == await server.query("who:me", caller)


async def test_token_without_an_issuer_to_trust_is_refused() -> None:
    async with serving() as server:
        with pytest.raises(CallError) as caught:
            await server.service.identify("header.payload.signature")

        assert "NoAuthProvider" == caught.value.code


# What a client may see of a failure


async def test_production_tells_nothing_but_the_data_of_an_application_error() -> None:
    async with serving(is_dev=False) as server:
        with pytest.raises(FailedError) as application:
            await server.query("counters:must_be_positive", name="a")
        with pytest.raises(FailedError) as usage:
            await server.query("faults:sleeps")

        assert "Server Error" == str(application.value) == str(usage.value)
        assert {"value": 0} == load_json(application.value.failure.data or b"null")
        assert usage.value.failure.data is None


async def test_development_tells_message_and_place() -> None:
    async with serving() as server:
        with pytest.raises(FailedError) as caught:
            await server.query("counters:must_be_positive", name="a")

        assert str(caught.value).startswith(
            'Server Error\nUncaught ApplicationError: {"value": 0}\n'
            "    at must_be_positive (functions/counters.py:"
        )


async def test_failure_of_a_request_has_its_id() -> None:
    """The first 16 hex digits of SHA-256 of "session|request": sync-protocol 3.4."""
    async with serving() as server:
        session = "00000000-0000-0000-0000-000000000001"
        request = MutationRequest("counters:nowhere", {}, ANYBODY, session=session, request=5)
        outcome = await server.service.mutate_and_wait(request)

        assert outcome.failure is not None
        assert "cefbc0a60a408cbe" == outcome.failure.request_id

        named = MutationRequest("counters:nowhere", {}, ANYBODY, "mine")
        outcome = await server.service.mutate_and_wait(named)

        assert outcome.failure is not None
        assert "[Request ID: mine] Could not find" in outcome.failure.text


async def test_every_failure_has_an_id() -> None:
    async with serving() as server:
        ids = set()
        for _ in range(3):
            outcome = await server.service.query("counters:nowhere", {}, ANYBODY)
            assert outcome.failure is not None
            ids.add(outcome.failure.request_id)

        assert 3 == len(ids)
        assert {16} == set(map(len, ids))


# Clients and time


def test_client_that_is_ahead_is_waited_for_a_little() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        async with serving(clock=SimulatedClock(loop)) as server:
            start = loop.time()
            assert await server.service.wait_for(server.service.head)
            assert start == loop.time()

            assert not await server.service.wait_for(server.service.head + 10**18)
            assert 1 < loop.time() - start < 10

            ahead = server.service.head + 1
            waiting = asyncio.ensure_future(server.service.wait_for(ahead))
            await asyncio.sleep(0.1)
            await server.mutate("counters:put", name="a", value=1)

            assert await waiting

    simulate(main(), seed=0)


async def test_own_write_is_seen_no_later_than_its_answer() -> None:
    async with serving() as server:
        client = await server.client(Add("counters:get", {"name": "a"}))
        for value in range(1, 4):
            said = client.peer.call("Mutation", "counters:put", {"name": "a", "value": value})
            await client.worker.receive(decode_client_message(said))
            await turns()
            response, transition = client.hear()

            assert "MutationResponse" == response["type"]
            assert value == transition["modifications"][0]["value"]
            client.peer.check_at_rest()


async def test_an_action_has_no_transaction() -> None:
    async with serving() as server:
        ctx = server.service.action_context("an:action", ANYBODY)
        with pytest.raises(UsageError, match="an action has no database of its own"):
            await DatabaseReader(ctx._run).query("counters").collect()


async def test_action_waits_for_the_mutations_that_it_runs() -> None:
    async with serving() as server:
        client = await server.client(Add("counters:get", {"name": "a"}))
        await client.say(client.peer.call("Action", "nested:act", {"name": "a"}))
        response = client.peer.calls[0].response

        assert [1] == client.values
        assert response is not None
        assert [0, 1, 1] == response["result"]


async def test_mutations_that_run_in_threads_are_finished_before_the_server_stops() -> None:
    async with serving() as server:
        server.service.project.registry.find("counters:add", None, is_admin=True).is_slow = True
        ended: list[object] = []
        request = MutationRequest("counters:add", to_wire({"name": "a"}), ANYBODY)
        server.service.mutate(request, ended.append)
        await asyncio.sleep(0)

    assert 1 == len(ended)
