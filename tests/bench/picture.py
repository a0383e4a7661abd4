"""The table as a picture: how near each figure is to its bound, on one scale for all.

A bar shows the part of the bound that is used: at 100% the bound is just kept, whatever its
direction. A tick marks where the figure would be good. The SVG has its own colors for light and
dark surroundings.
"""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from tests.bench.table import shown

LINE = 24
LEFT = 20
LABELS = 320
SCALE = 340
FULL = 1.5
"""The end of the scale, in parts of the bound; what is beyond is cut."""
AFTER = 280
TOP = 78
WIDTH = LEFT + LABELS + SCALE + AFTER

STYLE = """
.bench { --paper: #fff; --ink: #1f2328; --faint: #656d76; --rule: #d0d7de;
  --good: #1a7f37; --ok: #9a6700; --missed: #cf222e; }
@media (prefers-color-scheme: dark) {
  .bench { --paper: #0d1117; --ink: #e6edf3; --faint: #8d96a0; --rule: #30363d;
    --good: #3fb950; --ok: #d29922; --missed: #f85149; }
}
.paper { fill: var(--paper) } text { font: 12px system-ui, sans-serif; fill: var(--ink) }
.head { font-size: 16px; font-weight: 600 } .faint { fill: var(--faint) }
.middle { text-anchor: middle } .work { font-weight: 600 } .rule { stroke: var(--rule) }
.bound { stroke: var(--ink); stroke-width: 1.5 } .aim { stroke: var(--ink); stroke-dasharray: 2 2 }
.good { fill: var(--good) } .ok { fill: var(--ok) } .missed { fill: var(--missed) }
"""


def used(value: float, bound: float, *, at_most: bool) -> float:
    """The part of the bound that a figure uses up: more than 1 is too much."""
    if at_most:
        return value / bound if bound else float(value > 0) * FULL
    return bound / value if value else FULL


def picture(lines: Sequence[Mapping[str, Any]], caption: str) -> str:
    """An SVG of all rows that have a bound."""
    rows = [line for line in lines if line["bounds"][0] is not None]
    height = TOP + LINE * len(rows) + 20
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="bench" width="{WIDTH}" '
        f'height="{height}" viewBox="0 0 {WIDTH} {height}" role="img">',
        "<title>Figures of the bench against their bounds</title>",
        f"<style>{STYLE}</style>",
        f'<rect class="paper" width="{WIDTH}" height="{height}"/>',
        _text(LEFT, 28, "How much of each bound is used", "head"),
        _text(LEFT, 46, _legend(caption), "faint"),
    ]
    for share in (0.0, 0.5, 1.0, FULL):
        parts.append(_text(_x(share), TOP - 8, f"{share:.0%}", "faint middle"))
        parts.append(_line(_x(share), TOP, height - 20, "rule"))
    for number, line in enumerate(rows):
        parts += _row(line, TOP + LINE * number, is_new=_is_new(rows, number))
    # Above the bars, so that one that is too long is seen to be.
    parts += [_line(_x(1), TOP, height - 20, "bound"), "</svg>"]
    return "\n".join(parts) + "\n"


def _legend(caption: str) -> str:
    return (
        f"{caption}. C: hand-made server, F: floor. Shorter is better; "
        "the dotted tick is where a figure is good."
    )


def _is_new(rows: Sequence[Mapping[str, Any]], number: int) -> bool:
    return number == 0 or rows[number - 1]["work"] != rows[number]["work"]


def _row(line: Mapping[str, Any], top: float, *, is_new: bool) -> list[str]:
    middle = top + LINE / 2
    base = middle + 4
    value, (must, good) = line["value"], line["bounds"]
    parts = [_text(LEFT + 30, base, line["figure"])]
    if is_new:
        parts.append(_text(LEFT, base, line["work"], "work"))
        parts.append(f'<path class="rule" d="M{LEFT} {top}H{WIDTH - LEFT}"/>')
    verdict = line["verdict"]
    kind = verdict if verdict in ("good", "ok") else "missed"
    if value is not None:
        share = used(value, must, at_most=line["at_most"])
        width = max(_x(min(share, FULL)) - _x(0), 2)
        parts.append(
            f'<rect class="{kind}" x="{_x(0)}" y="{top + 6}" width="{width:.1f}" '
            f'height="{LINE - 12}" rx="2"/>'
        )
    if good is not None and must:
        aim = used(good, must, at_most=line["at_most"])
        parts.append(_line(_x(aim), top + 3, top + LINE - 3, "aim"))
    told = f"{shown(value)} (must {line['must']})" if value is not None else "no figure"
    after = _x(FULL) + 14
    parts.append(_text(after, base, verdict, kind))
    parts.append(_text(after + 66, base, told))
    return parts


def _x(share: float) -> float:
    return LEFT + LABELS + SCALE * share / FULL


def _text(x: float, y: float, text: str, kind: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}">{escape(text)}</text>'


def _line(x: float, top: float, bottom: float, kind: str) -> str:
    return f'<path class="{kind}" d="M{x:.1f} {top}V{bottom}"/>'
