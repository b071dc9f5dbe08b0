"""What the votes say: shares with intervals, majorities, who paid attention, and how long answers took."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from spadework.evaluation.published import PublishedPreference, published_preferences
from spadework.evaluation.study.plan import VOTES, Study
from spadework.evaluation.study.share import CONFIDENCE, RESAMPLES, Share, share_of
from spadework.evaluation.study.store import Store
from spadework.evaluation.study.vote import Vote, Worker

VERSION = 1
"""Of the JSON form; a change of the meaning of a key raises it."""


@dataclass(frozen=True)
class Majority:
    """Questions by what most of their votes say."""

    ours: int
    theirs: int
    ties: int


@dataclass(frozen=True)
class Result:
    """Ours against one competitor, by the votes of some workers."""

    competitor: str
    preference: Share
    """The share of votes for ours."""
    questions: int
    workers: int
    majority: Majority


@dataclass(frozen=True)
class WorkerRecord:
    """One worker's work."""

    worker: Worker
    votes: int
    """Attention checks not counted."""
    checks: int
    missed: int
    attentive: bool
    seconds: float | None
    """Median time of an answer."""
    share_a: float | None
    """How often picture A was chosen, attention checks not counted: far from 0.5 is odd."""


@dataclass(frozen=True)
class Report:
    """The whole report; the folder holds the pictures."""

    folder: Path
    study: Study
    misses: int
    """Attention checks that a worker may miss."""
    votes: tuple[Vote, ...]
    workers: tuple[WorkerRecord, ...]
    results: tuple[Result, ...]
    """By the votes that count: of attentive workers, no more per question than were wanted."""
    all_results: tuple[Result, ...]
    """By all votes."""
    published: tuple[PublishedPreference, ...]
    """What the paper printed for this data set: not measured here."""

    @property
    def attentive(self) -> frozenset[int]:
        """The numbers of workers who paid attention."""
        return frozenset(record.worker.number for record in self.workers if record.attentive)

    def counts(self, vote: Vote) -> bool:
        """Whether a vote is one of those in `results`."""
        return not self.is_check(vote) and not vote.surplus and vote.worker in self.attentive

    def is_check(self, vote: Vote) -> bool:
        """Whether a vote answers an attention check."""
        return self.study.questions[vote.question].is_check

    @property
    def seconds(self) -> float | None:
        """Median time of an answer."""
        return _median_seconds([vote for vote in self.votes if not self.is_check(vote)])

    def to_json(self) -> dict[str, Any]:
        """JSON types only; docs/study.md explains the keys."""
        real = [vote for vote in self.votes if not self.is_check(vote)]
        return {
            "version": VERSION,
            "data": self.study.data,
            "ours": self.study.ours,
            "confidence": CONFIDENCE,
            "questions": len(self.study.real),
            "answers_per_question": self.study.answers,
            "votes": len(real),
            "votes_wanted": self.study.wanted,
            "votes_counted": sum(map(self.counts, real)),
            "votes_surplus": sum(vote.surplus for vote in real),
            "misses_allowed": self.misses,
            "seconds_median": self.seconds,
            "results": [_result_json(result) for result in self.results],
            "results_of_all_votes": [_result_json(result) for result in self.all_results],
            "workers": [_worker_json(record) for record in self.workers],
            "published": [asdict(row) for row in self.published],
        }


def make_report(folder: Path, misses: int | None = None, resamples: int = RESAMPLES) -> Report:
    """Count the votes of a study, also while it is served.

    `misses` is how many attention checks a worker may miss; unless given, what the study was created with. Raises
    ValueError for a folder that is no study, and for one without votes.
    """
    if misses is not None and misses < 0:
        raise ValueError(f"--misses {misses}: expected 0 or more")
    study = Study.read(folder)
    store = Store(folder, study)
    try:
        votes, workers = store.votes(), store.workers()
    finally:
        store.close()
    if all(study.questions[vote.question].is_check for vote in votes):
        raise ValueError(f"{folder / VOTES}: no votes yet; `spadework study serve {folder}` collects them")

    allowed = study.misses if misses is None else misses
    records = tuple(_record(worker, votes, study, allowed) for worker in workers)
    report = Report(folder, study, allowed, tuple(votes), records, (), (), published_preferences(study.data))
    real = [vote for vote in votes if not report.is_check(vote)]
    return Report(
        **{
            **report.__dict__,
            "results": _results([vote for vote in real if report.counts(vote)], study, resamples),
            "all_results": _results(real, study, resamples),
        }
    )


def _record(worker: Worker, votes: Sequence[Vote], study: Study, allowed: int) -> WorkerRecord:
    mine = [vote for vote in votes if vote.worker == worker.number]
    checks = [vote for vote in mine if study.questions[vote.question].is_check]
    real = [vote for vote in mine if not study.questions[vote.question].is_check]
    missed = sum(vote.side != vote.ours for vote in checks)
    share_a = sum(vote.side == "A" for vote in real) / len(real) if real else None
    return WorkerRecord(worker, len(real), len(checks), missed, missed <= allowed, _median_seconds(real), share_a)


def _results(votes: Sequence[Vote], study: Study, resamples: int) -> tuple[Result, ...]:
    """A result for each competitor with votes, in the study's order."""
    results = []
    for competitor in study.competitors:
        about = [vote for vote in votes if study.questions[vote.question].competitor == competitor]
        if about:
            won = np.array([vote.side == vote.ours for vote in about])
            questions = np.array([vote.question for vote in about])
            workers = np.array([vote.worker for vote in about])
            share = share_of(won, questions, workers, seed=study.seed, resamples=resamples)
            asked, asking = len(set(questions.tolist())), len(set(workers.tolist()))
            results.append(Result(competitor, share, asked, asking, _majority(about)))
    return tuple(results)


def _majority(votes: Sequence[Vote]) -> Majority:
    lead = Counter[int]()
    for vote in votes:
        lead[vote.question] += 1 if vote.side == vote.ours else -1
    signs = Counter(int(np.sign(number)) for number in lead.values())
    return Majority(signs[1], signs[-1], signs[0])


def _median_seconds(votes: Sequence[Vote]) -> float | None:
    times = [vote.milliseconds / 1000 for vote in votes if vote.milliseconds is not None]
    return median(times) if times else None


def _result_json(result: Result) -> dict[str, Any]:
    share = result.preference
    return {
        "competitor": result.competitor,
        "percent_ours": 100 * share.share,
        "low": 100 * share.low,
        "high": 100 * share.high,
        "distinguishable_from_50": share.decided,
        "votes": share.votes,
        "effective_votes": share.effective,
        "binomial_p": share.p_value,
        "questions": result.questions,
        "workers": result.workers,
        "majority": asdict(result.majority),
    }


def _worker_json(record: WorkerRecord) -> dict[str, Any]:
    """Without the token, which is the worker's own."""
    return {
        "worker": record.worker.number,
        "name": record.worker.name,
        "code": record.worker.code,
        "votes": record.votes,
        "checks": record.checks,
        "missed": record.missed,
        "attentive": record.attentive,
        "seconds_median": record.seconds,
        "share_a": record.share_a,
    }
