"""What an operation makes the server do, counted: executions, encodings, commits, look-ups, bytes.

The bench measures times; a time that got worse shows days later on another machine. These counts
are what the times come from, and they are the same everywhere. The app is the bench's.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from reactive.limits import DEFAULT_LIMITS
from reactive.protocol.codec import decode_client_message
from reactive.runtime.codec import Codec
from reactive.runtime.live import LiveQuery
from reactive.session.worker import SessionWorker
from reactive.wire.websocket import SocketHub
from tests.runtime.harness import Client, Server, serving, turns, until
from tests.session.peers import Add

APP = Path(__file__).parents[1] / "bench" / "app"
BODY = "x" * 100


class Count:
    """What the server has done since the count began."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._start = self._now()

    def _now(self) -> dict[str, int]:
        server = self._server
        return {
            "executions": server.service.executions,
            "encodings": server.service.encoder.encodings,
            "rows read": server.service.rows_read,
            "commits": server.database.commits,
            "syncs": server.database.batches,
            "look-ups": server.database.probes,
        }

    def taken(self) -> dict[str, int]:
        return {name: value - self._start[name] for name, value in self._now().items()}

    def __getitem__(self, name: str) -> int:
        return self.taken()[name]


class Calls:
    """How often some functions were called."""

    def __init__(self, patch: pytest.MonkeyPatch, *functions: tuple[type, str]) -> None:
        self.made = 0
        for owner, name in functions:
            self._watch(patch, owner, name)

    def _watch(self, patch: pytest.MonkeyPatch, owner: type, name: str) -> None:
        function = getattr(owner, name)

        def counted(*args: Any, **kwargs: Any) -> Any:
            self.made += 1
            return function(*args, **kwargs)

        patch.setattr(owner, name, counted)


def latest(channel: str) -> Add:
    return Add("bench:latest", {"channel": channel})


async def insert(server: Server, channel: str, seq: int) -> None:
    await server.mutate("bench:insert", channel=channel, seq=seq, body=BODY)
    await turns()


async def fill(server: Server, channel: str, count: int) -> None:
    await server.mutate("more:fill", channel=channel, count=count, body=BODY)
    await turns()


def newest_seqs(clients: Iterable[Client]) -> set[float]:
    return {client.values[0][0]["seq"] for client in clients}


def sent_since(client: Client, count: int) -> list[bytes]:
    """The Transitions among what the client was sent after its first `count` messages."""
    return [text for text in client.connection.sent[count:] if b'"Transition"' in text[:40]]


# --- A write, and all who watch what it changes ---


@pytest.mark.parametrize("subscribers", [1, 10, 200])
async def test_write_costs_the_same_for_any_number_of_equal_subscribers(subscribers: int) -> None:
    async with serving(APP) as server:
        await fill(server, "a", 100)
        clients = [await server.client(latest("a")) for _ in range(subscribers)]
        count = Count(server)
        await insert(server, "a", 100)

        assert {100} == newest_seqs(clients)
        assert {
            "executions": 2,  # of the mutation, and of the query
            "encodings": 2,
            "rows read": 50,
            "commits": 1,
            "syncs": 1,
            # The new document's keys in two indexes of which only one is watched.
            "look-ups": 1,
        } == count.taken()


async def test_subscribers_in_one_state_are_sent_one_text_framed_once() -> None:
    async with serving(APP) as server:
        await fill(server, "a", 100)
        clients = [await server.client(latest("a")) for _ in range(50)]
        await insert(server, "a", 100)

        texts = [client.connection.sent[-1] for client in clients]

        assert 1 == len({id(text) for text in texts})
        hub: SocketHub = server.app.hub
        assert 1 == len({id(hub.frame(text)) for text in texts})


