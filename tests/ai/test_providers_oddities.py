"""What servers do that no standard asks for, and what the failures' names are made of."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reactive.ai.providers import failures
from reactive.ai.providers.base import Completed
from reactive.ai.providers.parts import Parts
from tests.ai.asking import ADD, SHOUT, Find, ask, listen
from tests.ai.fake_provider import FakeProvider
from tests.ai.fake_wires import sse


def chat(*choices: Any, **more: Any) -> tuple[str, bytes]:
    """A frame of Chat Completions."""
    frame = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    return ("raw", sse({**frame, "choices": list(choices), **more}))


def delta(reason: str | None = None, **fields: Any) -> dict[str, Any]:
    return {"index": 0, "delta": fields, "finish_reason": reason}


def call(index: int | None, call_id: str | None, name: str | None, arguments: str) -> Any:
    function = {"name": name, "arguments": arguments}
    found = {"id": call_id, "type": "function", "function": function}
    return found if index is None else {**found, "index": index}


async def test_calls_that_are_all_the_first(fake: FakeProvider, find: Find) -> None:
    """Their ids tell them apart."""
    fake.scripts["odd"] = [
        chat(delta(tool_calls=[call(0, "a", "add", '{"a":1,"b":2}')])),
        chat(delta(tool_calls=[call(0, "b", "shout", '{"text"')])),
        chat(delta(tool_calls=[call(0, None, None, ':"x"}')])),
        chat(delta("stop")),
        ("eof",),
    ]

    heard = await listen(find, "openai", "odd", tools=[ADD, SHOUT])

    assert [("a", "add", {"a": 1, "b": 2}), ("b", "shout", {"text": "x"})] == heard.calls
    assert heard.completed is not None
    assert "tool-calls" == heard.completed.finish_reason


async def test_calls_without_number_or_id(fake: FakeProvider, find: Find) -> None:
    fake.scripts["odd"] = [
        chat(
            delta(
                "tool_calls",
                tool_calls=[call(None, None, "add", "{}"), call(None, "", "shout", "")],
            )
        ),
        ("eof",),
    ]

    heard = await listen(find, "openai", "odd", tools=[ADD, SHOUT])

    assert [("add", {}), ("shout", {})] == [each[1:] for each in heard.calls]
    ids = [each[0] for each in heard.calls]
    assert all(ids)
    assert ids[0] != ids[1]


async def test_usage_in_every_frame(fake: FakeProvider, find: Find) -> None:
    counts = [{"prompt_tokens": 3, "completion_tokens": made, "total_tokens": 9} for made in (1, 2)]
    fake.scripts["odd"] = [
        chat(delta(content="Hi"), usage=counts[0]),
        chat(delta("stop", content="!"), usage=counts[1]),
        ("stall",),
    ]

    heard = await listen(find, "openai", "odd")

    assert "Hi!" == heard.text
    assert heard.completed is not None
    assert 2 == heard.completed.usage["outputTokens"]


async def test_line_that_breaks_after_the_reason(fake: FakeProvider, find: Find) -> None:
    """Only the usage is lost."""
    fake.scripts["odd"] = [chat(delta(content="Hi")), chat(delta("stop")), ("reset",)]

    heard = await listen(find, "openai", "odd")

    assert "Hi" == heard.text
    assert heard.completed is not None
    assert 0 == heard.completed.usage["outputTokens"]


async def test_error_as_a_reason(fake: FakeProvider, find: Find) -> None:
    fake.scripts["odd"] = [chat(delta(content="Hi")), chat(delta("error")), ("eof",)]

    heard = await listen(find, "openrouter", "odd")

    assert heard.error is not None
    assert "provider_error" == heard.error.code


@pytest.mark.parametrize(
    ("wire", "code"), [("openrouter", 429), ("openai-responses", "rate_limit_exceeded")]
)
async def test_error_in_a_good_answer(
    fake: FakeProvider, find: Find, wire: str, code: int | str
) -> None:
    """To a request that does not stream."""
    body = json.dumps({"error": {"code": code, "message": "sk-secret"}})
    fake.scripts["odd"] = [("body", body, "application/json")]

    heard = await ask(find, wire, "odd")

    assert heard.error is not None
    assert ("rate_limited", True) == (heard.error.code, heard.error.retryable)


async def test_thoughts_between_texts_are_parts_of_their_own(
    fake: FakeProvider, find: Find
) -> None:
    fake.scripts["odd"] = [
        chat(delta(content="a")),
        chat(delta(reasoning="b")),
        chat(delta(content="c", reasoning=None)),
        chat(delta("stop")),
        ("eof",),
    ]

    heard = await listen(find, "openrouter", "odd")

    one = ["text-start", "text-delta", "text-end"]
    assert [*one, "reasoning-start", "reasoning-delta", "reasoning-end", *one] == heard.types()
    assert 3 == len({event["partId"] for event in heard.events})


async def test_unknown_reason_is_another(fake: FakeProvider, find: Find) -> None:
    fake.scripts["odd"] = [chat(delta("eos", content="Hi")), ("eof",)]

    heard = await listen(find, "openai", "odd")

    assert heard.completed is not None
    assert "other" == heard.completed.finish_reason


async def test_arguments_only_when_they_are_whole(fake: FakeProvider, find: Find) -> None:
    item = {"id": "f", "type": "function_call", "call_id": "c", "name": "add", "arguments": ""}
    done = {**item, "arguments": '{"a":1,"b":2}'}
    fake.scripts["odd"] = [
        ("raw", sse({"type": kind, "sequence_number": number, "output_index": 0, **more}, kind))
        for number, (kind, more) in enumerate(
            [
                ("response.output_item.added", {"item": item}),
                ("response.output_item.done", {"item": done}),
                ("response.completed", {"response": {"id": "r", "status": "completed"}}),
            ]
        )
    ]

    heard = await listen(find, "openai-responses", "odd", tools=[ADD])

    assert [("c", "add", {"a": 1, "b": 2})] == heard.calls


@pytest.mark.parametrize(
    ("status", "reason", "code"),
    [("incomplete", "length", None), ("failed", None, "provider_error"), (None, "stop", None)],
)
async def test_response_whose_status_says_more_than_its_event(
    fake: FakeProvider, find: Find, status: str | None, reason: str | None, code: str | None
) -> None:
    done = {"type": "response.completed", "response": {"id": "r", "status": status}}
    hi = {"type": "response.output_text.delta", "output_index": 0, "content_index": 0}
    fake.scripts["odd"] = [("raw", sse({**hi, "delta": "Hi"})), ("raw", sse(done))]

    heard = await listen(find, "openai-responses", "odd")

    assert "Hi" == heard.text
    assert reason == (heard.completed and heard.completed.finish_reason)
    assert code == (heard.error and heard.error.code)


async def test_tools_of_the_provider_are_nobodys(fake: FakeProvider, find: Find) -> None:
    def event(kind: str, **more: Any) -> tuple[str, bytes]:
        return ("raw", sse({"type": kind, **more}, kind))

    block = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}
    fake.scripts["odd"] = [
        event("content_block_start", index=0, content_block=block),
        event(
            "content_block_delta", index=0, delta={"type": "input_json_delta", "partial_json": "{"}
        ),
        event("content_block_stop", index=0),
        event("content_block_start", index=1, content_block={"type": "text", "text": "So"}),
        event("content_block_stop", index=1),
        event("message_delta", delta={"stop_reason": "pause_turn"}, usage={"output_tokens": 1}),
        event("message_stop"),
    ]

    heard = await listen(find, "anthropic", "odd")

    assert ("So", []) == (heard.text, heard.calls)
    assert heard.completed is not None
    assert "other" == heard.completed.finish_reason


def halves(text: str) -> list[str]:
    """The units of UTF-16, each as JSON's escapes write it."""
    data = text.encode("utf-16-be", "surrogatepass")
    return [chr(int.from_bytes(data[at : at + 2])) for at in range(0, len(data), 2)]


