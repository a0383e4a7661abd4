"""Dismissing a failed answer: it is shown to nobody any more, and nothing of it is lost."""

import re
from collections.abc import Awaitable, Sequence
from typing import Any

import pytest

from reactive import ApplicationError
from reactive.ai.providers.scripted import Scripted
from tests.upkeep.world import Chat, Sent, chatting

ISSUER = {"issuer": "https://issuer.test", "jwks": "https://issuer.test/keys"}
TABLES = ("messages", "streams", "streamEvents", "messageParts", "partOrders", "usage")


async def failed(chat: Chat, **more: Any) -> Sent:
    """An answer that has failed after `one two`."""
    sent = await chat.send("one two three four", model="scripted/fail", **more)
    await chat.backend.advance(10)
    return sent


def dismissing(chat: Chat, message: str) -> Awaitable[Any]:
    return chat.backend.mutation("messages:dismiss", messageId=message)


async def refused(dismissal: Awaitable[Any]) -> dict[str, Any]:
    with pytest.raises(ApplicationError) as refusal:
        await dismissal
    data: dict[str, Any] = refusal.value.data  # type: ignore[assignment]
    return data


async def listed(chat: Chat, thread: str, size: int = 100) -> list[list[str]]:
    """The ids in each page of `messages:list`."""
    pages, cursor, is_done = [], None, False
    while not is_done:
        options = {"numItems": size, "cursor": cursor}
        page = await chat.backend.query("messages:list", threadId=thread, paginationOpts=options)
        pages.append([each["_id"] for each in page["page"]])
        cursor, is_done = page["continueCursor"], page["isDone"]
    return pages


async def shown(chat: Chat, thread: str) -> list[list[str]]:
    """The ids of a thread's messages, oldest first, wherever they are listed."""
    [page] = await listed(chat, thread)
    found = [page[::-1]]
    for path, args in [
        ("messages:observe", {"threadId": thread}),
        ("messages:legacyView", {"threadId": thread}),
        ("tasks:history", {"name": thread}),
    ]:
        messages = await chat.backend.query(path, args)
        found.append([each["_id"] for each in messages])
    return found


async def test_dismissed_answer_is_listed_nowhere_and_its_rows_stay(chat: Chat) -> None:
    sent = await failed(chat)
    assert await shown(chat, sent.thread) == [[sent.user_message, sent.message]] * 4
    before = {table: await chat.rows(table) for table in TABLES}
    sent_at = before["messages"][1].creation_time
    rebuilt, log, state = await chat.rebuilt(sent), await chat.events(sent), await chat.state(sent)
    figures = await chat.backend.query("streams:debugInfo", streamId=sent.stream)

    assert await dismissing(chat, sent.message) is None

    assert await shown(chat, sent.thread) == [[sent.user_message]] * 4
    after = {table: await chat.rows(table) for table in TABLES}
    asked, dismissed = (each.model_dump() for each in after.pop("messages"))
    assert dismissed.pop("dismissed_at") > sent_at
    assert [asked, dismissed] == [each.model_dump() for each in before.pop("messages")]
    assert after == before
    assert await chat.rebuilt(sent) == rebuilt
    assert rebuilt["content"] == "one two "
    assert (await chat.events(sent), await chat.state(sent)) == (log, state)
    assert await chat.backend.query("streams:debugInfo", streamId=sent.stream) == figures
    assert len(await chat.parts(sent)) == 1
    assert await chat.backend.query("archive:compare", streamId=sent.stream, events=log) == []


async def test_dismissed_twice_is_one_commit(chat: Chat) -> None:
    sent = await failed(chat)
    await dismissing(chat, sent.message)
    [_, before] = await chat.rows("messages")
    await chat.jump(60)
    commits = chat.backend._app.database.commits

    await dismissing(chat, sent.message)

    assert chat.backend._app.database.commits == commits
    assert (await chat.rows("messages"))[1] == before


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[Sequence[Any]]:
    """What models were told, each time they were asked."""
    found: list[Sequence[Any]] = []
    stream = Scripted.stream

    def noted(self: Scripted, request: Any) -> Any:
        found.append([(each.role, each.text) for each in request.turns])
        return stream(self, request)

    monkeypatch.setattr(Scripted, "stream", noted)
    return found


