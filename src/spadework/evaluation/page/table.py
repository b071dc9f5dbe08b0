"""The measured row beside the published ones, each marked as what it is."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from spadework.evaluation.report import Report


def published_table(report: Report) -> Iterator[str]:
    """A table, where papers printed rows for this protocol's data set."""
    if not report.published:
        return
    fake, inception = report.fake, report.inception
    yield "<section><h2>Beside published numbers</h2>"
    yield '<p class="soft">Published rows are copied from the papers, not measured here; their protocols are known '
    yield "only in part, so a difference of a few points says little.</p>"
    yield '<div class="scroll"><table class="published"><thead><tr><th class="left" scope="col">method</th>'
    yield '<th scope="col">mean IoU</th><th scope="col">accuracy</th><th scope="col">FID</th>'
    yield '<th class="left" scope="col">where from</th></tr></thead><tbody>'
    cells = [
        _percent(None if fake is None else 100 * fake.scores.mean_iou),
        _percent(None if fake is None else 100 * fake.scores.accuracy),
        _percent(None if inception is None else inception.frechet),
    ]
    yield f'<tr class="measured"><th class="left" scope="row">{escape(report.title)}</th>{"".join(cells)}'
    yield '<td class="left"><span class="mark">measured here</span></td></tr>'
    for row in report.published:
        numbers = "".join(_percent(value) for value in (row.mean_iou, row.accuracy, row.fid))
        note = f'<br><span class="soft">{escape(row.note)}</span>' if row.note else ""
        yield f'<tr><th class="left" scope="row">{escape(row.method)}</th>{numbers}'
        yield f'<td class="left"><span class="mark soft">published</span> {escape(row.source)}{note}</td></tr>'
    yield "</tbody></table></div></section>"


def _percent(value: float | None) -> str:
    return "<td>–</td>" if value is None else f"<td>{value:.1f}</td>"
