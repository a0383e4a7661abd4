"""Connections and keys: what is closed when, and what nobody gets to see."""

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest

from reactive.ai.providers.base import Completed, ProviderError, Request
from reactive.ai.providers.registry import check_model, key_name, provider_of
from reactive.clock import SystemClock
from reactive.errors import ApplicationError
from tests.ai.asking import WIRES, Find, ask, listen, model_of, request
from tests.ai.fake_provider import TEXT, FakeProvider, environment


async def _two_tokens(answer: AsyncIterator[Any]) -> None:
    """Reads until the provider is silent."""
    for _ in range(3):
        await anext(answer)


@pytest.mark.parametrize("wire", WIRES)
async def test_closing_the_iterator_closes_the_connection(
    fake: FakeProvider, find: Find, wire: str
) -> None:
    provider, model = find(model_of(wire, "stall"))
    answer = provider.stream(request(model))
    await _two_tokens(answer)
    assert 1 == fake.open

    await answer.aclose()

    await fake.until(lambda: fake.open == 0)


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("behavior", ["stall", "stall0", "silent"])
async def test_giving_up_waiting_closes_the_connection(
    fake: FakeProvider, find: Find, wire: str, behavior: str
) -> None:
    task = asyncio.create_task(listen(find, wire, behavior))
    await fake.until(lambda: fake.open == 1)

    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    await fake.until(lambda: fake.open == 0)


@pytest.mark.parametrize("wire", WIRES)
async def test_each_token_comes_when_it_is_made(fake: FakeProvider, find: Find, wire: str) -> None:
    provider, model = find(model_of(wire, "stall"))
    answer = provider.stream(request(model))

    texts = [(await anext(answer)).get("delta") for _ in range(3)]  # type: ignore[union-attr]

    assert [None, "Hello", ", wörld"] == texts
    await answer.aclose()


@pytest.mark.parametrize("wire", WIRES)
async def test_nobody_listens_at_the_address(wire: str) -> None:
    def find(name: str) -> Any:
        return provider_of(name, SystemClock(), environment("http://127.0.0.1:1"))

    for heard in (await listen(find, wire, "ok"), await ask(find, wire, "ok")):
        assert heard.error is not None
        assert ("provider_disconnect", True) == (heard.error.code, heard.error.retryable)


VARIABLES = {
    "openai": "OPENAI_API_KEY",
    "openai-responses": "OPENAI_API_KEY",
    "anthropic": "ANTHROPIC_API_KEY",
    "openrouter": "OPENROUTER_API_KEY",
}


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("key", [None, "", "  "])
async def test_missing_key_names_its_variable(
    fake: FakeProvider, wire: str, key: str | None
) -> None:
    variables = environment(fake.url)
    del variables[VARIABLES[wire]]
    if key is not None:
        variables[VARIABLES[wire]] = key

    heard = await listen(lambda name: provider_of(name, SystemClock(), variables), wire, "ok")

    assert heard.error is not None
    assert ("provider_auth", False) == (heard.error.code, heard.error.retryable)
    assert VARIABLES[wire] in heard.error.message
    assert [] == fake.requests


@pytest.mark.parametrize("wire", WIRES)
async def test_key_of_the_call_wins(fake: FakeProvider, find: Find, wire: str) -> None:
    await listen(find, wire, "ok", api_key="sk-of-the-call\n")
    await listen(find, wire, "ok")

    sent = [each.headers["authorization"] for each in fake.requests]
    assert "Bearer sk-of-the-call" == sent[0]
    assert f"Bearer {environment('')[VARIABLES[wire]]}" == sent[1]


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("key", ["sk-with space", "sk-with\nline", "sk-ü"])
async def test_key_that_cannot_be_sent_is_not_shown(
    fake: FakeProvider, find: Find, wire: str, key: str
) -> None:
    heard = await listen(find, wire, "ok", api_key=key)

    assert heard.error is not None
    assert "provider_auth" == heard.error.code
    assert "sk-" not in heard.error.message


@pytest.mark.parametrize("wire", WIRES)
async def test_keys_are_in_no_log(find: Find, wire: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        for behavior in ("ok", "401", "error", "reset"):
            await listen(find, wire, behavior, api_key="sk-never-shown")
        provider, model = find(model_of(wire, "ok"))
        shown = f"{provider!r} {vars(provider)!r} {Request(model, (), api_key='sk-never-shown')!r}"

    assert caplog.records, "the SDKs do log"
    assert "sk-never-shown" not in caplog.text + shown


@pytest.mark.parametrize(
    "name", ["", "openai", "openai/", "/x", "nobody/model", "scripted/unknown", "x" * 500]
)
def test_names_of_no_model(name: str) -> None:
    with pytest.raises(ApplicationError) as refused:
        check_model(name)
    with pytest.raises(ProviderError) as failed:
        provider_of(name, SystemClock())

    assert {"code": "invalid_request", "message": failed.value.message} == refused.value.data
    assert "invalid_request" == failed.value.code
    assert "scripted" in failed.value.message
    assert len(failed.value.message) < 250


def test_names_of_models() -> None:
    for name, provider, model, key in (
        ("openai/gpt-x", "openai", "gpt-x", "openai"),
        ("openai-responses/gpt-x", "openai-responses", "gpt-x", "openai"),
        ("anthropic/claude-x", "anthropic", "claude-x", "anthropic"),
        ("openrouter/vendor/x:free", "openrouter", "vendor/x:free", "openrouter"),
        ("scripted/echo", "scripted", "echo", None),
    ):
        found, rest = provider_of(name, SystemClock())

        assert (provider, model, key) == (found.name, rest, key_name(name))


async def test_many_answers_at_once(fake: FakeProvider, find: Find) -> None:
    """Each has a connection of its own, and closes it."""
    await listen(find, "openai", "ok")

    heard = await asyncio.gather(*(listen(find, "openai", "slow:0.2") for _ in range(50)))

    assert {TEXT} == {each.text for each in heard}
    assert all(isinstance(each.completed, Completed) for each in heard)
    await fake.until(lambda: fake.open == 0)
