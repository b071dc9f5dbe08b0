"""The report as one HTML file that needs nothing else: intervals, majorities, workers, and the clearest questions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

from PIL import Image

from spadework.evaluation.study.plan import Picture, Study
from spadework.evaluation.study.report import Report, Result
from spadework.web_page import picture_uri, web_page

STYLE = Path(__file__).with_name("page.css")
EXAMPLES = 3
"""Questions of each kind that are shown with pictures."""
SIDE = 220
"""Pixels: the longer side of their pictures."""


def page(report: Report) -> str:
    """The page."""
    study = report.study
    title = f"{study.data}: how often people preferred {study.ours}"
    inside = report.all_results if _differ(report) else ()
    parts = [
        f"<h1>{escape(title)}</h1>",
        *_summary(report),
        *_results("Votes that count", _counting(report), report.results, report),
        *(_results("All votes", "Those of all workers, surplus ones included.", inside, report) if inside else []),
        *_published(report),
        *_examples(report),
        *_workers(report),
        *_reading(),
    ]
    return web_page(title, "\n".join(parts), STYLE.read_text(encoding="utf-8"))


def _differ(report: Report) -> bool:
    return any(not report.is_check(vote) and not report.counts(vote) for vote in report.votes)


def _summary(report: Report) -> Iterator[str]:
    study = report.study
    real = [vote for vote in report.votes if not report.is_check(vote)]
    time = "" if report.seconds is None else f"; {report.seconds:.1f} seconds per answer (median)"
    yield '<p class="soft">A label map and two results: which looks more like a photo of this layout? '
    yield f"{len(study.real):,} questions, {study.answers} answers wanted for each: {len(real):,} of {study.wanted:,} "
    yield f"votes are there, by {len(report.workers)} workers{time}.</p>"


def _counting(report: Report) -> str:
    left_out = len(report.workers) - len(report.attentive)
    surplus = sum(vote.surplus for vote in report.votes)
    left = [f"workers who missed more than {report.misses} attention checks ({left_out})"] if left_out else []
    left += [f"votes beyond those that a question wanted ({surplus})"] if surplus else []
    return f"Left out: {' and '.join(left)}." if left else "All of them: nobody failed the attention checks."


def _results(title: str, note: str, results: Sequence[Result], report: Report) -> Iterator[str]:
    yield f'<h2>{title}</h2><p class="soft">{escape(note)}</p>'
    if not results:
        yield "<p>None.</p>"
        return
    yield '<div class="scroll"><table class="results"><thead><tr><th class="left">against</th>'
    yield f'<th class="left">for {escape(report.study.ours)}, 95 % interval</th>'
    yield '<th class="axis"><div><span>0 %</span><span>50 %</span><span>100 %</span></div></th>'
    yield "<th>votes</th><th>workers</th>"
    yield '<th title="questions, by most of their votes">won · tied · lost</th></tr></thead><tbody>'
    for one in results:
        share, majority = one.preference, one.majority
        low, high, middle = 100 * share.low, 100 * share.high, 100 * share.share
        span = f'<i class="range" style="left:{low:.2f}%;width:{high - low:.2f}%"></i>'
        chart = f'<div class="chart">{span}<i class="dot" style="left:{middle:.2f}%"></i></div>'
        verdict = "" if share.decided else '<br><span class="soft">not distinguishable from 50 %</span>'
        yield f'<tr class="{"" if share.decided else "undecided"}"><td class="left">{escape(one.competitor)}</td>'
        yield f'<td class="left"><b>{middle:.1f} %</b> &nbsp;{low:.1f} to {high:.1f}{verdict}</td><td>{chart}</td>'
        yield f"<td>{share.votes:,}</td><td>{one.workers}</td>"
        yield f"<td>{majority.ours} · {majority.ties} · {majority.theirs}</td></tr>"
    yield "</tbody></table></div>"


def _published(report: Report) -> Iterator[str]:
    if not report.published:
        return
    sources = "; ".join(dict.fromkeys(row.source for row in report.published))
    yield f'<h2>Published for {escape(report.study.data)}</h2><p class="soft">Not measured here, but printed in a '
    yield f"paper for its own pictures and workers: {escape(sources)}.</p>"
    yield '<div class="scroll"><table class="narrow"><tbody>'
    for row in report.published:
        yield f'<tr><td class="left">SPADE against {escape(row.competitor)}</td><td>{row.percent:.2f} %</td></tr>'
    yield "</tbody></table></div>"


def _examples(report: Report) -> Iterator[str]:
    """The questions on which most votes agree, with their pictures."""
    for competitor in report.study.competitors:
        lead = Counter[int]()
        for vote in filter(report.counts, report.votes):
            if report.study.questions[vote.question].competitor == competitor:
                lead[vote.question] += 1 if vote.side == vote.ours else -1
        ranked = sorted(lead, key=lambda question: (-lead[question], question))
        kinds = {
            f"won most clearly against {competitor}": [one for one in ranked[:EXAMPLES] if lead[one] > 0],
            f"lost most clearly to {competitor}": [one for one in ranked[::-1][:EXAMPLES] if lead[one] < 0],
        }
        for kind, questions in kinds.items():
            if questions:
                yield f"<h2>{escape(report.study.ours)} {escape(kind)}</h2><div class='examples'>"
                for question in questions:
                    yield from _example(report, question)
                yield "</div>"


def _example(report: Report, number: int) -> Iterator[str]:
    question = report.study.questions[number]
    votes = [vote for vote in report.votes if vote.question == number and report.counts(vote)]
    won = sum(vote.side == vote.ours for vote in votes)
    captions: dict[Picture, str] = {"layout": "layout", "ours": report.study.ours, "theirs": str(question.competitor)}
    share = f'<span class="soft">{won} of {len(votes)} votes</span>'
    yield f'<div class="example"><p><code>{escape(question.name)}</code> {share}</p><div class="pictures">'
    for kind, caption in captions.items():
        source = _uri(Study.picture(report.folder, number, kind))
        yield f'<figure><img src="{source}" alt=""><figcaption>{escape(caption)}</figcaption></figure>'
    yield "</div></div>"


def _workers(report: Report) -> Iterator[str]:
    yield '<h2>Workers</h2><div class="scroll"><table><thead><tr><th>worker</th><th class="left">name</th>'
    yield '<th class="left">code</th><th>votes</th>'
    yield "<th>checks missed</th><th>seconds per answer</th><th>chose A</th><th></th></tr></thead><tbody>"
    for one in report.workers:
        seconds = "" if one.seconds is None else f"{one.seconds:.1f}"
        share = "" if one.share_a is None else f"{one.share_a:.0%}"
        verdict = "" if one.attentive else "<b class='error'>not attentive</b>"
        yield f'<tr><td>{one.worker.number}</td><td class="left">{escape(one.worker.name or "")}</td>'
        yield f'<td class="left"><code>{one.worker.code}</code></td><td>{one.votes}</td>'
        yield f"<td>{one.missed} of {one.checks}</td><td>{seconds}</td><td>{share}</td><td>{verdict}</td></tr>"
    yield "</tbody></table></div>"


def _reading() -> Iterator[str]:
    yield "<h2>How to read the intervals</h2>"
    yield "<p>Were the study done again with other label maps of the same kind and other people, about 95 of 100 such "
    yield "intervals would hold the preference of all people on all maps. Votes on one question, or by one worker, "
    yield "resemble each other, so the interval is wider than the number of votes alone would make it. Where it holds "
    yield "50 %, the votes do not say which system people prefer.</p>"


def _uri(path: Path) -> str:
    """A reduced picture as the address of itself."""
    with Image.open(path) as image:
        image.thumbnail((SIDE, SIDE))
        return picture_uri(image.convert("RGB"), "JPEG")
