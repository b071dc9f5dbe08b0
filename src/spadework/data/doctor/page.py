"""The report as one HTML file that needs nothing else: findings with pictures of the offenders, and the classes."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from pathlib import Path

from spadework.data.doctor.finding import SEVERITIES, Case, Finding, count
from spadework.data.doctor.pictures import thumbnails
from spadework.data.doctor.report import Report
from spadework.web_page import web_page

STYLE = Path(__file__).with_name("page.css")
PICTURES = 4
"""Offenders of each finding that are shown with pictures."""
FILES = 100
"""Offenders of each finding that are listed."""


def page(report: Report, forecast: list[tuple[str, str]] | None = None) -> str:
    """The page; `forecast` are rows (what, how much) of what a training would need."""
    title = f"{report.data}: {report.checked} of {count(report.pairs, 'pair')} checked"
    parts = [
        f"<h1>{escape(str(report.data))}</h1>",
        *_summary(report),
        "<h2>Findings</h2>",
        *([part for finding in report.findings for part in _finding(finding, report)] or ["<p>Nothing found.</p>"]),
        "<h2>Classes</h2>",
        *_classes(report),
        *_forecast(forecast or []),
    ]
    body = "\n".join(parts)
    return web_page(title, body, STYLE.read_text(encoding="utf-8"))


def _summary(report: Report) -> Iterator[str]:
    splits = ", ".join(f"{group.name} {group.pairs}" for group in report.groups)
    looked = f"; {report.checked} of them looked at, evenly spread" if report.quick else ""
    sizes = ", ".join(f"{width}×{height} ({number})" for (width, height), number in report.sizes[:4])
    more = f" and {len(report.sizes) - 4} more" if len(report.sizes) > 4 else ""
    yield f'<p class="soft">{count(report.pairs, "pair")} ({escape(splits)}){looked}. '
    yield f"Ontology <b>{escape(report.ontology.name)}</b>, {count(report.ontology.channels, 'channel')}. "
    yield f"Photos, width × height: {sizes or 'none could be read'}{more}.</p>"
    yield '<ul class="verdict">'
    for severity in SEVERITIES:
        number = report.count(severity)
        yield f'<li class="{severity if number else "soft"}">{count(number, severity)}</li>'
    yield "</ul>"


def _finding(finding: Finding, report: Report) -> Iterator[str]:
    yield f'<section class="finding {finding.severity}">'
    yield f"<h3><span>{finding.severity}</span>{escape(finding.name)}</h3>"
    yield f"<p>{escape(finding.seen)}</p>"
    yield f'<p class="cure"><b>Cure</b>{escape(finding.cure)}</p>'
    if finding.repair is not None:
        yield f'<p class="fixable">In a repaired copy (--fix): {escape(finding.repair.change)}.</p>'
    if finding.cases:
        yield '<div class="cases">'
        for case in finding.cases[:PICTURES]:
            yield from _case(case, finding, report)
        yield "</div>"
    if len(finding.cases) > PICTURES:
        rest = finding.cases[PICTURES:FILES]
        yield f'<details class="files"><summary>{count(len(finding.cases) - PICTURES, "more file")}</summary><ul>'
        yield from (f"<li>{_name(case)}</li>" for case in rest)
        if len(finding.cases) > FILES:
            yield f"<li>and {len(finding.cases) - FILES} more</li>"
        yield "</ul></details>"
    yield "</section>"


def _case(case: Case, finding: Finding, report: Report) -> Iterator[str]:
    yield f'<div class="case">{_name(case)}<div class="pictures">'
    shown = thumbnails(case, finding.mark, report.ontology)
    for caption, source in shown:
        alt = f"{caption} of {case.path.name}"
        picture = f'<img src="{source}" alt="{escape(alt)}">' if source else '<div class="unreadable">unreadable</div>'
        yield f"<figure>{picture}<figcaption>{escape(caption)}</figcaption></figure>"
    if not shown:
        yield '<figure><div class="unreadable">nothing to show</div></figure>'
    yield "</div></div>"


def _name(case: Case) -> str:
    text = f' <span class="soft">{escape(case.text)}</span>' if case.text else ""
    return f"<code>{escape(str(case.path))}</code>{text}"


def _classes(report: Report) -> Iterator[str]:
    yield '<div class="scroll"><table><thead><tr><th>id</th><th class="left">class</th><th></th><th>share</th>'
    yield "<th>files</th></tr></thead><tbody>"
    largest = max((one.share for one in report.classes), default=0) or 1
    for one, color in zip(report.classes, report.ontology.colors().tolist(), strict=True):
        bar = f"width:{100 * one.share / largest:.1f}%;background:rgb({','.join(map(str, color))})"
        yield f'<tr><td>{one.id}</td><td class="left">{escape(one.name)}</td>'
        yield f'<td class="bar"><i style="{bar}"></i></td><td>{one.share:.2%}</td><td>{one.files}</td></tr>'
    yield "</tbody></table></div>"


def _forecast(rows: list[tuple[str, str]]) -> Iterator[str]:
    if rows:
        yield '<h2>What a training would need</h2><div class="scroll"><table><tbody>'
        yield from (f'<tr><td class="left">{escape(a)}</td><td class="left">{escape(b)}</td></tr>' for a, b in rows)
        yield "</tbody></table></div>"