async def test_model_is_told_of_failed_answer_until_it_is_dismissed(
    chat: Chat, told: list[Sequence[Any]]
) -> None:
    sent = await failed(chat)
    for _ in range(2):
        await chat.send("And now?", thread=sent.thread)
        await chat.backend.advance(10)
        await dismissing(chat, sent.message)

    asked = ("user", "one two three four")
    assert told[1] == [asked, ("assistant", "one two "), ("user", "And now?")]
    assert told[2] == [asked, ("user", "And now?"), ("assistant", "And now?"), ("user", "And now?")]


async def test_pages_are_full_and_have_each_message_once(chat: Chat) -> None:
    thread = await chat.thread()
    expected = []
    for number in range(6):
        sent = await failed(chat, thread=thread)
        expected += [sent.user_message]
        if number % 3 == 0:
            expected += [sent.message]
        else:
            await dismissing(chat, sent.message)
    pages = await listed(chat, thread, size=3)

    assert [id_ for page in pages for id_ in page] == expected[::-1]
    assert [len(page) for page in pages if page] == [3, 3, 2]


async def test_made_anew_it_is_shown_again(chat: Chat) -> None:
    sent = await failed(chat)
    await dismissing(chat, sent.message)
    await chat.backend.mutation("answers:askAgain", messageId=sent.message, model="scripted/echo")
    assert await shown(chat, sent.thread) == [[sent.user_message, sent.message]] * 4
    await chat.backend.advance(10)
    assert (await chat.message(sent))["status"] == "complete"

    assert (await refused(dismissing(chat, sent.message)))["code"] == "conflict"


# --- What cannot be dismissed ---


async def test_message_of_a_user(chat: Chat) -> None:
    sent = await failed(chat)
    said = await refused(dismissing(chat, sent.user_message))
    assert said["code"] == "invalid_request"
    assert "Only an answer can be dismissed" in said["message"]
    assert await shown(chat, sent.thread) == [[sent.user_message, sent.message]] * 4


async def test_answer_in_the_making(chat: Chat) -> None:
    waiting = await chat.prepare()
    growing = await chat.send(model="scripted/story")
    await chat.backend.advance(1)
    for sent, status in ((waiting, "pending"), (growing, "streaming")):
        assert (await chat.message(sent))["status"] == status
        said = await refused(dismissing(chat, sent.message))
        assert said == {"code": "conflict", "message": "The answer is still being made."}


async def test_answer_that_is_complete_or_was_stopped(chat: Chat) -> None:
    complete = await chat.send()
    stopped = await chat.send()
    await chat.backend.mutation("streams:stop", streamId=stopped.stream)
    await chat.backend.advance(10)
    for sent, status in ((complete, "complete"), (stopped, "stopped")):
        assert (await chat.message(sent))["status"] == status
        said = await refused(dismissing(chat, sent.message))
        assert said["code"] == "conflict"
        assert re.search(rf"Only a failed answer .*; this one is {status}\.", said["message"])


async def test_answer_of_somebody_else() -> None:
    async with chatting(auth=[ISSUER]) as chat:
        ada, bob = [Chat(chat.backend.with_identity(name)) for name in ("ada", "bob")]
        sent = await failed(ada)
        assert (await refused(dismissing(bob, sent.message)))["code"] == "not_found"
        assert (await refused(dismissing(chat, sent.message)))["code"] == "unauthenticated"
        assert (await listed(ada, sent.thread)) == [[sent.message, sent.user_message]]
        await dismissing(ada, sent.message)
        assert (await listed(ada, sent.thread)) == [[sent.user_message]]
