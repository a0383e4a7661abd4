"""A trial of two ways to a reader: what each delivered, how late, and when to turn back.

Both are measured on one log, whose events say when they were made. Pure; times are milliseconds
since the epoch.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, get_args

from reactive.ai.events import Event
from reactive.ai.parity import (
    AGREES,
    KINDS,
    PATHS,
    Kind,
    Path,
    Piece,
    compare,
    expected_pieces,
)

STALL_MS: Final = 1_000.0

# Latency

Histogram = list[list[int]]
"""`[[bucket, count], ...]`, buckets ascending; see `bucket_of`."""

_STEPS: Final = 8  # buckets to the double, so a bucket is 9 % wide
_FLOOR_MS: Final = 0.125


def place_of(lag_ms: float) -> float:
    """Where a lag is on a scale on which each bucket ends at its own number."""
    return _STEPS * math.log2(max(lag_ms, _FLOOR_MS) / _FLOOR_MS)


def bucket_of(lag_ms: float) -> int:
    """The bucket of a lag: 0 up to an eighth of a millisecond, then in steps of 9 %."""
    return math.ceil(place_of(lag_ms))


def top_of(bucket: int) -> float:
    """The longest lag of a bucket, in milliseconds."""
    top: float = _FLOOR_MS * 2 ** (bucket / _STEPS)
    return top


def histogram(lags_ms: Iterable[float]) -> Histogram:
    """The lags, counted by bucket."""
    counts: dict[int, int] = {}
    for lag in lags_ms:
        bucket = bucket_of(lag)
        counts[bucket] = counts.get(bucket, 0) + 1
    return [[bucket, counts[bucket]] for bucket in sorted(counts)]


def merged(histograms: Iterable[Histogram]) -> Histogram:
    """All that several histograms have counted."""
    counts: dict[int, int] = {}
    for each in histograms:
        for bucket, count in each:
            counts[bucket] = counts.get(bucket, 0) + count
    return [[bucket, counts[bucket]] for bucket in sorted(counts)]


def quantile(counted: Histogram, share: float) -> float | None:
    """The lag that this share of events does not exceed, to 9 %; None without any."""
    wanted = math.ceil(share * sum(count for _, count in counted))
    for bucket, count in counted:
        wanted -= count
        if wanted <= 0:
            return round(top_of(bucket), 3)
    return None


def percentile(values: Sequence[float], share: float) -> float:
    """As `quantile`, exactly, of one value or more."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


SHARES: Final = {"p50": 0.5, "p95": 0.95, "p99": 0.99}


# What one path has delivered of one stream


@dataclass(slots=True)
class Delivery:
    """What a reader got by one path, of the events after number `after`."""

    path: Path
    after: int = 0
    began_ms: float = 0.0
    """What was made more than a stall before says nothing of how late the path is."""
    pieces: list[Piece] = field(default_factory=list)
    arrivals: list[tuple[int, float]] = field(default_factory=list)
    """The numbers of events, and when they came."""
    size: int = 0
    executions: int = 0
    rows: int = 0

    def took(self, pieces: Sequence[Piece], at_ms: float, size: int = 0) -> None:
        """Notes that these have arrived, in a frame of so many bytes."""
        self.pieces += pieces
        self.arrivals += [(piece.seq, at_ms) for piece in pieces]
        self.size += size

    def restarted(self, pieces: Sequence[Piece], size: int = 0) -> None:
        """Notes that the reader was told everything anew, which says nothing of how late it was."""
        self.pieces = list(pieces)
        self.after = 0
        self.size += size

    def lags(self, log: Iterable[Event]) -> list[tuple[float, float]]:
        """When each event came, and how long after it was made."""
        oldest = self.began_ms - STALL_MS
        made = {event["seq"]: event["ts"] for event in log if event["ts"] >= oldest}
        return [(at, max(0.0, at - made[seq])) for seq, at in self.arrivals if seq in made]

    def sample(
        self, log: Sequence[Event], *, is_stored: bool = True, is_whole: bool = True
    ) -> dict[str, Any]:
        """What there is to be kept of it. `is_whole`: the reader was there until the end."""
        timed = self.lags(log)
        lags = [lag for _, lag in timed]
        until = log[-1]["seq"] if log else 0
        if not is_whole:
            until = max((piece.seq for piece in self.pieces), default=self.after)
        wanted = expected_pieces(self.path, log)
        parity = compare(
            [piece for piece in wanted if self.after < piece.seq <= until],
            self.pieces,
            is_stored=is_stored,
            lag_ms=max(lags, default=0.0),
        )
        figures = {
            name: percentile(lags, share) if lags else None for name, share in SHARES.items()
        }
        return {
            "path": self.path,
            "kind": parity.kind,
            "first": parity.first,
            **figures,
            "max": max(lags, default=None),
            "lags": histogram(lags),
            "stalls": len({at for at, lag in timed if lag > STALL_MS}),
            "size": self.size,
            "executions": self.executions,
            "rows": self.rows,
        }


def seen_in_order(seqs: Sequence[int]) -> Kind:
    """The class of a delivery of which only the numbers of its events are known.

    Whether something is missing cannot be told: a path may join events to one.
    """
    if len(set(seqs)) < len(seqs):
        return "extra"
    return "identical" if sorted(seqs) == list(seqs) else "reordered"


