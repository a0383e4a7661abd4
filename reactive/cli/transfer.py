"""`reactive export` and `reactive import`."""

import argparse
import asyncio
import os
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

import aiohttp

from reactive.app import open_files, open_store
from reactive.cli.common import (
    Options,
    add_project_flags,
    admin_session,
    database_file,
    explained_if_in_use,
    project_of,
)
from reactive.cli.progress import progress_bar
from reactive.clock import SystemClock
from reactive.engine.database import Database
from reactive.errors import ProjectError, UncertainCommitError
from reactive.limits import DEFAULT_LIMITS
from reactive.runtime.loader import load_project
from reactive.settings import Settings
from reactive.transfer.archive import Bundle, LinesBundle, ZipBundle
from reactive.transfer.export import Exported, export
from reactive.transfer.load import Import, Mode
from reactive.transfer.progress import Progress
from reactive.transfer.source import open_source


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the two commands."""
    out = commands.add_parser("export", help="write all data into a zip of JSON lines and files")
    out.add_argument("file", type=Path, help="the zip to write; one that exists is replaced")
    out.set_defaults(command=_export)
    into = commands.add_parser("import", help="read data from an export, or one table's rows")
    into.add_argument("file", type=Path, help="the zip of an export, or with --table JSON lines")
    into.add_argument("--url", help="a running server to import into; without it the project is")
    into.add_argument("--table", help="the table that the rows of a file of JSON lines are for")
    modes = into.add_mutually_exclusive_group()
    modes.add_argument(
        "--replace", action="store_true", help="put the rows in the place of what the tables have"
    )
    modes.add_argument("--append", action="store_true", help="add the rows to what the tables have")
    into.set_defaults(command=_import)
    for command in (out, into):
        add_project_flags(command)


def _export(options: Options) -> int:
    folder, settings = project_of(options)
    target: Path = options["file"]
    with progress_bar() as progress:
        done = asyncio.run(_export_project(folder, settings, target, progress))
    print(
        f"exported {done.documents} documents of {done.tables} tables "
        f"and {done.files} files to {target}"
    )
    return 0


async def _export_project(
    folder: Path, settings: Settings, target: Path, progress: Progress
) -> Exported:
    # It is not opened: that would empty the folder in which a running server writes files.
    files = open_files(settings.store, folder, DEFAULT_LIMITS, SystemClock())
    async with open_source(database_file(settings, folder)) as source:
        return await export(source, files, target, progress)


def _import(options: Options) -> int:
    folder, settings = project_of(options)
    mode = Mode.EMPTY
    if options["replace"]:
        mode = Mode.REPLACE
    elif options["append"]:
        mode = Mode.APPEND
    path, table = options["file"], options["table"]
    with progress_bar() as progress, _bundle(path, table) as bundle:
        if options["url"] is not None:
            work = _send(options["url"], settings.admin_key, path, table, mode, progress)
        else:
            work = _import_bundle(folder, settings, bundle, mode, progress)
        counts = asyncio.run(work)
    for name, count in counts.items():
        if count:
            print(f"{name}: {count} rows")
    print(f"imported {sum(counts.values())} rows from {options['file']}")
    return 0


@contextmanager
def _bundle(path: Path, table: str | None) -> Iterator[Bundle]:
    if table is not None:
        yield LinesBundle(path, table, DEFAULT_LIMITS)
        return
    if path.suffix in (".jsonl", ".json", ".ndjson"):
        raise ProjectError(f"whose rows are in {path}? Name their table with --table")
    with closing(ZipBundle(path, DEFAULT_LIMITS)) as bundle:
        yield bundle


async def _import_bundle(
    folder: Path, settings: Settings, bundle: Bundle, mode: Mode, progress: Progress
) -> Mapping[str, int]:
    database_file(settings, folder)
    project = load_project(folder, settings.case)
    clock = SystemClock()
    database = Database(
        open_store(settings.store, folder, DEFAULT_LIMITS), clock, DEFAULT_LIMITS, _uncertain
    )
    with explained_if_in_use("import through it with --url, or stop it"):
        await database.open()
    try:
        await database.define(project.schema.specs)
        files = open_files(settings.store, folder, DEFAULT_LIMITS, clock)
        await files.open()
        work = Import(
            database,
            project.schema,
            files,
            bundle,
            mode,
            limits=DEFAULT_LIMITS,
            clock=clock,
            progress=progress,
        )
        return await work.run()
    finally:
        await database.close()


async def _send(
    url: str,
    admin_key: str | None,
    path: Path,
    table: str | None,
    mode: Mode,
    progress: Progress,
) -> Mapping[str, int]:
    """Has a running server import the file."""
    query = {"mode": mode.value} | ({} if table is None else {"table": table})
    forever = aiohttp.ClientTimeout(total=None, sock_connect=DEFAULT_LIMITS.client_connect_s)
    try:
        async with (
            admin_session(admin_key) as session,
            session.post(
                f"{url.rstrip('/')}/api/import",
                params=query,
                data=_pieces(path, progress),
                timeout=forever,
            ) as response,
        ):
            body = await response.json()
    except (aiohttp.ClientError, TimeoutError) as error:
        raise ProjectError(f"cannot import into {url}: {error}") from error
    if response.status != 200:
        raise ProjectError(body["message"])
    rows: Mapping[str, int] = body["rows"]
    return rows


async def _pieces(path: Path, progress: Progress) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        progress.phase("Sending", os.fstat(file.fileno()).st_size)
        while piece := await asyncio.to_thread(file.read, 1 << 18):
            yield piece
            progress.advance(len(piece))
    progress.phase("Importing on the server", 1)


def _uncertain(error: UncertainCommitError) -> None:
    raise error
