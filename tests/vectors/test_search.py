"""Vector search in actions of a running server, called by clients."""

import asyncio
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from convex import ConvexClient

from tests.server import ServerProcess
from tests.sync_client import SyncClient
from tests.vectors.conftest import APP

X, Y, Z = [1, 0, 0], [0, 1, 0], [0, 0, 1]


async def add(client: SyncClient, key: str, vector: Any, **fields: Any) -> str:
    made = await client.run("notes:add", {"key": key, "fields": {"embedding": vector, **fields}})
    return str(made)


async def near(client: SyncClient, vector: Sequence[float], **args: Any) -> list[str]:
    answer = await client.action("notes:near", {"vector": vector, **args})
    assert answer["success"], answer
    found: list[str] = answer["result"]
    return found


async def call(client: SyncClient, path: str, args: dict[str, Any]) -> Any:
    answer = await client.action(path, args)
    assert answer["success"], answer
    return answer["result"]


async def test_hits_have_id_and_score_nearest_first(client: SyncClient) -> None:
    x = await add(client, "x", [2, 0, 0])
    diagonal = await add(client, "diagonal", [3, 3, 0])
    y = await add(client, "y", [0.0, 0.25, 0.0])
    back = await add(client, "back", [-1, 0, 0])
    hits = await call(client, "notes:hits", {"vector": [0.5, 0, 0]})
    assert [x, diagonal, y, back] == [hit["_id"] for hit in hits]
    assert [set(hit) for hit in hits] == [{"_id", "_score"}] * 4
    assert [1, 0.70710678, 0, -1] == pytest.approx([hit["_score"] for hit in hits], abs=1e-6)
    assert [x, diagonal] == [
        hit["_id"] for hit in await call(client, "notes:hits", {"vector": X, "limit": 2})
    ]


async def test_only_vectors_of_the_right_length_are_in_the_index(client: SyncClient) -> None:
    await add(client, "right", X)
    for key, vector in {
        "none": None,
        "short": [1, 0],
        "long": [1, 0, 0, 0],
        "text": "abc",
        "texts": ["a", "b", "c"],
        "bools": [True, False, False],
        "nested": [[1], [0], [0]],
        "nan": [1, {"$float": "AAAAAAAA+H8="}, 0],
        "empty": [],
        "bigints": [{"$integer": "AQAAAAAAAAA="}] * 3,
    }.items():
        await add(client, key, vector)
    await client.run("notes:add", {"key": "absent", "fields": {}})
    await add(client, "minus zero", [1, {"$float": "AAAAAAAAAIA="}, 0])
    await add(client, "zeros", [0, 0, 0])
    assert await near(client, X) == ["right", "minus zero", "zeros"]


async def test_equal_scores_are_ordered_by_id(client: SyncClient) -> None:
    ids = await client.run("notes:fill", {"vectors": [[0.1 * 3, 0.2 * 3, 0.7]] * 300})
    for limit in (1, 7, 256):
        hits = await call(client, "notes:hits", {"vector": [1, 2, 3], "limit": limit})
        assert sorted(ids)[:limit] == [hit["_id"] for hit in hits]
        assert len({hit["_score"] for hit in hits}) == 1
    hits = await call(client, "notes:hits", {"vector": [0, 0, 0], "limit": 3})
    assert [hit["_score"] for hit in hits] == [0, 0, 0]


async def test_ten_results_unless_told_otherwise(client: SyncClient) -> None:
    await client.run("notes:fill", {"vectors": [X] * 30})
    assert len(await near(client, X)) == 10
    assert len(await near(client, X, limit=256)) == 30


async def test_filters(client: SyncClient) -> None:
    await add(client, "a", [9, 1, 0], topic="a", stars=1)
    await add(client, "b", [8, 2, 0], topic="b", stars=1)
    await add(client, "c", [7, 3, 0], topic="c", stars=2)
    await add(client, "null", [6, 4, 0], topic=None, stars=2)
    await add(client, "absent", [5, 5, 0], stars=3)
    assert await near(client, X, topic="b") == ["b"]
    assert await near(client, X, stars=1) == ["a", "b"]
    assert await near(client, X, stars=2, topic="a") == ["a", "c", "null"]
    assert await near(client, X, stars=4) == []
    topics = {"vector": X, "topics": ["c", "a", "a", "nothing"]}
    assert await call(client, "notes:of_topics", topics) == ["a", "c"]
    assert await call(client, "notes:of_topics", {"vector": X, "topics": [None]}) == ["null"]
    assert await call(client, "notes:without_topic", {"vector": X}) == ["absent"]


async def test_fields_inside_of_others(client: SyncClient) -> None:
    for lang, vector in (("en", [1, 0]), ("de", [1, 1]), ("fr", [0, 1])):
        await client.run("notes:add_source", {"lang": lang, "vector": vector})
    found = await call(client, "notes:of_language", {"vector": [1, 0], "lang": "de"})
    assert found == ["de"]


async def test_the_index_follows_every_write(client: SyncClient) -> None:
    x, y = await add(client, "x", X, topic="a"), await add(client, "y", Y)
    assert await near(client, X) == ["x", "y"]
    await client.run("notes:patch", {"note": x, "fields": {"embedding": [0, 1, 1]}})
    assert await near(client, Y) == ["y", "x"]
    await client.run("notes:patch", {"note": y, "fields": {"topic": "a"}})
    assert await near(client, Y, topic="a") == ["y", "x"]
    await client.run("notes:patch", {"note": x, "fields": {"topic": "unset"}})
    assert await near(client, Y, topic="a") == ["y"]
    await client.run("notes:delete", {"note": y})
    assert await near(client, Y) == ["x"]
    await client.run("notes:patch", {"note": x, "fields": {"embedding": None}})
    assert await near(client, Y) == []
    await add(client, "z", Z)
    assert await near(client, Y) == ["z"]


