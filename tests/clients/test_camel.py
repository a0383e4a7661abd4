"""`case = "camel"`: camelCase on the wire, snake_case in Python."""

from typing import Any

import pytest

from tests.clients.conftest import Connect
from tests.server import ServerProcess
from tests.sync_client import SyncClient

MODULE = "chatRooms/roomFunctions"


@pytest.fixture
async def client(camel: ServerProcess, connect: Connect) -> SyncClient:
    return await connect(camel.sync_url)


async def create(client: SyncClient, name: str, seen: float = 1.5) -> str:
    made: str = await client.run(
        f"{MODULE}:createRoom",
        {"roomName": name, "createdBy": name, "readMark": {"lastSeen": seen, "isMuted": True}},
    )
    return made


async def test_names_are_camel_case_on_the_wire(client: SyncClient, name: str) -> None:
    room = await create(client, name)
    (stored,) = (await client.query(f"{MODULE}:roomsOf", {"createdBy": name})).value
    assert stored == {
        "_id": room,
        "_creationTime": stored["_creationTime"],
        "roomName": name,
        "createdBy": name,
        "readMark": {"lastSeen": 1.5, "isMuted": True},
        # The keys of a dict are data.
        "freeForm": {"snake_key": {"inner_key": 1}},
    }


async def test_model_in_a_result(client: SyncClient, name: str) -> None:
    await create(client, name)
    result = await client.query(f"{MODULE}:summaryOf", {"createdBy": name})
    assert result.value == {"roomCount": 1, "newestRoom": name}


async def test_keys_of_a_plain_dict_stay(client: SyncClient) -> None:
    result = await client.query(f"{MODULE}:plainDict")
    assert result.value == {"snake_key": 1, "nested_dict": {"inner_key": 2}}


async def test_index_on_a_nested_field_keeps_python_names(client: SyncClient, name: str) -> None:
    await create(client, name, seen=1e15)
    result = await client.query(f"{MODULE}:roomsSeenAfter", {"lastSeen": 1e14})
    assert name in result.value


async def test_explicit_name_is_kept(client: SyncClient, name: str) -> None:
    await create(client, name)
    assert name in (await client.query(f"{MODULE}:list")).value


async def test_python_code_keeps_python_names(client: SyncClient, name: str) -> None:
    await create(client, name)
    response = await client.action(f"{MODULE}:callByPath", {"createdBy": name})
    assert response["result"] == [1, 1]


@pytest.mark.parametrize(
    "path",
    [
        "chat_rooms/room_functions:rooms_of",
        f"{MODULE}:rooms_of",
        "chat_rooms/roomFunctions:roomsOf",
        "chatRooms/room_functions:roomsOf",
        f"{MODULE}:listAll",
    ],
)
async def test_python_name_is_unknown_to_clients(client: SyncClient, name: str, path: str) -> None:
    assert (await client.query(path, {"createdBy": name})).error is not None


@pytest.mark.parametrize(
    ("args", "named"),
    [
        ({}, "createdBy"),
        ({"createdBy": 5}, "createdBy"),
        ({"createdBy": "x", "madeUp": 1}, "madeUp"),
    ],
)
async def test_argument_error_has_the_name_of_the_wire(
    client: SyncClient, args: dict[str, Any], named: str
) -> None:
    error = (await client.query(f"{MODULE}:roomsOf", args)).error
    assert error is not None
    assert named in error


async def test_nested_field_is_checked_by_its_wire_name(client: SyncClient, name: str) -> None:
    error = await client.fail(
        f"{MODULE}:createRoom",
        {"roomName": name, "createdBy": name, "readMark": {"lastSeen": "late"}},
    )
    assert "readMark" in error


async def test_pages_have_the_shape_of_the_clients(client: SyncClient, name: str) -> None:
    """`paginationOpts`, `numItems` and the rest are what `usePaginatedQuery` uses."""
    room = await create(client, name)
    for body in ("one", "two", "three"):
        await client.run(f"{MODULE}:sendMessage", {"chatRoom": room, "messageBody": body})
    result = await client.query(
        f"{MODULE}:listMessages",
        {"chatRoom": room, "paginationOpts": {"numItems": 2, "cursor": None, "id": 1}},
    )
    assert [message["messageBody"] for message in result.value["page"]] == ["one", "two"]
    assert result.value["isDone"] is False
    assert isinstance(result.value["continueCursor"], str)
