"""`functions/trials.py` in virtual time: what is measured, reported, and rolled back."""

from typing import Any

import pytest

from reactive import ApplicationError
from reactive.ai.trial import RULE
from reactive.client import ReactiveClient
from reactive.runtime.db import DatabaseWriter
from tests.trial.conftest import KEY, LOOK_S, plant
from tests.upkeep.world import Chat, Sent

CLASSES = {
    "identical",
    "borderOnly",
    "late",
    "missing",
    "extra",
    "reordered",
    "terminalMismatch",
    "storedMismatch",
}


async def flag(chat: Chat, **change: Any) -> None:
    await chat.backend.mutation("flags:set", key="realtime", **change)


async def variant(chat: Chat) -> str:
    found: str = (await chat.backend.query("flags:get", key="realtime"))["variant"]
    return found


async def report(chat: Chat) -> dict[str, Any]:
    found: dict[str, Any] = await chat.backend.query("trials:report", key="realtime")
    return found


async def answered(chat: Chat, model: str = "scripted/echo") -> Sent:
    sent = await chat.send(model=model)
    await chat.backend.advance(3)
    return sent


async def test_nothing_was_measured_yet(chat: Chat) -> None:
    none = {"p50": None, "p95": None, "p99": None}

    assert await report(chat) == {
        "key": "realtime",
        "streams": 0,
        "classes": dict.fromkeys(CLASSES, 0),
        "latency": {"legacy": none, "reactive": none},
        "errors": 0,
        "fallbacks": 0,
        "rollbacks": 0,
    }
    assert (await chat.backend.query("trials:report", key="other"))["streams"] == 0


@pytest.mark.parametrize("mode", ["shadow", "mirror"])
@pytest.mark.parametrize("model", ["scripted/echo", "scripted/tools", "scripted/fail"])
async def test_both_sinks_are_measured_on_the_same_log(chat: Chat, mode: str, model: str) -> None:
    await flag(chat, variant=mode)
    await answered(chat, model)

    rows = await chat.rows("trialSamples")
    found = await report(chat)

    assert [("legacy", "identical"), ("reactive", "identical")] == sorted(
        (row.path, row.kind) for row in rows
    )
    assert {"sink"} == {row.source for row in rows}
    assert all(row.executions and row.rows and row.size for row in rows)
    costs = (await chat.backend.query("trials:figures", key="realtime"))["paths"]
    assert {row.path: (row.size, row.executions, row.rows) for row in rows} == {
        path: (cost["bytes"], cost["executions"], cost["rows"]) for path, cost in costs.items()
    }
    assert rows[0].rows == rows[1].rows, "both read the same events"
    assert (1, 2, 0) == (found["streams"], found["classes"]["identical"], found["errors"])
    assert all(each is not None for path in found["latency"].values() for each in path.values())


@pytest.mark.parametrize(("mode", "path"), [("legacy", "legacy"), ("reactive", "reactive")])
async def test_elsewhere_commits_are_measured(chat: Chat, mode: str, path: str) -> None:
    await flag(chat, variant=mode)
    await answered(chat)

    (row,) = await chat.rows("trialSamples")

    assert (path, "commit", "identical") == (row.path, row.source, row.kind)


async def test_nothing_is_measured_while_nobody_has_set_the_flag(chat: Chat) -> None:
    await answered(chat)

    assert await chat.rows("trialSamples") == []


async def test_report_is_live(chat: Chat) -> None:
    await flag(chat, variant="reactive")
    reports = chat.backend.subscribe("trials:report", key="realtime")
    assert (await anext(reports))["streams"] == 0

    await answered(chat)

    assert (await anext(reports))["streams"] == 1


async def test_report_is_for_the_admin_alone(chat: Chat) -> None:
    url = await chat.backend.listen()
    async with ReactiveClient(url, admin_key=KEY) as admin, ReactiveClient(url) as client:
        assert (await admin.query("trials:report", key="realtime"))["key"] == "realtime"
        with pytest.raises(Exception, match="trials:report"):
            await client.query("trials:report", key="realtime")


async def test_what_is_stored_wrong_is_seen(chat: Chat) -> None:
    async def garble(db: DatabaseWriter) -> None:
        for part in await db.query("messageParts").collect():
            await db.patch(part.id, text="something else")

    await flag(chat, variant="legacy")
    sent = await answered(chat)
    await chat.change(garble)
    from functions import _trial
    from reactive.ai.trial import Delivery

    ctx = chat.backend._context()
    await _trial.record(ctx, sent.stream, Delivery("legacy"), source="sink", is_whole=True)

    *_, row = await chat.rows("trialSamples")
    assert "storedMismatch" == row.kind
    assert row.first


# Receipts


