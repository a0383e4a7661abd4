"""The report of a drill as files: Markdown to read, JSON to work with, and one picture."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any, Final

import orjson

from reactive.ai.parity import PATHS
from reactive.ai.trial import Histogram, top_of

_COLORS: Final = {"legacy": "#b4562d", "reactive": "#2c6fb0"}
_WIDTH, _HEIGHT = 760, 360
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 20, 64, 52


def write(folder: Path, report: dict[str, Any]) -> list[Path]:
    """Writes `report.md`, `report.json` and `latency.svg`."""
    folder.mkdir(parents=True, exist_ok=True)
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
        f"{began:%Y-%m-%d %H:%M:%S} UTC, {report['seconds']} s: {len(report['flips'])} flips while "
        f"{len(streams)} answers were under way. **Lost: {report['lost']}, "
        f"doubled: {report['doubled']}.**"
    )
    yield ""
    yield "Each answer was read twice: by a reader that moves from path to path with the flag, and"
    yield "by one that stays with live queries. Both were compared with the stored log."
    yield ""
    yield from _table(
        ("class", "deliveries"), ([kind, count] for kind, count in report["classes"].items())
    )
    yield "## Latency"
    yield ""
    yield "Milliseconds from when an event was made to its reader, the same events on both paths."
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
    yield "As the server counted it, of all deliveries that it measured."
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
    """How both latencies are distributed, as SVG: shares of events by a logarithmic scale."""
    shares = {path: _shares(histograms[path]) for path in PATHS}
    buckets = [bucket for each in shares.values() for bucket in each] or [0]
    first, last = min(buckets) - 1, max(buckets) + 2
    highest = max((share for each in shares.values() for share in each.values()), default=1.0)
    step = (_WIDTH - _LEFT - _RIGHT) / (last - first)
    ground = _HEIGHT - _BOTTOM
    scale = (ground - _TOP) / highest

    def x_of(bucket: float) -> float:
        return _LEFT + (bucket - first) * step

    found = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        'font-family="sans-serif" font-size="12" role="img">',
        "<title>Latency of events by path</title>",
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#ffffff"/>',
    ]
    for path in PATHS:
        for bucket, share in shares[path].items():
            height = share * scale
            found.append(
                f'<rect class="{path}" x="{x_of(bucket):.1f}" y="{ground - height:.1f}" '
                f'width="{step * 0.92:.1f}" height="{height:.1f}" fill="{_COLORS[path]}" '
                'fill-opacity="0.55"/>'
            )
    found.append(_line(_LEFT, ground, _WIDTH - _RIGHT, ground))
    for bucket in range(first + (-first) % 8, last + 1, 8):
        middle = x_of(bucket + 1)
        found.append(_line(middle, ground, middle, ground + 5))
        found.append(_text(middle, ground + 19, f"{top_of(bucket):g}", "middle"))
    found.append(_text((_LEFT + _WIDTH) / 2, _HEIGHT - 12, "milliseconds to the reader", "middle"))
    for part in (0.5, 1.0):
        height = ground - part * (ground - _TOP)
        found.append(_text(_LEFT - 6, height + 4, f"{part * highest:.0%}", "end"))
    for number, path in enumerate(PATHS):
        figures = latency[path]
        told = f"{path}: p50 {_shown(figures['p50'])}, p95 {_shown(figures['p95'])}"
        told += f", p99 {_shown(figures['p99'])} ms, {figures['events']} events"
        top = 12 + 18 * number
        found.append(f'<rect x="{_LEFT}" y="{top}" width="12" height="12" fill="{_COLORS[path]}"/>')
        found.append(_text(_LEFT + 18, top + 10, told, "start"))
    return "\n".join([*found, "</svg>"]) + "\n"


def _shares(counted: Histogram) -> dict[int, float]:
    total = sum(count for _, count in counted)
    return {bucket: count / total for bucket, count in counted}


def _line(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="#444444"/>'


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
