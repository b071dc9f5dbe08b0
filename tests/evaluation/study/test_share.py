"""Shares of votes and their intervals: formulas, edges, and how often they hold the truth."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from spadework.evaluation.study.share import Share, share_of


def votes(
    random: np.random.Generator, questions: int, answers: int, workers: int, mean: float, *spread: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Who won, on which question, by which worker: log-odds vary by question and by worker."""
    question = np.repeat(np.arange(questions), answers)
    worker = np.concatenate([random.permutation(workers)[:answers] for _ in range(questions)])
    by_question, by_worker = random.normal(0, spread[0], questions), random.normal(0, spread[1], workers)
    odds = mean + by_question[question] + by_worker[worker]
    return random.random(len(question)) < 1 / (1 + np.exp(-odds)), question, worker


def coverage(studies: int, *design: float) -> float:
    """The share of simulated studies whose interval holds the preference of all people on all maps."""
    random = np.random.default_rng(0)
    odds = design[3] + random.normal(0, math.hypot(*design[4:]), 1_000_000)
    truth = (1 / (1 + np.exp(-odds))).mean()
    found = [share_of(*votes(random, *design), resamples=200) for _ in range(studies)]  # type: ignore[arg-type]
    return float(np.mean([share.low <= truth <= share.high for share in found]))


@pytest.mark.parametrize(
    "design",
    [
        (60, 5, 20, 0.6, 0.0, 0.0),
        (60, 5, 20, 0.6, 1.0, 0.0),
        (60, 5, 20, 0.6, 1.0, 0.7),
        (60, 5, 20, 3.5, 0.5, 0.5),
        (20, 3, 5, 0.0, 0.5, 0.5),
    ],
)
def test_intervals_hold_the_truth_as_often_as_they_say(design: tuple[float, ...]) -> None:
    assert 0.91 <= coverage(200, *design) <= 1.0


@pytest.mark.slow
@pytest.mark.parametrize(
    "design", [(60, 5, 20, 0.6, 0.0, 0.0), (60, 5, 40, 0.6, 1.0, 0.7), (200, 5, 50, 1.2, 1.0, 0.5)]
)
def test_intervals_are_not_too_wide_either(design: tuple[float, ...]) -> None:
    assert 0.925 <= coverage(1500, *design) <= 0.98


def test_clusters_make_intervals_wider() -> None:
    random = np.random.default_rng(3)
    won = random.random(300) < 0.7
    alone = share_of(won, np.arange(300), np.arange(300))
    # The same votes, ten times each: no more is known than before.
    again = share_of(np.repeat(won, 10), np.repeat(np.arange(300), 10), np.tile(np.arange(50), 60))
    assert again.votes == 10 * alone.votes and again.share == alone.share
    assert again.effective < 1.3 * alone.effective and (again.high - again.low) > 0.85 * (alone.high - alone.low)


def test_independent_votes_give_wilsons_interval() -> None:
    won = np.arange(400) < 300
    share = share_of(won, np.arange(400), np.arange(400), resamples=20_000)
    wilson = stats.binomtest(300, 400).proportion_ci(method="wilson")
    assert (share.low, share.high) == pytest.approx((wilson.low, wilson.high), abs=0.004)
    assert share.effective == pytest.approx(400, rel=0.05) and share.decided


def test_the_papers_smallest_difference() -> None:
    """51.52 % of 2,500 votes is not distinguishable from 50 % even were all of them independent."""
    share = share_of(np.arange(2500) < 1288, np.arange(2500) // 5, np.arange(2500) % 50)
    assert share.share == 0.5152 and not share.decided and share.p_value == pytest.approx(0.134, abs=0.001)


@pytest.mark.parametrize("wins", [0, 60])
def test_unanimous_votes(wins: int) -> None:
    share = share_of(np.arange(60) < wins, np.arange(60) // 5, np.arange(60) % 12)
    assert share.share == wins / 60 and 0 <= share.low <= share.share <= share.high <= 1
    assert 0.1 < share.high - share.low < 0.5 and share.decided


def test_one_worker_or_one_question_says_nothing_of_others() -> None:
    same = np.zeros(20, int)
    for questions, workers in [(np.arange(20), same), (same, np.arange(20)), (same, same)]:
        share = share_of(np.ones(20, bool), questions, workers)
        assert (share.low, share.high, share.decided) == (0.0, 1.0, False)


def test_the_same_votes_give_the_same_interval() -> None:
    design = votes(np.random.default_rng(0), 30, 5, 10, 0.5, 1.0, 0.5)
    assert share_of(*design) == share_of(*design) != share_of(*design, seed=1)


def test_no_votes() -> None:
    empty = np.zeros(0, int)
    with pytest.raises(ValueError, match="no votes"):
        share_of(empty.astype(bool), empty, empty)


def test_decided() -> None:
    assert Share(10, 0.7, 0.51, 0.9, 10, 0.1).decided and Share(10, 0.3, 0.1, 0.49, 10, 0.1).decided
    assert not Share(10, 0.7, 0.5, 0.9, 10, 0.1).decided
