"""Answers under load: how long a delta takes to its watchers, and what it costs.

    python tests/bench/streams.py                 # all steps, a line of JSON each, then a table
    python tests/bench/streams.py many crowd      # some of them
    python tests/bench/streams.py many --profile out.prof

The server is a process of its own that serves the repository's app, with a scripted model beside
the others whose every delta says when it was made; one load process holds all watchers. Watchers
do what a page does: they follow `parts:order`, and `parts:get` for the rows it names. A shared
machine drifts by a factor of two, so compare figures of one session only.
"""

import argparse
import asyncio
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import orjson

ROOT = Path(__file__).resolve().parents[2]
HOST = "127.0.0.1"
START_SECONDS_MAX = 30
STEP_SECONDS_MAX = 200
MODEL = re.compile(r"load-(\d+)-(\d+)-(\d+)")
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


# --- The server: the app, and a model made for this ---


def serve(port: int, store: Path, profile: str | None) -> None:
    """Serves the app with the models `load-COUNT-RATE-SIZE`: so many deltas, so many a second."""
    from reactive.ai.providers import scripted
    from reactive.ai.providers.base import Request
    from reactive.ai.providers.parts import Parts
    from reactive.cli import main

    asked = scripted._SCRIPTS
    known = scripted.problem

    def load(request: Request, parts: Parts) -> Iterator[Any]:
        found = MODEL.fullmatch(request.model)
        assert found is not None
        count, rate, size = map(int, found.groups())
        start = time.monotonic()
        for number in range(count):
            # Late timers do not add up.
            yield max(0.0, start + number / rate - time.monotonic())
            stamp = f"{time.time_ns() // 1_000_000 % 10**9:09d} "
            yield from parts.say(
                "text", "text", stamp.ljust(size, "x") if size > 9 else "word"[:size]
            )
        yield from parts.finish("stop", {**_NOTHING, "outputTokens": count})  # type: ignore[typeddict-item]

    class Scripts(dict[str, Any]):
        def __missing__(self, name: str) -> Any:
            return load

    scripted._SCRIPTS = Scripts(asked)  # type: ignore[misc]
    scripted.problem = lambda model: None if MODEL.fullmatch(model) else known(model)
    arguments = ["serve", "--project", str(ROOT), "--port", str(port)]
    arguments += ["--store", f"sqlite:///{store}", "--rate-limit", "0"]
    if profile is None:
        sys.exit(main(arguments))  # type: ignore[func-returns-value]
    import cProfile

    profiler = cProfile.Profile()
    try:
        profiler.runcall(main, arguments)
    finally:
        profiler.dump_stats(profile)


_NOTHING: Any = {"inputTokens": 1, "cachedTokens": 0, "reasoningTokens": 0}


