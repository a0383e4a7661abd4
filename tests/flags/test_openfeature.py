"""OpenFeature's own API over rows, as somebody uses it who knows that and not this project."""

from collections.abc import Iterator
from typing import Any

import pytest
from openfeature import api
from openfeature.client import OpenFeatureClient
from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import ErrorCode
from openfeature.flag_evaluation import FlagEvaluationDetails, FlagEvaluationOptions, Reason
from openfeature.hook import Hook, HookContext, HookHints

from reactive.flags import FlagProvider, FlagRow, FlagSpec, OverrideRow, client_of

SPECS = [
    FlagSpec("bool", {"on": True, "off": False}, default="off", off="off"),
    FlagSpec("int", {"many": 5, "few": 2}, default="many", off="many"),
    FlagSpec("float", {"hot": 0.9, "cold": 0.1}, default="hot", off="cold"),
    FlagSpec("text", ["legacy", "reactive"], default="reactive", off="legacy"),
    FlagSpec("object", {"a": {"n": 1}, "b": {"n": 2}}, default="a", off="b"),
]


def flag(key: str, **fields: Any) -> FlagRow:
    return FlagRow(key=key, salt=key, updated_at=0.0, **fields)


def provider(*rows: FlagRow, overrides: list[OverrideRow] | None = None) -> FlagProvider:
    return FlagProvider(rows, overrides or [], known=SPECS)


@pytest.fixture
def domain() -> Iterator[str]:
    yield "flags"
    api.clear_providers()


def test_registered_for_the_process(domain: str) -> None:
    rows = [flag("bool", variant="on", percentage=100), flag("text")]
    api.set_provider_and_wait(provider(*rows), domain)
    client = api.get_client(domain)
    ada = EvaluationContext(targeting_key="ada")

    assert "reactive" == api.get_provider_metadata(domain).name
    assert client.get_boolean_value("bool", False, ada) is True
    assert "reactive" == client.get_string_value("text", "none", ada)
    found = client.get_boolean_details("bool", False, ada)
    assert ("on", Reason.SPLIT, None) == (found.variant, found.reason, found.error_code)
    assert {"revision", "bucket"} == set(found.flag_metadata)


async def test_every_type_and_its_asynchronous_form() -> None:
    client = client_of(provider(*map(flag, ("bool", "int", "float", "text", "object"))), "ada")

    assert client.get_boolean_value("bool", True) is False
    assert 5 == client.get_integer_value("int", 0)
    assert 0.9 == client.get_float_value("float", 0.0)
    assert "reactive" == client.get_string_value("text", "")
    assert {"n": 1} == client.get_object_value("object", {})
    assert await client.get_boolean_value_async("bool", True) is False
    assert 5 == await client.get_integer_value_async("int", 0)


def test_kill_switch_wins_over_everything() -> None:
    rows = [flag("text", enabled=False, variant="reactive", percentage=100)]
    override = OverrideRow(key="text", user_id="ada", variant="reactive")

    found = client_of(provider(*rows, overrides=[override]), "ada").get_string_details("text", "x")

    assert ("legacy", Reason.DISABLED) == (found.value, found.reason)


def test_override_wins_over_percentage() -> None:
    override = OverrideRow(key="bool", user_id="ada", variant="on")
    known = provider(flag("bool", variant="on", percentage=0), overrides=[override])

    ada = client_of(known, "https://issuer.example|ada").get_boolean_details("bool", False)
    bob = client_of(known, "https://issuer.example|bob").get_boolean_details("bool", False)

    assert (True, Reason.TARGETING_MATCH) == (ada.value, ada.reason)
    assert (False, Reason.DEFAULT) == (bob.value, bob.reason)


def test_somebody_without_a_name_is_in_no_percentage() -> None:
    assert client_of(provider(flag("bool", variant="on"))).get_boolean_value("bool", False)
    for percentage, is_on in ((99.99, False), (100, True)):
        client = client_of(provider(flag("bool", variant="on", percentage=percentage)))

        assert is_on == client.get_boolean_value("bool", False), percentage


BROKEN = [
    ([], ErrorCode.FLAG_NOT_FOUND),
    ([flag("text"), flag("text")], ErrorCode.PARSE_ERROR),
    ([flag("text", variant="unheard-of")], ErrorCode.PARSE_ERROR),
    ([flag("text", default="unheard-of")], ErrorCode.PARSE_ERROR),
    ([flag("text", variant="reactive", percentage=101)], ErrorCode.PARSE_ERROR),
    ([flag("text", variant="reactive", percentage=-1)], ErrorCode.PARSE_ERROR),
    ([flag("text", variant="reactive", percentage=float("nan"))], ErrorCode.PARSE_ERROR),
]


@pytest.mark.parametrize(("rows", "code"), BROKEN)
def test_missing_or_broken_flag_gives_the_default_of_who_asks(
    rows: list[FlagRow], code: ErrorCode
) -> None:
    found = client_of(provider(*rows), "ada").get_string_details("text", "mine")

    assert ("mine", Reason.ERROR, code) == (found.value, found.reason, found.error_code)
    assert "text" in (found.error_message or "")


def test_broken_override_is_of_its_user_only() -> None:
    override = OverrideRow(key="text", user_id="ada", variant="unheard-of")
    known = provider(flag("text"), overrides=[override])

    assert "mine" == client_of(known, "ada").get_string_value("text", "mine")
    assert "reactive" == client_of(known, "bob").get_string_value("text", "mine")


def test_value_of_another_type() -> None:
    found = client_of(provider(flag("int"))).get_boolean_details("int", True)

    assert (True, ErrorCode.TYPE_MISMATCH) == (found.value, found.error_code)


class Recorder(Hook):
    """Notes what was evaluated, as telemetry does."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str | None, str | None]] = []

    def finally_after(
        self,
        hook_context: HookContext,
        details: FlagEvaluationDetails[Any],
        hints: HookHints,
    ) -> None:
        user = hook_context.evaluation_context.targeting_key
        self.seen.append((details.flag_key, details.variant, user))


def test_hooks_of_the_sdk_are_run() -> None:
    recorder, own = Recorder(), Recorder()
    client: OpenFeatureClient = client_of(provider(flag("text")), "ada")
    client.add_hooks([recorder])

    client.get_string_value("text", "", flag_evaluation_options=FlagEvaluationOptions([own]))

    assert [("text", "reactive", "ada")] == recorder.seen == own.seen


def test_clients_do_not_share_their_rows() -> None:
    """Two executions of one query may see two revisions at the same time."""
    before, after = (
        client_of(provider(flag("int"))),
        client_of(provider(flag("int", variant="few"))),
    )

    assert (5, 2, 5) == tuple(each.get_integer_value("int", 0) for each in (before, after, before))
