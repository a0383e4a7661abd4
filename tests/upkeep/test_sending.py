"""Sending: not too often, and what is sent twice is answered once."""

import asyncio
from collections.abc import Awaitable
from typing import Any

import pytest

from reactive import ApplicationError
from reactive.ai.providers.scripted import Scripted
from tests.upkeep.world import Chat, chatting

ISSUER = {"issuer": "https://issuer.test", "jwks": "https://issuer.test/keys"}


async def refused(sending: Awaitable[Any]) -> dict[str, Any]:
    """What the app says to somebody who sends too often."""
    with pytest.raises(ApplicationError) as refusal:
        await sending
    data: dict[str, Any] = refusal.value.data  # type: ignore[assignment]
    assert data["code"] == "rate_limited"
    return data


# --- How often ---


@pytest.mark.parametrize(
    ("rate", "burst", "wait_s"), [(3, 3, 20.0), (120, 120, 0.5), (0.5, 1, 120)]
)
async def test_burst_then_one_after_another(rate: float, burst: int, wait_s: float) -> None:
    async with chatting(rate_limit=rate) as chat:
        thread = await chat.thread()
        for _ in range(burst):
            await chat.prepare(thread=thread)
        assert (await refused(chat.prepare(thread=thread)))["retryAfter"] == wait_s

        for _ in range(3):
            await chat.jump(wait_s * 0.9)
            left = (await refused(chat.prepare(thread=thread)))["retryAfter"]
            assert left == pytest.approx(wait_s * 0.1, abs=0.002)
            await chat.jump(left)
            await chat.prepare(thread=thread)
            await refused(chat.prepare(thread=thread))


async def test_refused_message_leaves_nothing_behind() -> None:
    async with chatting(rate_limit=1) as chat:
        thread = await chat.thread()
        await chat.prepare(thread=thread)
        before = len(await chat.rows("messages")), len(await chat.rows("streams"))

        await refused(chat.prepare(thread=thread))

        assert (len(await chat.rows("messages")), len(await chat.rows("streams"))) == before


async def test_each_user_has_a_bucket() -> None:
    async with chatting(rate_limit=2, auth=[ISSUER]) as chat:
        ada, bob = [Chat(chat.backend.with_identity(name)) for name in ("ada", "bob")]
        for each in (ada, bob):
            await each.prepare()
            await each.prepare()
            await refused(each.prepare())


async def test_one_bucket_for_all_threads_and_paths_of_a_user() -> None:
    async with chatting(rate_limit=2) as chat:
        first, second = await chat.thread(), await chat.thread()
        await chat.send(thread=first)
        await chat.prepare(thread=second)
        await refused(chat.send(thread=first))
        await refused(
            chat.backend.action(
                "streaming:streamChatWithTools", taskId=second, prompt="x", model="scripted/echo"
            )
        )


async def test_a_thread_has_a_bucket_of_its_own() -> None:
    async with chatting(rate_limit=3, thread_rate_limit=2) as chat:
        first, second = await chat.thread(), await chat.thread()
        for _ in range(2):
            await chat.prepare(thread=first)

        assert 30.0 == (await refused(chat.prepare(thread=first)))["retryAfter"]
        await chat.prepare(thread=second)
        # What the thread refused has cost the user nothing; now his own is empty.
        assert 20.0 == (await refused(chat.prepare(thread=second)))["retryAfter"]


async def test_zero_is_no_limit() -> None:
    async with chatting(rate_limit=0) as chat:
        thread = await chat.thread()
        for _ in range(150):
            await chat.prepare(thread=thread)
        assert await chat.rows("rateLimits") == []


async def test_sending_again_costs_nothing() -> None:
    async with chatting(rate_limit=1) as chat:
        thread = await chat.thread()
        first = await chat.send(thread=thread, clientMessageId="a")
        assert await chat.send(thread=thread, clientMessageId="a") == first


# --- Once ---


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The models that were asked."""
    found: list[str] = []
    stream = Scripted.stream

    def noted(self: Scripted, request: Any) -> Any:
        found.append(request.model)
        return stream(self, request)

    monkeypatch.setattr(Scripted, "stream", noted)
    return found


def over_send(chat: Chat, thread: str, name: str) -> Awaitable[Any]:
    return chat.backend.mutation(
        "messages:send",
        threadId=thread,
        prompt="one two",
        model="scripted/echo",
        clientMessageId=name,
    )


def over_action(chat: Chat, thread: str, name: str) -> Awaitable[Any]:
    return chat.backend.action(
        "streaming:streamChatWithTools",
        taskId=thread,
        prompt="one two",
        model="scripted/echo",
        clientMessageId=name,
    )


PATHS = {"send": over_send, "action": over_action}


@pytest.mark.parametrize("together", [False, True], ids=["one after another", "at once"])
@pytest.mark.parametrize("second", PATHS)
@pytest.mark.parametrize("first", PATHS)
async def test_same_message_twice_is_answered_once(
    chat: Chat, asked: list[str], first: str, second: str, together: bool
) -> None:
    thread = await chat.thread()
    sending = []
    for path in (first, second):
        sending.append(asyncio.ensure_future(PATHS[path](chat, thread, "the same")))
        if not together:
            await chat.backend.advance(10)
    await chat.backend.advance(10)
    one, other = await asyncio.gather(*sending)

    assert (one["messageId"], one["streamId"]) == (other["messageId"], other["streamId"])
    assert asked == ["echo"]
    (stream,) = await chat.rows("streams")
    assert stream.state == "finished"
    assert [each.role for each in await chat.rows("messages")] == ["user", "assistant"]
    assert len(await chat.rows("usage")) == 1


async def test_same_name_in_two_threads_is_two_messages(chat: Chat, asked: list[str]) -> None:
    for _ in range(2):
        await chat.send(thread=await chat.thread(), clientMessageId="the same")
    await chat.backend.advance(10)

    assert asked == ["echo", "echo"]


async def test_many_at_once_are_one(chat: Chat, asked: list[str]) -> None:
    thread = await chat.thread()
    sent = await asyncio.gather(*[over_send(chat, thread, "the same") for _ in range(20)])
    await chat.backend.advance(10)

    assert all(each == sent[0] for each in sent)
    assert asked == ["echo"]
