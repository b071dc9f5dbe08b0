"""The raw votes, for other programs: one row per answer, attention checks included."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from typing import Any

from spadework.evaluation.study.report import Report


def vote_rows(report: Report) -> list[dict[str, Any]]:
    """One dictionary per answer, in the order of arrival; docs/study.md explains the keys."""
    names = {record.worker.number: record.worker.name for record in report.workers}
    rows = []
    for vote in report.votes:
        question = report.study.questions[vote.question]
        other = "spoiled" if question.is_check else question.competitor
        right = "unspoiled" if question.is_check else report.study.ours
        rows.append(
            {
                "vote": vote.number,
                "time": datetime.fromtimestamp(vote.time, UTC).isoformat(timespec="milliseconds"),
                "worker": vote.worker,
                "worker_name": names[vote.worker],
                "position": vote.position,
                "question": vote.question,
                "label_map": question.name,
                "competitor": question.competitor,
                "check": question.is_check,
                "A": right if vote.ours == "A" else other,
                "B": right if vote.ours == "B" else other,
                "side": vote.side,
                "chosen": right if vote.side == vote.ours else other,
                "milliseconds": vote.milliseconds,
                "attentive": vote.worker in report.attentive,
                "surplus": vote.surplus,
                "counted": report.counts(vote),
            }
        )
    return rows


def as_csv(rows: list[dict[str, Any]]) -> str:
    """The rows as a table; truth is 1 or 0, nothing is empty."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(rows[0])
    table.writerows([int(value) if isinstance(value, bool) else value for value in row.values()] for row in rows)
    return text.getvalue()
