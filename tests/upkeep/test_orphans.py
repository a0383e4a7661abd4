"""Answers that nobody makes any more get an end, soon and once; living ones are let live."""

import json
from typing import Any

import pytest

from reactive.ai import events, metrics
from reactive.limits import DEFAULT_LIMITS, Limits
from reactive.runtime.db import DatabaseWriter
from tests.upkeep.world import Chat, Sent, chatting

HOUR = 3_600.0
WITHIN_S = DEFAULT_LIMITS.lease_s + 5.0


async def orphaned(chat: Chat, sent: Sent) -> None:
    """The answer has ended so, and everything agrees that it has."""
    state = await chat.check_whole(sent)
    message = await chat.message(sent)
    assert (message["status"], message["errorCode"]) == ("error", "orphaned")
    assert (state.status, state.error_code) == ("error", "orphaned")
    assert (await chat.state(sent))["errorCode"] == "orphaned"


async def test_answer_whose_writer_died_ends_with_its_text(chat: Chat) -> None:
    sent = await chat.prepare()
    await chat.crash(sent, events.text_start("a"), events.text_delta("a", "so far"))
    assert (await chat.state(sent))["state"] == "streaming"

    await chat.backend.advance(WITHIN_S)

    await orphaned(chat, sent)
    assert (await chat.message(sent))["content"] == "so far"
    log = await chat.events(sent)
    assert [each["type"] for each in log] == [
        "stream-start",
        "text-start",
        "text-delta",
        "stream-error",
    ]
    assert log[-1]["retryable"] is True


async def test_open_tools_end_as_errors_and_texts_as_done(chat: Chat) -> None:
    sent = await chat.prepare()
    await chat.crash(
        sent,
        events.reasoning_start("r"),
        events.reasoning_delta("r", "hm"),
        events.text_start("a"),
        events.text_delta("a", "x" * 3_000),
        events.tool_input_start("t1", "count_text"),
        events.tool_input_delta("t1", '{"te'),
        events.tool_call("t2", "count_text", {"text": "x"}),
        events.tool_result("t2", output=1),
        events.tool_call("t3", "count_text", {"text": "y"}),
    )

    await chat.backend.advance(WITHIN_S)

    await orphaned(chat, sent)
    states = [(part["index"], part["state"]) for part in await chat.parts(sent)]
    assert len(states) > 5, "a long text has several rows"
    assert list(dict.fromkeys(states)) == [
        (0, "done"),
        (1, "done"),
        (2, "error"),
        (3, "completed"),
        (4, "error"),
    ]


async def test_usage_of_an_orphan_is_noted_once(chat: Chat) -> None:
    sent = await chat.prepare()
    await chat.crash(sent, events.step_finish(events.usage(7, 5)))
    await chat.backend.advance(5 * WITHIN_S)

    (usage,) = await chat.rows("usage")
    assert (usage.stream_id, usage.input_tokens, usage.output_tokens) == (sent.stream, 7, 5)


async def test_answer_that_never_began_ends(chat: Chat) -> None:
    """An action was to make it, and died before it took the lease."""
    sent = await chat.prepare()
    await chat.backend.advance(29)
    assert (await chat.state(sent))["state"] == "pending"

    await chat.backend.advance(10)

    await orphaned(chat, sent)
    assert [each["type"] for each in await chat.events(sent)] == ["stream-start", "stream-error"]


async def test_answer_whose_job_failed_need_not_wait_for_its_lease(chat: Chat) -> None:
    sent = await chat.prepare()
    other = await chat.send()
    job = next(each.job_id for each in await chat.rows("streams") if each.id == other.stream)
    await chat.change(lambda db: db.patch(sent.stream, {"job_id": job}))  # type: ignore[arg-type]

    await chat.backend.advance(5)

    await orphaned(chat, sent)
    assert (await chat.state(other))["state"] == "finished"


async def test_answer_that_waits_for_its_turn_is_left_alone(chat: Chat) -> None:
    sent = await chat.prepare()
    job = await chat.backend._context().scheduler.run_after(
        900, "streams:generate", stream_id=sent.stream
    )
    await chat.change(lambda db: db.patch(sent.stream, {"job_id": str(job)}))  # type: ignore[arg-type]

    await chat.backend.advance(800)
    assert (await chat.state(sent))["state"] == "pending"

    await chat.backend.advance(200)
    assert (await chat.check_whole(sent)).status == "finished"


async def test_slow_answer_with_a_heart_beat_is_left_alone(chat: Chat) -> None:
    sent = await chat.prepare()
    flusher = await chat.begin(sent, events.text_start("a"), events.text_delta("a", "hm"))
    old = chat.backend.clock.now_ns() / 1e6 - 2 * HOUR * 1e3
    await chat.change(lambda db: db.patch(sent.message, {"last_updated": old}))  # type: ignore[arg-type]

    await chat.backend.advance(2 * WITHIN_S)
    assert await chat.backend.mutation("upkeep:endStaleMessages") == 0

    assert (await chat.state(sent))["state"] == "streaming"
    assert (await chat.message(sent))["status"] == "streaming"
    (writer,) = flusher._writers
    await chat.finish(writer, events.stream_finish("stop", events.usage()))
    assert (await chat.check_whole(sent)).status == "finished"


