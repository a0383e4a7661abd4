"""The command line: `reactive dev`, `serve` and `run`."""

import argparse
import asyncio
import logging
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import watchfiles
from aiohttp import web

from reactive.app import App, quiet_collector
from reactive.backend import Caller, CallOutcome
from reactive.errors import ProjectError, ReactiveError, StorageError
from reactive.settings import Settings, load_settings
from reactive.values.encoding import load_json

_FLAGS = {
    "host": "address to listen on (127.0.0.1)",
    "port": "port to listen on (3210); 0 takes a free one",
    "store": "where data lives: sqlite:///relative/path or sqlite:////absolute/path",
    "case": "names on the wire: exact or camel",
    "public_url": "the origin that upload and file URLs carry",
    "admin_key": "a secret that lets a client call internal functions",
    "static": "a folder whose files are served at /",
}
_JSON_FLAGS = {
    "auth": "trusted token issuers, as JSON",
    "allowed_origins": "browser origins that may connect, as JSON",
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line and exits."""
    options = vars(_parser().parse_args(arguments))
    command = options.pop("command")
    try:
        sys.exit(command(options))
    except ReactiveError as error:
        print(f"reactive: error: {error}", file=sys.stderr)
        sys.exit(1)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="reactive", description="Live queries, mutations and actions in Python."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    dev = commands.add_parser("dev", help="serve a project and reload it when a file changes")
    dev.set_defaults(command=lambda options: _serve(options, is_dev=True))
    serve = commands.add_parser("serve", help="serve a project for production")
    serve.set_defaults(command=lambda options: _serve(options, is_dev=False))
    run = commands.add_parser("run", help="call a function and print its result as JSON")
    run.add_argument("function", help="such as messages:list")
    run.add_argument("args", nargs="?", default="{}", help="the arguments, as a JSON object")
    run.add_argument("--url", help="a running server to call; without it the project is opened")
    run.set_defaults(command=_run)
    for command in (dev, serve, run):
        command.add_argument(
            "--project", type=Path, default=Path(), help="folder of the app (the current one)"
        )
        for name, text in _FLAGS.items():
            command.add_argument(f"--{name.replace('_', '-')}", help=text)
        for name, text in _JSON_FLAGS.items():
            command.add_argument(f"--{name.replace('_', '-')}", type=_json, help=text)
    return parser


def _json(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise argparse.ArgumentTypeError(f"not JSON: {error}") from error


def _settings(options: dict[str, Any]) -> tuple[Path, Settings]:
    folder = Path(options["project"]).resolve()
    if not folder.is_dir():
        raise ProjectError(f"there is no folder {folder}")
    given = {name: options[name] for name in (*_FLAGS, *_JSON_FLAGS)}
    return folder, load_settings(folder, given)


def _serve(options: dict[str, Any], *, is_dev: bool) -> int:
    folder, settings = _settings(options)
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    app = App(folder, settings, is_dev=is_dev)
    return asyncio.run(_serve_until_stopped(app, is_dev=is_dev))


async def _serve_until_stopped(app: App, *, is_dev: bool) -> int:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    runner = web.AppRunner(app.application(), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        host, port = app.settings.host, app.settings.port
        try:
            await web.TCPSite(runner, host, port, backlog=4096).start()
        except OSError as error:
            raise ProjectError(f"cannot listen on {host}:{port}: {error.strerror}") from error
        quiet_collector()
        bound = runner.addresses[0][1]
        print(f"Serving {app.folder.name} at http://{host}:{bound}", flush=True)
        watching = loop.create_task(_reload_on_change(app, stopped)) if is_dev else None
        await stopped.wait()
        if watching is not None:
            await watching
    finally:
        await runner.cleanup()
    return 0


async def _reload_on_change(app: App, stopped: asyncio.Event) -> None:
    while not stopped.is_set():
        folders = _code_folders(app.folder)
        async for changes in watchfiles.awatch(
            *folders, watch_filter=_is_code, stop_event=stopped, recursive=False
        ):
            await _reload(app, sorted({Path(path).name for _, path in changes}))
            if _code_folders(app.folder) != folders:
                break


def _code_folders(folder: Path) -> list[Path]:
    """Where an app's code is. What is not served is not watched: it may be thousands of files."""
    found = [folder]
    below = [folder / "functions"] if (folder / "functions").is_dir() else []
    while below:
        parent = below.pop()
        found.append(parent)
        below += [
            each
            for each in sorted(parent.iterdir())
            if each.is_dir() and each.name.isidentifier() and each.name[0] != "_"
        ]
    return found


def _is_code(change: watchfiles.Change, path: str) -> bool:
    return path.endswith(".py") or (change is watchfiles.Change.added and Path(path).is_dir())


async def _reload(app: App, names: Sequence[str]) -> None:
    try:
        await app.reload()
    except (ProjectError, StorageError) as error:
        print(f"not reloaded, the code before {', '.join(names)} goes on serving:", flush=True)
        print(f"reactive: error: {error}", file=sys.stderr, flush=True)
    else:
        print(f"reloaded after a change of {', '.join(names)}", flush=True)


def _run(options: dict[str, Any]) -> int:
    args = _json_arguments(options["args"])
    url = options["url"]
    folder, settings = _settings(options)
    if url is not None:
        body = asyncio.run(_call_server(url, options["function"], args, settings.admin_key))
        if body.get("status") == "success":
            print(orjson.dumps(body.get("value")).decode())
            return 0
        print(body.get("errorMessage") or body.get("message"), file=sys.stderr)
        if "errorData" in body:
            print(orjson.dumps(body["errorData"]).decode(), file=sys.stderr)
        return 1
    outcome = asyncio.run(_call_project(folder, settings, options["function"], args))
    if outcome.failure is None:
        print((outcome.value or b"null").decode())
        return 0
    print(outcome.failure.text, file=sys.stderr)
    if outcome.failure.data is not None:
        print(outcome.failure.data.decode(), file=sys.stderr)
    return 1


def _json_arguments(text: str) -> Any:
    args = load_json(text)
    if not isinstance(args, dict):
        raise ProjectError("the arguments must be a JSON object")
    return args


async def _call_server(url: str, function: str, args: Any, admin_key: str | None) -> Any:
    module, _, name = function.rpartition(":")
    path = f"{module}/{name}" if module else f"{name}/default"
    headers = {} if admin_key is None else {"Authorization": f"Convex {admin_key}"}
    body = {"args": args, "format": "convex_encoded_json"}
    try:
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.post(f"{url.rstrip('/')}/api/run/{path}", json=body) as response,
        ):
            return await response.json()
    except aiohttp.ClientError as error:
        raise ProjectError(f"cannot call {url}: {error}") from error


async def _call_project(folder: Path, settings: Settings, function: str, args: Any) -> CallOutcome:
    app = App(folder, settings, is_dev=True)
    await app.start()
    try:
        return await app.service.call(function, args, Caller(is_admin=True), "command line")
    finally:
        await app.drain()
        await app.stop()
