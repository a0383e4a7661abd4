"""Searches of a running server, through its socket."""

import asyncio
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.search.conftest import APP, Connect
from tests.server import ServerProcess
from tests.sync_client import SyncClient

TEXTS = {
    "fox": "The quick brown fox",
    "dog": "A lazy dog sleeps",
    "both": "The fox and the dog",
    "foxes": "Many foxes; few hounds",
}


async def add(client: SyncClient, texts: dict[str, str], **fields: Any) -> None:
    for key, body in texts.items():
        await client.run("notes:add", {"key": key, "fields": {"body": body, **fields}})


async def search(client: SyncClient, text: str, **filters: Any) -> list[str]:
    result = await client.query("notes:search", {"text": text, "filters": filters})
    assert result.error is None, result.error
    found: list[str] = result.value
    return found


async def test_finds_any_word_and_the_beginning_of_the_last(client: SyncClient) -> None:
    await add(client, TEXTS)
    assert await search(client, "fox") == ["fox", "both", "foxes"]
    assert await search(client, "dog fox") == ["both", "dog", "fox", "foxes"]
    assert await search(client, "QUICK, slee") == ["fox", "dog"]
    assert await search(client, "slee quick") == ["fox"]
    assert await search(client, "ox") == []


async def test_a_text_without_words_finds_nothing(client: SyncClient) -> None:
    await add(client, {**TEXTS, "long": "x" * 33})
    for text in ("", "  ", "?!", "x" * 33):
        assert await search(client, text) == []
        result = await client.query(
            "notes:page", {"text": text, "paginationOpts": {"numItems": 5, "cursor": None}}
        )
        assert (result.value["page"], result.value["isDone"]) == ([], True)


async def test_the_language_of_the_index_is_not_the_authors(client: SyncClient) -> None:
    """Nothing in a text is an operator."""
    await add(client, {"x": "fox AND dog", "y": "not NEAR(here)"})
    assert await search(client, '"fox" AND') == ["x"]
    assert await search(client, "NEAR(*)") == ["y"]
    assert await search(client, "words:fox OR") == ["x"]
    assert await search(client, "-fox ^dog") == ["x"]


async def test_newest_first_among_equals(client: SyncClient) -> None:
    await add(client, {f"note {n}": "the same words" for n in range(5)})
    assert await search(client, "same") == [f"note {n}" for n in reversed(range(5))]


async def test_filters_know_absent_null_and_types(client: SyncClient) -> None:
    await add(client, {"absent": "word"})
    await add(client, {"null": "word"}, author=None)
    await add(client, {"ann": "word"}, author="ann", channel="side")
    assert await search(client, "word", author="UNSET") == ["absent"]
    assert await search(client, "word", author=None) == ["null"]
    assert await search(client, "word", author="ann", channel="side") == ["ann"]
    assert await search(client, "word", author="ann", channel="main") == []


async def test_nested_fields(client: SyncClient) -> None:
    await client.run(
        "notes:add", {"key": "x", "fields": {"profile": {"bio": "likes rain", "city": "Ulm"}}}
    )
    await client.run("notes:add", {"key": "y", "fields": {"profile": {"bio": "likes sun"}}})
    await client.run("notes:add", {"key": "z", "fields": {"profile": {"bio": None}}})
    assert (await client.query("notes:by_bio", {"text": "likes"})).value == ["y", "x"]
    assert (await client.query("notes:by_bio", {"text": "likes", "city": "Ulm"})).value == ["x"]


async def test_every_way_to_read_a_query(client: SyncClient) -> None:
    await add(client, TEXTS)
    result = await client.query("notes:in_every_way", {"text": "dog fox", "skip": "both"})
    assert result.value == {
        "collect": ["dog", "fox", "foxes"],
        "take": ["dog", "fox"],
        "first": "dog",
        "loop": ["dog", "fox", "foxes"],
    }
    assert (await client.query("notes:unique", {"text": "lazy"})).value == "dog"
    assert (await client.query("notes:unique", {"text": "nobody"})).value is None
    several = await client.query("notes:unique", {"text": "fox"})
    assert "NotUnique" in str(several.error)


