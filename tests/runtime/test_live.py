"""Live queries: who is run again, how often, and who is told."""

from dataclasses import replace
from typing import Any

import pytest

from reactive.backend import ANYBODY, Caller, Identity, QueryOutcome
from reactive.errors import CallError
from reactive.protocol.codec import decode_client_message
from reactive.values.encoding import to_wire
from tests.runtime.harness import Client, FailedError, Server, serving, turns, user
from tests.session.peers import Add


class Count:
    """What the server did since the count began."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._start = self._now()

    def _now(self) -> dict[str, int]:
        server = self._server
        return {
            "executions": server.service.executions,
            "encodings": server.service.project.encoder.encodings,
            "commits": server.database.commits,
            "batches": server.database.batches,
            "probes": server.database.probes,
        }

    def __getitem__(self, name: str) -> int:
        return self._now()[name] - self._start[name]


def get(name: str) -> Add:
    return Add("counters:get", {"name": name})


def transitions(client: Client) -> int:
    """How many Transitions the client was sent until now."""
    client.hear()
    return client.peer.transitions


@pytest.mark.parametrize("watchers", [1, 2, 25])
async def test_query_runs_once_for_all_who_watch_it(watchers: int) -> None:
    async with serving() as server:
        clients = [await server.client(get("a")) for _ in range(watchers)]
        count = Count(server)
        await server.mutate("counters:put", name="a", value=5)
        await turns()

        assert [[5]] * watchers == [client.values for client in clients]
        # One run of the mutation and one of the query; each result is encoded once.
        assert 2 == count["executions"]
        assert 2 == count["encodings"]


async def test_newcomer_is_given_what_is_known() -> None:
    async with serving() as server:
        first = await server.client(get("a"))
        count = Count(server)
        second = await server.client(get("a"))

        assert [0] == first.values == second.values
        assert 0 == count["executions"]
        assert 0 == await server.query("counters:get", name="a")
        assert 0 == count["executions"]


async def test_arguments_are_checked_once_unless_they_may_change() -> None:
    async with serving() as server:
        added = [
            get("a"),
            Add("faults:greedy", {"names": ["a", "b"]}),
            Add("faults:unsteady", {"name": "a"}),
            Add("counters:document", {"name": "x" * 2_000}),
        ]
        client = await server.client(*added)
        find = server.service.registry.find
        kept = [len(find(each.path, None, is_admin=True).arguments) for each in added]
        assert [1, 0, 0, 0] == kept
        first = client.values[2][1]
        for value in (2, 5):
            await server.mutate("counters:put", name="a", value=value)
            await turns()

        assert [5, 5, [5, first + 2], None] == client.values


async def test_query_that_a_commit_does_not_touch_is_not_run() -> None:
    async with serving() as server:
        client = await server.client(get("a"), get("b"))
        sent = transitions(client)
        count = Count(server)
        await server.mutate("counters:put", name="c", value=1)
        await turns()

        assert 1 == count["executions"], "the mutation alone"
        assert sent == transitions(client)

        await server.mutate("counters:put", name="a", value=1)
        await turns()

        assert [1, 0] == client.values
        assert 3 == count["executions"]


async def test_every_watcher_is_sent_one_transition_for_one_commit() -> None:
    async with serving() as server:
        clients = [await server.client(get("a"), get("b")) for _ in range(5)]
        sent = [transitions(client) for client in clients]
        for value in range(1, 4):
            await server.mutate("counters:put", name="a", value=value)
            await turns()

            assert [before + value for before in sent] == [transitions(each) for each in clients]


async def test_equal_result_is_not_told() -> None:
    async with serving() as server:
        client = await server.client(Add("counters:is_positive", {"name": "a"}))
        await server.mutate("counters:put", name="a", value=1)
        await turns()

        assert [True] == client.values

        await server.mutate("counters:put", name="a", value=2)
        await turns()
        # The client's own check refuses a result that it has already.
        assert [True] == client.values


async def test_same_query_twice_on_one_socket() -> None:
    async with serving() as server:
        client = await server.client(get("a"), get("a"))
        count = Count(server)
        await server.mutate("counters:put", name="a", value=5)
        await turns()

        assert [5, 5] == client.values
        assert 2 == count["executions"]


async def test_arguments_are_compared_as_values() -> None:
    async with serving() as server:
        await server.client(Add("counters:pair", {"left": "a", "right": "b"}))
        count = Count(server)
        await server.client(Add("counters:pair", {"right": "b", "left": "a"}))
        await server.client(Add("counters.js:pair", {"left": "a", "right": "b"}))

        assert 0 == count["executions"]

        await server.client(Add("counters:pair", {"left": "b", "right": "a"}))

        assert 1 == count["executions"]


async def test_query_of_several_reads_is_torn_by_no_commit() -> None:
    async with serving() as server:
        client = await server.client(
            Add("counters:pair", {"left": "a", "right": "b"}), get("a"), get("b")
        )
        for _ in range(5):
            await server.mutate("counters:move", left="a", right="b")
            await turns()
            pair, left, right = client.values

            assert [left, right] == pair
            assert 0 == left + right


# Ranges


async def test_first_depends_on_nothing_behind_what_it_found() -> None:
    async with serving() as server:
        await server.mutate("entries:insert", list_name="x", ranks=[5])
        client = await server.client(Add("entries:first", {"list_name": "x"}))
        count = Count(server)
        await server.mutate("entries:insert", list_name="x", ranks=[6, 7])
        await turns()

        assert 1 == count["executions"]

        await server.mutate("entries:insert", list_name="x", ranks=[4])
        await turns()

        assert 3 == count["executions"]
        assert 4 == client.values[0]["rank"]


async def test_empty_range_is_run_again_for_its_first_row() -> None:
    async with serving() as server:
        within = {"list_name": "x", "lower": 1.0, "upper": 2.0}
        client = await server.client(Add("entries:some", within))
        count = Count(server)
        for rank in (0.5, 2.0, 3.0):
            await server.mutate("entries:insert", list_name="x", ranks=[rank])
        await turns()

        assert 3 == count["executions"]

        await server.mutate("entries:insert", list_name="x", ranks=[1.0])
        await turns()

        assert 5 == count["executions"]
        assert [1.0] == [entry["rank"] for entry in client.values[0]]


async def test_missing_document_is_run_again_when_it_appears_and_goes() -> None:
    async with serving() as server:
        await server.mutate("counters:put", name="a", value=1)
        (counter,) = await server.query("counters:everything")
        client = await server.client(Add("counters:by_id", {"counter": counter["_id"]}))
        await server.mutate("counters:put", name="a", value=2)
        await turns()

        assert 2 == client.values[0]["value"]

        count = Count(server)
        await server.mutate("counters:put", name="b", value=2)
        await turns()

        assert 1 == count["executions"]


async def test_commit_is_looked_up_and_not_compared_with_every_query() -> None:
    async with serving() as server:
        await server.mutate("counters:put", name="a", value=1)
        for number in range(10):
            await server.client(get(f"c{number}"))
        count = Count(server)
        await server.mutate("counters:put", name="c3", value=1)
        few = count["probes"]
        for number in range(10, 100):
            await server.client(get(f"c{number}"))
        count = Count(server)
        await server.mutate("counters:put", name="c4", value=1)

        assert few == count["probes"]


async def test_mutations_of_one_turn_share_a_batch() -> None:
    async with serving() as server:
        client = await server.client(get("a"))
        sent = transitions(client)
        count = Count(server)
        for _ in range(20):
            await client.worker.receive(
                decode_client_message(client.peer.call("Mutation", "counters:add", {"name": "a"}))
            )
        await turns()

        assert [20] == client.values
        assert 20 == count["commits"]
        assert 1 == count["batches"]
        # Twenty runs of the mutation, and one of the query: between them nobody could look.
        assert 21 == count["executions"]
        assert sent + 1 == transitions(client)


# Identities


async def test_query_that_asks_who_is_calling_is_run_for_each() -> None:
    async with serving() as server:
        for name in ("ada", "bob", "ada"):
            assert name == await server.query("who:me", user(name))
        assert "nobody" == await server.query("who:me")


async def test_query_of_one_identity_is_shared_by_its_sockets() -> None:
    async with serving() as server:
        await server.query("who:me", user("ada"))
        count = Count(server)
        for _ in range(3):
            await server.query("who:me", user("ada"))

        assert 0 == count["executions"]

        await server.query("who:me", user("bob"))

        assert 1 == count["executions"]

        await server.query("who:me", user("ada", role="admin"))

        assert 2 == count["executions"], "another claim may be what the query looks at"


async def test_fresh_token_of_the_same_user_is_the_same_user() -> None:
    """What differs between two tokens is no claim: see `tests/auth/test_tokens.py`."""
    async with serving() as server:
        await server.query("who:me", replace(user("ada", role="a"), expires_ns=1))
        count = Count(server)
        await server.query("who:me", replace(user("ada", role="a"), expires_ns=2))

        assert 0 == count["executions"]


async def test_users_without_claims_are_not_the_same() -> None:
    async with serving() as server:
        for name in ("ada", "bob"):
            caller = Caller(Identity(f"issuer|{name}", name, "issuer"))

            assert name == await server.query("who:me", caller)


async def test_token_that_proves_nothing_fails_who_asks_for_the_identity() -> None:
    problem = CallError("it has expired", code="Unauthenticated")
    refused = replace(ANYBODY, problem=problem)
    async with serving() as server:
        assert "nobody" == await server.query("who:me")
        for _ in range(2):
            with pytest.raises(FailedError, match="it has expired"):
                await server.query("who:me", refused)
        with pytest.raises(FailedError, match="it has expired"):
            await server.mutate("who:sign", refused)
        assert "nobody" == await server.query("who:me")
        assert 0 == await server.query("counters:get", refused, name="a")


async def test_query_that_does_not_ask_is_shared_by_all() -> None:
    async with serving() as server:
        await server.query("counters:get", user("ada"), name="a")
        count = Count(server)
        await server.query("counters:get", user("bob"), name="a")
        await server.query("counters:get", name="a")

        assert 0 == count["executions"]


class Sockets:
    """Watches of one query by several callers, straight at the service."""

    def __init__(self, server: Server, path: str, **args: Any) -> None:
        self.server = server
        self.watches = [
            server.service.watch(path, to_wire(args), caller, None, self, number)
            for number, caller in enumerate([user("ada"), user("bob"), user("ada"), ANYBODY])
        ]
        self.stale_ids: list[int] = []

    def stale(self, query_id: int) -> None:
        self.stale_ids.append(query_id)

    def ready(self) -> None:
        pass

    def told(self) -> list[bytes | None]:
        outcomes = [watch.outcome(self.server.service.head) for watch in self.watches]
        assert all(isinstance(outcome, QueryOutcome) for outcome in outcomes)
        self.stale_ids.clear()
        return [outcome.value for outcome in outcomes if outcome is not None]


async def test_identities_split_and_each_part_is_shared() -> None:
    async with serving() as server:
        count = Count(server)
        sockets = Sockets(server, "who:my_counter")

        assert [b"0.0"] * 4 == sockets.told()
        # Each identity once (with the two functions that it calls), and the first of all, who found
        # out that the query asks.
        assert 3 * 2 == count["executions"]

        count = Count(server)
        await server.mutate("counters:put", name="ada", value=7)

        assert {0, 2} == set(sockets.stale_ids)
        assert [b"7.0", b"0.0", b"7.0", b"0.0"] == sockets.told()
        assert 1 + 2 == count["executions"]


async def test_query_that_begins_to_ask_splits_then() -> None:
    async with serving() as server:
        await server.mutate("counters:put", name="open", value=1)
        count = Count(server)
        sockets = Sockets(server, "who:hidden_unless_open")

        assert [b'"open"'] * 4 == sockets.told()
        assert 1 == count["executions"]

        await server.mutate("counters:put", name="open", value=0)

        assert [b'"ada"', b'"bob"', b'"ada"', b'"nobody"'] == sockets.told()

        await server.mutate("counters:put", name="open", value=1)

        assert [b'"open"'] * 4 == sockets.told()

        await server.mutate("counters:put", name="open", value=0)

        assert [b'"ada"', b'"bob"', b'"ada"', b'"nobody"'] == sockets.told()


async def test_admins_are_not_given_what_others_were() -> None:
    async with serving() as server:
        await server.query("counters:get", name="a")
        count = Count(server)
        await server.query("counters:get", Caller(is_admin=True), name="a")

        assert 1 == count["executions"]


# Failures


async def test_failure_is_told_once_to_all_who_saw_it_happen() -> None:
    async with serving() as server:
        await server.mutate("counters:put", name="a", value=1)
        must = Add("counters:must_be_positive", {"name": "a"})
        clients = [await server.client(must) for _ in range(3)]
        count = Count(server)
        await server.mutate("counters:put", name="a", value=-1)
        await turns()

        assert 2 == count["executions"]
        assert all('{"value": -1}' in client.values[0] for client in clients)

        await server.mutate("counters:put", name="a", value=2)
        await turns()

        assert [[2]] * 3 == [client.values for client in clients]
        assert 4 == count["executions"]


async def test_failure_is_run_again_by_whoever_comes_later() -> None:
    async with serving() as server:
        must = Add("counters:must_be_positive", {"name": "a"})
        first = await server.client(must)
        sent = transitions(first)
        count = Count(server)
        second = await server.client(must)

        assert 1 == count["executions"]
        assert first.values == second.values
        # It failed in the same way, so there is nothing to tell.
        assert sent == transitions(first)

        await server.mutate("counters:put", name="a", value=3)
        await turns()

        assert [3] == first.values == second.values


async def test_unknown_function_is_a_failure_like_any_other() -> None:
    async with serving() as server:
        client = await server.client(Add("counters:nowhere", {}), get("a"))
        failure, value = client.values

        assert "Could not find public function for 'counters:nowhere'." == failure
        assert 0 == value


async def test_bad_arguments_are_a_failure_like_any_other() -> None:
    async with serving() as server:
        client = await server.client(Add("counters:get", {"name": 5}), get("a"))

        assert "ArgumentValidationError" in client.values[0]
        assert 0 == client.values[1]


# Who comes and goes


async def test_results_are_kept_for_those_who_come_back() -> None:
    async with serving() as server:
        client = await server.client(get("a"))
        await client.unwatch(0)
        count = Count(server)
        await client.watch(get("a"))

        assert [0] == client.values
        assert 0 == count["executions"]


async def test_result_that_nobody_watches_is_forgotten_when_it_changes() -> None:
    async with serving() as server:
        client = await server.client(get("a"))
        await client.unwatch(0)
        count = Count(server)
        await server.mutate("counters:put", name="a", value=1)
        await turns()

        assert 1 == count["executions"]
        assert 0 == server.subscriptions
        assert 0 == len(server.service.queries)

        await client.watch(get("a"))

        assert [1] == client.values


async def test_closed_sockets_leave_nothing_behind_but_results() -> None:
    async with serving() as server:
        clients = [await server.client(get("a"), get(f"b{n}")) for n in range(10)]
        for client in clients:
            client.worker.close()
        for name in ["a", *(f"b{n}" for n in range(10))]:
            await server.mutate("counters:put", name=name, value=1)

        assert 0 == server.subscriptions
        assert 0 == len(server.service.queries)


async def test_reload_runs_every_query_again() -> None:
    async with serving() as server:
        client = await server.client(get("a"), get("b"))
        count = Count(server)
        await server.app.reload()
        await turns()

        assert 2 == count["executions"]
        assert [0, 0] == client.values