async def test_each_subscriber_is_told_once_and_takes_one_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with serving(APP) as server:
        clients = [await server.client(latest("a")) for _ in range(50)]
        sent = [len(client.connection.sent) for client in clients]
        marks = Calls(monkeypatch, (SessionWorker, "stale"))
        rounds = Calls(monkeypatch, (SessionWorker, "take_turn"))
        await insert(server, "a", 1)

        assert marks.made <= 50
        assert rounds.made <= 50
        assert [1] * 50 == [
            len(sent_since(client, before)) for client, before in zip(clients, sent, strict=True)
        ]


async def test_update_has_the_bytes_of_what_changed_and_a_small_envelope() -> None:
    async with serving(APP) as server:
        for number in range(200):
            await server.mutate("bench:insert", channel=f"c{number}", seq=0, body=BODY)
        alone = await server.client(latest("c7"))
        busy = await server.client(*(latest(f"c{number}") for number in range(200)))
        sent = [len(each.connection.sent) for each in (alone, busy)]
        await insert(server, "c7", 1)

        for client, before, query in ((alone, sent[0], 0), (busy, sent[1], 7)):
            (text,) = sent_since(client, before)
            value = json.loads(text)["modifications"][0]["value"]
            result = len(json.dumps(value, separators=(",", ":")))
            assert 1 == client.values[query][0]["seq"]
            assert len(text) - result < 350


# --- Those whom a commit does not concern ---