@given(st.text())
def test_characters_that_come_in_halves_are_whole(text: str) -> None:
    parts = Parts()
    found = [e for half in halves(text) for e in parts.say("text", "k", half)] + list(
        parts.end("k")
    )

    assert text == "".join(e["delta"] for e in found if e["type"] == "text-delta")
    for event in found:
        json.dumps(event, ensure_ascii=False).encode()


@given(st.text(st.characters(categories=["Cs", "Lu"])))
def test_half_characters_are_replaced(text: str) -> None:
    parts = Parts()
    found = [*parts.begin_call("c", "c", "add"), *parts.write_input("c", text)]
    found += [*parts.say("text", "k", text), *parts.end("k")]

    for event in found:
        json.dumps(event, ensure_ascii=False).encode()


def test_finish_gives_one_last_word() -> None:
    parts = Parts()
    list(parts.say("text", "k", "Hi"))
    found = list(
        parts.finish(
            "stop", {"inputTokens": 0, "outputTokens": 0, "cachedTokens": 0, "reasoningTokens": 0}
        )
    )

    assert isinstance(found[-1], Completed)
    assert 1 == sum(isinstance(each, Completed) for each in found)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "7", "retry-after-ms": "250"}, 0.25),
        (
            {
                "retry-after": "Sat, 21 Nov 2026 10:00:30 GMT",
                "date": "Sat, 21 Nov 2026 10:00:00 GMT",
            },
            30.0,
        ),
        (
            {
                "retry-after": "Sat, 21 Nov 2026 09:00:00 GMT",
                "date": "Sat, 21 Nov 2026 10:00:00 GMT",
            },
            0.0,
        ),
        ({"retry-after": "Sat, 21 Nov 2026 10:00:30 GMT"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "nan"}, None),
        ({}, None),
    ],
)
def test_retry_after(headers: dict[str, str], seconds: float | None) -> None:
    assert seconds == failures.retry_after(headers)


@pytest.mark.parametrize(
    ("words", "code", "retryable"),
    [
        (("overloaded_error",), "overloaded", True),
        ((None, "slow_down"), "overloaded", True),
        (("503",), "overloaded", True),
        (("502",), "provider_error", True),
        (("400",), "invalid_request", False),
        (("429",), "rate_limited", True),
        (("rate_limit_exceeded",), "rate_limited", True),
        (("insufficient_quota",), "rate_limited", False),
        (("authentication_error",), "provider_auth", False),
        (("context_length_exceeded",), "invalid_request", False),
        (("something_new",), "provider_error", True),
        (("sk-1234567890abcdef",), "provider_error", True),
        ((), "provider_error", True),
    ],
)
def test_words_of_errors(words: tuple[object, ...], code: str, retryable: bool) -> None:
    error = failures.of_words("openai", words)

    assert (code, retryable) == (error.code, error.retryable)
    assert "sk-" not in error.message


def test_empty_account_is_not_asked_again() -> None:
    error = failures.of_status("openai", 429, ("insufficient_quota",), {"retry-after": "1"})

    assert ("rate_limited", False, None) == (error.code, error.retryable, error.retry_after)


def test_fake_provider_is_a_process_too() -> None:
    root = Path(__file__).parents[2]
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.ai.fake_provider", "--port", "0"],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+\n", process.stdout.readline())
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=10)
