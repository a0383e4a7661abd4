"""`make bench`: our server beside a hand-made one, under the same load, in the same session.

Three servers take turns on each workload of the measuring kit: the control C (a hand-made aiohttp
server), the floor F (the wire protocol with hard-coded queries) and ours R. A shared machine drifts
by a factor of two, so an absolute number means little: every comparison is made within one round,
where the three ran one after the other, and the table has the median of the rounds.

The kit is found by `--kit` or BENCH_KIT. What it needs from npm goes to a cache that git ignores.
"""

import argparse
import contextlib
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parents[1]
CACHE = CHECKOUT / ".setup" / "bench"

# The kit's own versions: Node 22, because its load process is measured with that one.
NPM_PACKAGES = {"convex": "1.48.0", "node": "22", "ws": "8"}
# W1 to W6 are the kit's; M, the memory of idle clients, is measured by `memory.py`, and V, vector
# search over 100,000 x 256, by `vectors.py` without a server.
WORKLOADS = ("W1", "W2", "W3", "W4", "W5", "W6", "M", "V")
DEFAULT_WORKLOADS = ("W1", "W2", "W3", "W4", "W6", "M", "V")
# The control has no transfers, and speaks a language of its own; only ours has vectors.
NOT_FOR = {"C": ("W6", "M", "V"), "F": ("V",), "R": ()}
SERVERS = {"C": "control", "F": "floor", "R": "ours"}
ADAPTERS = {"C": "handmade_aiohttp.mjs", "F": "floor_convex.mjs", "R": "convex.mjs"}
# The kit fixes those of C and F. A listener that is there already would be measured instead.
PORTS = {"C": 18101, "F": 18112, "R": 18120}
# More samples than the kit's defaults: server CPU comes in ticks of 10 ms, and the 99th percentile
# of 500 is five numbers. W3: 100 queries per client, for the official client slows down with more.
# W6: no more accounts than one query may read, so that the sum of the balances is a true one.
KIT_SETTINGS = {"W1_N": "2000", "W3_CONNS": "100", "W3_N": "1000", "W6_ACCOUNTS": "10000"}
FAILED = ("MISSED", "no figure")
WORKLOAD_SECONDS_MAX = 600
START_SECONDS_MAX = 30
STOP_SECONDS_MAX = 12

Measured = Mapping[str, Any]  # the kit's JSON line of one server under one workload


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: a figure, what it is compared with, and its bounds.

    `against` names the server whose figure of the same round divides ours; without it the figure
    itself has to keep the bounds.
    """

    work: str
    figure: str
    read: Callable[[Measured], float]
    must: float
    good: float | None = None
    against: str | None = None
    at_most: bool = True

    def keeps(self, value: float, bound: float) -> bool:
        return value <= bound if self.at_most else value >= bound

    def verdict(self, value: float | None) -> str:
        if value is None:
            return "no figure"
        if not self.keeps(value, self.must):
            return "MISSED"
        return "good" if self.good is None or self.keeps(value, self.good) else "ok"

    def bound(self, bound: float | None) -> str:
        if bound is None:
            return "-"
        sign = "<=" if self.at_most else ">="
        return f"{sign} {bound:g} {self.against or ''}".rstrip()


def at(*path: str) -> Callable[[Measured], float]:
    """The number at a path of the kit's JSON."""

    def read(measured: Measured) -> float:
        value: Any = measured
        for key in path:
            value = value[key]
        return float(value)

    return read


def growth(first: str, last: str, *path: str) -> Callable[[Measured], float]:
    """How often the figure of step `first` goes into that of step `last`."""
    return lambda measured: at(last, *path)(measured) / at(first, *path)(measured)


def missing_deliveries(measured: Measured) -> float:
    return at("W5", "goal")(measured) - at("W5", "delivered_deltas")(measured)


def transfer_errors(measured: Measured) -> float:
    """Calls that failed; a sum of money that changed counts as one more."""
    steps = [measured["W6_alpha0"], measured["W6_alpha1.5"]]
    return float(sum(step["errors"] + (not step["total_kept"]) for step in steps))


INSERTS = ("W4", "insert_32_writers")
COUNTER = ("W4", "counter_32_writers")
SUBSCRIBER_CPU = ("W2_1000", "server_cpu_us_per_update")
LAST_SUBSCRIBER = ("W2_1000", "last_subscriber", "p50_ms")
WRITE_CPU = "server_cpu_ms_per_write"

