"""`reactive trial drill`: answers under way while the flag is flipped, again and again.

Each answer has two readers, which are compared with its log at the end: see `trial_readers`. A
server of the drill's own has its flag flipped for everybody, one that serves others only for the
drill's user.
"""

import asyncio
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any, Final

from reactive.ai.events import Event
from reactive.ai.parity import AGREES, KINDS, Path, expected_pieces
from reactive.ai.trial import SHARES, STALL_MS, histogram, percentile
from reactive.cli.trial_readers import MovingReader, SteadyReader, now_ms, pages_of
from reactive.client import ReactiveClient
from reactive.errors import ProjectError

KEY: Final = "realtime"
_FIRST: Final = "shadow"
_FLIPS: Final = ("reactive", "legacy", "mirror", "shadow")
"""Each one takes readers from one path to the other."""

_MODEL: Final = "scripted/story"
_FLIP_S: Final = 0.3
_STREAM_S: Final = 120.0
_USER: Final = "local"
"""Who the drill is, on a server without logins."""


@dataclass(slots=True)
class _Answer:
    stream_id: str
    moving: MovingReader
    steady: SteadyReader
    tasks: list["asyncio.Task[None]"] = field(default_factory=list)
    problem: str | None = None

    @property
    def is_over(self) -> bool:
        return all(task.done() for task in self.tasks)


class Drill:
    """One drill against a running server; `is_own` says that it serves nobody else."""

    def __init__(
        self,
        url: str,
        admin: ReactiveClient,
        client: ReactiveClient,
        *,
        flips: int,
        streams: int,
        is_own: bool,
    ) -> None:
        self._url = url
        self._whose = {} if is_own else {"userId": _USER}
        self._admin = admin
        self._client = client
        self._flips = flips
        self._streams = streams
        self._answers: list[_Answer] = []
        self._flipped: list[dict[str, Any]] = []
        self._news = asyncio.Event()

    async def run(self) -> dict[str, Any]:
        """Runs it and gives its report; for others the flag was never touched.

        Raises:
            ProjectError: when the flag does not move the drill's readers.
        """
        began = now_ms()
        before = await self._client.query("flags:get", key=KEY)
        try:
            await self._set(_FIRST)
            now = await self._client.query("flags:get", key=KEY)
            if now["variant"] != _FIRST:
                told = f"{now['variant']!r} ({now['reason']})"
                raise ProjectError(f"the flag {KEY} stays {told} when it is set to {_FIRST!r}")
            await self._flip()
            await self._finish()
        finally:
            await self._restore(before)
        return await self._report(began)

    async def _set(self, variant: str) -> int:
        args = {"key": KEY, "variant": variant, **self._whose}
        revision: int = await self._admin.mutation("flags:set", args)
        return revision

    async def _restore(self, before: dict[str, Any]) -> None:
        if not self._whose or before["reason"] == "TARGETING_MATCH":
            await self._set(before["variant"])
        else:
            await self._admin.mutation("flags:set", {"key": KEY, **self._whose})

    async def _flip(self) -> None:
        variants = cycle(_FLIPS)
        for _ in range(self._flips):
            await asyncio.sleep(_FLIP_S)
            async with asyncio.timeout(_STREAM_S):
                await self._until_under_way()
            variant = next(variants)
            under_way = sum(not each.is_over for each in self._answers)
            revision = await self._set(variant)
            self._flipped.append(
                {"at": now_ms(), "variant": variant, "revision": revision, "underWay": under_way}
            )

    async def _until_under_way(self) -> None:
        """Returns when an answer has just grown, and is not over."""
        while True:
            if all(answer.is_over for answer in self._answers):
                await self._begin()
            self._news.clear()
            await self._news.wait()
            if not all(answer.is_over for answer in self._answers):
                return

    async def _begin(self) -> None:
        """Asks for so many answers at once, and has them read."""
        for number in range(self._streams):
            thread_id = await self._client.mutation("threads:create", title=f"Drill {number + 1}")
            sent = await self._client.mutation(
                "messages:send", threadId=thread_id, prompt="Tell me a story.", model=_MODEL
            )
            stream_id = sent["streamId"]
            answer = _Answer(
                stream_id,
                MovingReader(self._url, self._client, thread_id, stream_id, self._news.set),
                SteadyReader(self._client, stream_id),
            )
            for reader in (answer.moving, answer.steady):
                task = asyncio.create_task(reader.run())
                task.add_done_callback(lambda _: self._news.set())
                answer.tasks.append(task)
            self._answers.append(answer)
        readers = [asyncio.create_task(each.moving.is_reading.wait()) for each in self._answers]
        _, late = await asyncio.wait(readers, timeout=_STREAM_S)
        for waiting in late:
            waiting.cancel()

    async def _finish(self) -> None:
        """Waits for the ends of all answers, and keeps what went wrong with them."""
        tasks = [task for answer in self._answers for task in answer.tasks]
        _, late = await asyncio.wait(tasks, timeout=_STREAM_S)
        for task in late:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for answer in self._answers:
            for task in answer.tasks:
                if task.cancelled():
                    answer.problem = f"it did not end within {_STREAM_S:.0f} s"
                elif (error := task.exception()) is not None:
                    answer.problem = f"{type(error).__name__}: {error}"

    # What has come of it

    async def _report(self, began: float) -> dict[str, Any]:
        streams = []
        lags: dict[Path, list[float]] = {"legacy": [], "reactive": []}
        for answer in self._answers:
            log = [e async for page in pages_of(self._client, answer.stream_id, 0) for e in page]
            streams.append(_judged(answer, log))
            self._measure(answer, log, lags)
            await self._receipts(answer)
        classes = dict.fromkeys(KINDS, 0)
        for stream in streams:
            for kind in stream["classes"].values():
                classes[kind] += 1
        return {
            "key": KEY,
            "startedAt": began,
            "seconds": round((now_ms() - began) / 1_000, 1),
            "model": _MODEL,
            "atOnce": self._streams,
            "flips": self._flipped,
            "streams": streams,
            "moves": sum(each["moves"] for each in streams),
            "lost": sum(each["lost"] for each in streams),
            "doubled": sum(each["doubled"] for each in streams),
            "classes": classes,
            "latency": {path: _figures(found) for path, found in lags.items()},
            "histograms": {path: histogram(found) for path, found in lags.items()},
            "trial": await self._admin.query("trials:report", key=KEY),
            "measured": await self._admin.query("trials:figures", key=KEY),
            "passed": self._is_done() and all(map(_is_right, streams)),
        }

    def _is_done(self) -> bool:
        """Whether it has flipped as often as it should, each time with readers who moved."""
        moves = sum(answer.moving.moves for answer in self._answers)
        under_way = [each["underWay"] for each in self._flipped]
        return len(under_way) == self._flips and all(under_way) and moves >= self._flips

    def _measure(self, answer: _Answer, log: list[Event], lags: dict[Path, list[float]]) -> None:
        """Takes both latencies of the events that came over Socket.IO as they were made."""
        made = {event["seq"]: event["ts"] for event in log}
        steady = dict(answer.steady.arrivals)
        for seq, at in answer.moving.arrivals:
            if seq in made and seq in steady:
                lags["legacy"].append(max(0.0, at - made[seq]))
                lags["reactive"].append(max(0.0, steady[seq] - made[seq]))

    async def _receipts(self, answer: _Answer) -> None:
        """Tells the server when events have come, on either path."""
        for path, found in (
            ("legacy", answer.moving.arrivals),
            ("reactive", answer.steady.arrivals),
        ):
            if found:
                samples = [[seq, at] for seq, at in found]
                await self._client.mutation(
                    "trials:receipt", streamId=answer.stream_id, path=path, samples=samples
                )


