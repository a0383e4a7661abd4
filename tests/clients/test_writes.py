"""Insert, patch, replace and delete, and the ids of documents."""

from typing import Any

import pytest

from tests.clients.conftest import Connect
from tests.server import ServerProcess
from tests.sync_client import SyncClient
from tests.wire_values import int64

ADA = {"name": "Ada", "address": {"city": "London", "street": "St James"}, "nickname": "countess"}


async def insert(client: SyncClient, person: dict[str, Any]) -> str:
    stored: str = await client.run("people:insert", {"person": person})
    return stored


async def read(client: SyncClient, person: str) -> Any:
    """The stored document without its system fields, after a look at these."""
    document = (await client.query("people:get", {"person": person})).value
    if document is None:
        return None
    assert document.pop("_id") == person
    assert isinstance(document.pop("_creationTime"), float)
    return document


@pytest.fixture
async def client(lab_dev: ServerProcess, connect: Connect) -> SyncClient:
    """In development, where an error says what it is about."""
    return await connect(lab_dev.sync_url)


# --- Documents ---


async def test_insert_stores_the_document(client: SyncClient) -> None:
    person = await insert(client, ADA)
    assert await read(client, person) == ADA


async def test_absent_optional_fields_stay_absent(client: SyncClient) -> None:
    bare = {"name": "Bob", "address": {"city": "Paris"}}
    assert await read(client, await insert(client, bare)) == bare


async def test_insert_by_name_is_the_same(client: SyncClient) -> None:
    person = await client.run("people:insert_by_name", {"table": "people", "fields": ADA})
    assert await read(client, person) == ADA


async def test_stored_document_dumps_python_and_wire_names(client: SyncClient) -> None:
    person = await insert(client, ADA)
    assert (await client.query("people:dumps", {"person": person})).value == {
        "python": ["address", "creation_time", "id", "name", "nickname"],
        "wire": ["_creationTime", "_id", "address", "name", "nickname"],
    }


async def test_alias_is_the_wire_name(client: SyncClient, name: str) -> None:
    letter = await client.run("people:write_letter", {"sender": name, "stamps": int64(3)})
    assert letter["from"] == name
    assert letter["stamps"] == int64(3)
    assert "sender" not in letter
    found = await client.query("people:letters_from", {"sender": name})
    assert found.value == [letter]


async def test_table_without_a_class_takes_any_fields(client: SyncClient) -> None:
    table = "loose_things"
    fields = {"a": [1, {"b": None}], "c": int64(5)}
    made = await client.run("people:insert_by_name", {"table": table, "fields": fields})
    (row,) = (await client.query("people:loose", {"table": table})).value
    assert row.pop("_id") == made
    assert isinstance(row.pop("_creationTime"), float)
    assert row == fields


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"name": "x"}, "address"),
        ({"name": 5, "address": {"city": "x"}}, "name"),
        ({"name": "x", "address": {"town": "x"}}, "address"),
        ({"name": "x", "address": {"city": "x"}, "nickname": None}, "nickname"),
        ({"name": "x", "address": {"city": "x"}, "unknown": 1}, "unknown"),
    ],
)
async def test_bad_document_is_refused_by_field(
    client: SyncClient, fields: dict[str, Any], named: str
) -> None:
    error = await client.fail("people:insert_by_name", {"table": "people", "fields": fields})
    assert named in error


@pytest.mark.parametrize("field", ["_private", "_id", "_creationTime", "$x", "", "x" * 65, "1x"])
async def test_field_names_of_documents_have_rules(client: SyncClient, field: str) -> None:
    args = {"table": "loose_names", "fields": {field: 1}}
    assert not (await client.mutation("people:insert_by_name", args))["success"]
    assert (await client.query("people:loose", {"table": "loose_names"})).value == []


@pytest.mark.parametrize("table", ["_system", "1table", "", "with space", "x" * 65, "___"])
async def test_table_names_have_rules(client: SyncClient, table: str) -> None:
    args = {"table": table, "fields": {"x": 1}}
    assert not (await client.mutation("people:insert_by_name", args))["success"]


async def test_reference_takes_ids_of_its_table_only(client: SyncClient, name: str) -> None:
    person = await insert(client, ADA)
    await client.run("counters:add", {"name": name})
    counter = (await client.query("counters:document", {"name": name})).value["_id"]
    made = await client.run("people:chain", {"links": [{"counter": counter}]})
    await client.run("people:chain", {"links": [{"counter": counter, "next_link": made[0]}]})
    wrong = {"links": [{"counter": person}]}
    assert "counter" in await client.fail("people:chain", wrong)
    wrong = {"links": [{"counter": counter, "next_link": counter}]}
    assert "next_link" in await client.fail("people:chain", wrong)


# --- Patch, replace, delete ---


async def test_patch_changes_the_fields_named(client: SyncClient) -> None:
    person = await insert(client, ADA)
    await client.run("people:rename", {"person": person, "name": "Ada L."})
    assert await read(client, person) == ADA | {"name": "Ada L."}


