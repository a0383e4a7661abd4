"""The chat app's functions as a client calls them, without the page."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from functools import partial

import pytest

from tests.server import ServerProcess
from tests.sync_client import SyncClient
from tests.web.conftest import ROOT
from tests.wire_values import Json

FIRST_PAGE = {"numItems": 10, "cursor": None}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(ROOT, tmp_path_factory.mktemp("chat") / "data.sqlite3") as process:
        yield process


@pytest.fixture
async def client(app: ServerProcess) -> AsyncIterator[SyncClient]:
    async with SyncClient() as client:
        yield await client.open(app.sync_url)


@pytest.fixture
async def thread_id(client: SyncClient) -> str:
    thread_id: str = await client.run("threads:create", {"title": "Engines"})
    return thread_id


async def messages_of(client: SyncClient, thread_id: str) -> list[dict[str, Json]]:
    result = await client.query(
        "messages:list", {"threadId": thread_id, "paginationOpts": FIRST_PAGE}
    )
    page: list[dict[str, Json]] = result.value["page"]
    return page


async def asked_in(client: SyncClient, thread_id: str) -> list[dict[str, Json]]:
    """What people wrote, without the answers."""
    return [one for one in await messages_of(client, thread_id) if one["role"] == "user"]


async def refusal(client: SyncClient, path: str, args: Json) -> Json:
    """What the application says to a mutation that it refuses."""
    response = await client.mutation(path, args)
    assert not response["success"]
    return response["errorData"]


def window(name: str, client_id: str, **more: Json) -> dict[str, Json]:
    return {"clientId": client_id, "name": name, **more}


# --- Threads ---


async def test_threads_are_listed_newest_first(client: SyncClient) -> None:
    for title in ("Older", "Newer"):
        await client.run("threads:create", {"title": title, "kind": "channel"})
    listed = await client.query("threads:list", {"paginationOpts": FIRST_PAGE})
    newest, second, *_ = listed.value["page"]
    assert (newest["title"], second["title"]) == ("Newer", "Older")
    assert newest["kind"] == "channel"
    assert "externalId" not in newest


async def test_an_external_id_has_one_thread(client: SyncClient) -> None:
    first = await client.run("threads:create", {"externalId": "task-1"})
    assert await client.run("threads:create", {"externalId": "task-1", "title": "Again"}) == first
    assert await client.run("threads:create", {"externalId": "task-2"}) != first


@pytest.mark.parametrize("title", ["", " \n", "x" * 81])
async def test_a_title_that_is_blank_or_too_long_is_refused(client: SyncClient, title: str) -> None:
    said = await refusal(client, "threads:create", {"title": title})
    assert said["code"] == "invalid_request"
    assert "title" in said["message"]


# --- Messages ---


async def test_a_message_has_the_shape_that_clients_know(
    client: SyncClient, thread_id: str
) -> None:
    sent = await client.run(
        "messages:send",
        {"threadId": thread_id, "prompt": "Hello!", "author": "Ada", "clientMessageId": "1"},
    )
    answer, message = await messages_of(client, thread_id)
    assert sent == {
        "userMessageId": message["_id"],
        "messageId": answer["_id"],
        "streamId": answer["streamId"],
    }
    assert (answer["role"], answer["order"], answer["model"]) == ("assistant", 1, "scripted/echo")
    now = {name: message.pop(name) for name in ("_creationTime", "lastUpdated")}
    assert all(isinstance(time, float) for time in now.values())
    assert message == {
        "_id": sent["userMessageId"],
        "threadId": thread_id,
        "order": 0,
        "role": "user",
        "status": "complete",
        "content": "Hello!",
        "author": "Ada",
        "clientMessageId": "1",
    }


async def test_messages_are_numbered_and_listed_newest_first(
    client: SyncClient, thread_id: str
) -> None:
    for prompt in ("one", "two", "three"):
        await client.run("messages:send", {"threadId": thread_id, "prompt": prompt})
    listed = [(one["order"], one["content"]) for one in await asked_in(client, thread_id)]
    assert listed == [(4, "three"), (2, "two"), (0, "one")]
    assert [one["order"] for one in await messages_of(client, thread_id)] == [5, 4, 3, 2, 1, 0]


async def test_two_who_send_at_once_get_different_numbers(
    app: ServerProcess, client: SyncClient, thread_id: str
) -> None:
    async with SyncClient() as other:
        await other.open(app.sync_url)
        args = {"threadId": thread_id, "prompt": "now"}
        for _ in range(10):
            sent = [
                (one, await one.request("Mutation", "messages:send", args))
                for one in (client, other)
            ]
            await asyncio.gather(*(one.settle(request) for one, request in sent))
    orders = [one["order"] for one in await messages_of(client, thread_id)]
    assert orders == list(range(39, 29, -1))


async def test_a_message_sent_again_is_the_same_message(client: SyncClient, thread_id: str) -> None:
    args = {"threadId": thread_id, "prompt": "once", "clientMessageId": "1"}
    assert await client.run("messages:send", args) == await client.run("messages:send", args)
    other = await client.run("threads:create")
    await client.run("messages:send", {**args, "threadId": other})
    for one in (thread_id, other):
        assert [message["content"] for message in await asked_in(client, one)] == ["once"]


async def test_a_blank_or_too_long_message_is_refused(client: SyncClient, thread_id: str) -> None:
    for prompt, reason in [
        (" \n\t", "The message is empty."),
        ("x" * 100_001, "The message is too long: 100,001 characters, 100,000 at most."),
    ]:
        said = await refusal(client, "messages:send", {"threadId": thread_id, "prompt": prompt})
        assert said == {"code": "invalid_request", "message": reason}
    assert await messages_of(client, thread_id) == []
    await client.run("messages:send", {"threadId": thread_id, "prompt": "x" * 100_000})


async def look_at(client: SyncClient, thread_id: str) -> list[int]:
    """Subscribes to all that lists the messages of a thread."""
    first_page = {"paginationOpts": FIRST_PAGE}
    return [
        await client.subscribe(path, {"threadId": thread_id, **more})
        for path, more in (
            ("messages:list", first_page),
            ("messages:observe", {}),
            ("messages:legacyView", {}),
        )
    ]


def are_shown(client: SyncClient, looks: list[int], *statuses: str) -> bool:
    """Whether each of the lists has messages of exactly these statuses."""
    values = [client.results[look].value for look in looks]
    lists = [value["page"] if isinstance(value, dict) else value for value in values]
    return [{one["status"] for one in messages} for messages in lists] == [set(statuses)] * 3


async def test_a_failed_answer_is_dismissed_for_all_who_look(
    app: ServerProcess, client: SyncClient, thread_id: str
) -> None:
    async with SyncClient() as other:
        await other.open(app.sync_url)
        looking = [(each, await look_at(each, thread_id)) for each in (client, other)]
        asked = {"threadId": thread_id, "prompt": "one two", "model": "scripted/fail"}
        sent = await client.run("messages:send", asked)
        for each, looks in looking:
            await each.until(partial(are_shown, each, looks, "complete", "error"))

        failed = {"messageId": sent["messageId"]}
        await client.run("messages:dismiss", failed)
        for each, looks in looking:
            await each.until(partial(are_shown, each, looks, "complete"))

        told = [[len(each.history[look]) for look in looks] for each, looks in looking]
        for each, _ in looking:
            await each.run("messages:dismiss", failed)
        assert told == [[len(each.history[look]) for look in looks] for each, looks in looking]
        stream = {"streamId": sent["streamId"]}
        rebuilt = await other.query("streamEvents:reconstructStreamContent", stream)
        assert rebuilt.value["content"] == "one "
        said = await refusal(client, "messages:dismiss", {"messageId": sent["userMessageId"]})
        assert said["code"] == "invalid_request"


# --- Presence ---


async def test_presence_tells_who_comes_moves_and_goes(client: SyncClient, thread_id: str) -> None:
    here = await client.subscribe("presence:list")

    def shown() -> list[tuple[str, str | None]]:
        return [(one["name"], one.get("threadId")) for one in client.results[here].value]

    await client.run("presence:heartbeat", window("Ada", "1"))
    await client.run("presence:heartbeat", window("Grace", "2", threadId=thread_id))
    assert shown() == [("Ada", None), ("Grace", thread_id)]
    await client.run("presence:heartbeat", window("Ada", "1", threadId=thread_id))
    await client.run("presence:heartbeat", window("Admiral", "2"))
    assert shown() == [("Ada", thread_id), ("Admiral", None)]
    for client_id in ("1", "2", "2"):
        await client.run("presence:leave", {"clientId": client_id})
    assert shown() == []


async def test_a_heartbeat_that_changes_nothing_is_no_news(client: SyncClient) -> None:
    await client.run("presence:heartbeat", window("Ada", "1"))
    here = await client.subscribe("presence:list")
    for _ in range(3):
        await client.run("presence:heartbeat", window("Ada", "1"))
    assert len(client.history[here]) == 1
    await client.run("presence:leave", {"clientId": "1"})


@pytest.mark.parametrize("name", ["", "x" * 41])
async def test_a_name_that_is_blank_or_too_long_is_refused(client: SyncClient, name: str) -> None:
    said = await refusal(client, "presence:heartbeat", window(name, "1"))
    assert said["code"] == "invalid_request"
