"""What users do and the kit's workloads leave out, one step per call.

    python -m tests.bench.extra queries|rows|burst|pages|joins

The server is named by CONVEX_URL, CONVEX_PID and BENCH_SERVER (R is ours, F the floor). Prints one
JSON line: latencies as the load sees them, and what an operation costs the server: processor time,
executions, rows read, bytes.
"""

import asyncio
import json
import os
import random
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from aiohttp import ClientSession

from tests.bench.servers import cpu_s
from tests.bench.wire import WAIT_SECONDS_MAX, Client, Counts, percentile, sessions

BODY = "x" * 100
WARM_UP = 50

Figures = dict[str, float]


@dataclass(frozen=True, slots=True)
class Target:
    """The server that is measured. Only ours has figures of its own."""

    http: ClientSession
    url: str
    pid: int
    is_ours: bool

    async def client(self) -> Client:
        return await Client(self.http, self.url).connect()


class Marks:
    """Who has seen what: a client tells of the newest mark in its queries' results."""

    def __init__(self) -> None:
        self._wanted: Callable[[Any], bool] = lambda value: False
        self._left = 0
        self._seen = asyncio.Event()

    def changed(self, number: int, value: Any) -> None:
        if self._left and self._wanted(value):
            self._left -= 1
            if self._left == 0:
                self._seen.set()

    async def seen(
        self, wanted: Callable[[Any], bool], times: int, write: Callable[[], Awaitable[object]]
    ) -> float:
        """Milliseconds from the write to the last result that is wanted."""
        self._wanted, self._left = wanted, times
        self._seen.clear()
        start = time.perf_counter()
        answer = asyncio.ensure_future(write())
        async with asyncio.timeout(WAIT_SECONDS_MAX):
            await self._seen.wait()
        took = (time.perf_counter() - start) * 1e3
        await answer
        return took


async def timed(
    target: Target,
    count: int,
    operation: Callable[[int], Awaitable[float]],
    watchers: Sequence[Client],
) -> Figures:
    """What `count` operations take, one after another, after some that are not counted."""
    for number in range(WARM_UP):
        await operation(number)
    counts = await Counts(target.http, target.url).begin() if target.is_ours else None
    sent = sum(each.bytes for each in watchers)
    start = cpu_s(target.pid)
    lags = [await operation(WARM_UP + number) for number in range(count)]
    spent = cpu_s(target.pid) - start
    found = {
        "p50_ms": percentile(lags, 0.5),
        "p99_ms": percentile(lags, 0.99),
        "cpu_us": spent / count * 1e6,
        "bytes": (sum(each.bytes for each in watchers) - sent) / count,
    }
    if counts is not None:
        executions, rows = await counts.read()
        found |= {"executions": executions / count, "rows_read": rows / count}
    return found


# --- Many queries per client ---

CLIENTS = 10
FEW_QUERIES = 10
MANY_QUERIES = 1_000


async def queries(target: Target) -> Mapping[str, Figures]:
    """Writes to random ones of the channels that ten clients watch, few or a thousand each."""
    return {
        "few": await _queries(target, FEW_QUERIES),
        "many": await _queries(target, MANY_QUERIES),
    }


async def _queries(target: Target, each_watches: int) -> Figures:
    marks = Marks()
    clients = [Client(target.http, target.url, marks.changed) for _ in range(CLIENTS)]
    names = [f"queries {each_watches} {number}" for number in range(CLIENTS * each_watches)]
    start = time.perf_counter()
    for number, client in enumerate(clients):
        await client.connect()
        mine = names[number * each_watches : (number + 1) * each_watches]
        await client.watch([("bench:latest", {"channel": name}) for name in mine])
    set_up = time.perf_counter() - start
    writer, dice = await target.client(), random.Random(1)

    async def write(seq: int) -> float:
        return await marks.seen(
            lambda value: bool(value) and value[0]["seq"] == seq,
            1,
            lambda: writer.mutate("bench:insert", channel=dice.choice(names), seq=seq, body=BODY),
        )

    found = await timed(target, 500, write, clients)
    await asyncio.gather(*(each.close() for each in [writer, *clients]))
    return {**found, "queries_per_s": len(names) / set_up}


# --- A long list of which one row changes ---

FEW_ROWS = 50
MANY_ROWS = 1_000
ROW_WATCHERS = 10


async def rows(target: Target) -> Mapping[str, Figures]:
    """A row of a list changes that ten clients watch: of fifty rows, or of a thousand."""
    return {"few": await _rows(target, FEW_ROWS), "many": await _rows(target, MANY_ROWS)}


async def _rows(target: Target, count: int) -> Figures:
    channel, marks, writer = f"rows {count}", Marks(), await target.client()
    await writer.mutate("more:fill", channel=channel, count=count, body=BODY)
    clients = [Client(target.http, target.url, marks.changed) for _ in range(ROW_WATCHERS)]
    for each in clients:
        await each.connect()
        await each.watch([("more:newest", {"channel": channel, "limit": count})])
    dice = random.Random(1)

    async def write(number: int) -> float:
        seq, body = dice.randrange(count), f"{number:0100}"
        return await marks.seen(
            lambda value: value[count - 1 - seq]["body"] == body,
            ROW_WATCHERS,
            lambda: writer.mutate("more:edit", channel=channel, seq=seq, body=body),
        )

    found = await timed(target, 100, write, clients)
    await asyncio.gather(*(each.close() for each in [writer, *clients]))
    return found


