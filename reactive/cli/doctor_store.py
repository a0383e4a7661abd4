"""What `reactive doctor` looks at where the data is: the store, its disk, its clock, its flags."""

import shutil
import statistics
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

from pydantic import ValidationError

from reactive.app import open_store
from reactive.cli.common import database_file
from reactive.cli.findings import Finding, fine, problem, skipped
from reactive.clock import SystemClock
from reactive.errors import ProjectError, StorageError
from reactive.flags import Flags
from reactive.flags.evaluation import BrokenFlagError, FlagSpec
from reactive.flags.rows import FlagRow
from reactive.limits import DEFAULT_LIMITS, MIB
from reactive.runtime.runner import Project
from reactive.settings import Settings
from reactive.transfer.source import Source, open_source
from reactive.values.encoding import load_json

_WRITES = 5


async def check_store(folder: Path, settings: Settings, *, is_serving: bool) -> list[Finding]:
    """The store, its disk and its clock. `is_serving` says that a server may well have it."""
    try:
        path = database_file(settings, folder)
    except ProjectError:
        in_memory = "the data is in memory, and ends with the server"
        return [skipped("store", in_memory), skipped("clock", in_memory), _disk(folder)]
    return [
        await _store(folder, settings, path, is_serving=is_serving),
        _disk(_existing(path.parent)),
        await _clock(path),
    ]


async def _store(folder: Path, settings: Settings, path: Path, *, is_serving: bool) -> Finding:
    try:
        if _is_made(path):
            return fine("store", f"{path}: {await _durable_writes(settings.store, folder)}")
        with tempfile.TemporaryDirectory(dir=_existing(path.parent), prefix=".doctor-") as place:
            writes = await _durable_writes(f"sqlite:///{place}/data.sqlite3", folder)
        return fine("store", f"{path} will be made by the first start; {writes}")
    except StorageError as error:
        if error.code != "StoreInUse":
            return problem("store", "not-writable", error.message)
        if is_serving:
            return fine("store", f"{path} is in use by the server that runs")
        message = f"{error.message}, and none answers where one should"
        return problem("store", "in-use", message)
    except OSError as error:
        return problem("store", "not-writable", f"{path}: {error.strerror}")


async def _durable_writes(url: str, folder: Path) -> str:
    """Opens a store, writes to it, and says how long that takes until it is durable.

    Raises:
        StorageError: when that is not possible.
    """
    store = open_store(url, folder, DEFAULT_LIMITS)
    await store.open()
    try:
        times = []
        for _ in range(_WRITES):
            start = time.perf_counter()
            await store.set_note("doctor", datetime.now(UTC).isoformat())
            times.append(time.perf_counter() - start)
    finally:
        await store.close()
    return f"a durable write takes {statistics.median(times) * 1e3:.2g} ms"


def _is_made(path: Path) -> bool:
    return path.exists()


def _existing(folder: Path) -> Path:
    """The folder, or the nearest above it that there is."""
    return next(each for each in (folder, *folder.parents) if each.exists())


def _disk(folder: Path) -> Finding:
    free = shutil.disk_usage(folder).free
    said = f"{free // MIB:,} MiB are free on the disk of {folder}"
    if free < DEFAULT_LIMITS.disk_free_bytes_min:
        least = DEFAULT_LIMITS.disk_free_bytes_min // MIB
        return problem("disk", "nearly-full", f"{said}; there should be {least:,} MiB at least")
    return fine("disk", said)


async def _clock(path: Path) -> Finding:
    if not _is_made(path):
        return skipped("clock", "there is no commit to compare it with")
    try:
        async with open_source(path) as source:
            ahead_s = (source.head - SystemClock().now_ns()) / 1e9
    except StorageError as error:
        return skipped("clock", f"there is no commit to compare it with: {error.message}")
    if ahead_s > DEFAULT_LIMITS.clock_behind_s:
        message = (
            f"this machine's clock is {ahead_s:,.0f} s behind the newest commit: new documents get"
            " later times than it shows, and what is scheduled is late"
        )
        return problem("clock", "behind", message)
    return fine("clock", f"it is {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC, after the last commit")


async def check_flags(folder: Path, settings: Settings, project: Project | None) -> list[Finding]:
    """The flags that the project describes, as their rows are now."""
    if project is None:
        return [skipped("flags", "the project does not load")]
    found = {
        id(value): value
        for module in project.modules.values()
        for value in vars(module).values()
        if isinstance(value, Flags)
    }
    if not found:
        return []
    try:
        async with open_source(database_file(settings, folder)) as source:
            return [
                await _flag(source, project, flags, spec)
                for flags in found.values()
                for spec in flags.known.values()
            ]
    except (ProjectError, StorageError) as error:
        return [skipped("flags", f"the first start makes them: {error.message}")]


async def _flag(source: Source, project: Project, flags: Flags, spec: FlagSpec) -> Finding:
    table, codec = source.table(flags.table), project.schema.codecs[flags.table]
    if table is None:
        return skipped("flags", f"{spec.key}: the first start makes it")
    every = [load_json(json) async for json in source.rows(table)]
    wires = [wire for wire in every if wire.get("key") == spec.key]
    try:
        rows = [codec.parse(wire) for wire in wires]
        rule = flags.rule(spec.key, cast("list[FlagRow]", rows))
    except (BrokenFlagError, ValidationError) as error:
        reason = str(error)
        if isinstance(error, ValidationError):
            first = error.errors()[0]
            reason = f"its row does not fit: {'.'.join(map(str, first['loc']))}: {first['msg']}"
        message = f"{spec.key}: {reason}; everybody gets {spec.off!r} until it is set anew"
        return problem("flags", "missing-flag" if not wires else "broken-flag", message)
    if not rule.is_enabled:
        return fine("flags", f"{spec.key}: switched off, so everybody gets {spec.off!r}")
    if rule.threshold is None:
        return fine("flags", f"{spec.key}: {rule.variant!r} for everybody")
    share = rule.threshold / 100
    return fine("flags", f"{spec.key}: {rule.variant!r} for {share:g} %, others {rule.default!r}")
