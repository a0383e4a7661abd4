"""`reactive run`: calls a function, of a running server or of a project that is not served.

The result is all that goes to the standard output, as JSON in Convex's encoded form; what the
function prints goes to the standard error.
"""

import argparse
import asyncio
import contextlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import orjson

from reactive.app import App
from reactive.backend import Caller, CallOutcome
from reactive.cli.common import (
    Options,
    add_project_flags,
    admin_session,
    explained_if_in_use,
    project_of,
)
from reactive.errors import ProjectError
from reactive.limits import DEFAULT_LIMITS
from reactive.settings import Settings
from reactive.values.encoding import load_json


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the command."""
    run = commands.add_parser("run", help="call a function and print its result as JSON")
    run.add_argument("function", help="such as messages:list")
    run.add_argument("args", nargs="?", default="{}", help="the arguments, as a JSON object")
    run.add_argument("--url", help="a running server to call; without it the project is opened")
    run.set_defaults(command=_run)
    add_project_flags(run)


def _run(options: Options) -> int:
    args = _json_arguments(options["args"])
    folder, settings = project_of(options)
    found = asyncio.run(_ask(folder, settings, options["url"], options["function"], args))
    for line in found.log_lines:
        print(line, file=sys.stderr)
    if found.error is None:
        print(found.value.decode())
        return 0
    print(found.error, file=sys.stderr)
    if found.data is not None:
        print(found.data.decode(), file=sys.stderr)
    return 1


class _Answer(NamedTuple):
    """What a call gave: the JSON of its value, or an error, with the JSON of its data if it has."""

    value: bytes = b"null"
    error: str | None = None
    data: bytes | None = None
    log_lines: Sequence[str] = ()


def _json_arguments(text: str) -> Any:
    args = load_json(text)
    if not isinstance(args, dict):
        raise ProjectError("the arguments must be a JSON object")
    return args


async def call(
    folder: Path, settings: Settings, url: str | None, function: str, args: dict[str, Any]
) -> Any:
    """The result of a function of a running server, or, without a URL, of the project.

    Raises:
        ProjectError: with what the function has raised.
    """
    found = await _ask(folder, settings, url, function, args)
    if found.error is None:
        return load_json(found.value)
    data = None if found.data is None else load_json(found.data)
    # What an app says on purpose is in the data.
    told = data.get("message") if isinstance(data, dict) else None
    raise ProjectError(found.error if told is None else str(told))


async def _ask(
    folder: Path, settings: Settings, url: str | None, function: str, args: Any
) -> _Answer:
    if url is not None:
        body = await _call_server(url, function, args, settings.admin_key)
        lines = body.get("logLines", ())
        if body.get("status") == "success":
            return _Answer(orjson.dumps(body.get("value")), log_lines=lines)
        data = orjson.dumps(body["errorData"]) if "errorData" in body else None
        error = body.get("errorMessage") or body.get("message")
        return _Answer(error=str(error), data=data, log_lines=lines)
    with contextlib.redirect_stdout(sys.stderr):
        outcome = await _call_project(folder, settings, function, args)
    if outcome.failure is None:
        return _Answer(outcome.value or b"null")
    return _Answer(error=outcome.failure.text, data=outcome.failure.data)


async def _call_server(url: str, function: str, args: Any, admin_key: str | None) -> Any:
    module, _, name = function.rpartition(":")
    path = f"{module}/{name}" if module else f"{name}/default"
    body = {"args": args, "format": "convex_encoded_json"}
    # How long a function may take is the server's business.
    forever = aiohttp.ClientTimeout(total=None, sock_connect=DEFAULT_LIMITS.client_connect_s)
    try:
        async with (
            admin_session(admin_key) as session,
            session.post(
                f"{url.rstrip('/')}/api/run/{path}", json=body, timeout=forever
            ) as response,
        ):
            return await response.json()
    except (aiohttp.ClientError, TimeoutError) as error:
        raise ProjectError(f"cannot call {url}: {error}") from error


async def _call_project(folder: Path, settings: Settings, function: str, args: Any) -> CallOutcome:
    app = App(folder, settings, is_dev=True, runs_jobs=False)
    with explained_if_in_use("call that server with --url"):
        await app.start()
    try:
        # In a task of its own: an action's task is one that the end waits for.
        calling = app.service.call(function, args, Caller(is_admin=True), "command line")
        return await asyncio.create_task(calling)
    finally:
        await app.drain()
        await app.stop()