ROWS = (
    Row("W1", "write to delivery, p50, ms", at("W1", "deliver", "p50_ms"), 1.6, 1.3, "F"),
    Row("W1", "write to delivery, p99, ms", at("W1", "deliver", "p99_ms"), 2.5, 1.5, "F"),
    Row("W2", "server CPU per update at 1,000, us", at(*SUBSCRIBER_CPU), 1.5, 1.1, "F"),
    Row("W2", "last of 1,000 subscribers, ms", at(*LAST_SUBSCRIBER), 1.3, 1.0, "F"),
    Row("W3", "CPU per write, 10,000 to 10", growth("W3_10", "W3_10000", WRITE_CPU), 1.2, 1.05),
    Row("W3", "p50, 10,000 to 10", growth("W3_10", "W3_10000", "latency", "p50_ms"), 1.3, 1.1),
    Row("W3", "set-up, subscriptions/s", at("W3_10000", "subs_per_s"), 0.4, 0.7, "F",
        at_most=False),
    Row("W4", "inserts/s, 32 writers", at(*INSERTS, "per_s"), 3, None, "C", at_most=False),
    Row("W4", "inserts/s, 32 writers", at(*INSERTS, "per_s"), 0.35, 0.6, "F", at_most=False),
    Row("W4", "increments/s of one counter", at(*COUNTER, "per_s"), 0.35, 0.6, "F", at_most=False),
    Row("W4", "increments lost", at(*COUNTER, "lost_updates"), 0),
    Row("W4", "conflicts seen by clients", at(*COUNTER, "failed"), 0),
    Row("W5", "deltas not delivered", missing_deliveries, 0),
    Row("W5", "delta to delivery, p99, ms", at("W5", "latency", "p99_ms"), 5, 2, "F"),
    Row("W5", "server CPU, s", at("W5", "server_cpu_s"), 1.6, 1.3, "F"),
    Row("W6", "contended to uncontended", growth("W6_alpha0", "W6_alpha1.5", "tps"), 0.9, 1.1,
        at_most=False),
    Row("W6", "uncontended transfers/s", at("W6_alpha0", "tps"), 0.25, 0.5, "F", at_most=False),
    Row("W6", "failed transfers", transfer_errors, 0),
    Row("M", "memory per idle subscription, KB", at("memory", "kb_per_subscription"), 4, 2),
    Row("M", "memory per connection, KB", at("memory", "kb_per_connection"), 50, 30),
    Row("V", "search of 100,000 x 256, p50, ms", at("V", "all", "p50_ms"), 200, 50),
    Row("V", "search of 100,000 x 256, p99, ms", at("V", "all", "p99_ms"), 400, 100),
    Row("V", "the same with a filter, p50, ms", at("V", "filtered", "p50_ms"), 100, 25),
    Row("V", "first search, which reads all, s", at("V", "first_s"), 60, 15),
)  # fmt: skip


class StartError(Exception):
    """A server did not come up; says what it logged last."""