async def test_a_mutation_searches_its_own_writes(client: SyncClient) -> None:
    await add(client, TEXTS)
    steps = [
        ["search", "fox", {}],
        ["add", "new", {"body": "fox fox fox fox"}],
        ["patch", "foxes", {"channel": "side"}],
        ["delete", "both"],
        ["search", "fox", {"channel": "main"}],
        ["fail", [["add", "gone", {"body": "fox"}], ["search", "fox", {"channel": "main"}]]],
        ["search", "fox", {"channel": "main"}],
    ]
    found = await client.run("notes:act", {"steps": steps})
    own = ["new", "fox"]
    assert found == [["fox", "both", "foxes"], own, ["new", "gone", "fox"], own]
    assert await search(client, "fox", channel="main") == own
    assert await search(client, "fox", channel="side") == ["foxes"]


async def test_a_mutation_depends_on_what_it_did_not_find(connect: Connect) -> None:
    clients = [await connect() for _ in range(4)]
    added = await asyncio.gather(
        *(each.run("notes:add_if_alone", {"text": "only one"}) for each in clients)
    )
    assert sorted(added) == [False, False, False, True]


async def test_live_search_follows_writes(client: SyncClient) -> None:
    await add(client, TEXTS)
    query = await client.subscribe("notes:search", {"text": "brown fox", "filters": {}})
    assert client.results[query].value == ["fox", "both", "foxes"]
    await client.run("notes:patch", {"key": "dog", "fields": {"body": "A foxy brown dog"}})
    await client.value_becomes(query, ["fox", "dog", "both", "foxes"])
    await client.run("notes:delete", {"key": "fox"})
    await client.value_becomes(query, ["dog", "both", "foxes"])
    await client.run("notes:patch", {"key": "both", "fields": {"body": None}})
    await client.value_becomes(query, ["dog", "foxes"])


async def test_live_results_are_whole_documents(client: SyncClient) -> None:
    await add(client, TEXTS)
    query = await client.subscribe("notes:bodies", {"text": "lazy", "channel": "main"})
    await client.run("notes:patch", {"key": "dog", "fields": {"seen": 5}})
    await client.result_becomes(query, lambda result: result.value[0]["seen"] == 5)


async def test_cursors_walk_all_results_in_their_order(client: SyncClient) -> None:
    bodies = [("fox " * (n % 3 + 1) + "dog " * n).strip() for n in range(23)]
    await client.run("notes:add_many", {"bodies": bodies})
    whole = await search(client, "fox")
    walked: list[str] = []
    cursor, is_done = None, False
    while not is_done:
        options = {"numItems": 5, "cursor": cursor}
        result = await client.query("notes:page", {"text": "fox", "paginationOpts": options})
        walked += [each["key"] for each in result.value["page"]]
        assert result.value.get("splitCursor") is None
        cursor, is_done = result.value["continueCursor"], result.value["isDone"]
    assert walked == whole
    assert len(walked) == 23


async def test_a_cursor_belongs_to_its_search(client: SyncClient) -> None:
    await add(client, TEXTS)
    options: dict[str, Any] = {"numItems": 1, "cursor": None}
    first = await client.query("notes:page", {"text": "fox", "paginationOpts": options})
    options["cursor"] = first.value["continueCursor"]
    other = await client.query("notes:page", {"text": "dog", "paginationOpts": options})
    assert "InvalidCursor" in str(other.error)


async def test_too_many_results(client: SyncClient) -> None:
    for part in range(3):
        await client.run("notes:add_many", {"bodies": ["word"] * 400, "channel": f"c{part}"})
    result = await client.query("notes:take", {"text": "word", "count": 1_024})
    assert result.value == 1_024
    result = await client.query("notes:take", {"text": "word", "count": 1_025})
    assert "search_body" in str(result.error)
    assert "1024" in str(result.error)
    result = await client.query("notes:search", {"text": "word"})
    assert "1024" in str(result.error)
    assert len(await search(client, "word", channel="c1")) == 400


