"""What a client is told when a function fails, in development and in production."""

import re
from typing import Any

import pytest

from tests.clients.conftest import Connect
from tests.server import ServerProcess
from tests.sync_client import SyncClient, without_request_id
from tests.wire_values import int64

REDACTED = re.compile(r"\[Request ID: [0-9a-f]{16}\] Server Error")
DATA = {"code": "NOPE", "count": int64(7), "list": [1.5, None]}
KINDS = ["Query", "Mutation", "Action"]


class Failure:
    """One failure, in the same words for queries, mutations and actions."""

    def __init__(self, message: str, fields: dict[str, Any]) -> None:
        self.message = message
        self.has_data = "errorData" in fields
        self.data = fields.get("errorData")
        self.log_lines = fields["logLines"]


async def failure(client: SyncClient, kind: str, path: str, args: Any = None) -> Failure:
    if kind == "Query":
        query = await client.subscribe(path, args)
        (change,) = [
            change
            for transition in client.transitions
            for change in transition["modifications"]
            if change["queryId"] == query
        ]
        assert change["type"] == "QueryFailed", change
        return Failure(change["errorMessage"], change)
    response = await client.settle(await client.request(kind, path, args))
    assert response["success"] is False, response["result"]
    return Failure(response["result"], response)


@pytest.mark.parametrize("kind", KINDS)
async def test_production_tells_nothing(lab: ServerProcess, connect: Connect, kind: str) -> None:
    client = await connect(lab.sync_url)
    failed = await failure(client, kind, f"errors:boom{kind}")
    assert REDACTED.fullmatch(failed.message)
    assert not failed.has_data
    assert failed.log_lines == []


@pytest.mark.parametrize("kind", KINDS)
async def test_development_tells_the_message(
    lab_dev: ServerProcess, connect: Connect, kind: str
) -> None:
    client = await connect(lab_dev.sync_url)
    failed = await failure(client, kind, f"errors:boom{kind}")
    first, second = failed.message.split("\n")[:2]
    assert REDACTED.fullmatch(first)
    assert second == f"Uncaught ValueError: the {kind.lower()} went boom"
    assert not failed.has_data


@pytest.mark.parametrize("kind", KINDS)
async def test_application_error_reaches_production(
    lab: ServerProcess, connect: Connect, kind: str
) -> None:
    client = await connect(lab.sync_url)
    failed = await failure(client, kind, f"errors:data{kind}")
    assert REDACTED.fullmatch(failed.message)
    assert failed.data == DATA


@pytest.mark.parametrize("kind", KINDS)
async def test_application_error_reaches_development(
    lab_dev: ServerProcess, connect: Connect, kind: str
) -> None:
    client = await connect(lab_dev.sync_url)
    failed = await failure(client, kind, f"errors:data{kind}")
    assert failed.data == DATA
    assert "NOPE" in failed.message


@pytest.mark.parametrize(
    ("path", "data"),
    [("textQuery", "only a text"), ("nullQuery", None), ("modelQuery", {"reason": "full"})],
)
async def test_application_error_takes_any_value(
    lab: ServerProcess, connect: Connect, path: str, data: Any
) -> None:
    client = await connect(lab.sync_url)
    failed = await failure(client, "Query", f"errors:{path}")
    assert failed.has_data
    assert failed.data == data


async def test_traceback_is_in_the_log(lab: ServerProcess, connect: Connect) -> None:
    """The client's request id leads to the traceback, in production too."""
    client = await connect(lab.sync_url)
    failed = await failure(client, "Mutation", "errors:boomMutation")
    request_id = failed.message.removeprefix("[Request ID: ").split("]")[0]
    log = lab.wait_for_output(request_id)
    after = log[log.index(request_id) :] + log[: log.index(request_id)]
    assert "boom_mutation" in after
    assert "ValueError: the mutation went boom" in after


# --- Unknown and hidden functions ---


@pytest.mark.parametrize("kind", KINDS)
async def test_missing_and_internal_are_answered_alike(
    lab: ServerProcess, lab_dev: ServerProcess, connect: Connect, kind: str
) -> None:
    for server in (lab, lab_dev):
        client = await connect(server.sync_url)
        answers = set()
        for path in (
            f"hidden:secret_{kind.lower()}",
            f"hidden.js:secret_{kind.lower()}",
            "hidden:missing",
            "hidden:not_decorated",
            "missing:missing",
            "missing/hidden:secret",
            "hidden:__name__",
            "hidden:internal_query",
        ):
            failed = await failure(client, kind, path)
            plain = path.replace(".js:", ":")
            answers.add(without_request_id(failed.message).replace(plain, "PATH"))
            assert not failed.has_data
        assert len(answers) == 1, answers
        if server is lab_dev:
            assert "Could not find public function for 'PATH'" in answers.pop()


