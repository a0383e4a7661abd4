"""`make bench`: our server beside a hand-made one, under the same load, in the same session.

Three servers take turns on each workload of the measuring kit: the control C (a hand-made aiohttp
server), the floor F (the wire protocol with hard-coded queries) and ours R. A shared machine drifts
by a factor of two, so an absolute number means little: every comparison is made within one round,
where the three ran one after the other, and the table has the median of the rounds.

The kit is found by `--kit` or BENCH_KIT. The table, all that was measured and a picture go to
`--out`.
"""

import argparse
import contextlib
import json
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from tests.bench import stores
from tests.bench.kit import KITS, OWN, WORKLOADS, Kit, runs_for
from tests.bench.picture import picture
from tests.bench.rows import ROWS
from tests.bench.servers import CACHE, SERVERS
from tests.bench.table import FAILED, Measured, table, text


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

    own = "; ".join(f"{name} {each.about}" for name, each in OWN.items())
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").partition("\n")[0],
        epilog=f"W1 to W6 are the kit's; G is W1 on a large table; {own}.",
    )
    parser.add_argument("--runs", type=int, default=3, help="rounds per workload (3)")
    parser.add_argument(
        "--work",
        type=several(WORKLOADS),
        default=list(WORKLOADS),
        help=f"workloads, with commas ({','.join(WORKLOADS)})",
    )
    parser.add_argument(
        "--servers",
        type=several(tuple(SERVERS)),
        default=list(SERVERS),
        help="C control, F floor, R ours",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=CACHE / "results",
        help="the folder for bench.json and bench.svg (.setup/bench/results)",
    )
    parser.add_argument(
        "--kit",
        type=Path,
        default=KITS,
        help="the measuring kit (BENCH_KIT, or ../shared/bench beside the checkout)",
    )
    chosen = parser.parse_args()
    if chosen.runs < 1:
        parser.error("--runs must be at least 1")
    return chosen


def failures(measured: Measured) -> Iterator[str]:
    """What went wrong in a workload, by step."""
    for step, result in measured.items():
        if step == "failed" or (isinstance(result, Mapping) and "failed" in result):
            yield f"{step}: {result}"


def measure(
    kit: Kit, works: Sequence[str], servers: Sequence[str], runs: int
) -> dict[str, list[dict[str, Measured]]]:
    """All rounds of all workloads, by workload and round and server."""
    turns = {work: [each for each in servers if runs_for(work, each)] for work in works}
    progress = Progress(runs * sum(map(len, turns.values())))
    results: dict[str, list[dict[str, Measured]]] = {}
    for work, chosen in turns.items():
        for number in range(1, runs + 1):
            measured: dict[str, Measured] = {}
            results.setdefault(work, []).append(measured)
            for server in chosen:
                with progress.step(f"{work} round {number}: {SERVERS[server]}"):
                    measured[server] = kit.measure(server, work)
                for failure in failures(measured[server]):
                    print(f"{SERVERS[server]}, {failure}", file=sys.stderr)
    return results


def main() -> int:
    """Run what was asked for; 1 if a bound that must be kept was missed."""
    options = arguments()
    kit = Kit(options.kit.resolve())
    begun = datetime.now(UTC)
    stores.forget_large_store()
    try:
        results = measure(kit, options.work, options.servers, options.runs)
    finally:
        stores.forget_large_store()
    lines = table(ROWS, results)
    print(text(lines))
    options.out.mkdir(parents=True, exist_ok=True)
    report = {"begun": begun.isoformat(), "table": lines, "measured": results}
    (options.out / "bench.json").write_text(json.dumps(report, indent=1))
    caption = (
        f"{begun:%d %B %Y}, median of {options.runs}" if options.runs > 1 else f"{begun:%d %B %Y}"
    )
    (options.out / "bench.svg").write_text(picture(lines, caption))
    print(f"also in {options.out}", file=sys.stderr)
    return int("R" in options.servers and any(line["verdict"] in FAILED for line in lines))


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main())
