"""Every limit is an error that names it, in production too, and what is just within it works."""

import re
from typing import Any

import pytest

from tests.clients.conftest import Connect
from tests.server import ServerProcess
from tests.sync_client import SyncClient, without_request_id
from tests.wire_values import bytes_value

MEBIBYTE = 1024 * 1024


@pytest.fixture
async def client(lab: ServerProcess, connect: Connect) -> SyncClient:
    return await connect(lab.sync_url)


def names_limit(error: str | None, *parts: str) -> None:
    """The error is not the redacted one, and has each text; numbers may have commas."""
    assert error is not None
    assert without_request_id(error) != " Server Error"
    plain = re.sub(r"(?<=\d)[,_](?=\d)", "", error)
    for part in parts:
        assert re.search(part, plain, re.IGNORECASE), f"{part!r} is not in {error!r}"


@pytest.mark.timeout(60)
async def test_ranges_read(client: SyncClient, name: str) -> None:
    ids = await client.run("limits:make_items", {"list_name": name, "count": 4097})
    within = await client.query("limits:get_each", {"items": ids[:4096]})
    assert within.value == 4096
    beyond = await client.query("limits:get_each", {"items": ids})
    names_limit(beyond.error, "too ?many ?reads", "4096")
    # One range read often is one range.
    often = await client.query("limits:get_one_often", {"item": ids[0], "times": 5000})
    assert often.value == 5000


@pytest.mark.timeout(60)
async def test_documents_written(client: SyncClient, name: str) -> None:
    args = {"list_name": name, "count": 16_000}
    assert await client.run("limits:insert_many", args) == 16_000
    beyond = await client.fail(
        "limits:insert_many", {"list_name": f"{name} beyond", "count": 16_001}
    )
    names_limit(beyond, "too ?many ?(writes|documents ?written)", "16000")
    left = await client.query("limits:count_list", {"list_name": f"{name} beyond"})
    assert left.value == 0


@pytest.mark.timeout(60)
async def test_writes_to_one_document_are_counted_each(client: SyncClient, name: str) -> None:
    beyond = await client.fail("limits:write_one_often", {"name": name, "times": 16_001})
    names_limit(beyond, "too ?many ?(writes|documents ?written)", "16000")
    assert (await client.query("counters:get", {"name": name})).value == 0


@pytest.mark.timeout(60)
async def test_documents_read(client: SyncClient, name: str) -> None:
    for count in (16_000, 16_000):
        await client.run("limits:insert_many", {"list_name": name, "count": count})
    within = await client.query("limits:count_list", {"list_name": name})
    assert within.value == 32_000
    await client.run("items:add", {"list_name": name, "rank": 1})
    beyond = await client.query("limits:count_list", {"list_name": name})
    names_limit(beyond.error, "too ?many ?documents ?read", "32000")


async def test_bytes_read(client: SyncClient, name: str) -> None:
    for _ in range(17):
        await client.run(
            "people:insert_by_name",
            {"table": "heavy", "fields": {"text": "x" * 1_000_000}},
        )
    beyond = await client.query("limits:count_whole_table", {"table": "heavy"})
    names_limit(beyond.error, "too ?many ?bytes ?read", r"16777216|16 MiB")


async def test_size_of_a_document_is_counted_to_the_byte(client: SyncClient, name: str) -> None:
    """As `getDocumentSize` of the client library counts, system fields included."""
    small = await client.run("limits:store_text", {"owner": name, "characters": 1})
    fields = {
        "_id": 2 + len(small),
        "_creationTime": 9,
        "owner": 2 + len(name.encode()),
        "body": 2,
    }
    overhead = 2 + sum(len(key) + 1 + size for key, size in fields.items())
    fits = MEBIBYTE - overhead
    await client.run("limits:store_text", {"owner": name, "characters": fits})
    beyond = await client.fail("limits:store_text", {"owner": name, "characters": fits + 1})
    names_limit(beyond, "too large", r"1048577|1 MiB")


async def test_nesting_of_a_document(client: SyncClient) -> None:
    # The document and the field's value are levels themselves.
    await client.run("limits:store_nested", {"table": "nested_things", "depth": 14})
    beyond = await client.fail("limits:store_nested", {"table": "nested_things", "depth": 17})
    names_limit(beyond, "nest", "16")


async def test_nesting_of_a_value(client: SyncClient) -> None:
    def nested(depth: int) -> Any:
        value: Any = 1
        for _ in range(depth):
            value = [value]
        return value

    fits = await client.query("deep/echo:query", {"value": nested(60)})
    assert fits.value == nested(60)
    beyond = await client.query("deep/echo:query", {"value": nested(70)})
    names_limit(beyond.error, "nest", "64")


async def test_length_of_an_array(client: SyncClient) -> None:
    fits = await client.query("limits:numbers", {"count": 8192})
    assert len(fits.value) == 8192
    result = await client.query("limits:numbers", {"count": 8193})
    names_limit(result.error, "8192", "8193")
    args = {"table": "long_things", "value": [0] * 8193}
    names_limit(await client.fail("limits:store_any", args), "8192", "8193")


async def test_fields_of_a_document(client: SyncClient) -> None:
    await client.run("limits:store_fields", {"table": "wide_things", "count": 1000})
    beyond = await client.fail("limits:store_fields", {"table": "wide_things", "count": 1025})
    names_limit(beyond, "1024", "field")


@pytest.mark.parametrize("field", ["$dollar", "tab\t", "é"])
async def test_names_of_nested_fields(client: SyncClient, field: str) -> None:
    args = {"table": "named_things", "value": {"deep": [{field: 1}]}}
    names_limit(await client.fail("limits:store_any", args), re.escape(field.strip()))


async def test_size_of_arguments(client: SyncClient) -> None:
    within = {"text": "x" * (16 * MEBIBYTE - 100)}
    assert (await client.query("limits:size_of", within)).value == 16 * MEBIBYTE - 100
    beyond = {"text": "x" * (17 * MEBIBYTE)}
    result = await client.query("limits:size_of", beyond)
    names_limit(result.error, "arguments", "too large", "16 MiB|16777216")
    response = await client.mutation("deep/echo:mutation", {"value": "x" * (17 * MEBIBYTE)})
    names_limit(response["result"], "arguments", "too large", "16 MiB|16777216")
    response = await client.action("big:size_of", {"data": bytes_value(bytes(17 * MEBIBYTE))})
    names_limit(response["result"], "arguments", "too large", "16 MiB|16777216")


async def test_size_of_a_result(client: SyncClient) -> None:
    size = 16 * MEBIBYTE
    within = await client.query("limits:text", {"characters": size - 100})
    assert len(within.value) == size - 100
    beyond = await client.query("limits:text", {"characters": size + 1})
    names_limit(beyond.error, "too large", "16 MiB|16777216")
    response = await client.action("big:quotes", {"count": size + 1})
    names_limit(response["result"], "too large", "16 MiB|16777216")


async def test_lines_of_a_log(lab_dev: ServerProcess, connect: Connect) -> None:
    client = await connect(lab_dev.sync_url)
    response = await client.mutation("errors:chatty", {"lines": 1000})
    assert response["success"]
    assert len(response["logLines"]) in {256, 257}, "256 lines, and at most a word on the rest"
    assert response["logLines"][255] == "[LOG] 'line' 255"
