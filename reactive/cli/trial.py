"""`reactive trial`: how the trial of the two paths goes, and a drill that flips the flag."""

import argparse
import asyncio
import importlib.util
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from reactive.ai.parity import KINDS, PATHS
from reactive.ai.trial import SHARES
from reactive.cli.common import Options, add_project_flags, given_flags, project_of
from reactive.client import ReactiveClient
from reactive.client.errors import ClientError
from reactive.errors import ProjectError
from reactive.limits import DEFAULT_LIMITS

_FLIPS_MIN = 10
_SERVING = " at http://"


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the command."""
    trial = commands.add_parser("trial", help="compare the old and the new way of answers")
    trial.add_argument("what", choices=("drill", "report"))
    trial.add_argument("--url", help="a running server; without it a drill starts one for itself")
    trial.add_argument("--flips", type=int, default=12, help="of the flag, 10 at least (12)")
    trial.add_argument("--streams", type=int, default=8, help="answers at a time (8)")
    trial.add_argument(
        "--out", type=Path, default=Path("trial"), help="folder for a drill's report (trial)"
    )
    trial.add_argument("--key", default="realtime", help="the flag to report of (realtime)")
    trial.add_argument("--watch", action="store_true", help="go on showing the report, live")
    trial.set_defaults(command=_run)
    add_project_flags(trial)


def _run(options: Options) -> int:
    return _drill(options) if options["what"] == "drill" else _report(options)


# The drill


def _drill(options: Options) -> int:
    flips, streams = options["flips"], options["streams"]
    if flips < _FLIPS_MIN:
        raise ProjectError(f"--flips must be {_FLIPS_MIN} at least, not {flips}")
    if streams < 1:
        raise ProjectError(f"--streams must be 1 at least, not {streams}")
    if importlib.util.find_spec("socketio") is None:
        raise ProjectError("a drill needs python-socketio, which comes with the extra legacy")
    # Only now is that package known to be there.
    from reactive.cli import trial_drill, trial_files

    trial_files.prepare(options["out"])
    folder, settings = project_of(options)
    if options["url"] is not None:
        url, key = options["url"], settings.admin_key
        found = trial_drill.drill(url, key, flips=flips, streams=streams, is_own=False)
        report = asyncio.run(found)
    else:
        with _server(folder, options) as (url, key):
            found = trial_drill.drill(url, key, flips=flips, streams=streams, is_own=True)
            report = asyncio.run(found)
    written = trial_files.write(options["out"], report)
    print(
        f"{len(report['flips'])} flips, {len(report['streams'])} answers: "
        f"{report['lost']} events lost, {report['doubled']} doubled"
    )
    for file in written:
        print(file)
    if not report["passed"]:
        print("the drill has FAILED", file=sys.stderr)
    return 0 if report["passed"] else 1


@contextmanager
def _server(folder: Path, options: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """A server of the project on a free port, whose data goes with it; and its admin key.

    Raises:
        ProjectError: when it does not start.
    """
    key = secrets.token_urlsafe()
    with tempfile.TemporaryDirectory(prefix="reactive-drill-") as place:
        own = {"host": "127.0.0.1", "port": "0", "admin_key": key, "store": None, "rate_limit": "0"}
        own["store"] = f"sqlite:///{place}/data.sqlite3"
        arguments = ["serve", "--project", str(folder), *given_flags({**options, **own})]
        log = Path(place, "log")
        with log.open("w") as errors:
            process = subprocess.Popen(
                [sys.executable, "-m", "reactive", *arguments],
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if _SERVING not in line:
                raise ProjectError(f"the server did not start: {log.read_text().strip()}")
            yield "http://" + line.partition(_SERVING)[2].strip(), key
        finally:
            process.terminate()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()


# The report


def _report(options: Options) -> int:
    _, settings = project_of(options)
    url = options["url"] or settings.origin(settings.port)
    try:
        asyncio.run(_show(url, settings.admin_key, options["key"], is_live=options["watch"]))
    except KeyboardInterrupt:
        return 0
    except (ClientError, TimeoutError) as error:
        raise ProjectError(f"cannot read the trial from {url}: {error}") from error
    return 0


async def _show(url: str, admin_key: str | None, key: str, *, is_live: bool) -> None:
    async with ReactiveClient(url, admin_key=admin_key) as client:
        async with asyncio.timeout(DEFAULT_LIMITS.client_connect_s):
            await client.wait_connected()
        if not is_live:
            Console().print(_grids(await client.query("trials:report", key=key)))
            return
        with Live() as screen:
            async for report in client.subscribe("trials:report", key=key):
                screen.update(_grids(report))


def _grids(report: dict[str, Any]) -> Group:
    counts = {name: report[name] for name in ("streams", "errors", "fallbacks", "rollbacks")}
    told = ", ".join(f"{count:g} {name}" for name, count in counts.items())
    latency = Table("path", *(f"{name} ms" for name in SHARES))
    for path in PATHS:
        found = report["latency"][path]
        shown = ["-" if found[name] is None else f"{found[name]:.4g}" for name in SHARES]
        latency.add_row(path, *shown)
    classes = Table("class", "deliveries")
    for kind in KINDS:
        classes.add_row(kind, f"{report['classes'][kind]:g}")
    return Group(Text(f"{report['key']}: {told}"), latency, classes)
