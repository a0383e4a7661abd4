"""How many statements SQLite is given for a read, a mutation and a batch of them."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from reactive.protocol.codec import decode_client_message
from reactive.storage.sqlite import SQLiteStore
from tests.runtime.harness import Server, serving, turns
from tests.session.peers import Add

APP = Path(__file__).parents[1] / "bench" / "app"
BODY = "x" * 100


class Statements(Counter[str]):
    """Counts by the first word."""

    def note(self, statement: str) -> None:
        self[statement.split(None, 1)[0].upper()] += 1


@asynccontextmanager
async def traced(folder: Path) -> AsyncIterator[tuple[Server, Statements]]:
    """A server on a file, and what the file is asked from now on."""
    store = SQLiteStore(folder / "data.sqlite3", commit_in_thread=False)
    async with serving(APP, store=store) as server:
        statements = Statements()
        store._write.set_trace_callback(statements.note)
        yield server, statements


async def test_mutation_writes_a_document_its_keys_and_a_receipt(tmp_path: Path) -> None:
    async with traced(tmp_path) as (server, statements):
        client = await server.client()
        statements.clear()
        args = {"channel": "a", "seq": 1, "body": BODY}
        text = client.peer.call("Mutation", "bench:insert", args)
        await client.worker.receive(decode_client_message(text))
        await turns()

        # The document, its keys in three indexes, and the receipt, which tells the timestamp, too.
        assert statements["INSERT"] <= 1 + 3 + 1
        assert (1, 1) == (statements["BEGIN"], statements["COMMIT"])
        assert 0 == statements["SELECT"] == statements["UPDATE"]


async def test_batch_writes_a_document_once_that_it_changes_often(tmp_path: Path) -> None:
    async with traced(tmp_path) as (server, statements):
        client = await server.client()
        await server.mutate("bench:incr", key="a")
        statements.clear()
        for _ in range(100):
            text = client.peer.call("Mutation", "bench:incr", {"key": "a"})
            await client.worker.receive(decode_client_message(text))
        await turns()

        assert (1, 1) == (statements["UPDATE"], statements["COMMIT"])
        assert 101 == await server.query("bench:counter", key="a")


async def test_batch_begins_and_commits_once(tmp_path: Path) -> None:
    async with traced(tmp_path) as (server, statements):
        client = await server.client()
        statements.clear()
        for seq in range(100):
            args = {"channel": "a", "seq": seq, "body": BODY}
            text = client.peer.call("Mutation", "bench:insert", args)
            await client.worker.receive(decode_client_message(text))
        await turns()

        assert statements["INSERT"] <= 100 * 5
        assert (1, 1) == (statements["BEGIN"], statements["COMMIT"])
        assert 0 == statements["SELECT"] == statements["UPDATE"] == statements["SAVEPOINT"]


async def test_run_of_a_list_is_one_statement(tmp_path: Path) -> None:
    async with traced(tmp_path) as (server, statements):
        await server.mutate("more:fill", channel="a", count=200, body=BODY)
        clients = [await server.client() for _ in range(20)]
        statements.clear()
        for client in clients:
            await client.watch(Add("bench:latest", {"channel": "a"}))

        assert [50] * 20 == [len(client.values[0]) for client in clients]
        assert 1 == statements["SELECT"]


async def test_transfer_reads_each_row_no_more_than_twice(tmp_path: Path) -> None:
    async with traced(tmp_path) as (server, statements):
        await server.mutate("bench:seed", start=0, count=100, balance=100)
        statements.clear()
        await server.mutate("bench:transfer", from_id=3, to_id=5, amount=1)

        # Two rows are found by their numbers, and changed by their ids.
        assert statements["SELECT"] <= 2 * 2
        assert statements["UPDATE"] <= 2 + 1
        assert 0 == statements["INSERT"] == statements["DELETE"]


async def test_list_that_runs_again_reads_no_row_twice(tmp_path: Path) -> None:
    async with traced(tmp_path) as (server, statements):
        await server.mutate("more:fill", channel="a", count=200, body=BODY)
        reader = await server.client(Add("bench:latest", {"channel": "a"}))
        assert 50 == len(reader.values[0])
        statements.clear()
        for seq in range(1_000, 1_003):
            await server.mutate("bench:insert", channel="a", seq=seq, body=BODY)
            await turns()

            assert [seq, 50] == [reader.values[0][0]["seq"], len(reader.values[0])]
        assert 0 == statements["SELECT"]
