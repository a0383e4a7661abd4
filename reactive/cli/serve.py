"""`reactive dev` and `reactive serve`."""

import argparse
import asyncio
import contextlib
import logging
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import watchfiles
from aiohttp import web

from reactive.app import App, quiet_collector
from reactive.cli.common import Options, add_project_flags, project_of
from reactive.errors import ProjectError, ReactiveError


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the two commands."""
    dev = commands.add_parser("dev", help="serve a project and reload it when a file changes")
    dev.set_defaults(command=lambda options: _serve(options, is_dev=True))
    serve = commands.add_parser("serve", help="serve a project for production")
    serve.set_defaults(command=lambda options: _serve(options, is_dev=False))
    for command in (dev, serve):
        command.add_argument(
            "folder", nargs="?", type=Path, help="folder of the app, as --project names it"
        )
        add_project_flags(command)


def _serve(options: Options, *, is_dev: bool) -> int:
    if options["folder"] is not None:
        options["project"] = options["folder"]
    folder, settings = project_of(options)
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    # It would tell of every request to a provider of models.
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    app = App(folder, settings, is_dev=is_dev)
    return asyncio.run(_serve_until_stopped(app, is_dev=is_dev))


async def _serve_until_stopped(app: App, *, is_dev: bool) -> int:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    runner = web.AppRunner(app.application(), access_log=None, shutdown_timeout=1.0)
    if not await _started(runner, stopped):
        return 0
    try:
        host, port = app.settings.host, app.settings.port
        try:
            await web.TCPSite(runner, host, port, backlog=4096).start()
        except OSError as error:
            raise ProjectError(f"cannot listen on {host}:{port}: {error.strerror}") from error
        quiet_collector()
        bound = runner.addresses[0][1]
        app.listens_at(bound)
        print(f"Serving {app.folder.name} at http://{host}:{bound}", flush=True)
        watching = loop.create_task(_reload_on_change(app, stopped)) if is_dev else None
        await stopped.wait()
        if watching is not None:
            await _cancelled(watching)
    finally:
        for site in list(runner.sites):
            await site.stop()
        # While it cleans up aiohttp listens to nobody, not even to the rest of an upload.
        await app.drain()
        await runner.cleanup()
    return 0


async def _started(runner: web.AppRunner, stopped: asyncio.Event) -> bool:
    """Starts the app; whoever stops it meanwhile need not wait for its documents' check."""
    loop = asyncio.get_running_loop()
    starting, stopping = loop.create_task(runner.setup()), loop.create_task(stopped.wait())
    await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if starting.done():
        starting.result()
        return True
    await _cancelled(starting)
    return False


async def _cancelled(task: asyncio.Task[None]) -> None:
    """Cancels a task and waits for its end."""
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def _reload_on_change(app: App, stopped: asyncio.Event) -> None:
    loaded = _code_stamps(app)
    while not stopped.is_set():
        folders = _code_folders(app)
        async for changes in watchfiles.awatch(
            *folders,
            watch_filter=_is_code,
            stop_event=stopped,
            recursive=False,
            rust_timeout=int(app.limits.watch_s * 1e3),
            yield_on_timeout=True,
        ):
            # What was edited before its folder was watched comes without a change.
            if changes or _code_stamps(app) != loaded:
                names = sorted({Path(path).name for _, path in changes})
                loaded = _code_stamps(app)
                await _reload(app, names or ["files in a new folder"])
            if _code_folders(app) != folders:
                break


def _code_stamps(app: App) -> dict[Path, int]:
    """When each file of an app's code was last written, in nanoseconds."""
    files = [file for each in _code_folders(app) for file in each.glob("*.py")]
    return {file: file.stat().st_mtime_ns for file in files if file.is_file()}


def _code_folders(app: App) -> list[Path]:
    """Where an app's code is: what it serves, and what it has imported.

    Nothing else of the folder is watched: it may be thousands of files.
    """
    folder = app.folder
    modules = app.service.project.modules.values()
    files = filter(None, (getattr(module, "__file__", None) for module in modules))
    found = [folder, *filter(Path.is_dir, sorted({Path(file).parent for file in files}))]
    below = [folder / "functions"] if (folder / "functions").is_dir() else []
    while below:
        parent = below.pop()
        found.append(parent)
        below += [
            each
            for each in sorted(parent.iterdir())
            if each.is_dir() and each.name.isidentifier() and each.name[0] != "_"
        ]
    return list(dict.fromkeys(found))


def _is_code(change: watchfiles.Change, path: str) -> bool:
    return path.endswith(".py") or (change is watchfiles.Change.added and Path(path).is_dir())


async def _reload(app: App, names: Sequence[str]) -> None:
    try:
        await app.reload()
    except ReactiveError as error:
        print(f"not reloaded, the code before {', '.join(names)} goes on serving:", flush=True)
        print(f"reactive: error: {error}", file=sys.stderr, flush=True)
    else:
        print(f"reloaded after a change of {', '.join(names)}", flush=True)