# --- A burst of mutations ---

BURST = 1_000
BURSTS = 10


def _is_newest(seq: int, value: Any) -> bool:
    return bool(value) and value[0]["seq"] == seq


async def burst(target: Target) -> Mapping[str, Figures]:
    """A thousand mutations of one client at once, and a subscriber of what they write."""
    writer = await target.client()
    marks, channel = Marks(), "burst"
    subscriber = await Client(target.http, target.url, marks.changed).connect()
    await subscriber.watch([("bench:latest", {"channel": channel})])
    counts = await Counts(target.http, target.url).begin() if target.is_ours else None
    rates, spent, told = [], 0.0, subscriber.transitions

    async def write(last: int) -> object:
        seqs = range(last - BURST + 1, last + 1)
        return await asyncio.gather(
            *(writer.mutate("bench:insert", channel=channel, seq=seq, body=BODY) for seq in seqs)
        )

    for number in range(1, BURSTS + 1):
        last, cpu = number * BURST, cpu_s(target.pid)
        took_ms = await marks.seen(partial(_is_newest, last), 1, partial(write, last))
        rates.append(BURST / took_ms * 1e3)
        spent += cpu_s(target.pid) - cpu
    found = {
        "per_s": percentile(rates, 0.5),
        "cpu_us": spent / (BURST * BURSTS) * 1e6,
        "updates_per_burst": (subscriber.transitions - told) / BURSTS,
    }
    if counts is not None:
        executions, _ = await counts.read()
        found["query_executions_per_burst"] = executions / BURSTS - BURST
    await asyncio.gather(writer.close(), subscriber.close())
    return {"burst": found}


# --- Pages under inserts ---

PAGES = 3
PAGE_ROWS = 50
PAGE_READERS = 20


async def pages(target: Target) -> Mapping[str, Figures]:
    """Inserts at the head of a list of which twenty clients have three pages open."""
    channel, marks, writer = "pages", Marks(), await target.client()
    await writer.mutate("more:fill", channel=channel, count=1_000, body=BODY)
    clients = [Client(target.http, target.url, marks.changed) for _ in range(PAGE_READERS)]
    for each in clients:
        await each.connect()
        cursor = None
        for number in range(PAGES):
            options = {"numItems": PAGE_ROWS, "cursor": cursor, "id": 0}
            await each.watch([("more:page", {"channel": channel, "options": options})])
            cursor = each.values[number]["continueCursor"]

    async def write(number: int) -> float:
        seq = 1_000 + number
        return await marks.seen(
            lambda value: value["page"][0]["seq"] == seq,
            PAGE_READERS,
            lambda: writer.mutate("bench:insert", channel=channel, seq=seq, body=BODY),
        )

    # The first page grows with each insert, as it does in Convex's clients.
    found = await timed(target, 100, write, clients)
    await asyncio.gather(*(each.close() for each in [writer, *clients]))
    return {"pages": found}


# --- Joins ---

AUTHORS = 50


async def joins(target: Target) -> Mapping[str, Figures]:
    """Fifty posts with the names of their authors, against the same posts without."""
    writer = await target.client()
    authors = await writer.mutate("more:authors", count=AUTHORS)
    plain = await _joins(target, writer, authors, "more:posts")
    joined = await _joins(target, writer, authors, "more:joined")
    renamed = await _renames(target, writer, authors)
    await writer.close()
    return {"plain": plain, "joined": joined, "renamed": renamed}


async def _posts(
    target: Target, writer: Client, authors: Sequence[str], path: str, channel: str
) -> tuple[Marks, Client]:
    for seq in range(50):
        author = authors[seq % AUTHORS]
        await writer.mutate("more:post", channel=channel, seq=seq, author=author, body=BODY)
    marks = Marks()
    reader = await Client(target.http, target.url, marks.changed).connect()
    await reader.watch([(path, {"channel": channel})])
    return marks, reader


async def _joins(target: Target, writer: Client, authors: Sequence[str], path: str) -> Figures:
    marks, reader = await _posts(target, writer, authors, path, path)

    async def write(number: int) -> float:
        seq, author = 50 + number, authors[number % AUTHORS]
        return await marks.seen(
            lambda value: value[0]["seq"] == seq,
            1,
            lambda: writer.mutate("more:post", channel=path, seq=seq, author=author, body=BODY),
        )

    found = await timed(target, 300, write, [reader])
    await reader.close()
    return found


async def _renames(target: Target, writer: Client, authors: Sequence[str]) -> Figures:
    """The other table of the join changes."""
    marks, reader = await _posts(target, writer, authors, "more:joined", "renamed")

    async def write(number: int) -> float:
        name = f"renamed {number}"
        return await marks.seen(
            lambda value: any(each["author"] == name for each in value),
            1,
            lambda: writer.mutate("more:rename", author=authors[number % AUTHORS], name=name),
        )

    found = await timed(target, 300, write, [reader])
    await reader.close()
    return found


STEPS = {"queries": queries, "rows": rows, "burst": burst, "pages": pages, "joins": joins}


async def measure(step: str) -> Mapping[str, Figures]:
    url, pid = os.environ["CONVEX_URL"], int(os.environ["CONVEX_PID"])
    async with sessions() as http:
        return await STEPS[step](Target(http, url, pid, os.environ["BENCH_SERVER"] == "R"))


if __name__ == "__main__":
    print(json.dumps(asyncio.run(measure(sys.argv[1]))))
