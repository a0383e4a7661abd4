"""Every fault of a provider, on every wire, through the real SDKs: what it is called here, what of
the answer is kept, and that it was asked once and no more.
"""

import re
import traceback

import pytest

from tests.ai.asking import WIRES, Find, Heard, ask, listen
from tests.ai.fake_provider import TEXT, TOKENS, FakeProvider
from tests.ai.fake_wires import ERROR_TEXT

PARTIAL = "".join(TOKENS[:2])

# behavior, code, whether it may be tried again, what was said before
FAULTS = [
    ("400", "invalid_request", False, ""),
    ("401", "provider_auth", False, ""),
    ("402", "provider_auth", False, ""),
    ("403", "provider_auth", False, ""),
    ("404", "invalid_request", False, ""),
    ("413", "invalid_request", False, ""),
    ("422", "invalid_request", False, ""),
    ("429", "rate_limited", True, ""),
    ("500", "provider_error", True, ""),
    ("502", "provider_error", True, ""),
    ("503", "overloaded", True, ""),
    ("529", "overloaded", True, ""),
    ("reset", "provider_disconnect", True, PARTIAL),
    ("reset0", "provider_disconnect", True, ""),
    ("cut", "provider_disconnect", True, PARTIAL),
    ("eof", "incomplete", True, PARTIAL),
    ("eof0", "incomplete", True, ""),
    ("eof-at-once", "incomplete", True, ""),
    ("midline", "incomplete", True, PARTIAL),
    ("broken-json", "provider_protocol", True, PARTIAL),
    ("broken-json0", "provider_protocol", True, ""),
    ("broken-utf8", "provider_protocol", True, PARTIAL),
    ("odd-json", "provider_protocol", True, PARTIAL),
    ("error", "provider_error", True, PARTIAL),
    ("error0", "provider_error", True, ""),
    ("overloaded", "overloaded", True, PARTIAL),
    ("overloaded0", "overloaded", True, ""),
    ("html", "empty_response", False, ""),
    ("plain", "empty_response", False, ""),
]


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize(("behavior", "code", "retryable", "text"), FAULTS, ids=lambda each: each)
async def test_fault(
    fake: FakeProvider,
    find: Find,
    wire: str,
    behavior: str,
    code: str,
    retryable: bool,
    text: str,
) -> None:
    heard = await listen(find, wire, behavior)

    assert heard.error is not None
    assert (code, retryable) == (heard.error.code, heard.error.retryable)
    assert text == heard.text
    assert heard.completed is None
    assert 1 == len(fake.requests)
    await fake.until(lambda: fake.open == 0)
    _shows_nothing_of_the_providers(heard)


def _shows_nothing_of_the_providers(heard: Heard) -> None:
    error = heard.error
    assert error is not None
    shown = "".join(traceback.format_exception(error)) + f"{error.message} {error!r}"
    assert ERROR_TEXT not in shown
    assert re.search(r"sk-[a-z]", shown) is None


@pytest.mark.parametrize("wire", WIRES)
async def test_clean_answer(fake: FakeProvider, find: Find, wire: str) -> None:
    heard = await listen(find, wire, "ok")

    assert heard.error is None
    assert TEXT == heard.text
    assert ["text-start", *["text-delta"] * len(TOKENS), "text-end"] == heard.types()
    assert heard.completed is not None
    assert "stop" == heard.completed.finish_reason
    assert {
        "inputTokens": 11,
        "outputTokens": 7,
        "cachedTokens": 3,
        "reasoningTokens": 2,
    } == heard.completed.usage
    await fake.until(lambda: fake.open == 0)


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("behavior", ["comments", "unknown", "bytes", "slow:0.3"])
async def test_what_is_no_fault(find: Find, wire: str, behavior: str) -> None:
    heard = await listen(find, wire, behavior)

    assert heard.error is None
    assert TEXT == heard.text
    assert {"text-start", "text-delta", "text-end"} == set(heard.types())


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize(
    ("behavior", "reason", "text"),
    [
        ("length", "length", TEXT),
        ("filter", "content-filter", TEXT),
        ("refusal", "refusal", "I would rather not."),
    ],
)
async def test_answers_that_are_cut(
    find: Find, wire: str, behavior: str, reason: str, text: str
) -> None:
    for heard in (await listen(find, wire, behavior), await ask(find, wire, behavior)):
        assert heard.error is None
        assert text == heard.text
        assert heard.completed is not None
        assert reason == heard.completed.finish_reason


@pytest.mark.parametrize("wire", WIRES)
async def test_thoughts_are_no_text(find: Find, wire: str) -> None:
    for heard in (await listen(find, wire, "thought"), await ask(find, wire, "thought")):
        assert ("Hm, so 🤔", TEXT) == (heard.thoughts, heard.text)
        if wire != "openai-responses":
            # There the items of an answer may overlap, and end when they say so.
            assert heard.types().index("reasoning-end") < heard.types().index("text-start")


@pytest.mark.parametrize("wire", WIRES)
async def test_retry_after(find: Find, wire: str) -> None:
    heard = await listen(find, wire, "429:7")

    assert heard.error is not None
    assert 7.0 == heard.error.retry_after


@pytest.mark.parametrize("wire", ["openai", "openrouter"])
async def test_chat_is_over_with_its_reason(find: Find, wire: str) -> None:
    """The SDK hides `[DONE]`, and many servers leave it out."""
    heard = await listen(find, wire, "no-last-frame")

    assert heard.error is None
    assert PARTIAL == heard.text


async def test_messages_are_over_with_their_stop_event(find: Find) -> None:
    heard = await listen(find, "anthropic", "no-last-frame")

    assert heard.error is not None
    assert "incomplete" == heard.error.code


async def test_response_that_has_failed(find: Find) -> None:
    heard = await listen(find, "openai-responses", "failed")

    assert heard.error is not None
    assert ("provider_error", PARTIAL) == (heard.error.code, heard.text)


async def test_unknown_events_are_counted(fake: FakeProvider) -> None:
    from reactive.ai.providers.anthropic import Anthropic
    from reactive.ai.providers.endpoint import Endpoint
    from reactive.ai.providers.openai_responses import OpenAIResponses
    from tests.ai.asking import request

    for kind, url in ((Anthropic, fake.url), (OpenAIResponses, f"{fake.url}/v1")):
        provider = kind("x", Endpoint("x", "KEY", "URL", url, {"KEY": "k"}))
        async for _ in provider.stream(request("unknown")):
            pass

        assert 2 == provider.ignored, kind


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize(
    ("behavior", "code"),
    [
        ("401", "provider_auth"),
        ("429", "rate_limited"),
        ("500", "provider_error"),
        ("reset", "provider_disconnect"),
        ("html", "empty_response"),
    ],
)
async def test_fault_of_an_answer_at_once(
    fake: FakeProvider, find: Find, wire: str, behavior: str, code: str
) -> None:
    heard = await ask(find, wire, behavior)

    assert heard.error is not None
    assert code == heard.error.code
    assert 1 == len(fake.requests)
    _shows_nothing_of_the_providers(heard)


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("behavior", ["ok", "plain"])
async def test_answer_at_once(fake: FakeProvider, find: Find, wire: str, behavior: str) -> None:
    heard = await ask(find, wire, behavior)

    assert heard.completed is not None
    assert ("stop", TEXT) == (heard.completed.finish_reason, heard.text)
    assert 3 == heard.completed.usage["cachedTokens"]
    assert not fake.requests[0].streams
