"""How large a share of votes is, and how sure: votes on one question, or by one worker, are not independent.

Cameron, Gelbach, Miller: Robust Inference with Multiway Clustering (2011): the variances of both kinds of clusters are
added, what both count is subtracted. Dean, Pagano: Evaluating Confidence Interval Methods for Binomial Proportions in
Clustered Surveys (2015): Wilson's interval at the effective number of votes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import stats

from spadework.draw import Draw

CONFIDENCE = 0.95
RESAMPLES = 2000


@dataclass(frozen=True)
class Share:
    """A share of votes, 0 to 1, with its interval."""

    votes: int
    share: float
    low: float
    high: float
    effective: float
    """How many independent votes would tell as much."""
    p_value: float
    """How often independent votes at 50 % would be at least that far off: the exact binomial test, two-sided."""

    @property
    def decided(self) -> bool:
        """Whether the interval leaves out 50 %."""
        return not self.low <= 0.5 <= self.high


def share_of(
    won: np.ndarray, questions: np.ndarray, workers: np.ndarray, *, seed: int = 0, resamples: int = RESAMPLES
) -> Share:
    """The share of `won` (bool [V]) with its interval; `questions` and `workers` [V] say where each vote comes from.

    Raises ValueError without votes.
    """
    votes, wins = len(won), int(won.sum())
    if not votes:
        raise ValueError("no votes: there is no share")
    share = wins / votes
    p_value = float(stats.binomtest(wins, votes, 0.5).pvalue)

    # Few clusters tell little, however many votes they hold: as many degrees of freedom as the fewer, less one.
    clusters = {
        "questions": np.unique(questions, return_inverse=True)[1],
        "workers": np.unique(workers, return_inverse=True)[1],
    }
    fewest = min(int(numbers.max()) + 1 for numbers in clusters.values())
    if fewest == 1:
        return Share(votes, share, 0.0, 1.0, 1.0, p_value)
    t = float(stats.t.ppf(0.5 + CONFIDENCE / 2, fewest - 1))

    # V = V_questions + V_workers - V_votes, where each vote alone is what both hold in common.
    alone = share * (1 - share) / votes
    draw = Draw(seed, [0])
    both = [_variance(won, numbers, draw, name, resamples) for name, numbers in clusters.items()]
    variance = max(sum(both) - alone, *both)
    effective = min(share * (1 - share) / variance, float(votes)) if variance > 0 else float(fewest)
    return Share(votes, share, *_wilson(share, effective, t), effective, p_value)


def _variance(won: np.ndarray, clusters: np.ndarray, draw: Draw, name: str, resamples: int) -> float:
    """The variance of the share when whole clusters are drawn anew, with replacement."""
    votes, wins = np.bincount(clusters).astype(float), np.bincount(clusters, won).astype(float)  # [G]
    number = len(votes)
    drawn = (draw.uniform(name, resamples, number)[0].numpy() * number).astype(np.int64).clip(max=number - 1)  # [R, G]
    shares = wins[drawn].sum(1) / votes[drawn].sum(1)  # [R]
    return float(shares.var()) * number / (number - 1)


def _wilson(share: float, votes: float, t: float) -> tuple[float, float]:
    """Wilson's interval: (p + t^2/2n -+ t sqrt(p(1-p)/n + t^2/4n^2)) / (1 + t^2/n)."""
    middle = share + t**2 / (2 * votes)
    half = t * math.sqrt(share * (1 - share) / votes + t**2 / (4 * votes**2))
    whole = 1 + t**2 / votes
    return max((middle - half) / whole, 0.0), min((middle + half) / whole, 1.0)
