"""`reactive stream`: records an answer as JSON lines, and plays a recording again."""

import argparse
import asyncio
import math
import sys
from pathlib import Path
from typing import Any

import orjson

from reactive.ai.replay import read_lines
from reactive.cli.common import Options, add_project_flags, project_of
from reactive.cli.run import call
from reactive.errors import ProjectError


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the command."""
    stream = commands.add_parser("stream", help="record an answer's events, or play them again")
    stream.add_argument("what", choices=("export", "replay"))
    stream.add_argument("source", help="the id of a stream to export, or the file to replay")
    stream.add_argument("--url", help="a running server; without it the project is opened")
    stream.add_argument(
        "--speed", type=_speed, default=1.0, help="of a replay: 10 is ten times as fast, 0 at once"
    )
    stream.add_argument("--thread", help="where a replay appears, by id or external id (a new one)")
    stream.add_argument("--user", help="whose a new thread is, as tokens name them (local)")
    stream.set_defaults(command=_run)
    add_project_flags(stream)


def _speed(text: str) -> float:
    try:
        speed = float(text)
    except ValueError:
        speed = math.nan
    if not 0 <= speed < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is no speed: it must be 0 or more")
    return speed


def _run(options: Options) -> int:
    return _export(options) if options["what"] == "export" else _replay(options)


def _export(options: Options) -> int:
    lines = _call(options, "replays:record", {"streamId": options["source"]})
    sys.stdout.write(lines)
    return 0


def _replay(options: Options) -> int:
    file = Path(options["source"])
    try:
        log = file.read_text(encoding="utf-8")
        replay_of, told = read_lines(log)
    except OSError as error:
        raise ProjectError(f"cannot read {file}: {error.strerror}") from error
    except ValueError as error:
        raise ProjectError(f"{file} is no recording: {error}") from error
    given = {"thread": options["thread"], "userId": options["user"]}
    place = {name: value for name, value in given.items() if value is not None}
    begun = _call(options, "replays:begin", {"replayOf": replay_of, **place})
    print(orjson.dumps(begun).decode(), flush=True)
    played = {"streamId": begun["streamId"], "log": log, "speed": options["speed"]}
    last = _call(options, "replays:play", played)
    if last is None:
        raise ProjectError("somebody else has ended the replay")
    print(f"played {len(told)} events, the last one {last}", file=sys.stderr)
    return 0


def _call(options: Options, function: str, args: dict[str, Any]) -> Any:
    folder, settings = project_of(options)
    return asyncio.run(call(folder, settings, options["url"], function, args))
