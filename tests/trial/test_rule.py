"""When the new path is given up, and how latencies are counted."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reactive.ai.parity import Kind, Path
from reactive.ai.trial import (
    RULE,
    Delivery,
    Sample,
    histogram,
    merged,
    percentile,
    quantile,
    report,
    seen_in_order,
    verdict,
)

NOW = 1_000_000_000.0
LAGS = st.lists(st.floats(0, 60_000), min_size=1, max_size=60)


def sample(number: int, path: Path = "reactive", **more: Any) -> Sample:
    lag = more.pop("lag", 10.0)
    given_ = {"at": NOW - number, "lags": histogram([lag]), **more}
    return Sample(f"{path} {number}", path, **given_)


def many(count: int = 100, path: Path = "reactive", bad: int = 0, **more: Any) -> list[Sample]:
    """So many streams, of which the first `bad` are as `more` says."""
    return [sample(n, path, **(more if n < bad else {})) for n in range(count)]


def names(samples: list[Sample]) -> list[str]:
    return [reason.partition(":")[0] for reason in verdict(samples, NOW)]


def test_good_path_stays() -> None:
    assert [] == names(many() + many(path="legacy"))
    assert [] == names([])


@pytest.mark.parametrize(
    ("bad", "more", "reasons"),
    [
        (2, {"errors": 1}, []),
        (3, {"errors": 1}, ["errors"]),
        (1, {"kind": "missing"}, ["parity"]),
        (1, {"kind": "storedMismatch"}, ["parity"]),
        (100, {"kind": "borderOnly"}, []),
        (100, {"kind": "late"}, []),
        (5, {"fallbacks": 1}, []),
        (6, {"fallbacks": 1}, ["fallbacks"]),
        (100, {"lag": 500.0}, ["lag"]),
        (100, {"lag": 95.0}, []),
        (4, {"lag": 500.0}, []),
    ],
)
def test_rule(bad: int, more: dict[str, Any], reasons: list[str]) -> None:
    assert reasons == names(many(bad=bad, **more) + many(path="legacy"))


def test_errors_are_measured_by_the_old_path() -> None:
    legacy = many(path="legacy", bad=4, errors=1)

    assert [] == names(many(bad=8, errors=1) + legacy)
    assert ["errors"] == names(many(bad=9, errors=1) + legacy)


def test_lag_is_measured_by_the_old_path() -> None:
    legacy = many(path="legacy", bad=100, lag=300.0)

    assert [] == names(many(bad=100, lag=590.0) + legacy)
    assert ["lag"] == names(many(bad=100, lag=700.0) + legacy)
    assert [] == names(many(bad=100, lag=700.0)), "there is nothing to measure it by"


def test_lag_is_compared_where_both_paths_were_seen() -> None:
    def seen(source: str, path: Path = "reactive", lag: float = 10.0) -> list[Sample]:
        return many(path=path, bad=100, source=source, lag=lag)

    slow = seen("client", lag=700.0)

    assert [] == names(slow + seen("commit", "legacy"))
    assert ["lag"] == names(slow + seen("client", "legacy"))
    assert [] == names(slow + seen("commit") + seen("commit", "legacy"))
    assert [] == names(slow + seen("commit") + seen("commit", "legacy") + seen("socket", "legacy"))


def test_few_streams_prove_nothing() -> None:
    assert [] == names(many(RULE.streams_min - 1, bad=49, errors=1))
    assert ["errors"] == names(many(RULE.streams_min, bad=50, errors=1))
    twice = many(RULE.streams_min - 1, bad=49, errors=1)
    assert [] == names(twice + twice), "two deliveries of a stream are one stream"


def test_old_streams_count_no_more() -> None:
    old = [sample(n, errors=1, at=NOW - RULE.window_s * 1_000 - 1) for n in range(100)]

    assert [] == names(old)
    assert [] == names(old + many(60))
    newer = [sample(1_000 + n, at=NOW - 1) for n in range(RULE.streams_max)]
    assert [] == names(newer + [sample(n, errors=1, at=NOW - 1_000) for n in range(200)])


@given(LAGS, st.sampled_from([0.5, 0.95, 0.99]))
def test_histogram_keeps_quantiles(lags: list[float], share: float) -> None:
    exact = percentile(lags, share)
    kept = quantile(histogram(lags), share)

    assert kept is not None
    assert kept == 0.125 if exact <= 0.125 else exact * 0.99 <= kept <= exact * 1.1


@given(LAGS, LAGS)
def test_histograms_add_up(one: list[float], other: list[float]) -> None:
    assert histogram(one + other) == merged([histogram(one), histogram(other)])
    assert quantile([], 0.5) is None


def test_only_what_was_made_while_somebody_listened_tells_of_latency() -> None:
    log = [{"seq": seq, "type": "text-delta", "ts": 1_000.0 * seq} for seq in (1, 9, 10)]
    delivery = Delivery("legacy", began_ms=10_000.0, arrivals=[(s, 10_100.0) for s in (1, 9, 10)])

    assert [1_100.0, 100.0] == [lag for _, lag in delivery.lags(log)]


@pytest.mark.parametrize(
    ("seqs", "kind"),
    [([1, 2, 5], "identical"), ([1, 2, 2], "extra"), ([1, 3, 2], "reordered")],
)
def test_numbers_alone(seqs: list[int], kind: Kind) -> None:
    assert kind == seen_in_order(seqs)


def kept(stream: str, path: Path, source: str, lag: float) -> dict[str, Any]:
    return {
        "stream_id": stream,
        "path": path,
        "source": source,
        "kind": "identical",
        "lags": histogram([lag]),
        "errors": 0,
        "fallbacks": 1,
    }


def test_latencies_are_taken_at_the_same_place() -> None:
    sinks = [kept("a", "legacy", "sink", 8.0), kept("a", "reactive", "sink", 4.0)]
    lone = kept("a", "reactive", "client", 64.0)
    both = kept("b", "legacy", "client", 128.0)

    assert (8.0, 4.0) == medians(sinks)
    assert (8.0, 4.0) == medians([*sinks, lone]), "only one path was seen from there"
    assert (128.0, 64.0) == medians([*sinks, lone, both])
    assert (None, 64.0) == medians([lone])
    found = report([*sinks, lone, both])
    assert (2, 4, 4) == (found["streams"], found["classes"]["identical"], found["fallbacks"])


def medians(samples: list[dict[str, Any]]) -> tuple[Any, Any]:
    latency = report(samples)["latency"]
    return latency["legacy"]["p50"], latency["reactive"]["p50"]
