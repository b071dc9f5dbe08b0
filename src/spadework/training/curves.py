"""Curves over the images of a training: small charts, one for each number, as SVG for a page and as one PNG.

Each chart has a scale of its own. The pale line is what was logged, the strong one its mean over a twentieth of it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from spadework.training.hints import Series

WIDTH, HEIGHT = 300, 120
"""Pixels of one chart's lines."""
LEFT, TOP, RIGHT, BOTTOM = 56, 30, 14, 24
"""Pixels around them: numbers and names."""
POINTS = 400
"""Longer series are thinned out: a chart has no more columns than these."""
TWICE = 2
"""The PNG is drawn at this scale, so that it can be looked at closely."""

Point = tuple[float, float]


def charts_as_svg(curves: Mapping[str, Series]) -> list[str]:
    """One SVG per curve; colours come from the page."""
    return [_svg(name, values) for name, values in _drawable(curves).items()]


def charts_as_png(curves: Mapping[str, Series], columns: int = 3) -> Image.Image:
    """All curves in one picture, black on white."""
    drawable = _drawable(curves)
    width, height = WIDTH + LEFT + RIGHT, HEIGHT + TOP + BOTTOM
    rows = max(-(-len(drawable) // columns), 1)
    sheet = Image.new("RGB", (TWICE * width * min(columns, max(len(drawable), 1)), TWICE * height * rows), "white")
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(12 * TWICE)
    for number, (name, values) in enumerate(drawable.items()):
        x, y = (number % columns) * width, (number // columns) * height
        _paint(draw, font, x, y, name, values)
    return sheet


def smoothed(values: Series) -> Series:
    """The mean over a twentieth of the run around each value, less at both ends."""
    reach = len(values) // 40
    sums = [0.0]
    for _, value in values:
        sums.append(sums[-1] + value)
    means = []
    for i, (images, _) in enumerate(values):
        near = min(reach, i, len(values) - 1 - i)
        means.append((images, (sums[i + near + 1] - sums[i - near]) / (2 * near + 1)))
    return means


def _drawable(curves: Mapping[str, Series]) -> dict[str, Series]:
    """What can be drawn: finite numbers, thinned out; curves without any are left out."""
    finite = {name: [item for item in values if math.isfinite(item[1])] for name, values in curves.items()}
    return {name: values for name, values in finite.items() if values}


def _thinned(values: Sequence[Point]) -> list[Point]:
    step = -(-len(values) // POINTS)
    return [*values[:-1:step], values[-1]]


def _scaled(name: str, values: Series) -> tuple[list[Point], list[Point], float, float]:
    """Both lines in pixels, and the lowest and highest value of the axis."""
    strong = smoothed(values)
    low, high = min(value for _, value in values), max(value for _, value in values)
    if len(values) > 20:  # A single spike must not flatten all the rest.
        ranked = sorted(value for _, value in values)
        cut = len(ranked) // 50
        low = min(ranked[cut], min(value for _, value in strong))
        high = max(ranked[-1 - cut], max(value for _, value in strong))
    if high - low < 1e-9 * max(abs(high), 1e-3):
        low, high = low - abs(low or 1) / 10, high + abs(high or 1) / 10
    first, last = min(values[0][0], 0), max(values[-1][0], 1)

    def place(item: tuple[int, float]) -> Point:
        x = (item[0] - first) / (last - first) * WIDTH
        y = (high - min(max(item[1], low), high)) / (high - low) * HEIGHT
        return round(x, 1), round(y, 1)

    return [place(item) for item in values], [place(item) for item in strong], low, high


def _svg(name: str, values: Series) -> str:
    pale, strong, low, high = _scaled(name, values)
    width, height = WIDTH + LEFT + RIGHT, HEIGHT + TOP + BOTTOM
    title, last = escape(_words(name)), values[-1]
    text = [
        (LEFT, 16, "start", "name", title),
        (width - RIGHT, 16, "end", "now", _number(last[1])),
        (LEFT - 6, TOP + 5, "end", "axis", _number(high)),
        (LEFT - 6, TOP + HEIGHT, "end", "axis", _number(low)),
        (LEFT, height - 6, "start", "axis", "0"),
        (width - RIGHT, height - 6, "end", "axis", f"{_count(last[0])} images"),
    ]
    drawn = "".join(
        f'<text x="{x}" y="{y}" text-anchor="{anchor}" class="{kind}">{words}</text>'
        for x, y, anchor, kind, words in text
    )
    lines = "".join(
        f'<polyline class="{kind}" points="{_points(_thinned(line))}"/>'
        for kind, line in (("pale", pale), ("strong", strong))
    )
    dot = f'<circle class="strong" cx="{strong[-1][0] + LEFT}" cy="{strong[-1][1] + TOP}" r="2.5"/>'
    frame = f'<path class="frame" d="M{LEFT},{TOP}v{HEIGHT}h{WIDTH}"/>'
    label = escape(f"{_words(name)}: {_number(last[1])} after {last[0]} images")
    return f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{label}">{frame}{lines}{dot}{drawn}</svg>'


def _points(line: Sequence[Point]) -> str:
    return " ".join(f"{x + LEFT:g},{y + TOP:g}" for x, y in line)


def _paint(draw: ImageDraw.ImageDraw, font: Any, x: int, y: int, name: str, values: Series) -> None:
    pale, strong, low, high = _scaled(name, values)

    def at(point: Point) -> Point:
        return TWICE * (x + LEFT + point[0]), TWICE * (y + TOP + point[1])

    draw.line([at((0, 0)), at((0, HEIGHT)), at((WIDTH, HEIGHT))], "#999999", TWICE)
    for line, color in ((pale, "#9fd0cb"), (strong, "#00695c")):
        places = [at(point) for point in _thinned(line)]
        draw.line(places * 2 if len(places) == 1 else places, color, TWICE + (line is strong), joint="curve")
    center = at(strong[-1])
    draw.ellipse([center[0] - 5, center[1] - 5, center[0] + 5, center[1] + 5], "#00695c")
    for place, words, color, anchor in (
        ((0, -10), _words(name), "black", "ls"),
        ((WIDTH, -10), _number(values[-1][1]), "black", "rs"),
        ((-6, 5), _number(high), "#555555", "rs"),
        ((-6, HEIGHT), _number(low), "#555555", "rs"),
        ((0, HEIGHT + 18), "0", "#555555", "ls"),
        ((WIDTH, HEIGHT + 18), f"{_count(values[-1][0])} images", "#555555", "rs"),
    ):
        draw.text(at(place), words, color, font, anchor)


def _words(name: str) -> str:
    return name.replace("_", " ")


def _number(value: float) -> str:
    return f"{value:.3g}"


def _count(images: int) -> str:
    return f"{images:,}"
