"""The table and the picture of the bench, without a server."""

from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.bench.budget import LOOP, shares
from tests.bench.kit import WORKLOADS
from tests.bench.picture import picture, used
from tests.bench.rows import ROWS
from tests.bench.table import Measured, Row, at, growth, table, text

SPEED = Row("W1", "p50, ms", at("p50"), 1.6, 1.3, "F")
RATE = Row("W1", "per second", at("rate"), 0.35, 0.6, "F", at_most=False)
LOST = Row("W1", "lost", at("lost"), 0)


def lines(*rounds: Mapping[str, Measured], rows: tuple[Row, ...] = (SPEED,)) -> list[Any]:
    return table(rows, {"W1": rounds})


@pytest.mark.parametrize(
    ("ours", "verdict"), [(1.2, "good"), (1.3, "good"), (1.5, "ok"), (1.7, "MISSED")]
)
def test_ratio_is_judged_by_its_bounds(ours: float, verdict: str) -> None:
    (line,) = lines({"F": {"p50": 1.0}, "R": {"p50": ours}})

    assert (verdict, ours) == (line["verdict"], line["ratio"])


@pytest.mark.parametrize(("ours", "verdict"), [(70, "good"), (40, "ok"), (30, "MISSED")])
def test_rate_has_to_be_high(ours: float, verdict: str) -> None:
    (line,) = lines({"F": {"rate": 100}, "R": {"rate": ours}}, rows=(RATE,))

    assert verdict == line["verdict"]


def test_ratios_are_made_within_rounds() -> None:
    """A machine that is twice as slow in one round is so for both."""
    slow = {"F": {"p50": 2.0}, "R": {"p50": 2.4}}
    fast = {"F": {"p50": 1.0}, "R": {"p50": 1.2}}
    (line,) = lines(slow, fast, slow)

    assert 1.2 == pytest.approx(line["ratio"])


def test_round_without_our_figure_leaves_none() -> None:
    whole = {"F": {"p50": 1.0}, "R": {"p50": 1.0}}
    (line,) = lines(whole, {"F": {"p50": 1.0}, "R": {"failed": "timeout"}}, whole)

    assert "no figure" == line["verdict"]


def test_one_bad_round_is_one_too_many_for_a_count() -> None:
    (line,) = lines({"R": {"lost": 0}}, {"R": {"lost": 1}}, {"R": {"lost": 0}}, rows=(LOST,))

    assert "MISSED" == line["verdict"]


def test_row_without_a_bound_is_only_shown() -> None:
    rows = (Row("W1", "growth", growth("few", "many", "cpu")),)
    (line,) = lines({"R": {"few": {"cpu": 2}, "many": {"cpu": 3}}}, rows=rows)

    assert ("-", 1.5) == (line["verdict"], line["ours"])


def test_every_row_is_of_a_workload() -> None:
    assert set(WORKLOADS) == {row.work for row in ROWS}


def test_text_has_a_line_for_each_row() -> None:
    found = lines({"F": {"p50": 1, "rate": 1}, "R": {"p50": 1, "rate": 1}}, rows=(SPEED, RATE))

    assert 2 + 2 == len(text(found).splitlines())


def test_picture_has_a_bar_for_each_figure() -> None:
    rounds = {"F": {"p50": 1.0, "rate": 1.0}, "R": {"p50": 1.5, "rate": 0.1, "lost": 0}}
    drawn = picture(lines(rounds, rows=(SPEED, RATE, LOST)), "a <day>")
    bars = [each for each in ElementTree.fromstring(drawn).iter() if each.tag.endswith("rect")]

    assert ["paper", "ok", "missed", "good"] == [each.get("class") for each in bars]
    # What is beyond the scale is cut.
    assert float(bars[2].get("width", "")) == 340


def test_bound_is_used_up_from_either_side() -> None:
    assert 0.5 == used(1, 2, at_most=True)
    assert 0.5 == used(2, 1, at_most=False)
    assert 1.5 == used(1, 0, at_most=True)
    assert 0 == used(0, 0, at_most=True)


def test_samples_belong_to_their_innermost_stage() -> None:
    loop = "run (reactive:1);_run_once (asyncio/base_events.py:1)"
    insert = f"{loop};Committer._run (reactive/engine/committer.py:9);insert (bench.py:9)"
    samples = [
        f"{loop};select (selectors.py:1);epoll_wait (libc.so) 50",
        f"{insert} 1",
        f"{insert};Codec.store (reactive/runtime/codec.py:3);malloc (libc.so) 2",
        f"{loop};somebody (else.py:1) 1",
        "main (threading.py:1) 9",
    ]
    found = shares("\n".join(samples))

    assert {"author's code, ctx.db": 0.25, "documents to JSON, keys": 0.5, LOOP: 0.25} == found
