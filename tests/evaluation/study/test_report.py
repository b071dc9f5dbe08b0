"""The report: which votes count, what it says, and its files."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from spadework.evaluation.study.console import as_text
from spadework.evaluation.study.page import page
from spadework.evaluation.study.plan import VOTES, Side, Study
from spadework.evaluation.study.report import Majority, make_report
from spadework.evaluation.study.store import Store
from spadework.evaluation.study.votes_file import as_csv, vote_rows
from tests.evaluation.study.made import bare_study, small_study


def answer(store: Store, worker: int, *, prefers_ours: float = 1.0, attentive: bool = True, limit: int = 99) -> None:
    """A worker who goes through the study; `prefers_ours` of the questions, by their numbers, get a vote for ours."""
    for _ in range(limit):
        upcoming = store.upcoming(worker)
        if not upcoming:
            return
        ours = store.assignment.ours(worker, upcoming[0])
        other: Side = "B" if ours == "A" else "A"
        is_check = store.study.questions[upcoming[0]].is_check
        likes = attentive if is_check else upcoming[0] % 10 < 10 * prefers_ours
        store.vote(worker, upcoming[0], ours if likes else other, 1000 * worker)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A study of 10 questions x 3, answered by three who look and one who does not."""
    study = bare_study(10, answers=3, checks=2, misses=0)
    study.write(tmp_path)
    store = Store(tmp_path, study)
    workers = [store.join(), store.join("P-2"), store.join(), store.join()]
    for worker in workers[:2]:
        answer(store, worker.number, prefers_ours=0.8)
    answer(store, workers[2].number, prefers_ours=0.0, attentive=False)
    answer(store, workers[3].number)
    store.close()
    return tmp_path


def test_the_inattentive_are_marked_and_both_results_given(folder: Path) -> None:
    report = make_report(folder)
    assert [record.attentive for record in report.workers] == [True, True, False, True]
    assert [(record.votes, record.checks, record.missed) for record in report.workers] == [
        *[(10, 2, 0)] * 2,
        (10, 2, 2),
        (0, 0, 0),  # Nothing was left to do.
    ]
    (counted,), (everything,) = report.results, report.all_results
    assert counted.preference.votes == 20 and counted.preference.share == 0.8 and counted.workers == 2
    assert everything.preference.votes == 30 and everything.preference.share == pytest.approx(16 / 30)
    assert counted.majority == Majority(8, 2, 0) and everything.majority == Majority(8, 2, 0)
    assert counted.preference.low < 0.8 < counted.preference.high and report.seconds == 2.0

    # Another limit, other votes.
    assert make_report(folder, misses=2).results == make_report(folder, misses=2).all_results


def test_late_votes_do_not_count_but_are_there(tmp_path: Path) -> None:
    study = bare_study(2, answers=1, checks=0)
    study.write(tmp_path)
    now = [0.0]
    store = Store(tmp_path, study, lease=10, clock=lambda: now[0])
    slow, quick = store.join().number, store.join().number
    store.upcoming(slow)
    now[0] = 11
    answer(store, quick)
    store.vote(slow, 0, "A", None)
    store.close()
    report = make_report(tmp_path)
    assert report.results[0].preference.votes == 2 and report.all_results[0].preference.votes == 3
    assert report.to_json()["votes_surplus"] == 1 and "1 of them surplus" in as_text(report)
    assert [row["counted"] for row in vote_rows(report)] == [True, True, False]


def test_several_competitors_and_ties(tmp_path: Path) -> None:
    study = bare_study(4, ("crn", "sims", "pix2pixHD"), answers=2, checks=0)
    study.write(tmp_path)
    store = Store(tmp_path, study)
    answer(store, store.join().number, prefers_ours=1.0)
    answer(store, store.join().number, prefers_ours=0.0)
    store.close()
    report = make_report(tmp_path)
    assert [result.competitor for result in report.results] == ["crn", "sims", "pix2pixHD"]
    # The second one prefers theirs everywhere: every question is a tie.
    assert all(result.majority == Majority(0, 0, 4) for result in report.results)
    assert all(result.preference.share == 0.5 and not result.preference.decided for result in report.results)
    assert as_text(report).count("not distinguishable from 50 %") == 3


def test_files(folder: Path) -> None:
    report = make_report(folder)
    data = json.loads(json.dumps(report.to_json(), allow_nan=False))
    assert data["votes"] == 30 and data["votes_wanted"] == 30 and data["votes_counted"] == 20
    assert data["results"][0]["percent_ours"] == 80 and data["results"][0]["majority"] == {
        "ours": 8,
        "theirs": 2,
        "ties": 0,
    }
    rows = vote_rows(report)
    read = list(csv.DictReader(io.StringIO(as_csv(rows))))
    assert len(read) == len(rows) == 36 and list(read[0]) == list(rows[0])
    counted = [row for row in read if row["counted"] == "1"]
    assert len(counted) == 20 and sum(row["chosen"] == "ours" for row in counted) == 16
    assert all(row["chosen"] == row[row["side"]] for row in read)
    checks = [row for row in read if row["check"] == "1"]
    assert len(checks) == 6 and sum(row["chosen"] == "spoiled" for row in checks) == 2
    assert {row["worker_name"] for row in read} == {"", "P-2"}

    # Tokens let others answer in a worker's place: they are nowhere.
    store = Store(folder, Study.read(folder))
    for worker in store.workers():
        assert worker.token not in json.dumps(data) + json.dumps(rows) + as_csv(rows)
    store.close()


def test_the_page(tmp_path: Path) -> None:
    folder = small_study(tmp_path, 8, answers=2, our_name="mine & <b>", checks=0.1, misses=0)
    store = Store(folder, Study.read(folder))
    answer(store, store.join().number, prefers_ours=0.4)
    answer(store, store.join("P<script>").number, prefers_ours=0.4, attentive=False)
    store.close()
    html = page(make_report(folder))
    assert html.startswith("<!doctype html>") and "<script" not in html and "mine &amp; &lt;b&gt;" in html
    assert "http" not in html and html.count("data:image/jpeg;base64,") == 18
    assert (
        "All votes" in html and "not attentive" in html and "won most clearly" in html and "lost most clearly" in html
    )


def test_published_numbers_stand_apart(folder: Path, tmp_path: Path) -> None:
    assert make_report(folder).published == ()
    asked = small_study(tmp_path / "asked", 4, answers=1)
    Study(**{**Study.read(asked).__dict__, "data": "cityscapes"}).write(asked)
    store = Store(asked, Study.read(asked))
    answer(store, store.join().number)
    store.close()
    report = make_report(asked)
    assert {(row.competitor, row.percent) for row in report.published} >= {("SIMS", 51.52)}
    assert "published for SPADE, not measured here" in as_text(report) and "Not measured here" in page(report)


def test_nothing_to_report(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is no study"):
        make_report(tmp_path)
    study = bare_study()
    study.write(tmp_path)
    with pytest.raises(ValueError, match="no votes yet"):
        make_report(tmp_path)
    with pytest.raises(ValueError, match="--misses -1"):
        make_report(tmp_path, misses=-1)
    assert (tmp_path / VOTES).is_file()


def test_nobody_was_attentive(tmp_path: Path) -> None:
    study = bare_study(3, answers=1, checks=1, misses=0)
    study.write(tmp_path)
    store = Store(tmp_path, study)
    answer(store, store.join().number, attentive=False)
    store.close()
    report = make_report(tmp_path)
    assert report.results == () and len(report.all_results) == 1
    assert "0 of 3 wanted votes" in as_text(report) and "None." in page(report)
