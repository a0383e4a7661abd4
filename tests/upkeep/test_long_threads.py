"""Threads with more text than a function may read: they are shown, and go on."""

from functools import partial

from reactive.limits import DEFAULT_LIMITS
from reactive.runtime.db import DatabaseWriter
from tests.upkeep.world import Chat

LONG = "x" * 900_000
MESSAGES = 20


async def long_thread(chat: Chat) -> str:
    thread = await chat.thread()

    async def fill(db: DatabaseWriter, orders: range) -> None:
        for order in orders:
            message = {
                "thread_id": thread,
                "order": order,
                "role": "assistant" if order % 2 else "user",
                "status": "complete",
                "content": f"{order} {LONG}",
                "last_updated": 0.0,
            }
            await db.insert("messages", message)

    # What one transaction may write is bounded, too.
    for orders in (range(MESSAGES // 2), range(MESSAGES // 2, MESSAGES)):
        await chat.change(partial(fill, orders=orders))
    return thread


async def test_long_thread_is_shown_by_its_newest_messages_and_goes_on(chat: Chat) -> None:
    thread = await long_thread(chat)
    assert len(LONG) * MESSAGES > DEFAULT_LIMITS.bytes_read_max

    sent = await chat.send("one two three", thread=thread)
    await chat.backend.advance(10)

    assert (await chat.message(sent))["content"] == "one two three"
    for path, args in [
        ("messages:observe", {"threadId": thread}),
        ("messages:legacyView", {"threadId": thread}),
        ("tasks:history", {"name": thread}),
    ]:
        orders = [each["order"] for each in await chat.backend.query(path, args)]
        assert orders[-1] == MESSAGES + 1, path
        assert orders == [*range(orders[0], MESSAGES + 2)], path
        assert 4 <= len(orders) < MESSAGES, path
    view = await chat.backend.query("tasks:look", threadId=thread)
    assert [each["streamId"] for each in view["streams"]] == [sent.stream]
