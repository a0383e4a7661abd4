"""The report of a drill as files: Markdown to read, JSON to work with, and one picture."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from pathlib import Path as FilePath
from tempfile import TemporaryFile
from typing import Any, Final

import orjson

from reactive.ai.parity import PATHS, Path
from reactive.ai.trial import SHARES, Histogram, place_of, top_of
from reactive.errors import ProjectError

_COLORS: Final = {"legacy": "#b4562d", "reactive": "#2c6fb0"}
_WIDTH, _LEFT, _RIGHT = 760, 56, 20
_PANEL, _BARS, _GAP = 150, 108, 40  # of one path: its panel, its highest bar, what is above
_TOP, _BOTTOM = 40, 52
_HEIGHT = _TOP + 2 * _PANEL + _GAP + _BOTTOM


def prepare(folder: FilePath) -> None:
    """Makes the folder of a report, before there is one that could be lost.

    Raises:
        ProjectError: when nothing can be written there.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise ProjectError(f"--out: cannot write to {folder}: {error.strerror}") from error


def write(folder: FilePath, report: dict[str, Any]) -> list[FilePath]:
    """Writes `report.md`, `report.json` and `latency.svg` to a folder."""
    texts = {
        "report.md": markdown(report),
        "report.json": orjson.dumps(report, option=orjson.OPT_INDENT_2).decode() + "\n",
        "latency.svg": picture(report["histograms"], report["latency"]),
    }
    for name, text in texts.items():
        (folder / name).write_text(text)
    return [folder / name for name in texts]


