"""The report as text: the paper's table 2, with intervals."""

from __future__ import annotations

from collections.abc import Iterator

from spadework.evaluation.study.report import Report, Result


def as_text(report: Report) -> str:
    """The table for the votes that count, the one for all votes, and what is to be known about them."""
    return "\n".join(_lines(report))


def _lines(report: Report) -> Iterator[str]:
    study = report.study
    real = [vote for vote in report.votes if not report.is_check(vote)]
    counted = sum(map(report.counts, real))
    yield f"{study.data}: how often workers preferred {study.ours}, with 95 % intervals"
    rows = [_row(result, "") for result in report.results]
    rows += [_row(result, "all votes") for result in report.all_results] if counted < len(real) else []
    rows += [
        (f"vs {one.competitor}", f"{one.percent:.2f} %", "", "published for SPADE, not measured here", "")
        for one in report.published
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  " + "   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
    inattentive = len(report.workers) - len(report.attentive)
    surplus = sum(vote.surplus for vote in real)
    yield f"{counted} of {study.wanted} wanted votes; {len(real)} in all, {surplus} of them surplus"
    yield f"{len(report.workers)} workers, {inattentive} of them missed more than {report.misses} attention checks"
    if report.seconds is not None:
        yield f"{report.seconds:.1f} seconds per answer (median)"


def _row(result: Result, about: str) -> tuple[str, ...]:
    share = result.preference
    notes = [about] if about else []
    if not share.decided:
        notes.append("not distinguishable from 50 %")
    return (
        f"vs {result.competitor}",
        f"{100 * share.share:.2f} %",
        f"[{100 * share.low:.1f}, {100 * share.high:.1f}]",
        f"{share.votes} votes, {result.questions} questions, {result.workers} workers",
        "; ".join(notes),
    )
