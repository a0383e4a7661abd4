"""Runs one workload against one server, both fresh.

The kit's load process (Node 22, the official client) runs W1 to W6; the other workloads are modules
beside this file. What the kit needs from npm goes to a cache that git ignores.
"""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.bench import stores
from tests.bench.servers import (
    CACHE,
    CHECKOUT,
    PORTS,
    StartError,
    listening,
    own_command,
    own_environment,
    process,
    running,
    tail,
)
from tests.bench.table import Measured

# The kit's own versions: Node 22, because its load process is measured with that one.
NPM_PACKAGES = {"convex": "1.48.0", "node": "22", "ws": "8"}
ADAPTERS = {"C": "handmade_aiohttp.mjs", "F": "floor_convex.mjs", "R": "convex.mjs"}
# More samples than the kit's defaults: server CPU comes in ticks of 10 ms, and the 99th percentile
# of 500 is five numbers. W3: 100 queries per client, for the official client slows down with more.
# W6: no more accounts than one query may read, so that the sum of the balances is a true one.
KIT_SETTINGS = {"W1_N": "2000", "W3_CONNS": "100", "W3_N": "1000", "W6_ACCOUNTS": "10000"}
WORKLOAD_SECONDS_MAX = 600
KITS = Path(os.environ.get("BENCH_KIT", CHECKOUT.parent / "shared" / "bench"))
"""Where the measuring kit is."""

Watch = Callable[[int], contextlib.AbstractContextManager[object]]
"""Watches the server with this process id for the length of a block."""


@dataclass(frozen=True, slots=True)
class Own:
    """A workload that is a module of the bench.

    `servers` can be measured under it. With `starts_servers` the module starts them itself.
    """

    about: str
    module: str
    servers: str = "R"
    starts_servers: bool = False
    arguments: tuple[str, ...] = ()


OWN = {
    "M": Own("memory of idle clients", "memory", "FR"),
    "V": Own("vector search", "vectors", starts_servers=True),
    "S": Own("streamed answers", "streams", starts_servers=True, arguments=("--line",)),
    "B": Own("fan-out against bare send_str", "fanout"),
    "Z": Own("restart with 1,000 clients", "restart", starts_servers=True),
    "X1": Own("many queries per client", "extra", "FR", arguments=("queries",)),
    "X2": Own("one row of a long list changes", "extra", arguments=("rows",)),
    "X3": Own("a burst of mutations", "extra", "FR", arguments=("burst",)),
    "X4": Own("pages under inserts", "extra", arguments=("pages",)),
    "X5": Own("joins", "extra", arguments=("joins",)),
    "X6": Own("cold start on a gigabyte", "cold", starts_servers=True),
}
# The control has no transfers. G is W1 on a small and on a large table, and only ours has that one.
NOT_FOR = {"C": ("W6",), "F": (), "R": ()}
WORKLOADS = ("W1", "W2", "W3", "W4", "W5", "W6", "G", *OWN)


def runs_for(work: str, server: str) -> bool:
    """Whether the server can do what the workload asks for."""
    if work == "G":
        return server == "R"
    return server in OWN[work].servers if work in OWN else work not in NOT_FOR[server]


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
    shutil.rmtree(modules, ignore_errors=True)
    CACHE.mkdir(parents=True, exist_ok=True)
    (CACHE / "package.json").write_text(manifest)
    print(f"installing {', '.join(NPM_PACKAGES)} from npm ...", file=sys.stderr, flush=True)
    done = subprocess.run(
        [npm, "install", "--no-audit", "--no-fund"], cwd=CACHE, capture_output=True, text=True
    )
    if done.returncode != 0:
        sys.exit(f"npm install failed:\n{done.stderr}")
    # Last, so that an install that broke off is not taken for a whole one.
    stamp.write_text(manifest)
    return modules


class Kit:
    """The measuring kit, and what its load process needs."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._modules = install(folder)
        kept = {k: v for k, v in os.environ.items() if not k.startswith("REACTIVE_")}
        self._environment = {**KIT_SETTINGS, **kept, "PEER_PYTHON": sys.executable}

    def measure(self, server: str, work: str) -> Measured:
        """The load's JSON, or the error as `failed`."""
        if work != "G":
            return self._measure(server, work)
        with tempfile.TemporaryDirectory(prefix="stores-", dir=CACHE) as folder:
            small = Path(folder) / "small.sqlite3"
            stores.make(small, stores.FEW)
            return {
                "small": self._measure(server, "W1", small),
                "large": self._measure(server, "W1", stores.large_store()),
            }

    def watched(self, work: str, watch: Watch) -> Measured:
        """The load's JSON for ours, with something that watches the server while it is loaded."""
        return self._measure("R", work, watch=watch)

    def _measure(
        self, server: str, work: str, store: Path | None = None, watch: Watch | None = None
    ) -> Measured:
        if listening(PORTS[server]):
            sys.exit(f"port {PORTS[server]} is taken: is another bench running?")
        own = OWN.get(work)
        environment: Mapping[str, str] = self._environment
        with (
            tempfile.TemporaryDirectory(prefix="run-", dir=CACHE) as name,
            contextlib.ExitStack() as stack,
        ):
            folder = Path(name)
            self._lay_out(folder)
            # The kit starts the control and the floor itself.
            starts_itself = server != "R" if own is None else own.starts_servers
            if not starts_itself:
                try:
                    started = stack.enter_context(running(server, folder, environment, store))
                    environment = {**environment, **started}
                    if watch is not None:
                        stack.enter_context(watch(int(started["CONVEX_PID"])))
                except StartError as error:
                    return {"failed": str(error)}
            if own is not None:
                load = [*own_command(own.module), *own.arguments]
                return self._run(folder, "load", load, own_environment(environment))
            node = self._modules / ".bin" / "node"
            load = [node, "workload.mjs", f"./{ADAPTERS[server]}", work]
            measured = self._run(folder, "load", load, environment)
            if (work, server) == ("W2", "R"):
                # The same subscribers again, for what is counted and not timed.
                load = [*own_command("fanout"), "--counts"]
                more = self._run(folder, "counts", load, own_environment(environment))
                measured = {**measured, **more}
            return measured

    @staticmethod
    def _run(
        folder: Path, name: str, load: list[str | Path], environment: Mapping[str, str]
    ) -> Measured:
        with (
            process(name, load, folder, environment) as started,
            contextlib.suppress(subprocess.TimeoutExpired),
        ):
            started.wait(WORKLOAD_SECONDS_MAX)
        lines = (folder / f"{name}.out").read_text().splitlines()
        if not lines or started.returncode != 0:
            return {"failed": tail(folder / f"{name}.log")}
        measured: Measured = json.loads(lines[-1])
        return measured

    def _lay_out(self, folder: Path) -> None:
        """Copies the kit: its servers keep data there, and Node looks for packages there."""
        for part in ("workload", "adapters", "adapters/py"):
            for file in (self._folder / part).glob("*.*"):
                shutil.copy(file, folder)
        (folder / "node_modules").symlink_to(self._modules)