class Progress:
    """One line on stderr per step; on a terminal it also counts the seconds while a step runs."""

    def __init__(self, steps: int) -> None:
        self._steps = steps
        self._done = 0

    @contextlib.contextmanager
    def step(self, name: str) -> Iterator[None]:
        self._done += 1
        begun = time.monotonic()
        line = f"[{self._done}/{self._steps}] {name}"
        stop = threading.Event()
        ticker = threading.Thread(target=self._tick, args=(line, begun, stop), daemon=True)
        if sys.stderr.isatty():
            ticker.start()
        try:
            yield
        finally:
            stop.set()
            if ticker.is_alive():
                ticker.join()
            back = "\r" if sys.stderr.isatty() else ""
            print(f"{back}{line}: {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)

    @staticmethod
    def _tick(line: str, begun: float, stop: threading.Event) -> None:
        while not stop.wait(0.5):
            elapsed = time.monotonic() - begun
            print(f"\r{line}: {elapsed:.0f} s", end="", file=sys.stderr, flush=True)


def install(kit: Path) -> Path:
    """The folder of npm packages that the kit's load process needs, installed on the first run."""
    if not (kit / "workload" / "workload.mjs").is_file():
        sys.exit(f"no measuring kit at {kit}: give its folder by --kit or BENCH_KIT")
    manifest = json.dumps({"private": True, "dependencies": NPM_PACKAGES}, indent=1)
    modules, stamp = CACHE / "node_modules", CACHE / "installed.json"
    if modules.is_dir() and stamp.is_file() and stamp.read_text() == manifest:
        return modules
    npm = shutil.which("npm")
    if npm is None:
        sys.exit("the load process needs npm, to install Node 22 and the official client")
    shutil.rmtree(CACHE, ignore_errors=True)
    CACHE.mkdir(parents=True)
    (CACHE / "package.json").write_text(manifest)
    print(f"installing {', '.join(NPM_PACKAGES)} from npm ...", file=sys.stderr, flush=True)
    done = subprocess.run(
        [npm, "install", "--no-audit", "--no-fund"], cwd=CACHE, capture_output=True, text=True
    )
    if done.returncode != 0:
        sys.exit(f"npm install failed:\n{done.stderr}")
    stamp.write_text(
        manifest
    )  # last, so that an install that broke off is not taken for a whole one
    return modules


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


def server_command(server: str, folder: Path) -> list[str | Path]:
    """How to start the floor, or ours, on an empty store."""
    port = str(PORTS[server])
    if server == "F":
        return [sys.executable, "floor_convex.py", port, "floor.db"]
    command = Path(sys.executable).with_name("reactive")
    store = f"sqlite:///{folder / 'ours.sqlite3'}"
    return [command, "serve", "--project", HERE / "app", "--port", port, "--store", store]


@contextlib.contextmanager
def running(
    server: str, folder: Path, environment: Mapping[str, str]
) -> Iterator[Mapping[str, str]]:
    """A server that accepts connections; gives what the load process wants to know of it.

    Raises:
        StartError: when it does not come up.
    """
    command = server_command(server, folder)
    with process("server", command, folder, environment) as started:
        give_up = time.monotonic() + START_SECONDS_MAX
        while not listening(PORTS[server]):
            if started.poll() is not None or time.monotonic() > give_up:
                raise StartError(tail(folder / "server.log"))
            time.sleep(0.05)
        yield {
            "CONVEX_URL": f"http://127.0.0.1:{PORTS[server]}",
            "CONVEX_PID": str(started.pid),
        }


def lay_out(kit: Path, modules: Path, folder: Path) -> None:
    """Copies the kit: its servers keep data where they run, and Node looks for packages there."""
    for part in ("workload", "adapters", "adapters/py"):
        for file in (kit / part).glob("*.*"):
            shutil.copy(file, folder)
    (folder / "node_modules").symlink_to(modules)


def measure(kit: Path, modules: Path, server: str, work: str) -> Measured:
    """One workload against one server, both fresh: the load's JSON, or the error as `failed`."""
    if listening(PORTS[server]):
        sys.exit(f"port {PORTS[server]} is taken: is another bench running?")
    environment = {k: v for k, v in os.environ.items() if not k.startswith("REACTIVE_")}
    environment = {**KIT_SETTINGS, **environment, "PEER_PYTHON": sys.executable}
    own = {"M": "memory.py", "V": "vectors.py"}
    command: list[str | Path] = [sys.executable, HERE / own.get(work, "")]
    if work not in own:
        node = modules / ".bin" / "node"
        command = [node, "workload.mjs", f"./{ADAPTERS[server]}", work]
    with (
        tempfile.TemporaryDirectory(prefix="run-", dir=CACHE) as name,
        contextlib.ExitStack() as stack,
    ):
        folder = Path(name)
        lay_out(kit, modules, folder)
        # The kit starts the others itself.
        if work != "V" and (server == "R" or work == "M"):
            try:
                environment |= stack.enter_context(running(server, folder, environment))
            except StartError as error:
                return {"failed": str(error)}
        load = stack.enter_context(process("load", command, folder, environment))
        with contextlib.suppress(subprocess.TimeoutExpired):
            load.wait(WORKLOAD_SECONDS_MAX)
        lines = (folder / "load.out").read_text().splitlines()
        if not lines:
            return {"failed": tail(folder / "load.log")}
        measured: Measured = json.loads(lines[-1])
        return measured


def figure(row: Row, measured: Measured | None) -> float | None:
    """The row's figure, or None where the step failed or the server has no such operation."""
    if measured is None:
        return None
    try:
        return row.read(measured)
    except (KeyError, TypeError, ZeroDivisionError):
        return None


def median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def compared(row: Row, rounds: Sequence[Mapping[str, Measured]]) -> float | None:
    """What the bounds apply to: our figure, or its ratio to another server's of the same round.

    A round without our figure leaves none at all: a server that fails now and then keeps no bound.
    """
    ratios: list[float] = []
    for each in rounds:
        ours = figure(row, each.get("R"))
        if ours is None:
            return None
        if row.against is None:
            ratios.append(ours)
        elif theirs := figure(row, each.get(row.against)):
            ratios.append(ours / theirs)
    if row.must == 0:
        return max(ratios)  # a count of failures: one bad round is one too many
    return median(ratios)


def table(results: Mapping[str, Sequence[Mapping[str, Measured]]]) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = []
    for row in ROWS:
        rounds = results.get(row.work)
        if not rounds:
            continue
        ratio = compared(row, rounds)
        lines.append(
            {
                "work": row.work,
                "figure": row.figure,
                **{
                    name: median(figure(row, r.get(s)) for r in rounds)
                    for s, name in SERVERS.items()
                },
                "ratio": ratio if row.against else None,
                "must": row.bound(row.must),
                "good": row.bound(row.good),
                "verdict": row.verdict(ratio),
            }
        )
    return lines


def shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return "-" if value is None else str(value)


def text(lines: Sequence[Mapping[str, Any]]) -> str:
    """The table as aligned Markdown."""
    head = ("work", "figure", *SERVERS.values(), "ratio", "must", "good", "verdict")
    cells = [head, *(tuple(shown(line[name]) for name in head) for line in lines)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
    drawn = [
        "| " + " | ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) + " |"
        for row in cells
    ]
    drawn.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(drawn)


def arguments() -> argparse.Namespace:
    def several(known: Sequence[str]) -> Callable[[str], list[str]]:
        def parse(value: str) -> list[str]:
            chosen = value.split(",")
            if unknown := set(chosen) - set(known):
                raise argparse.ArgumentTypeError(
                    f"{', '.join(sorted(unknown))}: not of {','.join(known)}"
                )
            return [each for each in known if each in chosen]

        return parse

    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--runs", type=int, default=3, help="rounds per workload (3)")
    parser.add_argument(
        "--work",
        type=several(WORKLOADS),
        default=list(DEFAULT_WORKLOADS),
        help=f"workloads, with commas ({','.join(DEFAULT_WORKLOADS)})",
    )
    parser.add_argument(
        "--servers",
        type=several(tuple(SERVERS)),
        default=list(SERVERS),
        help="C control, F floor, R ours",
    )
    parser.add_argument(
        "--json", type=Path, help="write the table, and all that was measured, there"
    )
    parser.add_argument(
        "--kit",
        type=Path,
        default=Path(os.environ.get("BENCH_KIT", CHECKOUT.parent / "shared" / "bench")),
        help="the measuring kit (BENCH_KIT, or ../shared/bench beside the checkout)",
    )
    chosen = parser.parse_args()
    if chosen.runs < 1:
        parser.error("--runs must be at least 1")
    return chosen


def main() -> int:
    """Run what was asked for; 1 if a bound that must be kept was missed."""
    options = arguments()
    kit = options.kit.resolve()
    modules = install(kit)
    turns = {
        work: [server for server in options.servers if work not in NOT_FOR[server]]
        for work in options.work
    }
    progress = Progress(options.runs * sum(map(len, turns.values())))
    results: dict[str, list[dict[str, Measured]]] = {}
    for work, servers in turns.items():
        for number in range(1, options.runs + 1):
            measured: dict[str, Measured] = {}
            results.setdefault(work, []).append(measured)
            for server in servers:
                with progress.step(f"{work} round {number}: {SERVERS[server]}"):
                    measured[server] = measure(kit, modules, server, work)
                for step, result in measured[server].items():
                    if step == "failed" or (isinstance(result, dict) and "failed" in result):
                        print(f"{SERVERS[server]}, {step}: {result}", file=sys.stderr)
    lines = table(results)
    print(text(lines))
    if options.json:
        options.json.write_text(json.dumps({"table": lines, "measured": results}, indent=1))
    return int("R" in options.servers and any(line["verdict"] in FAILED for line in lines))


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main())
