"""Report and comparison for a terminal: the numbers, and what is missing."""

from __future__ import annotations

from collections.abc import Iterator

from spadework.evaluation.compare import Comparison, Line
from spadework.evaluation.headlines import headlines
from spadework.evaluation.report import Report


def as_text(report: Report) -> str:
    """The headline numbers in an aligned table, then notes and what was left out."""
    return "\n".join(_lines(report))


def _lines(report: Report) -> Iterator[str]:
    width, height = report.size
    yield f"{report.title}: {report.pictures} pictures of {width}x{height}, protocol {report.protocol.name}"
    rows = [(line.name, line.shown, line.range_shown, line.ceiling_shown) for line in headlines(report)]
    yield from _aligned([("", "pictures", "95 % interval", "real photos"), *rows])
    for note in report.notes:
        yield f"note: {note}"
    for one in report.left_out:
        yield f"left out: {one.what} ({one.why}); {one.cure}"


def comparison_as_text(comparison: Comparison) -> str:
    """All numbers in an aligned table, then differences from the first and notes."""
    names = [one.name for one in comparison.evaluations]
    rows = [(line.name, *_values(line), _value(line.ceiling, line)) for line in comparison.lines]
    lines = [*_aligned([("", *names, "real photos"), *rows])]
    for line in comparison.lines:
        for name, difference in zip(names, line.differences, strict=False):
            if difference is not None:
                low, high = (f"{end:+.{line.digits}f}" for end in (difference.interval.low, difference.interval.high))
                verdict = "" if difference.clear else ": may be chance"
                lines.append(
                    f"{line.name}, {name} against {names[0]}: {difference.value:+.{line.digits}f} "
                    f"(95 % interval {low} to {high}){verdict}"
                )
    return "\n".join([*lines, *(f"note: {note}" for note in comparison.notes)])


def _values(line: Line) -> Iterator[str]:
    for place, value in enumerate(line.values):
        yield _value(value, line) + (" *" if line.best() == place else "")


def _value(value: float | None, line: Line) -> str:
    return "" if value is None else f"{value:.{line.digits}f}{line.unit}"


def _aligned(table: list[tuple[str, ...]]) -> Iterator[str]:
    """Rows whose first column is flush left and whose others are flush right."""
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for name, *values in table:
        cells = "  ".join(value.rjust(width) for value, width in zip(values, widths[1:], strict=True))
        yield f"  {name.ljust(widths[0])}  {cells}".rstrip()
