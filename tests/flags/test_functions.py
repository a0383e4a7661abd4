"""`flags:get` and `flags:set` of the chat app: what each argument does, and what is refused."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from reactive.errors import ApplicationError, CallError
from reactive.limits import DEFAULT_LIMITS
from reactive.testing import TestBackend
from tests.flags.conftest import ISSUER

Set = dict[str, Any]


async def seen(backend: TestBackend, key: str = "realtime") -> tuple[str, str]:
    found = await backend.query("flags:get", key=key)
    assert {"key", "variant", "reason", "revision"} == set(found)
    assert key == found["key"]
    return found["variant"], found["reason"]


async def change(backend: TestBackend, **fields: Any) -> float:
    revision: float = await backend.mutation("flags:set", {"key": "realtime", **fields})
    return revision


@pytest.fixture
def ada(chat: TestBackend) -> TestBackend:
    return chat.with_identity("ada")


async def test_realtime_begins_as_reactive(ada: TestBackend) -> None:
    found = await ada.query("flags:get", key="realtime")

    assert {
        "key": "realtime",
        "variant": "reactive",
        "reason": "DEFAULT",
        "revision": 1.0,
    } == found


async def test_flag_that_is_missing_is_legacy(ada: TestBackend) -> None:
    assert ("legacy", "ERROR") == await seen(ada, "unheard-of")
    assert 0 == (await ada.query("flags:get", key="unheard-of"))["revision"]


async def test_nobody_has_no_decision(chat: TestBackend) -> None:
    with pytest.raises(ApplicationError):
        await seen(chat)


@pytest.mark.parametrize("mode", ["legacy", "shadow", "mirror", "reactive", "reactive-only"])
async def test_five_modes(ada: TestBackend, mode: str) -> None:
    assert 2 == await change(ada, variant=mode)
    assert (mode, "DEFAULT") == await seen(ada)


async def test_kill_switch_and_back(ada: TestBackend) -> None:
    await change(ada, variant="mirror")
    await change(ada, userId="ada", variant="reactive-only")
    assert 4 == await change(ada, enabled=False)
    assert ("legacy", "DISABLED") == await seen(ada)
    await change(ada, variant="reactive", percentage=100)
    assert ("legacy", "DISABLED") == await seen(ada)

    await change(ada, enabled=True)

    assert ("reactive-only", "TARGETING_MATCH") == await seen(ada)
    assert ("reactive", "SPLIT") == await seen(ada.with_identity("bob"))


@pytest.mark.parametrize("name", ["ada", f"{ISSUER}|ada"])
async def test_override_by_both_names(ada: TestBackend, name: str) -> None:
    await change(ada, userId=name, variant="shadow")

    assert ("shadow", "TARGETING_MATCH") == await seen(ada)
    assert ("reactive", "DEFAULT") == await seen(ada.with_identity("bob"))
    stranger = ada.with_identity("ada", issuer="https://other.invalid")
    assert ("shadow" if name == "ada" else "reactive") == (await seen(stranger))[0]

    await change(ada, userId=name)

    assert ("reactive", "DEFAULT") == await seen(ada)


async def test_whole_name_is_stronger_and_the_last_override_counts(ada: TestBackend) -> None:
    await change(ada, userId=f"{ISSUER}|ada", variant="mirror")
    await change(ada, userId="ada", variant="shadow")
    assert "mirror" == (await seen(ada))[0]

    await change(ada, userId=f"{ISSUER}|ada", variant="legacy")
    assert "legacy" == (await seen(ada))[0]


async def test_users_stay_in_as_it_widens(chat: TestBackend) -> None:
    users = [chat.with_identity(f"user {number}") for number in range(100)]
    before: set[int] = set()
    for percentage in (0, 10, 50, 100):
        await change(chat, variant="legacy", percentage=percentage)
        found = [await seen(user) for user in users]
        inside = {number for number, each in enumerate(found) if each == ("legacy", "SPLIT")}

        assert {("legacy", "SPLIT"), ("reactive", "DEFAULT")} >= set(found)
        assert before <= inside
        assert len(before) < len(inside) or percentage == 0
        before = inside
    assert 100 == len(before)


async def test_percentage_of_the_variant_that_is_there(chat: TestBackend) -> None:
    await change(chat, variant="legacy", percentage=1)
    await change(chat, percentage=100)
    assert ("legacy", "SPLIT") == await seen(chat.with_identity("ada"))

    await change(chat, percentage=0)
    assert ("reactive", "DEFAULT") == await seen(chat.with_identity("ada"))


async def test_variant_alone_is_for_everybody(chat: TestBackend) -> None:
    await change(chat, variant="legacy", percentage=0)
    await change(chat, variant="legacy")

    assert ("legacy", "DEFAULT") == await seen(chat.with_identity("ada"))


async def test_flag_of_a_team_that_nobody_described(ada: TestBackend) -> None:
    assert 1 == await ada.mutation("flags:set", key="composer", variant="large", percentage=50)
    found = {(await seen(ada.with_identity(f"u{n}"), "composer")) for n in range(50)}
    assert {("large", "SPLIT"), ("legacy", "DEFAULT")} == found

    await ada.mutation("flags:set", key="composer", enabled=False)
    assert ("legacy", "DISABLED") == await seen(ada, "composer")
    await ada.mutation("flags:set", key="other", userId="ada", variant="x")
    assert ("x", "TARGETING_MATCH") == await seen(ada, "other")
    assert ("legacy", "DEFAULT") == await seen(ada.with_identity("bob"), "other")


REFUSED: list[tuple[Set, str]] = [
    ({}, "variant: is missing"),
    ({"variant": "new"}, "only legacy, shadow, mirror, reactive, reactive-only"),
    ({"variant": ""}, "variant: must be a name"),
    ({"key": "no key", "variant": "a"}, "key: must be"),
    ({"key": "", "variant": "a"}, "key: must be"),
    ({"key": "k" * 65, "variant": "a"}, "key: must be"),
    ({"percentage": 50}, "variant: is missing"),
    ({"variant": "legacy", "percentage": -1}, "percentage: must be 0 to 100"),
    ({"variant": "legacy", "percentage": 101}, "percentage: must be 0 to 100"),
    ({"variant": "legacy", "percentage": float("nan")}, "percentage: must be 0 to 100"),
    ({"variant": "legacy", "percentage": 0.001}, "percentage: 0.001 has more than two decimals"),
    ({"userId": "", "variant": "legacy"}, "userId: is empty"),
    ({"userId": "ada"}, "has no override to remove"),
    ({"userId": "ada", "percentage": 5}, "percentage: is for everybody"),
    ({"userId": "ada", "enabled": False}, "enabled: is for everybody"),
    ({"userId": "ada", "variant": "new"}, "is no variant of realtime"),
]


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("fields", "message"), REFUSED)
async def test_refused_and_nothing_changed(
    shared_chat: TestBackend, fields: Set, message: str
) -> None:
    ada = shared_chat.with_identity("ada")
    before = await ada.query("flags:get", key="realtime")

    with pytest.raises(ApplicationError) as caught:
        await change(ada, **fields)

    assert isinstance(caught.value.data, dict)
    assert "invalid_request" == caught.value.data["code"]
    assert message in caught.value.data["message"]
    assert before == await ada.query("flags:get", key="realtime")


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    "fields", [{"variant": 5}, {"percentage": "half"}, {"enabled": "no"}, {"unheardOf": 1}]
)
async def test_arguments_of_the_wrong_type_are_named(shared_chat: TestBackend, fields: Set) -> None:
    ada = shared_chat.with_identity("ada")
    with pytest.raises(CallError, match=next(iter(fields))):
        await change(ada, **fields)


async def test_live_to_whoever_watches(ada: TestBackend) -> None:
    values = ada.subscribe("flags:get", key="realtime")
    assert "reactive" == (await anext(values))["variant"]
    for fields, variant in (
        ({"variant": "mirror"}, "mirror"),
        ({"userId": "ada", "variant": "legacy"}, "legacy"),
        ({"enabled": False}, "legacy"),
        ({"enabled": True}, "legacy"),
        ({"userId": "ada"}, "mirror"),
    ):
        revision = await change(ada, **fields)
        found = await anext(values)

        assert (variant, revision) == (found["variant"], found["revision"])
    await values.aclose()  # type: ignore[attr-defined]


async def rows(backend: TestBackend, table: str) -> list[dict[str, Any]]:
    async def read(ctx: Any) -> list[dict[str, Any]]:
        return [row.model_dump() for row in await ctx.db.query(table).collect()]

    return await read(_Peek(backend))


class _Peek:
    """Reads what no function of the app tells."""

    def __init__(self, backend: TestBackend) -> None:
        from reactive.runtime.db import DatabaseReader

        app = backend._app
        tables, _ = app.service.peek()
        self.db = DatabaseReader(tables._run)


async def send(backend: TestBackend, thread: str) -> str:
    sent = await backend.mutation("messages:send", threadId=thread, prompt="hi")
    await backend.advance(2)
    stream: str = sent["streamId"]
    return stream


async def test_each_answer_keeps_the_decision_it_began_with(ada: TestBackend) -> None:
    thread = await ada.mutation("threads:create", title="x")
    streams = [await send(ada, thread), await send(ada, thread)]
    await change(ada, variant="legacy", percentage=100)
    streams.append(await send(ada, thread))
    await change(ada, enabled=False)
    streams.append(await send(ada, thread))

    infos = [await ada.query("streams:debugInfo", streamId=each) for each in streams]
    assert [
        ("reactive", "DEFAULT"),
        ("reactive", "DEFAULT"),
        ("legacy", "SPLIT"),
        ("legacy", "DISABLED"),
    ] == [(info["variant"], info["reason"]) for info in infos]
    kept = await rows(ada, "flagDecisions")
    assert [
        ("realtime", f"{ISSUER}|ada", 1, "reactive", "DEFAULT"),
        ("realtime", f"{ISSUER}|ada", 2, "legacy", "SPLIT"),
        ("realtime", f"{ISSUER}|ada", 3, "legacy", "DISABLED"),
    ] == [
        (row["key"], row["user_id"], row["revision"], row["variant"], row["reason"]) for row in kept
    ]
    assert 1 == len({row["bucket"] for row in kept})
    assert all(0 <= row["bucket"] < 10_000 for row in kept)


async def test_decisions_of_long_ago_are_forgotten(
    ada: TestBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = replace(DEFAULT_LIMITS, flag_decisions_forgotten_max=2)
    monkeypatch.setattr("reactive.flags.store.DEFAULT_LIMITS", few)
    thread = await ada.mutation("threads:create", title="x")
    for variant in ("legacy", "shadow", "mirror", "reactive", "legacy"):
        await change(ada, variant=variant)
        await send(ada, thread)
    await ada.mutation("flags:forget")
    assert 5 == len(await rows(ada, "flagDecisions"))
    await ada.advance(60)
    await change(ada, variant="mirror")
    await send(ada, thread)
    monkeypatch.setattr("functions.flags.DECISION_AGE", timedelta(seconds=30))

    assert 2 == await ada.mutation("flags:forget")
    await ada.advance(1)

    assert ["mirror"] == [row["variant"] for row in await rows(ada, "flagDecisions")]
    assert ("mirror", "DEFAULT") == await seen(ada)