def _judged(answer: _Answer, log: list[Event]) -> dict[str, Any]:
    moving, steady = answer.moving.judge(log), answer.steady.judge(log)
    wanted = {piece.seq for piece in expected_pieces("legacy", log)}
    lost = wanted - {piece.seq for piece in answer.moving.pieces}
    unseen = {event["seq"] for event in log} - {piece.seq for piece in answer.steady.pieces}
    doubled = len(answer.steady.pieces) - len({piece.seq for piece in answer.steady.pieces})
    return {
        "streamId": answer.stream_id,
        "events": len(log),
        "moves": answer.moving.moves,
        "classes": {"moving": moving.kind, "reactive": steady.kind},
        "lost": len(lost) + len(unseen) + answer.moving.gaps,
        "doubled": answer.moving.doubled + doubled,
        "first": moving.first or steady.first,
        "problem": answer.problem,
    }


def _is_right(stream: dict[str, Any]) -> bool:
    agrees = all(kind in AGREES for kind in stream["classes"].values())
    return agrees and stream["problem"] is None and not stream["lost"] and not stream["doubled"]


def _figures(lags: list[float]) -> dict[str, Any]:
    shares = {
        name: round(percentile(lags, share), 3) if lags else None for name, share in SHARES.items()
    }
    return {
        **shares,
        "max": round(max(lags), 3) if lags else None,
        "events": len(lags),
        "stalls": sum(lag > STALL_MS for lag in lags),
    }


async def drill(
    url: str, admin_key: str | None, *, flips: int, streams: int, is_own: bool
) -> dict[str, Any]:
    """Runs a drill against a server; `is_own` says that it serves nobody else.

    Raises:
        ProjectError: when it cannot be reached within a while, or its flag does not follow.
    """
    async with ReactiveClient(url, admin_key=admin_key) as admin, ReactiveClient(url) as client:
        try:
            async with asyncio.timeout(10.0):
                await admin.wait_connected()
                await client.wait_connected()
        except TimeoutError as error:
            raise ProjectError(f"cannot reach {url}") from error
        found = Drill(url, admin, client, flips=flips, streams=streams, is_own=is_own)
        return await found.run()