async def test_helpers_and_schema_are_no_functions(lab: ServerProcess, connect: Connect) -> None:
    client = await connect(lab.sync_url)
    for path in ("counters:find", "counters:read", "schema:Counter", "counters:Counter"):
        failed = await failure(client, "Query", path)
        missing = await failure(client, "Query", f"{path}x")
        assert without_request_id(failed.message) == without_request_id(missing.message).replace(
            f"{path}x", path
        )


@pytest.mark.parametrize(
    ("called", "path", "defined"),
    [
        ("Query", "counters:add", "Mutation"),
        ("Query", "deep/echo:action", "Action"),
        ("Mutation", "counters:get", "Query"),
        ("Mutation", "deep/echo:action", "Action"),
        ("Action", "counters:get", "Query"),
        ("Action", "counters:add", "Mutation"),
    ],
)
async def test_wrong_kind_is_an_error(
    lab_dev: ServerProcess, connect: Connect, called: str, path: str, defined: str, name: str
) -> None:
    client = await connect(lab_dev.sync_url)
    failed = await failure(client, called, path, {"name": name})
    assert f"as {called}, but it is defined as {defined}" in failed.message
    assert (await client.query("counters:get", {"name": name})).value == 0


# --- Arguments ---


@pytest.mark.parametrize(
    ("args", "named"),
    [
        ({"text": "x"}, "whole"),
        ({"whole": 1, "text": 2}, "text"),
        ({"whole": 1.5, "text": "x"}, "whole"),
        ({"whole": "one", "text": "x"}, "whole"),
        ({"whole": None, "text": "x"}, "whole"),
        ({"whole": int64(1), "text": "x"}, "whole"),
        ({"whole": 1, "text": "x", "flag": 2}, "flag"),
        ({"whole": 1, "text": "x", "flag": "perhaps"}, "flag"),
        ({"whole": 1, "text": "x", "surplus": 1}, "surplus"),
    ],
)
async def test_argument_error_names_the_argument(
    lab: ServerProcess, lab_dev: ServerProcess, connect: Connect, args: Any, named: str
) -> None:
    """In production too: it is about what the client itself sent."""
    for server in (lab, lab_dev):
        client = await connect(server.sync_url)
        failed = await failure(client, "Query", "errors:arguments", args)
        assert named in without_request_id(failed.message)
        assert not failed.has_data


async def test_good_arguments_pass(lab: ServerProcess, connect: Connect) -> None:
    client = await connect(lab.sync_url)
    for args, expected in (
        ({"whole": 1, "text": "x"}, "1 x False"),
        ({"whole": -2.0, "text": "", "flag": True}, "-2  True"),
    ):
        assert (await client.query("errors:arguments", args)).value == expected


async def test_argument_may_be_absent_but_not_null(lab: ServerProcess, connect: Connect) -> None:
    client = await connect(lab.sync_url)
    assert (await client.query("errors:optional")).value == "absent"
    assert (await client.query("errors:optional", {"text": "x"})).value == "x"
    failed = await failure(client, "Query", "errors:optional", {"text": None})
    assert "text" in failed.message


async def test_nothing_runs_on_bad_arguments(
    lab: ServerProcess, connect: Connect, name: str
) -> None:
    client = await connect(lab.sync_url)
    assert "by" in await client.fail("counters:add", {"name": name, "by": "x"})
    assert "bye" in await client.fail("counters:add", {"name": name, "bye": 1})
    assert (await client.query("counters:get", {"name": name})).value == 0


# --- Log lines ---


async def test_log_lines_reach_a_client_in_development(
    lab_dev: ServerProcess, connect: Connect, name: str
) -> None:
    client = await connect(lab_dev.sync_url)
    response = await client.mutation("errors:logged", {"text": name})
    (line,) = response["logLines"]
    assert line.startswith("[LOG] ")
    assert "said" in line
    assert name in line
    result = await client.query("errors:logged_query", {"text": name})
    (line,) = result.log_lines
    assert "asked" in line
    assert name in line


async def test_log_lines_stay_at_home_in_production(
    lab: ServerProcess, connect: Connect, name: str
) -> None:
    client = await connect(lab.sync_url)
    response = await client.mutation("errors:logged", {"text": name})
    assert response["success"]
    assert response["logLines"] == []
    assert (await client.query("errors:logged_query", {"text": name})).log_lines == ()


async def test_resent_mutation_has_its_log_lines_again(
    lab_dev: ServerProcess, connect: Connect, name: str
) -> None:
    first = await connect(lab_dev.sync_url)
    request = await first.request("Mutation", "errors:logged", {"text": name})
    answer = await first.settle(request)
    second = await connect(lab_dev.sync_url, session_id=first.session_id)
    await second.request("Mutation", "errors:logged", {"text": name}, request_id=request)
    assert (await second.settle(request)) == answer
    assert len(answer["logLines"]) == 1
