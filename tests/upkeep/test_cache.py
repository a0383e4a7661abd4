"""The same question of the same user gets the same answer again, where the server is set so."""

from typing import Any

import pytest

from tests.upkeep.world import Chat, Sent, chatting

KEPT_S = 300


async def answered(chat: Chat, prompt: str = "one two three", **more: Any) -> Sent:
    sent = await chat.send(prompt, **more)
    await chat.backend.advance(20)
    await chat.check_whole(sent)
    return sent


async def made(chat: Chat, sent: Sent) -> float:
    """How long the answer took, in milliseconds."""
    state = await chat.state(sent)
    took: float = state["endedAt"] - state["startedAt"]
    return took


async def is_repeated(chat: Chat, sent: Sent) -> bool:
    """The scripted model takes its time for each word; what was kept is there at once."""
    (usage,) = [row for row in await chat.rows("usage") if row.stream_id == sent.stream]
    assert (usage.output_tokens == 0) == (await made(chat, sent) == 0)
    return bool(usage.output_tokens == 0)


async def test_same_question_is_answered_without_the_model() -> None:
    async with chatting(response_cache=KEPT_S) as chat:
        first, second = await answered(chat), await answered(chat)

        assert not await is_repeated(chat, first)
        assert await is_repeated(chat, second)
        assert (await chat.message(second))["content"] == "one two three"
        types = [[each["type"] for each in await chat.events(sent)] for sent in (first, second)]
        assert list(dict.fromkeys(types[0])) == list(dict.fromkeys(types[1]))
        assert second.stream != first.stream


@pytest.mark.parametrize(
    "other",
    [
        {"prompt": "one two four"},
        {"systemPrompt": "Be brief."},
        {"model": "scripted/slow"},
    ],
    ids=["prompt", "system prompt", "model"],
)
async def test_another_question_is_another(other: dict[str, Any]) -> None:
    async with chatting(response_cache=KEPT_S) as chat:
        await answered(chat)
        assert not await is_repeated(chat, await answered(chat, **other))


async def test_conversation_before_is_part_of_the_question() -> None:
    async with chatting(response_cache=KEPT_S) as chat:
        first = await answered(chat)
        assert not await is_repeated(chat, await answered(chat, thread=first.thread))


async def test_answer_is_kept_for_so_long() -> None:
    async with chatting(response_cache=KEPT_S) as chat:
        await answered(chat)
        await chat.backend.advance(KEPT_S - 25)
        assert await is_repeated(chat, await answered(chat))
        await chat.backend.advance(30)
        assert not await is_repeated(chat, await answered(chat))


async def test_answer_is_repeated_after_its_log_was_packed() -> None:
    async with chatting(response_cache=3_600) as chat:
        await answered(chat)
        await chat.backend.advance(700)
        assert len(await chat.rows("streamArchives")) == 1
        assert await is_repeated(chat, await answered(chat))


async def test_off_unless_it_is_asked_for() -> None:
    async with chatting() as chat:
        await answered(chat)
        assert not await is_repeated(chat, await answered(chat))
        assert await chat.rows("responseCache") == []


async def test_nobody_is_told_what_somebody_else_was() -> None:
    issuer = {"issuer": "https://issuer.test", "jwks": "https://issuer.test/keys"}
    async with chatting(response_cache=KEPT_S, auth=[issuer]) as chat:
        ada, bob = [Chat(chat.backend.with_identity(name)) for name in ("ada", "bob")]
        assert not await is_repeated(ada, await answered(ada))
        assert not await is_repeated(bob, await answered(bob))
        assert await is_repeated(ada, await answered(ada))
        assert len(await chat.rows("responseCache")) == 2


@pytest.mark.parametrize("model", ["scripted/fail", "scripted/tools"])
async def test_failures_and_what_tools_said_are_not_kept(model: str) -> None:
    async with chatting(response_cache=KEPT_S) as chat:
        await answered(chat, model=model)
        assert await chat.rows("responseCache") == []


async def test_stopped_answer_is_not_kept() -> None:
    async with chatting(response_cache=KEPT_S) as chat:
        sent = await chat.send("word " * 100)
        await chat.backend.advance(0.5)
        await chat.backend.mutation("streams:stop", streamId=sent.stream)
        await chat.backend.advance(5)
        assert (await chat.state(sent))["state"] == "stopped"
        assert await chat.rows("responseCache") == []


async def test_old_ones_are_forgotten() -> None:
    async with chatting(response_cache=KEPT_S) as chat:
        await answered(chat)
        await chat.jump(2 * 86_400)
        assert await chat.rows("responseCache") == []