async def test_patch_replaces_a_nested_object_whole(client: SyncClient) -> None:
    person = await insert(client, ADA)
    await client.run("people:move", {"person": person, "city": "Turin"})
    assert await read(client, person) == ADA | {"address": {"city": "Turin"}}


async def test_patch_with_unset_removes_the_field(client: SyncClient) -> None:
    person = await insert(client, ADA)
    await client.run("people:forget_nickname", {"person": person})
    assert await read(client, person) == {key: ADA[key] for key in ("name", "address")}


async def test_patch_is_validated(client: SyncClient) -> None:
    person = await insert(client, ADA)
    assert "shoe_size" in await client.fail("people:patch_unknown_field", {"person": person})
    assert "name" in await client.fail("people:patch_wrong_type", {"person": person})
    assert await read(client, person) == ADA


async def test_replace_puts_another_document_in_place(client: SyncClient) -> None:
    person = await insert(client, ADA)
    created = (await client.query("people:get", {"person": person})).value["_creationTime"]
    await client.run("people:replace", {"person": person, "name": "Bob", "city": "Rome"})
    document = (await client.query("people:get", {"person": person})).value
    assert document == {
        "_id": person,
        "_creationTime": created,
        "name": "Bob",
        "address": {"city": "Rome"},
    }


async def test_replace_takes_the_same_id_and_no_other(client: SyncClient) -> None:
    person, other = await insert(client, ADA), await insert(client, ADA)
    await client.run("people:replace_with_copy", {"person": person, "name": "Copy"})
    assert (await read(client, person))["name"] == "Copy"
    await client.fail("people:replace_with_other", {"person": person, "other": other})
    assert (await read(client, person))["name"] == "Copy"


async def test_delete_removes(client: SyncClient) -> None:
    person = await insert(client, ADA)
    await client.run("people:delete", {"person": person})
    assert await read(client, person) is None


@pytest.mark.parametrize(
    ("path", "args"),
    [
        ("people:rename", {"name": "x"}),
        ("people:replace", {"name": "x", "city": "y"}),
        ("people:delete", {}),
    ],
)
async def test_write_to_a_missing_document_fails(
    client: SyncClient, path: str, args: dict[str, Any]
) -> None:
    person = await insert(client, ADA)
    await client.run("people:delete", {"person": person})
    assert person in await client.fail(path, {"person": person, **args})


async def test_documents_are_immutable(client: SyncClient, name: str) -> None:
    await client.run("counters:put", {"name": name, "value": 5})
    await client.fail("faults:changes_what_it_read", {"name": name})
    assert (await client.query("counters:get", {"name": name})).value == 5


# --- Ids and creation times ---


async def test_id_is_text_in_the_alphabet_of_ids(client: SyncClient) -> None:
    person = await insert(client, ADA)
    assert 31 <= len(person) <= 37
    assert set(person) <= set("0123456789abcdefghjkmnpqrstvwxyz")


async def test_id_argument_is_checked(client: SyncClient, name: str) -> None:
    person = await insert(client, ADA)
    await client.run("counters:add", {"name": name})
    counter = (await client.query("counters:document", {"name": name})).value["_id"]
    broken = person[:-1] + ("0" if person[-1] != "0" else "1")
    for wrong in (person.upper(), counter, broken, "", "nonsense", person + "0", 5, None):
        result = await client.query("people:exists", {"person": wrong})
        assert result.error is not None, f"{wrong!r} passed for the id of a person"
        assert "person" in result.error


async def test_id_of_a_deleted_document_passes(client: SyncClient) -> None:
    person = await insert(client, ADA)
    await client.run("people:delete", {"person": person})
    assert (await client.query("people:exists", {"person": person})).value is False


async def test_normalize_id_never_fails(client: SyncClient) -> None:
    person = await insert(client, ADA)
    for table, text, expected in (
        ("people", person, person),
        ("counters", person, None),
        ("people", person.upper(), None),
        ("people", "nonsense", None),
        ("people", "", None),
        ("no_such_table", person, None),
    ):
        result = await client.query("people:normalized", {"table": table, "text": text})
        assert result.error is None
        assert result.value == expected


async def test_creation_times_of_one_transaction_increase(client: SyncClient, name: str) -> None:
    times = await client.run("people:birth_times", {"list_name": name, "count": 1000})
    assert len(times) == 1000
    assert times == sorted(set(times))
    # One mutation takes less than a second; its thousand documents are not a second apart.
    assert times[-1] - times[0] < 1000


# --- Failures write nothing ---


@pytest.mark.parametrize(
    "path",
    [
        "counters:add_then_fail",
        "nested:parent_does_not_catch",
        "faults:write_and_sleep",
        "faults:write_and_give_set",
    ],
)
async def test_failed_mutation_writes_nothing(client: SyncClient, name: str, path: str) -> None:
    await client.fail(path, {"name": name})
    assert (await client.query("counters:get", {"name": name})).value == 0
