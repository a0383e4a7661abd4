"""`GET /metrics`: what an operator sees, and that nobody can make it grow without bound."""

from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from reactive.ai import metrics
from reactive.limits import DEFAULT_LIMITS
from tests.server import ServerProcess
from tests.sync_client import SyncClient
from tests.upkeep.world import ROOT, Chat

Sample = tuple[str, dict[str, str]]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    with ServerProcess(ROOT, tmp_path / "data.sqlite3") as process:
        yield process


async def scraped(server: ServerProcess) -> dict[str, list[tuple[dict[str, str], float]]]:
    """The samples by name."""
    async with aiohttp.ClientSession() as http, http.get(f"{server.url}/metrics") as response:
        assert response.status == 200
        assert response.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        text = await response.text()
    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


async def test_answers_are_counted(server: ServerProcess) -> None:
    async with SyncClient() as client:
        await client.open(server.sync_url)
        before = await scraped(server)
        thread = await client.run("threads:create", {"title": "x"})
        for model in ("echo", "fail"):
            response = await client.action(
                "streaming:streamChatWithTools",
                {"taskId": thread, "prompt": "secret words", "model": f"scripted/{model}"},
            )
            assert response["success"]
    async with (
        aiohttp.ClientSession() as http,
        http.post(  # type: ignore[assignment]
            f"{server.url}/stream-chat", json={"threadId": thread, "prompt": "secret words"}
        ) as response,
    ):
        assert "secret" in await response.text()  # type: ignore[attr-defined]

    now = await scraped(server)

    echo = {"path": "reactive", "provider": "scripted", "model": "echo"}
    assert (echo, 2.0) in now["reactive_time_to_first_token_seconds_count"]
    assert (echo, 2.0) in now["reactive_stream_duration_seconds_count"]
    ways = {labels["path"] for labels, _ in now["reactive_delivery_lag_seconds_count"]}
    assert ways == {"commit", "sse"}
    assert now["reactive_stream_errors_total"] == [({"code": "provider_error"}, 1.0)]
    types = {labels["type"]: value for labels, value in now["reactive_stream_events_total"]}
    assert (types["stream-start"], types["stream-finish"], types["stream-error"]) == (3, 2, 1)
    assert now["reactive_active_streams"] == [({}, 0.0)]
    assert now["reactive_stream_readers"] == [({}, 0.0)]
    assert now["reactive_audit_mismatches_total"] == [({}, 0.0)]
    for name in ("reactive_function_executions_total", "reactive_rows_read_total"):
        assert now[name][0][1] > before[name][0][1]
    assert "secret" not in str(now)


@pytest.mark.parametrize(
    ("variant", "path"),
    [
        ("legacy", "legacy"),
        ("shadow", "legacy"),
        ("mirror", "reactive"),
        ("reactive-only", "reactive"),
    ],
)
async def test_answer_is_counted_under_the_path_that_serves_it(
    chat: Chat, variant: str, path: str
) -> None:
    def counted(name: str, path: str) -> float:
        # Of all models: other tests may have used the names up.
        return sum(
            sample.value
            for family in metrics.registry.collect()
            for sample in family.samples
            if sample.name == f"{name}_count" and sample.labels["path"] == path
        )

    names = ("reactive_time_to_first_token_seconds", "reactive_stream_duration_seconds")
    paths = ("legacy", "reactive")
    before = {(name, each): counted(name, each) for name in names for each in paths}
    await chat.backend.mutation("flags:set", key="realtime", variant=variant)
    await chat.send()
    await chat.backend.advance(5)

    now = {(name, each): counted(name, each) for name, each in before}
    assert {key: now[key] - before[key] for key in now} == {key: key[1] == path for key in now}


def labels_of(name: str) -> set[str]:
    return {
        sample.labels["model"]
        for family in metrics.registry.collect()
        for sample in family.samples
        if sample.name == name
    }


def test_names_of_models_are_bounded() -> None:
    for number in range(10 * DEFAULT_LIMITS.metric_models_max):
        metrics.first_token("reactive", f"openai/model-{number}", 0.1)

    names = labels_of("reactive_time_to_first_token_seconds_count")
    assert len(names) <= DEFAULT_LIMITS.metric_models_max + 1
    assert metrics.OTHER in names


def test_model_that_has_not_answered_is_no_label() -> None:
    metrics.stream_ended("reactive", "openai/somebody's <invention>", 1)

    assert "somebody's <invention>" not in labels_of("reactive_stream_duration_seconds_count")


def test_labels_are_of_closed_lists() -> None:
    metrics.delivered("a path", "a provider/x", 0.1)
    metrics.written([{"type": "a type"}])
    metrics.failed("a code")

    text = metrics.render().decode()
    assert "a path" not in text
    assert "a provider" not in text
    assert "a type" not in text
    assert "a code" not in text