async def test_receipts_tell_of_latency(chat: Chat) -> None:
    sent = await answered(chat)
    log = await chat.events(sent)
    samples = [[event["seq"], event["ts"] + 40.0] for event in log]
    await chat.backend.mutation(
        "trials:receipt", streamId=sent.stream, path="reactive", samples=samples
    )
    slow = [[event["seq"], event["ts"] + 2_000.0] for event in reversed(log)]
    await chat.backend.mutation(
        "trials:receipt", streamId=sent.stream, path="legacy", samples=slow, fellBack=True
    )

    found = await report(chat)

    assert 40.0 <= found["latency"]["reactive"]["p50"] <= 44.0
    assert 2_000.0 <= found["latency"]["legacy"]["p99"] <= 2_200.0
    assert (1, 1) == (found["classes"]["reordered"], found["fallbacks"])
    assert 1 == found["streams"]


async def test_receipts_are_bounded(chat: Chat) -> None:
    sent = await answered(chat)
    send = chat.backend.mutation
    for samples in ([], [[1, 1.0]] * 1_001):
        with pytest.raises(ApplicationError, match="samples"):
            await send("trials:receipt", streamId=sent.stream, path="legacy", samples=samples)
    for _ in range(10):
        await send("trials:receipt", streamId=sent.stream, path="legacy", samples=[[1, 1.0]])

    rows = await chat.rows("trialSamples")

    assert 4 == len([row for row in rows if row.source == "client"])


# The way back


async def test_failing_path_is_given_up(chat: Chat) -> None:
    await flag(chat, variant="reactive", percentage=50)
    await plant(chat, 48)
    await plant(chat, 2, errors=1)
    live = chat.backend.subscribe("flags:get", key="realtime")
    before = await anext(live)

    await chat.backend.advance(LOOK_S)

    after = await anext(live)
    assert ("legacy", "DEFAULT") == (after["variant"], after["reason"])
    assert after["revision"] == before["revision"] + 1
    (alert,) = await chat.rows("trialAlerts")
    assert ["errors: 4.0% of the streams, more than 2.0%"] == alert.reasons
    assert ("reactive", 50) == (alert.variant, alert.percentage)
    assert 1 == (await report(chat))["rollbacks"]
    figures = await chat.backend.query("trials:figures", key="realtime")
    assert [False] == [each["isArmed"] for each in figures["alerts"]]


async def test_healthy_path_stays(chat: Chat) -> None:
    await plant(chat, 60)
    await plant(chat, 1, errors=1)

    await chat.backend.advance(LOOK_S)

    assert "reactive" == await variant(chat)
    assert 0 == (await report(chat))["rollbacks"]


async def test_nothing_is_decided_again_before_somebody_has_looked(chat: Chat) -> None:
    await plant(chat, 60, errors=1)
    await chat.backend.advance(LOOK_S)
    assert "legacy" == await variant(chat)
    await flag(chat, variant="reactive")
    await plant(chat, 60, errors=1)
    await chat.backend.advance(LOOK_S)
    assert "reactive" == await variant(chat), "somebody has said so"

    with pytest.raises(ApplicationError, match="cools down"):
        await chat.backend.mutation("trials:rearm")
    await chat.jump(RULE.cool_down_s)
    await chat.backend.mutation("trials:rearm")
    with pytest.raises(ApplicationError, match="no alert"):
        await chat.backend.mutation("trials:rearm")
    await chat.backend.advance(LOOK_S)
    assert "reactive" == await variant(chat), "what was before does not count again"

    await plant(chat, 60, kind="missing")
    await chat.backend.advance(LOOK_S)
    assert "legacy" == await variant(chat)
    assert 2 == (await report(chat))["rollbacks"]


async def test_there_is_no_way_back_from_legacy(chat: Chat) -> None:
    await flag(chat, variant="legacy")
    await plant(chat, 60, errors=1)

    await chat.backend.advance(LOOK_S)

    assert 0 == (await report(chat))["rollbacks"]


async def test_what_only_clients_say_of_order_is_no_proof(chat: Chat) -> None:
    await plant(chat, 60)
    await plant(chat, 10, kind="reordered")
    rows = await chat.rows("trialSamples")

    async def by_client(db: DatabaseWriter) -> None:
        for row in rows:
            if row.kind == "reordered":
                await db.patch(row.id, source="client")

    await chat.change(by_client)
    await chat.backend.advance(LOOK_S)

    assert "reactive" == await variant(chat)


async def test_lost_answers_are_errors(chat: Chat) -> None:
    await chat.crash(await chat.prepare())
    await chat.jump(20)
    await chat.backend.advance(6)

    assert 1 == (await report(chat))["errors"]


async def test_old_samples_are_forgotten(chat: Chat) -> None:
    await answered(chat)
    await chat.jump(31 * 24 * 3_600)
    await chat.backend.mutation("trials:expire")

    assert 0 == (await report(chat))["streams"]
