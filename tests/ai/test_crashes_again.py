"""Servers that die at worse moments or are stopped, with which it takes longer to be done."""

import asyncio

from reactive.ai.reducer import reduce
from tests.ai.crashing import (
    FIRST_PAGE,
    attempts,
    characters,
    check_whole,
    ended,
    seen_until,
    send,
)
from tests.server import ServerProcess
from tests.sync_client import SyncClient


async def test_killed_while_an_action_makes_the_answer(
    server: ServerProcess, client: SyncClient
) -> None:
    """It has no job that could have failed; its lease runs out."""
    thread = await client.run("threads:create", {"title": "x"})
    await client.request(
        "Action",
        "streaming:streamChatWithTools",
        {"taskId": thread, "prompt": "x", "model": "scripted/story"},
    )
    listed = await client.subscribe(
        "messages:list", {"threadId": thread, "paginationOpts": FIRST_PAGE}
    )
    page = await client.result_becomes(listed, lambda found: len(found.value["page"]) == 2)
    answer, question = page.value["page"]
    sent = {
        "thread": thread,
        "userMessageId": question["_id"],
        "messageId": answer["_id"],
        "streamId": answer["streamId"],
    }
    seen = await seen_until(client, sent["streamId"], characters(100))
    server.kill()
    server.start()

    state = await ended(server, sent)

    assert (state.status, state.error_code) == ("error", "orphaned")
    assert state.content.startswith(reduce(seen).content)


async def test_killed_again_and_again(server: ServerProcess, client: SyncClient) -> None:
    """A kill while the server is still tidying up after the one before."""
    sent = await send(client, "story", "x")
    await seen_until(client, sent["streamId"], characters(50))
    for _ in range(3):
        server.kill()
        server.start()

    state = await ended(server, sent)

    assert (state.status, state.error_code) == ("error", "orphaned")


async def test_stopped_server_ends_its_answers_itself(
    server: ServerProcess, client: SyncClient
) -> None:
    sent = await send(client, "story", "x")
    seen = await seen_until(client, sent["streamId"], characters(50))
    code = await asyncio.to_thread(server.stop)
    server.start()

    async with SyncClient() as reader:
        await reader.open(server.sync_url)
        told = await reader.query("streamEvents:getStreamState", {"streamId": sent["streamId"]})
        # Nobody had to find it: it was over when the process ended.
        state = await check_whole(reader, sent, told.value)

    assert code == 0
    assert await attempts(server) == 1
    assert state.content.startswith(reduce(seen).content)
    assert (state.status, state.error_code) in [("error", "orphaned"), ("finished", None)]
