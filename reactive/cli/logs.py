"""`reactive logs`: follows what the functions of a running server log, and how they fail."""

import argparse
import asyncio
import contextlib
import sys
from datetime import UTC, datetime
from typing import Any

import aiohttp
import orjson

from reactive.cli.common import Options, add_project_flags, admin_session, project_of
from reactive.errors import ProjectError
from reactive.limits import DEFAULT_LIMITS

_LINE_MAX = 64 * 1024 * 1024
_RETRY_S = 1.0


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the command."""
    logs = commands.add_parser("logs", help="follow the log of a running server's functions")
    logs.add_argument("--url", help="the server (the one that the settings host and port name)")
    logs.add_argument(
        "--success", action="store_true", help="show functions that ran well and logged nothing"
    )
    logs.add_argument("--jsonl", action="store_true", help="show the server's JSON as it is")
    logs.set_defaults(command=_logs)
    add_project_flags(logs)


def _logs(options: Options) -> int:
    _, settings = project_of(options)
    if settings.admin_key is None:
        raise ProjectError("a log is only for those who have the server's admin_key: set it")
    url = (options["url"] or f"http://{settings.host}:{settings.port}").rstrip("/")
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_follow(url, settings.admin_key, options))
    return 0


async def _follow(url: str, admin_key: str, options: Options) -> None:
    """Shows the log until interrupted; goes on when a server comes back that was there once."""
    is_known = False
    query = {"success": "true"} if options["success"] else {}
    silence = aiohttp.ClientTimeout(total=None, sock_read=2 * DEFAULT_LIMITS.log_feed_idle_s)
    while True:
        try:
            async with (
                admin_session(admin_key) as session,
                session.get(f"{url}/api/logs", params=query, timeout=silence) as response,
            ):
                if response.status != 200:
                    raise ProjectError(await _refusal(url, response))
                _tell(f"following {url}" if not is_known else f"following {url} again")
                is_known = True
                await _show(response.content, is_raw=options["jsonl"])
            _tell(f"{url} has stopped; waiting for it")
        except (aiohttp.ClientError, TimeoutError) as error:
            if not is_known:
                raise ProjectError(f"cannot follow {url}: {error}") from error
        await asyncio.sleep(_RETRY_S)


async def _refusal(url: str, response: aiohttp.ClientResponse) -> str:
    text = await response.text()
    with contextlib.suppress(orjson.JSONDecodeError, TypeError, KeyError):
        text = orjson.loads(text)["message"]
    return f"{url} does not show its log: {text} ({response.status})"


async def _show(content: aiohttp.StreamReader, *, is_raw: bool) -> None:
    rest = b""
    async for piece in content.iter_any():
        *lines, rest = (rest + piece).split(b"\n")
        if len(rest) > _LINE_MAX:
            raise ProjectError("the server sent a line without an end")
        for line in lines:
            if line:
                print(line.decode() if is_raw else _readable(orjson.loads(line)), flush=True)


def _readable(entry: dict[str, Any]) -> str:
    if "dropped" in entry:
        return f"({entry['dropped']} entries were dropped, as this terminal is too slow)"
    when = datetime.fromtimestamp(entry["ts"] / 1e3, UTC).astimezone()
    failed = "" if entry["status"] == "success" else " failed"
    request = f" (request {entry['requestId']})" if entry["requestId"] else ""
    head = (
        f"{when:%H:%M:%S} {entry['kind']} {entry['path']}{failed} "
        f"in {entry['durationMs']:.1f} ms{request}"
    )
    lines = [line for text in entry["logLines"] for line in text.splitlines()]
    lines += str(entry.get("error", "")).splitlines()
    return "\n  ".join([head, *lines])


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
