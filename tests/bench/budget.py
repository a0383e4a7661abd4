"""Where the server's time goes, by stage: microseconds of an operation.

    python -m tests.bench.budget --py-spy PATH X3 W6

Each workload runs twice: once for the processor time of an operation, and once under py-spy, which
has to be installed by hand, for how that is shared out. A sample belongs to the innermost stage
that its stack is in.
"""

import argparse
import contextlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tests.bench.kit import KITS, Kit
from tests.bench.table import Measured, at

RATE = 400
SECONDS_MAX = 120

STAGES = {
    "new id": r"new_document_id",
    "documents to JSON, keys": r"Codec\.(wire_of|store|validated)|TableDefinition\.",
    "rows to objects": r"Codec\.(fill|parse)|get_attribute",
    "SQL, reading": r"SQLiteSnapshot\.",
    "result to JSON": r"Runner\.encode",
    "arguments": r"Runner\.arguments",
    "SQL, writing": r"_SQLiteSlot\.append",
    "commit": r"_SQLiteSlot\.commit",
    "socket, out": r"_SelectorSocketTransport\.write",
    "filed under what it read": r"LiveQuery\.(accept|unfile)|SubscriptionIndex",
    "publish, mark as stale": r"Database\.publish",
    "author's code, ctx.db": r"\((bench|more)\.py\)|Database(Writer|Reader)\.|Query\.|_Walk",
    "watchdog, context": r"run_on_loop|Runner\.run \(reactive",
    "query, the rest": r"FunctionService\._execute|LiveQuery\.refresh",
    "session's round": r"Rounds\.|SessionWorker\.take_turn|SyncSession",
    "answer": r"Mutation\.(committed|_finish|_answer)|SessionWorker\._mutated",
    "mutation, the rest": r"Mutation\.|FunctionService\.run_mutation",
    "committer": r"Committer\.",
    "socket, in": r"SocketHub|_read_ready|data_received|RequestHandler",
}
LOOP = "event loop"
_STAGES = [(name, re.compile(pattern)) for name, pattern in STAGES.items()]


def milliseconds(*path: str) -> Callable[[Measured], float]:
    return lambda measured: 1e3 * at(*path)(measured)


def seconds_per(count: str, *path: str) -> Callable[[Measured], float]:
    """Seconds for all of them, in microseconds for each."""
    return lambda measured: 1e6 * at(*path)(measured) / at(path[0], count)(measured)


COSTS: dict[str, tuple[str, Callable[[Measured], float]]] = {
    "X3": ("an insert of a burst", at("burst", "cpu_us")),
    "W4": (
        "an insert of 32 writers",
        milliseconds("W4", "insert_32_writers", "server_cpu_ms_per_write"),
    ),
    "W5": ("an append", seconds_per("append_calls", "W5", "server_cpu_s")),
    "W6": ("a transfer", milliseconds("W6_alpha0", "server_cpu_ms_per_txn")),
    "B": ("a push", at("fanout", "ours_us_per_message")),
}
# What is no part of the operation: the set-up, and what checks the outcome.
LEFT_OUT = {
    "B": re.compile(r"^(?!.*(Rounds\._serve|Committer\._turn))"),
    "W6": re.compile(r"(seed|total) \(bench"),
}


@contextlib.contextmanager
def sampled(spy: str, pid: int, file: Path) -> Iterator[None]:
    """Samples of a process's stacks, native frames included, written to a file at the end."""
    command = [spy, "record", "--native", "--rate", str(RATE), "--duration", str(SECONDS_MAX)]
    command += ["--format", "raw", "--output", str(file), "--pid", str(pid)]
    watching = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        watching.send_signal(signal.SIGINT)
        watching.wait()


def stage_of(stack: Sequence[str]) -> str:
    """The innermost stage of a stack, outermost frame first."""
    for frame in reversed(stack):
        for name, pattern in _STAGES:
            if ".py" in frame and pattern.search(frame):
                return name
    return LOOP


def shares(text: str, left_out: re.Pattern[str] | None = None) -> dict[str, float]:
    """The part of each stage in the time that the event loop was busy."""
    found: Counter[str] = Counter()
    for line in text.splitlines():
        stack, _, count = line.rpartition(" ")
        frames = [re.sub(r":\d+\)", ")", frame) for frame in stack.split(";")]
        is_idle = any("epoll_wait" in frame for frame in frames[-3:])
        if is_idle or "_run_once" not in stack or (left_out and left_out.search(stack)):
            continue
        found[stage_of(frames)] += int(count)
    return {name: count / found.total() for name, count in found.items()}


def budget(kit: Kit, work: str, spy: str) -> dict[str, float]:
    """Microseconds by stage."""
    _, cost = COSTS[work]
    measured = kit.measure("R", work)
    if "failed" in measured:
        sys.exit(f"{work}: {measured['failed']}")
    spent = cost(measured)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "samples"
        kit.watched(work, lambda pid: sampled(spy, pid, file))
        parts = shares(file.read_text(), LEFT_OUT.get(work))
    return {name: spent * part for name, part in parts.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("works", nargs="*", help=f"of {', '.join(COSTS)}; all without")
    parser.add_argument("--py-spy", default=shutil.which("py-spy"), help="the sampler's program")
    parser.add_argument("--kit", type=Path, default=KITS, help="the measuring kit")
    options = parser.parse_args()
    if options.py_spy is None:
        sys.exit("there is no py-spy: install it somewhere, and name it by --py-spy")
    works = options.works or list(COSTS)
    if unknown := set(works) - set(COSTS):
        parser.error(f"{', '.join(sorted(unknown))}: not of {', '.join(COSTS)}")
    kit = Kit(options.kit.resolve())
    found = {work: budget(kit, work, options.py_spy) for work in works}
    print("| |", " | ".join(f"{COSTS[work][0]} ({work})" for work in works), "|")
    print("|---|" + "---:|" * len(works))
    print("| all |", " | ".join(f"{sum(found[work].values()):.0f}" for work in works), "|")
    for name in sorted(
        (*STAGES, LOOP), key=lambda name: -max(f.get(name, 0) for f in found.values())
    ):
        print(f"| {name} |", " | ".join(f"{found[work].get(name, 0):.1f}" for work in works), "|")


if __name__ == "__main__":
    main()
