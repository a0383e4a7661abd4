"""Logs of answers that are over are packed, read as before, and forgotten after a month."""

from typing import Any

import pytest

from reactive.ai import events
from reactive.ai.reducer import reduce
from tests.upkeep.world import Chat, Sent

TEN_MINUTES = 600.0
DAY = 86_400.0
PACKED_WITHIN = TEN_MINUTES + 61


async def everything(chat: Chat, sent: Sent) -> dict[str, Any]:
    """All that clients can read of an answer."""
    query = chat.backend.query
    last = (await chat.state(sent))["lastSeq"]
    pages = [
        await query("streamEvents:getStreamEvents", streamId=sent.stream, after=after, limit=limit)
        for after in range(last + 2)
        for limit in (1, 3, 1_000)
    ]
    return {
        "state": await chat.state(sent),
        "pages": pages,
        "rebuilt": await chat.rebuilt(sent),
        "parts": await chat.parts(sent),
        "message": await chat.message(sent),
        "debug": await query("streams:debugInfo", streamId=sent.stream),
        "legacy": await query("messages:legacyView", threadId=sent.thread),
    }


@pytest.mark.parametrize("model", ["scripted/tools", "scripted/fail", "scripted/echo"])
async def test_what_can_be_read_is_the_same_before_and_after(chat: Chat, model: str) -> None:
    sent = await chat.send("some words 🦊 and é, twice", model=model)
    await chat.backend.advance(30)
    before = await everything(chat, sent)
    assert await chat.rows("streamArchives") == []

    await chat.backend.advance(PACKED_WITHIN)

    assert await chat.rows("streamEvents") == []
    assert len(await chat.rows("streamArchives")) == 1
    assert await everything(chat, sent) == before
    await chat.check_whole(sent)


async def test_log_is_packed_ten_minutes_after_its_end_and_no_sooner(chat: Chat) -> None:
    await chat.send()
    await chat.backend.advance(TEN_MINUTES - 60)
    assert await chat.rows("streamArchives") == []

    await chat.backend.advance(121)
    assert len(await chat.rows("streamArchives")) == 1


async def test_orphans_are_packed_like_others(chat: Chat) -> None:
    sent = await chat.prepare()
    await chat.crash(sent, events.text_start("a"), events.text_delta("a", "so far"))
    await chat.backend.advance(20)
    before = await everything(chat, sent)

    await chat.backend.advance(PACKED_WITHIN)

    assert await chat.rows("streamEvents") == []
    assert await everything(chat, sent) == before


async def test_long_log_is_packed_in_a_few_rows_and_deleted_in_batches(chat: Chat) -> None:
    sent = await chat.prepare()
    flusher = await chat.begin(sent, events.text_start("a"))
    (writer,) = flusher._writers
    for number in range(1_200):
        writer.append(events.text_delta("a", f"{number} " + "x" * 600))
        if number % 2:
            await chat.backend.advance(0.06)
    await chat.finish(writer, events.stream_finish("stop", events.usage()))
    log = await chat.events(sent)

    await chat.backend.advance(PACKED_WITHIN)

    archives = await chat.rows("streamArchives")
    assert len(archives) > 1
    assert [each.start_seq for each in archives[1:]] == [each.end_seq + 1 for each in archives[:-1]]
    assert await chat.rows("streamEvents") == []
    assert await chat.events(sent, limit=7) == log
    for after in (0, archives[0].end_seq - 1, archives[0].end_seq, log[-1]["seq"] - 1):
        assert await chat.events(sent, after) == log[after:]


async def test_log_that_does_not_fit_its_answer_is_kept_and_named(chat: Chat) -> None:
    good, bad = await chat.send(), await chat.send()
    await chat.backend.advance(5)
    await chat.change(lambda db: db.patch(bad.message, {"content": "something else"}))  # type: ignore[arg-type]

    await chat.backend.advance(2 * PACKED_WITHIN)

    (report,) = await chat.rows("audits")
    assert (report.checked, report.mismatched) == (2, 1)
    assert report.found == [{"streamId": bad.stream, "differences": ["the message's content"]}]
    assert {row.stream_id for row in await chat.rows("streamEvents")} == {bad.stream}
    assert {row.stream_id for row in await chat.rows("streamArchives")} == {good.stream}
    assert reduce(await chat.events(bad)).content == "one two three"


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"text": "else"}, "part 0, segment 0"),
        ({"state": "streaming"}, "part 0, segment 0"),
        ({"segment": 1}, "part 0, segment 0"),
    ],
    ids=["text", "state", "place"],
)
async def test_audit_sees_a_part_that_differs(
    chat: Chat, change: dict[str, Any], named: str
) -> None:
    sent = await chat.send()
    await chat.backend.advance(5)
    (part,) = await chat.rows("messageParts")
    await chat.change(lambda db: db.patch(part.id, change))

    found = await chat.backend.query(
        "archive:compare", streamId=sent.stream, events=await chat.events(sent)
    )

    assert found[0] == named


async def test_audit_sees_an_end_and_an_order_that_differ(chat: Chat) -> None:
    sent = await chat.send()
    await chat.backend.advance(5)
    (order,) = await chat.rows("partOrders")
    await chat.change(lambda db: db.patch(order.id, {"rows": []}))
    await chat.change(lambda db: db.patch(sent.stream, {"final_seq": 99}))  # type: ignore[arg-type]

    found = await chat.backend.query(
        "archive:compare", streamId=sent.stream, events=await chat.events(sent)
    )

    assert found == ["the stream's final seq", "the order of the parts"]


async def test_answer_made_anew_leaves_the_log_before_it_in_order(chat: Chat) -> None:
    sent = await chat.send()
    await chat.backend.advance(5)
    log = await chat.events(sent)
    await chat.backend.mutation("answers:askAgain", messageId=sent.message)
    await chat.backend.advance(PACKED_WITHIN)

    (report,) = await chat.rows("audits")
    assert (report.checked, report.mismatched) == (2, 0)
    assert await chat.events(sent) == log


async def test_after_a_month_message_parts_and_usage_stay(chat: Chat) -> None:
    sent = await chat.send(model="scripted/tools")
    await chat.backend.advance(PACKED_WITHIN + 10)
    before = await everything(chat, sent)

    await chat.jump(29 * DAY)
    assert len(await chat.rows("streamArchives")) == 1
    await chat.jump(2 * DAY)

    assert await chat.rows("streamArchives") == []
    after = await everything(chat, sent)
    same = ("state", "rebuilt", "parts", "message", "legacy")
    assert {name: after[name] for name in same} == {name: before[name] for name in same}
    assert all(page["events"] == [] and page["isDone"] for page in after["pages"])
    assert len(await chat.rows("usage")) == 1