# When to turn back


@dataclass(frozen=True, slots=True)
class Rule:
    """When the new path is given up. Rates are shares of its streams.

    A path is judged by the streams of the last `window_s` seconds, the newest `streams_max` of
    them, and not before there are `streams_min`.
    """

    window_s: float = 300.0
    streams_max: int = 200
    streams_min: int = 50
    error_rate: float = 0.02
    error_times: float = 2.0
    parity_rate: float = 0.001
    lag_times: float = 2.0
    lag_ms: float = 100.0
    fallback_rate: float = 0.05
    cool_down_s: float = 1_800.0


RULE: Final = Rule()


@dataclass(frozen=True, slots=True)
class Sample:
    """What the rule looks at of one stream on one path."""

    stream_id: str
    path: Path
    at: float
    source: str = "sink"
    kind: Kind = "identical"
    lags: Histogram = field(default_factory=list)
    errors: int = 0
    fallbacks: int = 0


def verdict(samples: Iterable[Sample], now_ms: float, rule: Rule = RULE) -> list[str]:
    """Why the new path is to be given up; nothing if it is not.

    Errors count that a path is to blame for: a provider's fail on both.
    """
    recent = [each for each in samples if now_ms - each.at <= rule.window_s * 1_000]
    recent.sort(key=lambda each: each.at, reverse=True)
    kept = set(list(dict.fromkeys(each.stream_id for each in recent))[: rule.streams_max])
    of = {
        path: _Tally([each for each in recent if each.path == path and each.stream_id in kept])
        for path in PATHS
    }
    if of["reactive"].streams < rule.streams_min:
        return []
    return list(_reasons(of["reactive"], of["legacy"], rule))


class _Tally:
    def __init__(self, samples: Sequence[Sample]) -> None:
        self.streams = len({each.stream_id for each in samples})
        self.errors = self._rate(each.stream_id for each in samples if each.errors)
        self.fallbacks = self._rate(each.stream_id for each in samples if each.fallbacks)
        self.wrong = self._rate(each.stream_id for each in samples if each.kind not in AGREES)
        self.lags = _by_source((each.source, each.lags) for each in samples)

    def _rate(self, streams: Iterable[str]) -> float:
        return len(set(streams)) / self.streams if self.streams else 0.0


def _reasons(new: _Tally, old: _Tally, rule: Rule) -> Iterator[str]:
    errors_max = max(rule.error_rate, rule.error_times * old.errors)
    if new.errors > errors_max:
        yield f"errors: {new.errors:.1%} of the streams, more than {errors_max:.1%}"
    if new.wrong > rule.parity_rate:
        yield f"parity: {new.wrong:.2%} of the streams differ, more than {rule.parity_rate:.1%}"
    source = _shared_source(new.lags, old.lags)
    if source is not None:
        new_ms, old_ms = (_p95(each.lags[source]) for each in (new, old))
        lag_max = max(rule.lag_ms, rule.lag_times * old_ms)
        if new_ms > lag_max:
            yield f"lag: p95 at the {source} is {new_ms:.0f} ms, more than {lag_max:.0f} ms"
    if new.fallbacks > rule.fallback_rate:
        yield f"fallbacks: {new.fallbacks:.1%} of the streams, more than {rule.fallback_rate:.1%}"


def report(samples: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Streams, classes and latencies of kept samples, as `trials:report` shows them.

    Latencies of both paths are taken at the same place; see `SOURCES`.
    """
    classes = dict.fromkeys(KINDS, 0)
    for each in samples:
        classes[each["kind"]] += 1
    lags = {
        path: _by_source((s["source"], s["lags"]) for s in samples if s["path"] == path)
        for path in PATHS
    }
    shared = _shared_source(lags["legacy"], lags["reactive"])
    return {
        "streams": len({each["stream_id"] for each in samples}),
        "classes": classes,
        "latency": {path: _latency(found, shared) for path, found in lags.items()},
        "errors": sum(each["errors"] for each in samples),
        "fallbacks": sum(each["fallbacks"] for each in samples),
    }


# Where

Source = Literal["client", "sink", "commit", "socket"]
SOURCES: Final[tuple[Source, ...]] = get_args(Source)
"""Where a delivery was seen, the best first: at the reader, by both sinks of one answer, where it
became durable, where one socket took it. What was seen elsewhere is not compared."""


def _by_source(samples: Iterable[tuple[str, Histogram]]) -> dict[str, Histogram]:
    found: dict[str, list[Histogram]] = {}
    for source, lags in samples:
        if lags:
            found.setdefault(source, []).append(lags)
    return {source: merged(each) for source, each in found.items()}


def _shared_source(one: Mapping[str, Histogram], other: Mapping[str, Histogram]) -> str | None:
    return next((each for each in SOURCES if each in one and each in other), None)


def _latency(lags: Mapping[str, Histogram], shared: str | None) -> dict[str, float | None]:
    source = shared or next((each for each in SOURCES if each in lags), None)
    found = lags[source] if source is not None else []
    return {name: quantile(found, share) for name, share in SHARES.items()}


def _p95(lags: Histogram) -> float:
    found = quantile(lags, SHARES["p95"])
    assert found is not None
    return found
