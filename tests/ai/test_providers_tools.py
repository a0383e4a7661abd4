"""Tools on every wire: calls side by side, calls that are cut, and what the provider is told."""

from typing import Any

import pytest

from reactive.ai.providers.base import ToolAnswer, ToolCall, Turn
from tests.ai.asking import ADD, SHOUT, WIRES, Find, ask, listen
from tests.ai.fake_provider import FakeProvider

CALLS = [("add", {"a": 2, "b": 2}), ("shout", {"text": "Grüße 🌍"})]


@pytest.mark.parametrize("wire", WIRES)
async def test_two_calls_side_by_side(find: Find, wire: str) -> None:
    heard = await listen(find, wire, "tools", tools=[ADD, SHOUT])

    assert heard.error is None
    assert [("call_0_0", *CALLS[0]), ("call_0_1", *CALLS[1])] == heard.calls
    assert heard.completed is not None
    assert "tool-calls" == heard.completed.finish_reason
    deltas = [event["toolCallId"] for event in heard.events if event["type"] == "tool-input-delta"]
    assert ["call_0_0", "call_0_1"] * 9 == deltas
    assert ["tool-call", "tool-call"] == heard.types()[-2:], "only when they are whole"


@pytest.mark.parametrize("wire", WIRES)
async def test_calls_of_an_answer_at_once(find: Find, wire: str) -> None:
    heard = await ask(find, wire, "tools", tools=[ADD, SHOUT])

    assert [("call_0_0", *CALLS[0]), ("call_0_1", *CALLS[1])] == heard.calls
    assert heard.completed is not None
    assert "tool-calls" == heard.completed.finish_reason


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("behavior", ["cut-tool", "empty-cut-tool"])
async def test_cut_call_is_none(find: Find, wire: str, behavior: str) -> None:
    heard = await listen(find, wire, behavior, tools=[ADD])

    assert heard.error is None
    assert [] == heard.calls
    assert "tool-input-start" in heard.types()
    assert heard.completed is not None
    assert "length" == heard.completed.finish_reason


@pytest.mark.parametrize("wire", WIRES)
async def test_arguments_that_are_no_json_are_for_the_tool_to_refuse(find: Find, wire: str) -> None:
    heard = await listen(find, wire, "broken-tool", tools=[ADD])

    assert [("call_0", "add", '{"a": 1, "b"')] == heard.calls


@pytest.mark.parametrize("wire", WIRES)
async def test_ids_that_an_earlier_turn_had_are_replaced(find: Find, wire: str) -> None:
    """Some servers count their calls anew in each answer."""
    turns = [
        Turn("user", "Hi!"),
        Turn("assistant", calls=[ToolCall("call_0_0", "add", {"a": 1, "b": 1})]),
        Turn("user", "Go on."),
    ]

    heard = await listen(find, wire, "tools", tools=[ADD, SHOUT], turns=turns)

    first, second = (call[0] for call in heard.calls)
    assert "call_0_0" != first
    assert "call_0_1" == second
    assert first in {e["toolCallId"] for e in heard.events if e["type"] == "tool-input-start"}


async def test_parts_of_two_answers_have_different_ids(find: Find) -> None:
    one, other = [await listen(find, "openai", "ok") for _ in range(2)]

    assert one.events[0]["partId"] != other.events[0]["partId"]


CONVERSATION = [
    Turn("user", "Add and shout."),
    Turn(
        "assistant",
        "I try.",
        calls=[ToolCall("c1", "add", {"a": 1, "b": 2}), ToolCall("c2", "shout", "{oops")],
    ),
    Turn("tool", answers=[ToolAnswer("c1", "3"), ToolAnswer("c2", "no JSON", is_error=True)]),
    Turn("assistant", ""),
    Turn("user", "And now?"),
]

CHAT_CALLS = [
    {"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"a":1,"b":2}'}},
    {"id": "c2", "type": "function", "function": {"name": "shout", "arguments": "{oops"}},
]

CHAT = [
    {"role": "system", "content": "Be kind."},
    {"role": "user", "content": "Add and shout."},
    {"role": "assistant", "content": "I try.", "tool_calls": CHAT_CALLS},
    {"role": "tool", "tool_call_id": "c1", "content": "3"},
    {"role": "tool", "tool_call_id": "c2", "content": "error: no JSON"},
    {"role": "user", "content": "And now?"},
]

MESSAGES = [
    {"role": "user", "content": [{"type": "text", "text": "Add and shout."}]},
    {
        "role": "assistant",
        "content": [
            {"type": "text", "text": "I try."},
            {"type": "tool_use", "id": "c1", "name": "add", "input": {"a": 1, "b": 2}},
            {"type": "tool_use", "id": "c2", "name": "shout", "input": {"input": "{oops"}},
        ],
    },
    {
        "role": "user",
        "content": [
            {"type": "tool_result", "tool_use_id": "c1", "content": "3", "is_error": False},
            {"type": "tool_result", "tool_use_id": "c2", "content": "no JSON", "is_error": True},
        ],
    },
    {"role": "user", "content": [{"type": "text", "text": "And now?"}]},
]

ITEMS = [
    {"role": "user", "content": "Add and shout."},
    {"role": "assistant", "content": "I try."},
    {"type": "function_call", "call_id": "c1", "name": "add", "arguments": '{"a":1,"b":2}'},
    {"type": "function_call", "call_id": "c2", "name": "shout", "arguments": "{oops"},
    {"type": "function_call_output", "call_id": "c1", "output": "3"},
    {"type": "function_call_output", "call_id": "c2", "output": "error: no JSON"},
    {"role": "user", "content": "And now?"},
]


@pytest.mark.parametrize(
    ("wire", "system", "turns"),
    [
        ("openai", None, {"messages": CHAT}),
        ("openrouter", None, {"messages": CHAT}),
        ("openai-responses", {"instructions": "Be kind."}, {"input": ITEMS}),
        ("anthropic", {"system": "Be kind."}, {"messages": MESSAGES}),
    ],
)
async def test_what_the_provider_is_told(
    fake: FakeProvider,
    find: Find,
    wire: str,
    system: dict[str, Any] | None,
    turns: dict[str, Any],
) -> None:
    await listen(find, wire, "ok", tools=[ADD], turns=CONVERSATION, system="Be kind.")

    body = fake.requests[0].body
    assert {**(system or {}), **turns} == {
        name: body[name] for name in ("system", "instructions", "messages", "input") if name in body
    }
    offered = body["tools"][0].get("function", body["tools"][0])
    assert "add" == offered["name"]
    assert ADD.parameters == (offered.get("parameters") or offered.get("input_schema"))
