"""The report for a terminal, as plain text: classes in an aligned table, then the findings."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterator

from spadework.data.doctor.finding import Finding, count
from spadework.data.doctor.report import Report

FILES = 3
"""Files that are named for each finding."""
CLASSES = 40
"""Classes that the table lists: those with the most pixels."""
BAR = 24
"""Characters of the longest bar."""


def as_text(report: Report, width: int | None = None) -> str:
    """The report in lines of up to `width` characters (the terminal's unless given)."""
    columns = width or max(shutil.get_terminal_size((120, 24)).columns, 60)
    findings = [line for finding in report.findings for line in _finding(finding, columns)]
    lines = [*_summary(report), "", *_classes(report), "", *findings, *([""] if findings else []), verdict(report)]
    return "\n".join(lines)


def verdict(report: Report) -> str:
    """One line."""
    errors, warnings, notes = (report.count(severity) for severity in ("error", "warning", "note"))
    if not report.findings:
        return "nothing found"
    return f"{count(errors, 'error')}, {count(warnings, 'warning')}, {count(notes, 'note')}"


def _summary(report: Report) -> Iterator[str]:
    splits = ", ".join(f"{group.name} {group.pairs}" for group in report.groups)
    looked = f", {report.checked} of them looked at" if report.quick else ""
    yield f"{report.data}: {count(report.pairs, 'pair')} ({splits}){looked}; ontology {report.ontology.name!r}"
    shown = ", ".join(f"{width}x{height} ({number})" for (width, height), number in report.sizes[:4])
    more = f" and {len(report.sizes) - 4} more sizes" if len(report.sizes) > 4 else ""
    yield f"photos, width x height: {shown or 'none could be read'}{more}"


def _classes(report: Report) -> Iterator[str]:
    listed = sorted(report.classes, key=lambda one: -one.pixels)[:CLASSES]
    names = max(len("class"), *(len(one.name) for one in listed))
    largest = max(one.share for one in listed) or 1
    yield f"{'id':>5}  {'class':{names}}  {'share':>7}  {'files':>7}"
    for one in report.classes:
        if one in listed:
            bar = "#" * round(BAR * one.share / largest)
            yield f"{one.id:5}  {one.name:{names}}  {one.share:7.2%}  {one.files:7}  {bar}".rstrip()
    if len(report.classes) > len(listed):
        yield f"{'':5}  and {count(len(report.classes) - len(listed), 'class')} with fewer pixels"


def _finding(finding: Finding, columns: int) -> Iterator[str]:
    """What was seen, the cure and the first files, beside how bad it is."""
    repaired = finding.repair is not None and not finding.repair.leave_out
    yield from _wrapped(f"{finding.severity:8} {finding.name}: {finding.seen}", 9, columns)
    yield from _wrapped(f"{'':9}cure: {finding.cure}{'  [--fix does it]' if repaired else ''}", 15, columns)
    for case in finding.cases[:FILES]:
        yield from _wrapped(f"{'':11}{case.path}{': ' * bool(case.text)}{case.text}", 13, columns)
    if len(finding.cases) > FILES:
        yield f"{'':11}... and {len(finding.cases) - FILES} more"


def _wrapped(text: str, indent: int, columns: int) -> list[str]:
    """Paths stay whole, so that they can be copied."""
    return textwrap.wrap(
        text,
        columns,
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
        drop_whitespace=True,
        replace_whitespace=False,
    )