async def test_writer_that_comes_back_hears_that_it_has_lost(chat: Chat) -> None:
    sent = await chat.prepare()
    flusher = await chat.begin(sent, events.text_start("a"), events.text_delta("a", "before"))
    await chat.change(lambda db: db.patch(sent.stream, {"lease_until": 0.0}))  # type: ignore[arg-type]
    await chat.backend.mutation("upkeep:endOrphans")
    (writer,) = flusher._writers

    writer.append(events.text_delta("a", " after"))
    await chat.backend.advance(1)

    assert writer.answer.is_lost
    await orphaned(chat, sent)
    assert (await chat.message(sent))["content"] == "before"


async def test_stream_that_cannot_be_written_harms_no_other(chat: Chat) -> None:
    thread = await chat.thread()
    bad, good = [await chat.prepare(thread=thread) for _ in range(2)]
    flusher = await chat.begin(bad, events.text_start("a"), events.text_delta("a", "so far"))
    other = await chat.join(flusher, good, events.text_start("a"))
    (writer, _) = flusher._writers
    writer.append({"type": "tool-call", "toolCallId": "t", "toolName": "x", "input": {"\u00fc": 1}})
    other.append(events.text_delta("a", "whole"))

    await chat.finish(other, events.stream_finish("stop", events.usage()))

    assert (await chat.check_whole(good)).content == "whole"
    assert writer.answer.is_lost
    await chat.backend.advance(WITHIN_S)
    await orphaned(chat, bad)
    assert (await chat.message(bad))["content"] == "so far"


async def test_many_orphans_end_together(chat: Chat) -> None:
    thread = await chat.thread()
    sent = [await chat.prepare(thread=thread) for _ in range(12)]
    for each in sent[::3]:
        calls = [events.tool_call(f"t{n}", "count_text", {}) for n in range(50)]
        await chat.crash(each, *calls)
    await chat.backend.advance(30 + WITHIN_S)

    for each in sent:
        await orphaned(chat, each)
    assert len(await chat.rows("usage")) == 12


async def test_log_may_be_longer_than_what_a_transaction_can_read() -> None:
    async with chatting(limits=Limits(documents_read_max=600)) as chat:
        sent = await chat.prepare()
        await chat.crash(sent, events.text_start("a"), events.text_delta("a", "so far"))
        rows: list[dict[str, Any]] = [
            {"type": "text-delta", "partId": "a", "delta": " on", "seq": seq, "ts": 0.0}
            for seq in range(4, 1_500)
        ]

        async def lengthen(db: DatabaseWriter) -> None:
            for event in rows:
                seq = event["seq"]
                row = {"stream_id": sent.stream, "start_seq": seq, "end_seq": seq, "size": 3}
                await db.insert("streamEvents", {**row, "log": json.dumps([event]), "ts": 0.0})

        await chat.change(lengthen)

        await chat.backend.advance(WITHIN_S)

        message = await chat.message(sent)
        assert (message["status"], message["errorCode"]) == ("error", "orphaned")
        assert message["content"] == "so far" + " on" * len(rows)
        assert (await chat.state(sent))["finalSeq"] == rows[-1]["seq"] + 1


async def test_orphan_is_a_failure_in_the_metrics(chat: Chat) -> None:
    def counted() -> float:
        code = {"code": "orphaned"}
        return metrics.registry.get_sample_value("reactive_stream_errors_total", code) or 0.0

    before = counted()
    sent = await chat.prepare()
    await chat.crash(sent, events.text_start("a"), events.text_delta("a", "so far"))
    await chat.backend.advance(3 * WITHIN_S)

    assert counted() == before + 1


@pytest.mark.parametrize("minutes", [59, 61])
async def test_stale_message_without_a_stream_ends_after_an_hour(chat: Chat, minutes: int) -> None:
    sent = await chat.prepare()
    await chat.crash(sent, events.text_start("a"), events.text_delta("a", "so far"))
    old = chat.backend.clock.now_ns() / 1e6 - minutes * 60_000
    await chat.change(lambda db: db.delete(sent.stream))  # type: ignore[arg-type]
    await chat.change(lambda db: db.patch(sent.message, {"last_updated": old}))  # type: ignore[arg-type]

    await chat.backend.mutation("upkeep:endStaleMessages")

    message = await chat.message(sent)
    if minutes < 60:
        assert message["status"] == "streaming"
    else:
        assert (message["status"], message["errorCode"]) == ("error", "orphaned")
        assert message["content"] == "so far"


async def test_net_runs_every_hour(chat: Chat) -> None:
    sent = await chat.prepare()
    await chat.change(lambda db: db.delete(sent.stream))  # type: ignore[arg-type]

    await chat.jump(2 * HOUR)

    assert (await chat.message(sent))["status"] == "error"


async def test_look_without_open_streams_reads_nothing(chat: Chat) -> None:
    await chat.send()
    await chat.backend.advance(10)
    before = chat.backend._app.service.rows_read

    assert await chat.backend.mutation("upkeep:endOrphans") == 0

    assert chat.backend._app.service.rows_read - before <= 1