async def test_too_many_terms_and_filters(client: SyncClient) -> None:
    words = [f"word{n}" for n in range(17)]
    assert await search(client, " ".join(words[:16])) == []
    result = await client.query("notes:search", {"text": " ".join(words)})
    assert "17" in str(result.error)
    assert "limit: 16" in str(result.error)
    assert (await client.query("notes:wide", {"filters": 8})).value == 0
    result = await client.query("notes:wide", {"filters": 9})
    assert "limit: 8" in str(result.error)


@pytest.mark.parametrize(
    ("mistake", "message"),
    [
        ("no search", r"search index search_body: a search needs .search('body', text)"),
        ("unknown index", "table notes has no search index 'search_bodies'"),
        ("plain index", "table notes has no search index 'by_key'; use with_index"),
        ("search as plain", "table notes has no index 'search_body'; use with_search_index"),
        ("other field", "search index search_body: it searches 'body', not 'key'"),
        ("other filter", "search_body: 'key' is not one of its filter fields"),
        ("filter twice", "search index search_body: 'channel' is bound twice"),
        ("search twice", "search index search_body: search() may be called once only"),
        ("no text", "search index search_body: it searches for a text, not for 5"),
        ("ordered after", "the order of a search cannot be changed"),
        ("ordered before", "the order of a search cannot be changed"),
        ("index before", "either with_index or with_search_index"),
        ("index after", "either with_index or with_search_index"),
        ("two searches", "a query searches one index only"),
    ],
)
async def test_mistakes_are_named(shared: ServerProcess, mistake: str, message: str) -> None:
    async with SyncClient() as client:
        await client.open(shared.sync_url)
        result = await client.query("mistakes:make", {"mistake": mistake})
    assert message in str(result.error)


async def test_results_outlive_a_restart(server: ServerProcess) -> None:
    async with SyncClient() as client:
        await client.open(server.sync_url)
        await add(client, TEXTS)
        before = await search(client, "dog fox")
    server.kill()
    await asyncio.to_thread(server.start)
    async with SyncClient() as client:
        await client.open(server.sync_url)
        assert before == await search(client, "dog fox")
        await client.run("notes:patch", {"key": "both", "fields": {"body": "neither"}})
        assert await search(client, "dog fox") == ["dog", "fox", "foxes"]


async def test_an_index_is_added_and_removed_while_serving(tmp_path: Path) -> None:
    project = tmp_path / "app"
    shutil.copytree(APP, project, ignore=shutil.ignore_patterns("__pycache__"))
    schema = project / "schema.py"
    whole = schema.read_text()
    line = '    search_body = search_index("body", filter_fields=["channel", "author"])\n'
    assert line in whole
    schema.write_text(whole.replace(line, '    search_body = index("seen")\n'))
    with ServerProcess(project, tmp_path / "data.sqlite3", command="dev") as server:
        async with SyncClient() as client:
            await client.open(server.sync_url)
            await add(client, TEXTS)
            query = await client.subscribe("notes:search", {"text": "fox"})
            assert "no search index" in str(client.results[query].error)
            schema.write_text(whole)
            await client.value_becomes(query, ["fox", "both", "foxes"])
            await add(client, {"new": "fox fox fox"})
            await client.value_becomes(query, ["new", "fox", "both", "foxes"])
            schema.write_text(whole.replace('["channel", "author"]', '["author"]'))
            await add(client, {"last": "a fox, a fox, a fox"}, author="ann")
            await client.result_becomes(query, lambda result: "last" in (result.value or ()))
            filtered = await client.subscribe(
                "notes:search", {"text": "fox", "filters": {"author": "ann"}}
            )
            await client.value_becomes(filtered, ["last"])