def markdown(report: dict[str, Any]) -> str:
    """The report for people."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: dict[str, Any]) -> Iterator[str]:
    streams = report["streams"]
    began = datetime.fromtimestamp(report["startedAt"] / 1_000, UTC)
    yield f"# Drill of the flag `{report['key']}`: {'passed' if report['passed'] else 'FAILED'}"
    yield ""
    yield (
        f"{began:%Y-%m-%d %H:%M:%S} UTC, {report['seconds']} s: {len(report['flips'])} flips, "
        f"{len(streams)} answers of `{report['model']}`, {report['atOnce']} at a time, whose "
        f"readers changed paths {report['moves']} times. **Lost: {report['lost']}, "
        f"doubled: {report['doubled']}.**"
    )
    yield ""
    yield "Each answer was read twice: by a reader that moves from path to path with the flag, and"
    yield "by one that stays with live queries. Both were compared with the stored log:"
    yield ""
    yield from _table(
        ("class", "deliveries"), ([kind, count] for kind, count in report["classes"].items())
    )
    yield "## Latency"
    yield ""
    yield "Milliseconds from when an event was made to its reader, the same events on both paths;"
    yield "a stall is an event that took more than a second."
    yield ""
    yield "![Latencies of both paths](latency.svg)"
    yield ""
    names = ("events", "p50", "p95", "p99", "max", "stalls")
    found = report["latency"]
    yield from _table(
        ("path", *names), ([path, *(_shown(found[path][name]) for name in names)] for path in PATHS)
    )
    yield "## What it cost"
    yield ""
    yield "As the server counted it, of answers that it told to both paths at once: each event as"
    yield "one JSON text, each time a query ran, each event that a query read."
    yield ""
    costs = report["measured"]["paths"]
    counts = ("deliveries", "bytes", "executions", "rows", "stalls")
    yield from _table(
        ("path", *counts), ([path, *(costs[path][name] for name in counts)] for path in PATHS)
    )
    yield "## Answers"
    yield ""
    header = ("stream", "events", "moves", "moving reader", "steady reader", "lost", "doubled")
    yield from _table(
        header,
        (
            [
                f"`{each['streamId']}`",
                each["events"],
                each["moves"],
                each["classes"]["moving"],
                each["classes"]["reactive"],
                each["lost"],
                each["doubled"],
            ]
            for each in streams
        ),
    )
    wrong = [each for each in streams if each["first"] or each["problem"]]
    for each in wrong:
        yield f"- `{each['streamId']}`: {each['problem'] or 'first difference:'}"
        if each["first"]:
            yield f"  `{orjson.dumps(each['first']).decode()}`"
    if wrong:
        yield ""
    yield "## Flips"
    yield ""
    yield from _table(
        ("after", "variant", "revision", "answers under way"),
        (
            [
                f"{(each['at'] - report['startedAt']) / 1_000:.2f} s",
                each["variant"],
                each["revision"],
                each["underWay"],
            ]
            for each in report["flips"]
        ),
    )


def _table(header: Iterable[object], rows: Iterable[Iterable[object]]) -> Iterator[str]:
    titles = [*header]
    yield "| " + " | ".join(map(str, titles)) + " |"
    yield "|" + "---|" * len(titles)
    for row in rows:
        yield "| " + " | ".join(map(str, row)) + " |"
    yield ""


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def picture(histograms: dict[str, Histogram], latency: dict[str, Any]) -> str:
    """How the latencies of both paths are distributed, as SVG: one above the other, on one scale.

    Bars are shares of a path's events, by a logarithmic scale of milliseconds; lines mark p50, p95
    and p99.
    """
    shares = {path: _shares(histograms[path]) for path in PATHS}
    buckets = [bucket for each in shares.values() for bucket in each] or [0]
    scale = _Scale(
        min(buckets) - 2,
        max(buckets) + 2,
        max((share for each in shares.values() for share in each.values()), default=1.0),
    )
    found = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        f'width="{_WIDTH}" height="{_HEIGHT}" font-family="sans-serif" font-size="12" role="img">',
        "<title>Latency of the same events on both paths</title>",
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#ffffff"/>',
    ]
    for number, path in enumerate(PATHS):
        ground = _TOP + _PANEL + number * (_PANEL + _GAP)
        found += _panel(path, scale, shares[path], latency[path], ground)
    ground = _HEIGHT - _BOTTOM
    for bucket in range(scale.first + (-scale.first) % 8, scale.last + 1, 8):
        x = scale.x_of(bucket + 1)
        found.append(_line(x, ground, x, ground + 5))
        found.append(_text(x, ground + 19, f"{top_of(bucket):g}", "middle"))
    label = "milliseconds from when an event was made to its reader"
    found.append(_text((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 12, label, "middle"))
    return "\n".join([*found, "</svg>"]) + "\n"


@dataclass(frozen=True)
class _Scale:
    """Buckets from left to right, shares up to the highest one."""

    first: int
    last: int
    highest: float

    @property
    def step(self) -> float:
        return (_WIDTH - _LEFT - _RIGHT) / (self.last - self.first)

    def x_of(self, bucket: float) -> float:
        return _LEFT + (bucket - self.first) * self.step


def _panel(
    path: Path, scale: _Scale, shares: dict[int, float], figures: dict[str, Any], ground: float
) -> Iterator[str]:
    told = f"{path}: p50 {_shown(figures['p50'])}, p95 {_shown(figures['p95'])}"
    told += f", p99 {_shown(figures['p99'])} ms; {figures['events']} events"
    top = ground - _PANEL
    yield f'<rect x="{_LEFT}" y="{top - 24}" width="12" height="12" fill="{_COLORS[path]}"/>'
    yield _text(_LEFT + 18, top - 14, told, "start")
    for bucket, share in shares.items():
        height = share / scale.highest * _BARS
        yield (
            f'<rect class="{path}" x="{scale.x_of(bucket):.1f}" y="{ground - height:.1f}" '
            f'width="{scale.step * 0.92:.1f}" height="{height:.1f}" fill="{_COLORS[path]}"/>'
        )
    yield _line(_LEFT, ground, _WIDTH - _RIGHT, ground)
    for part in (0.5, 1.0):
        told = f"{part * scale.highest:.0%}"
        yield _text(_LEFT - 6, ground - part * _BARS + 4, told, "end")
    for name in SHARES:
        if figures[name] is not None:
            x = scale.x_of(place_of(figures[name]) + 1)
            yield _line(x, top, x, ground, ' stroke-dasharray="4 3"')
            yield _text(x + 3, top + 10 + 14 * [*SHARES].index(name), name)


def _shares(counted: Histogram) -> dict[int, float]:
    total = sum(count for _, count in counted)
    return {bucket: count / total for bucket, count in counted}


def _line(x1: float, y1: float, x2: float, y2: float, more: str = "") -> str:
    place = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line {place} stroke="#444444"{more}/>'


def _text(x: float, y: float, text: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
