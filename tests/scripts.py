"""Runs a client script in a process of its own and collects what its checks found.

A script prints lines that start with `@@`, each followed by JSON. `{"check", "error"}` is the
outcome of one named check. `{"ask", "command", "arguments"}` asks the test for something that only
it can do, such as cutting a connection; the answer is a JSON line on the script's stdin. Every
other line is a client library's own output and is kept for the report.
"""

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.server import environment

SCRIPT_SECONDS = 120.0

# A result of many megabytes may pass on one line.
_LINE_BYTES = 64 * 1024 * 1024

Handler = Callable[..., Awaitable[Any]]


@dataclass
class Report:
    """What one run of a script found."""

    errors: dict[str, str | None] = field(default_factory=dict)
    noise: list[str] = field(default_factory=list)
    exit_code: int | None = None

    def expect(self, check: str) -> None:
        """Fails as the script's check failed."""
        noise = "\n".join(self.noise[-40:])
        assert check in self.errors, f"the script ended before this check:\n{noise}"
        error = self.errors[check]
        assert error is None, f"{error}\n--- output ---\n{noise}"


def check_names(script: Path) -> list[str]:
    """The names of a script's checks, in its order."""
    names = re.findall(r'^@?check\(\s*"([^"]+)"', script.read_text(), re.MULTILINE)
    assert len(names) == len(set(names)), f"two checks of {script.name} have one name"
    return names


async def run_script(
    command: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    handlers: Mapping[str, Handler] | None = None,
) -> Report:
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=cwd,
        env=environment(env),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        limit=_LINE_BYTES,
    )
    report = Report()
    try:
        async with asyncio.timeout(SCRIPT_SECONDS):
            await _converse(process, report, handlers or {})
            report.exit_code = await process.wait()
    except TimeoutError:
        report.noise.append(f"still running after {SCRIPT_SECONDS} s")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return report


async def _converse(
    process: asyncio.subprocess.Process, report: Report, handlers: Mapping[str, Handler]
) -> None:
    assert process.stdout is not None
    assert process.stdin is not None
    async for raw in process.stdout:
        line = raw.decode(errors="replace").rstrip("\n")
        if not line.startswith("@@"):
            report.noise.append(line)
            continue
        message = json.loads(line[2:])
        if "check" in message:
            report.errors[message["check"]] = message["error"]
            continue
        result = await handlers[message["command"]](*message["arguments"])
        answer = {"answer": message["ask"], "result": result}
        process.stdin.write(json.dumps(answer).encode() + b"\n")
        await process.stdin.drain()


def node(script: Path, *flags: str) -> list[str]:
    return ["node", *flags, str(script)]


def python(script: Path) -> list[str]:
    return [sys.executable, str(script)]
