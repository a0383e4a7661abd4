"""The table: a row per figure, what it is compared with, its bounds and the verdict."""

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.bench.servers import SERVERS

FAILED = ("MISSED", "no figure")

Measured = Mapping[str, Any]  # the JSON line of one server under one workload


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: a figure, what it is compared with, and its bounds.

    `against` names the server whose figure of the same round divides ours; without it the figure
    itself has to keep the bounds. Without `must` the row is only shown.
    """

    work: str
    figure: str
    read: Callable[[Measured], float]
    must: float | None = None
    good: float | None = None
    against: str | None = None
    at_most: bool = True

    def keeps(self, value: float, bound: float) -> bool:
        return value <= bound if self.at_most else value >= bound

    def verdict(self, value: float | None) -> str:
        if value is None:
            return "no figure"
        if self.must is None:
            return "-"
        if not self.keeps(value, self.must):
            return "MISSED"
        return "good" if self.good is None or self.keeps(value, self.good) else "ok"

    def bound(self, bound: float | None) -> str:
        if bound is None:
            return "-"
        sign = "<=" if self.at_most else ">="
        return f"{sign} {bound:g} {self.against or ''}".rstrip()


def at(*path: str) -> Callable[[Measured], float]:
    """The number at a path of the JSON."""

    def read(measured: Measured) -> float:
        value: Any = measured
        for key in path:
            value = value[key]
        return float(value)

    return read


def growth(first: str, last: str, *path: str) -> Callable[[Measured], float]:
    """How often the figure of step `first` goes into that of step `last`."""
    return lambda measured: at(last, *path)(measured) / at(first, *path)(measured)


def figure(row: Row, measured: Measured | None) -> float | None:
    """The row's figure, or None where the step failed or the server has no such operation."""
    if measured is None:
        return None
    try:
        return row.read(measured)
    except (KeyError, TypeError, ZeroDivisionError):
        return None


def median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def compared(row: Row, rounds: Sequence[Mapping[str, Measured]]) -> float | None:
    """What the bounds apply to: our figure, or its ratio to another server's of the same round.

    A round without our figure leaves none at all: a server that fails now and then keeps no bound.
    """
    ratios: list[float] = []
    for each in rounds:
        ours = figure(row, each.get("R"))
        if ours is None:
            return None
        if row.against is None:
            ratios.append(ours)
        elif theirs := figure(row, each.get(row.against)):
            ratios.append(ours / theirs)
    if row.must == 0:
        return max(ratios)  # a count of failures: one bad round is one too many
    return median(ratios)


def table(
    rows: Sequence[Row], results: Mapping[str, Sequence[Mapping[str, Measured]]]
) -> list[dict[str, Any]]:
    """The rows of the workloads that were run, as JSON."""
    lines: list[dict[str, Any]] = []
    for row in rows:
        rounds = results.get(row.work)
        if not rounds:
            continue
        value = compared(row, rounds)
        lines.append(
            {
                "work": row.work,
                "figure": row.figure,
                **{
                    name: median(figure(row, r.get(s)) for r in rounds)
                    for s, name in SERVERS.items()
                },
                "ratio": value if row.against else None,
                "value": value,
                "bounds": [row.must, row.good],
                "at_most": row.at_most,
                "must": row.bound(row.must),
                "good": row.bound(row.good),
                "verdict": row.verdict(value),
            }
        )
    return lines


def shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return "-" if value is None else str(value)


def text(lines: Sequence[Mapping[str, Any]]) -> str:
    """The table as aligned Markdown."""
    head = ("work", "figure", *SERVERS.values(), "ratio", "must", "good", "verdict")
    cells = [head, *(tuple(shown(line[name]) for name in head) for line in lines)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
    drawn = [
        "| " + " | ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) + " |"
        for row in cells
    ]
    drawn.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(drawn)