@pytest.mark.parametrize("idle", [0, 1_000])
async def test_commit_does_not_look_at_idle_subscriptions(
    idle: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(APP) as server:
        await server.client(*(latest(f"idle {number}") for number in range(idle)), latest("other"))
        client = await server.client(latest("a"))
        told = Calls(monkeypatch, (LiveQuery, "invalidated"))
        turned = Calls(monkeypatch, (SessionWorker, "take_turn"))
        count = Count(server)
        await insert(server, "a", 1)

        assert idle + 2 == server.subscriptions
        assert {1} == newest_seqs([client])
        assert (1, 1) == (told.made, turned.made)
        assert (2, 1, 1) == (count["executions"], count["look-ups"], count["rows read"])


async def test_row_that_a_limited_list_does_not_reach_wakes_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with serving(APP) as server:
        await fill(server, "a", 100)
        await server.client(latest("a"))
        told = Calls(monkeypatch, (LiveQuery, "invalidated"))
        count = Count(server)
        await server.mutate("more:edit", channel="a", seq=20, body="changed")
        await turns()

        assert 0 == told.made
        assert 1 == count["executions"], "the mutation alone"


async def test_documents_that_are_passed_on_are_not_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(APP) as server:
        await fill(server, "a", 100)
        parsed = Calls(monkeypatch, (Codec, "fill"), (Codec, "parse"))
        client = await server.client(latest("a"))
        await insert(server, "a", 100)

        assert {100} == newest_seqs([client])
        assert 0 == parsed.made


# --- Many writes at once ---


async def test_burst_of_one_client_is_few_commits_and_few_runs() -> None:
    burst = 1_000
    async with serving(APP) as server:
        reader, writer = await server.client(latest("a")), await server.client()
        sent = len(reader.connection.sent)
        count = Count(server)
        for seq in range(burst):
            args = {"channel": "a", "seq": seq, "body": BODY}
            text = writer.peer.call("Mutation", "bench:insert", args)
            await writer.worker.receive(decode_client_message(text))
        await until(lambda: count["commits"] == burst)
        await turns()

        batches = -(-burst // DEFAULT_LIMITS.commit_batch_max)
        assert {burst - 1} == newest_seqs([reader])
        assert count["syncs"] <= batches + 1
        # The query runs once after a batch, whatever is in it.
        assert count["executions"] - burst <= batches + 1
        assert len(sent_since(reader, sent)) <= batches + 1


async def test_writers_of_one_turn_share_a_commit() -> None:
    async with serving(APP) as server:
        writers = [await server.client() for _ in range(100)]
        watcher = await server.client(Add("bench:counter", {"key": "hot"}))
        count = Count(server)
        for writer in writers:
            text = writer.peer.call("Mutation", "bench:incr", {"key": "hot"})
            await writer.worker.receive(decode_client_message(text))
        await turns()

        assert [100] == watcher.values
        assert (100, 1) == (count["commits"], count["syncs"])
        assert 100 + 1 == count["executions"]


async def test_commits_of_contended_rows_are_not_repeated() -> None:
    async with serving(APP) as server:
        await server.mutate("bench:seed", start=0, count=2, balance=100)
        writers = [await server.client() for _ in range(50)]
        count = Count(server)
        for writer in writers:
            args = {"from_id": 0, "to_id": 1, "amount": 1}
            text = writer.peer.call("Mutation", "bench:transfer", args)
            await writer.worker.receive(decode_client_message(text))
        await turns()

        assert (50, 50, 1) == (count["executions"], count["commits"], count["syncs"])
        assert 200 == await server.query("bench:total")


# --- Lists, pages, joins ---


@pytest.mark.parametrize("rows", [50, 1_000])
async def test_change_of_one_row_of_a_list_is_one_run_of_it(rows: int) -> None:
    async with serving(APP) as server:
        await fill(server, "a", rows)
        watched = Add("more:newest", {"channel": "a", "limit": rows})
        clients = [await server.client(watched) for _ in range(5)]
        count = Count(server)
        await server.mutate("more:edit", channel="a", seq=rows // 2, body="changed")
        await turns()

        assert {"changed"} == {each.values[0][rows - rows // 2 - 1]["body"] for each in clients}
        assert (2, 2, 1) == (count["executions"], count["encodings"], count["commits"])
        # The list, and the row that the mutation finds and changes.
        assert rows + 1 <= count["rows read"] <= rows + 2


async def test_insert_runs_the_one_page_that_it_is_in() -> None:
    async with serving(APP) as server:
        await fill(server, "a", 300)
        clients = [await server.client() for _ in range(10)]
        for client in clients:
            cursor = None
            for number in range(3):
                options = {"numItems": 50, "cursor": cursor, "id": 0}
                await client.watch(Add("more:page", {"channel": "a", "options": options}))
                cursor = client.values[number]["continueCursor"]
        count = Count(server)
        for number in range(1, 4):
            await insert(server, "a", 300 + number)
            assert {300 + number} == {each.values[0]["page"][0]["seq"] for each in clients}

        # Each insert is one execution of its own, and one of the first page for all clients.
        assert 3 * 2 == count["executions"]
        # Pages keep their ends, so the first one has a row more each time.
        assert 51 + 52 + 53 == count["rows read"]


async def test_join_reads_each_table_once_for_all() -> None:
    async with serving(APP) as server:
        authors = await server.mutate("more:authors", count=10)
        for seq in range(50):
            author = authors[seq % 10]
            await server.mutate("more:post", channel="a", seq=seq, author=author, body=BODY)
        clients = [await server.client(Add("more:joined", {"channel": "a"})) for _ in range(10)]
        count = Count(server)
        await server.mutate("more:rename", author=authors[3], name="somebody else")
        await turns()

        for client in clients:
            assert 5 == sum(each["author"] == "somebody else" for each in client.values[0])
        assert (2, 1) == (count["executions"], count["syncs"])
        # Fifty posts and no more than fifty authors, and the author that is renamed.
        assert 50 + 10 + 1 <= count["rows read"] <= 50 + 50 + 1

        count = Count(server)
        await server.mutate("more:rename", author=authors[3], name="once more")
        await turns()

        # However many rows it has read, the query is looked up by what was written.
        assert count["look-ups"] <= 4


# --- Everybody at once ---


async def test_clients_that_come_back_run_each_query_once() -> None:
    async with serving(APP) as server:
        clients = []
        for number in range(100):
            mine = [latest(f"c{(10 * number + each) % 200}") for each in range(10)]
            clients.append(await server.client(*mine))
        server.service.queries.invalidate_all(server.database.head)
        await turns()
        count = Count(server)
        server.service.queries.invalidate_all(server.database.head)
        for client in clients:
            await client.connect()

        assert [10] * 100 == [len(client.values) for client in clients]
        assert 200 == count["executions"] == count["encodings"]
