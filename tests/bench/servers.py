"""Processes of the bench: started in a folder, watched from outside, ended in order."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parents[1]
CACHE = CHECKOUT / ".setup" / "bench"

SERVERS = {"C": "control", "F": "floor", "R": "ours"}
# The kit fixes those of C and F. A listener that is there already would be measured instead.
PORTS = {"C": 18101, "F": 18112, "R": 18120}
START_SECONDS_MAX = 30
STOP_SECONDS_MAX = 12


class StartError(Exception):
    """A server did not come up; says what it logged last."""


def descendants(pid: int) -> list[int]:
    """A process and all below it, parents first."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                children.setdefault(parent, []).append(int(entry.name))
    found = [pid]
    for each in found:
        found.extend(children.get(each, []))
    return found


def end(started: subprocess.Popen[bytes]) -> None:
    """End a process and what it started: the kit puts its servers in groups of their own."""
    if started.poll() is not None:
        return
    tree = descendants(started.pid)
    started.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        started.wait(STOP_SECONDS_MAX)
    for pid in tree:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    started.wait()


@contextlib.contextmanager
def process(
    name: str, command: Sequence[str | Path], folder: Path, environment: Mapping[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """A process in `folder`, its output in `name`.out and `name`.log, ended with the block."""
    with (folder / f"{name}.out").open("wb") as out, (folder / f"{name}.log").open("wb") as log:
        started = subprocess.Popen(
            command,
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=log,
            # Ctrl-C must reach this script alone, which then ends its processes in order.
            start_new_session=True,
        )
    try:
        yield started
    finally:
        end(started)


def listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def tail(file: Path) -> str:
    return "\n".join(file.read_text(errors="replace").splitlines()[-15:])


def own_command(module: str) -> list[str | Path]:
    """How to start a module of the bench; `own_environment` lets it be found."""
    return [sys.executable, "-m", f"tests.bench.{module}"]


def own_environment(environment: Mapping[str, str]) -> dict[str, str]:
    return {**environment, "PYTHONPATH": str(CHECKOUT)}


def server_command(server: str, store: Path) -> list[str | Path]:
    """How to start the floor, or ours."""
    port = str(PORTS[server])
    if server == "F":
        return [sys.executable, "floor_convex.py", port, store]
    command = Path(sys.executable).with_name("reactive")
    url = f"sqlite:///{store}"
    return [command, "serve", "--project", HERE / "app", "--port", port, "--store", url]


@contextlib.contextmanager
def running(
    server: str, folder: Path, environment: Mapping[str, str], store: Path | None = None
) -> Iterator[Mapping[str, str]]:
    """A server that accepts connections; gives what the load process wants to know of it.

    Raises:
        StartError: when it does not come up.
    """
    # What the bench's own modules need is not the server's, whose project is elsewhere.
    clean = {name: value for name, value in environment.items() if name != "PYTHONPATH"}
    command = server_command(server, store or folder / "data.sqlite3")
    with process("server", command, folder, clean) as started:
        give_up = time.monotonic() + START_SECONDS_MAX
        while not listening(PORTS[server]):
            if started.poll() is not None or time.monotonic() > give_up:
                raise StartError(tail(folder / "server.log"))
            time.sleep(0.02)
        yield {
            "CONVEX_URL": f"http://127.0.0.1:{PORTS[server]}",
            "CONVEX_PID": str(started.pid),
            "BENCH_SERVER": server,
        }


def cpu_s(pid: int) -> float:
    """The processor time of a process's threads, to the microsecond.

    `stat` counts in ticks of ten milliseconds, which is more than most steps take.
    """
    spent = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(FileNotFoundError):
            spent += int((task / "schedstat").read_text().split()[0])
    return spent / 1e9


def resident_kb(pid: int) -> int:
    """The process's memory; the servers that are measured here have no children."""
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    if found is None:
        raise ProcessLookupError(pid)
    return int(found[1])