async def test_a_search_sees_what_its_action_wrote(client: SyncClient) -> None:
    for number in range(30):
        vector = [1, number, 0]
        args = {"key": str(number), "vector": vector}
        assert await call(client, "notes:write_and_search", args) == [str(number)]


async def test_searches_and_writes_at_once(client: SyncClient) -> None:
    await client.run("notes:fill", {"vectors": [[1, n / 500, 0] for n in range(500)]})
    asked = []
    for number in range(1, 41):
        args: dict[str, Any] = {"key": f"new {number}", "vector": [number, -9, 5]}
        asked.append(await client.request("Action", "notes:write_and_search", args))
        args = {"vector": [1, number / 500, 0], "limit": 1}
        asked.append(await client.request("Action", "notes:near", args))
    answers = [await client.settle(each) for each in asked]
    assert [[f"new {number}"] for number in range(1, 41)] == [a["result"] for a in answers[::2]]
    assert [[str(number)] for number in range(1, 41)] == [a["result"] for a in answers[1::2]]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("no index", "table notes has no vector index 'by_nothing'"),
        ("another table", "table plain has no vector index 'by_embedding'"),
        (
            "dimensions",
            "VectorDimensionsMismatch: vector index notes.by_embedding has 3 dimensions, and the "
            "vector that is searched for has 2",
        ),
        ("no numbers", "number 0 of the vector is 'a', which is no finite float"),
        ("a text", "it is searched for a list of floats, not for 'abc'"),
        ("nan", "number 1 of the vector is nan"),
        ("infinite", "number 1 of the vector is inf"),
        ("limit", "vector index notes.by_embedding: a search asks for 257 results (limit: 256)"),
        ("no limit", "a limit of at least 1, not 0"),
        ("a fraction", "a limit of at least 1, not 1.5"),
        ("filter field", "'key' is not one of its filter fields ['topic', 'stars']"),
        ("no filter", "a filter is made by q.eq(...) and q.or_(...), not True"),
        ("nothing", "or_() needs at least one equality"),
        ("filters", "a search has 65 filters (limit: 64)"),
    ],
)
async def test_mistakes_are_named(shared: ServerProcess, name: str, message: str) -> None:
    async with SyncClient() as client:
        await client.open(shared.sync_url)
        answer = await client.action("notes:mistake", {"name": name})
    assert not answer["success"]
    assert message in answer["result"]


async def test_sixty_four_filters_are_none_too_many(shared: ServerProcess) -> None:
    async with SyncClient() as client:
        await client.open(shared.sync_url)
        assert await call(client, "notes:mistake", {"name": "64 filters"}) == []


async def test_vectors_outlive_a_crash(server: ServerProcess) -> None:
    async with SyncClient() as client:
        await client.open(server.sync_url)
        for key, vector in (("x", X), ("y", Y), ("z", Z)):
            await add(client, key, vector, topic=key)
    await asyncio.to_thread(server.kill)
    await asyncio.to_thread(server.start)
    async with SyncClient() as client:
        await client.open(server.sync_url)
        assert await near(client, [3, 2, 1]) == ["x", "y", "z"]
        assert await near(client, [3, 2, 1], topic="z") == ["z"]


async def test_convexs_own_python_client(server: ServerProcess) -> None:
    def search() -> list[Any]:
        # The client's own types know no lists of floats inside of dicts.
        client: Any = ConvexClient(server.url)
        client.mutation("notes:add", {"key": "x", "fields": {"embedding": [1.0, 0.0, 0.0]}})
        client.mutation("notes:add", {"key": "y", "fields": {"embedding": [0.0, 1.0, 0.0]}})
        return [
            client.action("notes:hits", {"vector": [1.0, 0.0, 0.0]}),
            client.action("notes:near", {"vector": [0.0, 1.0, 0.0], "topic": "none"}),
        ]

    hits, filtered = await asyncio.to_thread(search)
    assert [hit["_score"] for hit in hits] == [1.0, 0.0]
    assert filtered == []


async def test_another_definition_of_the_index_is_another_index(tmp_path: Path) -> None:
    project = tmp_path / "app"
    shutil.copytree(APP, project, ignore=shutil.ignore_patterns("__pycache__"))
    schema = project / "schema.py"
    whole = schema.read_text()
    with ServerProcess(project, tmp_path / "data.sqlite3", command="dev") as server:
        async with SyncClient() as client:
            await client.open(server.sync_url)
            await add(client, "three", X, topic="a")
            await add(client, "two", [0, 1], topic="a")
            assert await near(client, X) == ["three"]
            schema.write_text(whole.replace("dimensions=3", "dimensions=2"))
            await asyncio.to_thread(server.wait_for_output, "reloaded after")
            assert await near(client, [0, 1]) == ["two"]
            schema.write_text(whole.replace('["topic", "stars"]', '["key"]'))
            await asyncio.to_thread(server.wait_for_output, "reloaded after", count=2)
            assert await near(client, X, key="three") == ["three"]
            await add(client, "later", X)
            assert await near(client, X, key="later") == ["later"]
