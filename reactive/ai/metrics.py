"""What an operator can see of answers: counts and times, in the text format of Prometheus.

Labels come from closed lists. The name of a model is a user's input, so it becomes a label only
after a provider has answered to it, and only the first few names do; the others are `other`.
There is no user's data in here, so `GET /metrics` is as open as `/healthz`.

The figures are those of one process, whatever it serves. Source of the format: prometheus.io,
"Exposition formats".
"""

from collections.abc import Iterator
from typing import Final, Protocol, get_args
from weakref import WeakSet

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, Metric

from reactive.ai.events import TYPES, Event
from reactive.ai.providers.base import ErrorCode
from reactive.ai.providers.registry import PROVIDERS
from reactive.limits import DEFAULT_LIMITS

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

PATHS: Final = ("reactive", "legacy", "commit", "sse", "text", "ai-sdk", "trpc", "socketio")
"""Which way an answer takes to whom it is made for (`reactive`, `legacy`), or how its events reach
a reader. `commit` is until they are durable and live queries are about to see them."""

ERROR_CODES: Final = frozenset(get_args(ErrorCode))

OTHER: Final = "other"

disable_created_metrics()  # type: ignore[no-untyped-call]  # the library gives it no types
registry = CollectorRegistry()

_LABELS: Final = ("path", "provider", "model")
_LAGS_S: Final = (0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_WAITS_S: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 30.0, 60.0)
_DURATIONS_S: Final = (0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 320.0, 600.0)

_first_token = Histogram(
    "reactive_time_to_first_token_seconds",
    "From the start of an attempt to the first thing that a reader sees.",
    _LABELS,
    buckets=_WAITS_S,
    registry=registry,
)
_duration = Histogram(
    "reactive_stream_duration_seconds",
    "From the start of an answer to its end.",
    _LABELS,
    buckets=_DURATIONS_S,
    registry=registry,
)
_lag = Histogram(
    "reactive_delivery_lag_seconds",
    "From an event's making to its delivery.",
    _LABELS,
    buckets=_LAGS_S,
    registry=registry,
)
_errors = Counter(
    "reactive_stream_errors", "Answers that have failed.", ("code",), registry=registry
)
_events = Counter(
    "reactive_stream_events", "Events that became durable.", ("type",), registry=registry
)
_flushes = Counter("reactive_stream_flushes", "Transactions that wrote streams.", registry=registry)
_active = Gauge("reactive_active_streams", "Streams that are being written.", registry=registry)
_readers = Gauge("reactive_stream_readers", "Readers that follow a log.", registry=registry)
_audits = Counter("reactive_audits", "Answers compared with their logs.", registry=registry)
_mismatches = Counter(
    "reactive_audit_mismatches", "Answers that do not fit their logs.", registry=registry
)


class Source(Protocol):
    """Something that counts by itself: a service that runs functions."""

    @property
    def executions(self) -> int: ...

    @property
    def rows_read(self) -> int: ...


class _Sources:
    """Implements prometheus-client's collector for what is counted elsewhere."""

    def __init__(self) -> None:
        self.sources: WeakSet[Source] = WeakSet()

    def collect(self) -> Iterator[Metric]:
        found = list(self.sources)
        yield CounterMetricFamily(
            "reactive_function_executions",
            "Runs of queries, mutations, actions and endpoints.",
            sum(each.executions for each in found),
        )
        yield CounterMetricFamily(
            "reactive_rows_read",
            "Documents that queries and mutations have read.",
            sum(each.rows_read for each in found),
        )


_sources = _Sources()
registry.register(_sources)


class _Models:
    """Which models' names are labels."""

    def __init__(self) -> None:
        self._known: set[tuple[str, str]] = set()

    def labels(self, path: str, model: str, *, has_answered: bool = False) -> tuple[str, str, str]:
        """The labels of a model (`provider/model`)."""
        provider, _, name = model.partition("/")
        provider = provider if provider in PROVIDERS else OTHER
        path = path if path in PATHS else OTHER
        key = (provider, name)
        if has_answered and len(self._known) < DEFAULT_LIMITS.metric_models_max:
            self._known.add(key)
        return path, provider, name if key in self._known else OTHER


_models = _Models()


def observe(source: Source) -> None:
    """Counts what a service counts, as long as it is there."""
    _sources.sources.add(source)


def render() -> bytes:
    """Everything, as a scraper wants it."""
    return generate_latest(registry)


def stream_began() -> None:
    """A stream has a writer."""
    _active.inc()


def stream_left() -> None:
    """It has none any more."""
    _active.dec()


def first_token(path: str, model: str, seconds: float) -> None:
    """A reader can see something of an answer, so long after its attempt began."""
    _first_token.labels(*_models.labels(path, model, has_answered=True)).observe(max(0.0, seconds))


def stream_ended(path: str, model: str, seconds: float) -> None:
    """An answer is over, so long after it began."""
    _duration.labels(*_models.labels(path, model)).observe(max(0.0, seconds))


def delivered(path: str, model: str, seconds: float) -> None:
    """An event has been delivered, so long after it was made."""
    _lag.labels(*_models.labels(path, model)).observe(max(0.0, seconds))


def written(events: list[Event]) -> None:
    """Events have become durable."""
    for event in events:
        kind = event["type"]
        _events.labels(kind if kind in TYPES else OTHER).inc()
        if kind == "stream-error":
            failed(event["code"])


def failed(code: str) -> None:
    """An answer has failed."""
    _errors.labels(code if code in ERROR_CODES else OTHER).inc()


def flushed() -> None:
    """A transaction has written streams."""
    _flushes.inc()


def reader_came() -> None:
    """Somebody follows a log."""
    _readers.inc()


def reader_left() -> None:
    """Somebody does not any more."""
    _readers.dec()


def audited(*, is_mismatch: bool) -> None:
    """An answer was compared with its log."""
    _audits.inc()
    if is_mismatch:
        _mismatches.inc()