@dataclass
class Server:
    """The process, from outside."""

    port: int
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def cpu_s(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS_PER_S

    def memory_mb(self) -> float:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        assert found is not None
        return int(found[1]) / 1024

    async def figures(self, http: aiohttp.ClientSession) -> dict[str, float]:
        """The unlabeled samples of `/metrics`."""
        async with http.get(f"{self.url}/metrics") as response:
            text = await response.text()
        pairs = (line.split() for line in text.splitlines() if not line.startswith("#"))
        return {name: float(value) for name, value in pairs if "{" not in name}


@contextlib.asynccontextmanager
async def serving(profile: str | None) -> AsyncIterator[Server]:
    """A server on an empty store, ended with the block."""
    with tempfile.TemporaryDirectory() as folder, _port() as port:
        command = [
            sys.executable,
            __file__,
            "--serve",
            str(port),
            str(Path(folder) / "data.sqlite3"),
        ]
        command += ["--profile", profile] if profile is not None else []
        log = Path(folder) / "log"
        with log.open("wb") as out:
            process = subprocess.Popen(  # noqa: ASYNC220
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=out
            )
        server = Server(port, process)
        try:
            async with aiohttp.ClientSession() as http, asyncio.timeout(START_SECONDS_MAX):
                while not await _answers(server, http):
                    if process.poll() is not None:
                        sys.exit(f"the server did not start:\n{log.read_text()}")
                    await asyncio.sleep(0.1)
            yield server
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextlib.contextmanager
def _port() -> Iterator[int]:
    import socket

    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
    yield port


async def _answers(server: Server, http: aiohttp.ClientSession) -> bool:
    try:
        async with http.get(f"{server.url}/healthz") as response:
            return response.status == 200
    except aiohttp.ClientError:
        return False


# --- The clients ---


@dataclass
class Watcher:
    """One reader of one answer, as a page is one."""

    message: str
    texts: dict[tuple[int, int], str] = field(default_factory=dict)
    is_over: bool = False
    lags_ms: list[float] = field(default_factory=list)

    def take_row(self, place: tuple[int, int], text: str, now_ms: int) -> None:
        """Notes how old the deltas are that this push has brought."""
        known = len(self.texts.get(place, ""))
        self.texts[place] = text
        # A row may be cut within a stamp; such a one is not counted.
        for stamp in re.findall(r"(\d{9}) ", text[known:]):
            self.lags_ms.append((now_ms - int(stamp)) % 10**9)

    @property
    def text(self) -> str:
        return "".join(self.texts[place] for place in sorted(self.texts))


class Connection:
    """One socket with some watchers."""

    def __init__(self, http: aiohttp.ClientSession, server: Server) -> None:
        self._http = http
        self._url = f"{server.url}/api/1.48.0/sync"
        self._queries: dict[int, tuple[Watcher, tuple[int, int] | None]] = {}
        self._version = 0
        self._request = 0
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self.bytes = 0
        self.frames = 0

    async def open(self) -> "Connection":
        # Not compressed, so that bytes mean the same everywhere.
        self._socket = await self._http.ws_connect(self._url, compress=0, max_msg_size=0)
        await self._send(
            {
                "type": "Connect",
                "sessionId": str(uuid.uuid4()),
                "connectionCount": 0,
                "lastCloseReason": "InitialConnect",
                "clientTs": 0,
            }
        )
        self._task = asyncio.create_task(self._read())
        return self

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self._socket.close()

    async def call(self, path: str, args: Any) -> Any:
        """A mutation's result."""
        number = self._request
        self._request += 1
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        await self._send({"type": "Mutation", "requestId": number, "udfPath": path, "args": [args]})
        return await answer

    async def watch(self, watchers: Sequence[Watcher]) -> None:
        await self._add(
            [("parts:order", {"messageId": each.message}, each, None) for each in watchers]
        )

    async def _add(self, wanted: Sequence[tuple[str, Any, Watcher, Any]]) -> None:
        modifications = []
        for path, args, watcher, place in wanted:
            number = len(self._queries)
            self._queries[number] = (watcher, place)
            modifications.append(
                {"type": "Add", "queryId": number, "udfPath": path, "args": [args]}
            )
        self._version += 1
        await self._send(
            {
                "type": "ModifyQuerySet",
                "baseVersion": self._version - 1,
                "newVersion": self._version,
                "modifications": modifications,
            }
        )

    async def _send(self, message: Any) -> None:
        await self._socket.send_str(orjson.dumps(message).decode())

    async def _read(self) -> None:
        async for message in self._socket:
            now_ms = time.time_ns() // 1_000_000 % 10**9
            self.bytes += len(message.data)
            self.frames += 1
            frame = orjson.loads(message.data)
            if frame["type"] == "Transition":
                await self._take(frame["modifications"], now_ms)
            elif frame["type"] == "MutationResponse":
                answer = self._waiting.pop(int(frame["requestId"]))
                if frame["success"]:
                    answer.set_result(frame["result"])
                else:
                    answer.set_exception(RuntimeError(frame["result"]))

    async def _take(self, modifications: Any, now_ms: int) -> None:
        wanted: list[tuple[str, Any, Watcher, Any]] = []
        for each in modifications:
            watcher, place = self._queries[int(each["queryId"])]
            if each["type"] != "QueryUpdated":
                raise RuntimeError(each.get("errorMessage", each["type"]))
            value = each["value"]
            if place is not None:
                watcher.take_row(place, value["text"], now_ms)
                continue
            watcher.is_over = bool(value) and value[-1]["sealed"] and value[-1]["state"] == "done"
            for row in value:
                here = (int(row["index"]), int(row["segment"]))
                if here not in watcher.texts:
                    watcher.texts[here] = ""
                    args = {"messageId": watcher.message, "index": here[0], "segment": here[1]}
                    wanted.append(("parts:get", args, watcher, here))
        if wanted:
            await self._add(wanted)


# --- The steps ---


@dataclass(frozen=True)
class Step:
    """So many streams of so many deltas, watched by so many each, over so many sockets."""

    streams: int
    deltas: int
    rate: int
    size: int
    watchers: int
    sockets: int


STEPS = {
    "many": Step(50, 500, 50, 12, 2, 10),
    "crowd": Step(1, 500, 50, 12, 100, 100),
    "bytes": Step(1, 4_000, 50, 4, 1, 1),
    "memory": Step(1, 1_000, 100, 1_000, 1, 1),
}

BOUNDS: dict[str, dict[str, float]] = {
    "many": {"p50_ms": 30, "p99_ms": 60},
    "crowd": {"p50_ms": 30, "p99_ms": 60},
    "bytes": {"mb_per_watcher": 1.2},
    "memory": {"memory_growth_mb": 10},
}


async def run(name: str, step: Step, server: Server) -> dict[str, Any]:
    """Runs a step and gives its figures."""
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as http:
        sockets = [await Connection(http, server).open() for _ in range(step.sockets)]
        try:
            return await _run(name, step, server, http, sockets)
        finally:
            await asyncio.gather(*[each.close() for each in sockets])


async def _run(
    name: str, step: Step, server: Server, http: aiohttp.ClientSession, sockets: list[Connection]
) -> dict[str, Any]:
    model = f"scripted/load-{step.deltas}-{step.rate}-{step.size}"
    thread = await sockets[0].call("threads:create", {"title": name})
    before, cpu, memory = await server.figures(http), server.cpu_s(), server.memory_mb()
    watchers: list[Watcher] = []
    for number in range(step.streams):
        args = {"threadId": thread, "prompt": "x", "model": model}
        sent = await sockets[number % len(sockets)].call("messages:send", args)
        mine = [Watcher(sent["messageId"]) for _ in range(step.watchers)]
        for index, each in enumerate(mine):
            await sockets[(number * step.watchers + index) % len(sockets)].watch([each])
        watchers += mine
    async with asyncio.timeout(STEP_SECONDS_MAX):
        while not all(each.is_over for each in watchers):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    await asyncio.sleep(0.2)
    after = await server.figures(http)
    size = step.deltas * step.size
    assert all(len(each.text) == size for each in watchers), "text was lost"
    deltas = step.streams * step.deltas
    lags = sorted(lag for each in watchers for lag in each.lags_ms)
    total = sum(each.bytes for each in sockets)

    def grown(figure: str) -> float:
        return after[figure] - before[figure]

    return {
        "step": name,
        "deltas": deltas,
        "deliveries": deltas * step.watchers,
        "p50_ms": lags[len(lags) // 2] if lags else None,
        "p99_ms": lags[len(lags) * 99 // 100] if lags else None,
        "server_cpu_s": round(server.cpu_s() - cpu, 2),
        "server_cpu_us_per_delivery": round(
            (server.cpu_s() - cpu) * 1e6 / (deltas * step.watchers), 1
        ),
        "mb_per_watcher": round(total / len(watchers) / 1e6, 3),
        "bytes_per_text": round(total / len(watchers) / size, 1),
        "flushes": grown("reactive_stream_flushes_total"),
        "executions_per_delta": round(grown("reactive_function_executions_total") / deltas, 3),
        "rows_read_per_delta": round(grown("reactive_rows_read_total") / deltas, 3),
        "memory_growth_mb": round(server.memory_mb() - memory, 1),
    }


async def measure(names: Sequence[str], profile: str | None) -> list[dict[str, Any]]:
    """The figures of the steps, on one server."""
    found = []
    async with serving(profile) as server:
        # What is loaded and compiled at the first answer is no answer's cost.
        await run("warm-up", Step(2, 50, 50, 12, 2, 2), server)
        if "memory" in names:
            await run("warm-up", STEPS["memory"], server)
        for name in names:
            figures = await run(name, STEPS[name], server)
            print(json.dumps(figures), flush=True)
            found.append(figures)
    return found


def verdicts(found: Sequence[dict[str, Any]]) -> Iterator[tuple[str, str, float, float, bool]]:
    """Step, figure, value, bound, and whether it is kept."""
    for figures in found:
        for figure, bound in BOUNDS[figures["step"]].items():
            value = figures[figure]
            yield figures["step"], figure, value, bound, value <= bound


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("steps", nargs="*", help=f"of {', '.join(STEPS)}; all without")
    parser.add_argument("--line", action="store_true", help="end with all figures in one line")
    parser.add_argument("--profile", help="a file for the server's profile")
    parser.add_argument("--serve", nargs=2, metavar=("PORT", "STORE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve is not None:
        serve(int(options.serve[0]), Path(options.serve[1]), options.profile)
        return 0
    unknown = set(options.steps) - set(STEPS)
    if unknown:
        parser.error(f"there is no step {', '.join(sorted(unknown))}; there are {', '.join(STEPS)}")
    found = asyncio.run(measure(options.steps or list(STEPS), options.profile))
    failed = False
    for step, figure, value, bound, is_kept in verdicts(found):
        print(f"{step:8} {figure:18} {value:10} <= {bound:g} {'ok' if is_kept else 'MISSED'}")
        failed = failed or not is_kept
    if options.line:
        # Whoever reads the line judges for himself.
        print(json.dumps({figures["step"]: figures for figures in found}))
        return 0
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
