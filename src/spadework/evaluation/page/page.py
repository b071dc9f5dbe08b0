"""The page: headline numbers, published ones beside them, classes, confusions, pictures, and what made it all."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from pathlib import Path

from spadework.evaluation.headlines import Headline, headlines
from spadework.evaluation.page.classes import class_bars, confusion_matrix
from spadework.evaluation.page.pictures import gallery
from spadework.evaluation.page.provenance import provenance, speed
from spadework.evaluation.page.table import published_table
from spadework.evaluation.report import Report
from spadework.evaluation.shown import Shown
from spadework.web_page import web_page

STYLE = Path(__file__).with_suffix(".css")


def page(report: Report, shown: Shown) -> str:
    """The whole page."""
    parts = [
        *_head(report),
        *_cards(headlines(report)),
        *_remarks(report),
        *published_table(report),
        *class_bars(report),
        *gallery(shown),
        *confusion_matrix(report),
        *speed(report),
        *provenance(report),
    ]
    return web_page(f"{report.title}: evaluation", "\n".join(parts), STYLE.read_text(encoding="utf-8"))


def _head(report: Report) -> Iterator[str]:
    width, height = report.size
    data = report.work["data"]
    split = f", split <b>{escape(data['split'])}</b>" if data["split"] else ""
    yield f"<header><p class='soft'>Evaluation</p><h1>{escape(report.title)}</h1>"
    yield f"<p>{report.pictures:,} pictures of {width}×{height} pixels for the label maps of "
    yield f"<b>{escape(Path(data['path']).name)}</b>{split}. Protocol <b>{escape(report.protocol.name)}</b>: "
    yield f"{escape(report.protocol.about)}</p></header>"


def _cards(lines: list[Headline]) -> Iterator[str]:
    yield '<section aria-label="Headline numbers"><ul class="cards">'
    for line in lines:
        arrow = {"higher": "higher is better", "lower": "lower is better", "neither": ""}[line.better]
        yield f'<li><p class="name">{escape(line.name)}</p><p class="value">{escape(line.shown)}</p>'
        if line.range_shown:
            yield f'<p class="range">{line.range_shown} <span class="soft">95 % interval</span></p>'
        if line.ceiling is not None:
            yield _against(line)
        yield f'<p class="meaning">{escape(line.meaning)}; {arrow}</p></li>'
    yield "</ul></section>"


def _against(line: Headline) -> str:
    """A bar from 0 to 100 with a mark for the real photos."""
    assert line.ceiling is not None
    return (
        f'<div class="against" aria-hidden="true"><i style="width:{line.value:.1f}%"></i>'
        f'<b style="left:{line.ceiling:.1f}%"></b></div>'
        f'<p class="range"><span class="soft">real photos</span> {escape(line.ceiling_shown)}</p>'
    )


def _remarks(report: Report) -> Iterator[str]:
    if report.notes:
        yield '<section class="remarks"><h2>Before you compare</h2><ul>'
        yield from (f"<li>{escape(note)}</li>" for note in report.notes)
        yield "</ul></section>"
    if report.left_out:
        yield '<section class="remarks"><h2>Left out</h2><ul>'
        for one in report.left_out:
            yield f"<li><b>{escape(one.what)}</b>: {escape(one.why)}. "
            yield f'<span class="soft">To get it: {escape(one.cure)}.</span></li>'
        yield "</ul></section>"
