"""Who gets which question next, where our picture stands, and when an attention check comes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import lru_cache

from spadework.draw import Draw
from spadework.evaluation.study.plan import Side, Study

REMEMBERED = 512
"""Workers whose random order is kept in memory."""


class Assignment:
    """The order of questions for every worker of a study: a function of the study's seed and the worker's number."""

    def __init__(self, study: Study) -> None:
        self.study = study
        self._ranks = lru_cache(REMEMBERED)(self._draw_ranks)
        self._sides = lru_cache(REMEMBERED)(self._draw_sides)

    def next(self, worker: int, mine: Collection[int], load: Mapping[int, int]) -> int | None:
        """The number of the next question for a worker, or None where there is none.

        `mine` are the questions that the worker has answered or has on screen, attention checks included; `load` says
        how many others have answered a question or have it on screen. Questions with the smallest load come first,
        those whose label map the worker has not seen before all others.
        """
        questions, rank = self.study.questions, self._ranks(worker)
        left = self.study.quota - sum(not questions[number].is_check for number in mine)
        seen = {questions[number].name for number in mine}
        open_questions = [
            number for number in self.study.real if number not in mine and load.get(number, 0) < self.study.answers
        ]
        if left <= 0 or not open_questions:
            return None
        if len(mine) in self.check_places(worker):
            checks = [number for number in self.study.check_numbers if number not in mine]
            if checks:
                return min(checks, key=lambda number: rank[number])
        return min(open_questions, key=lambda one: (questions[one].name in seen, load.get(one, 0), rank[one]))

    def ours(self, worker: int, question: int) -> Side:
        """Where our picture stands for a worker (in an attention check: the picture that is not spoiled)."""
        return "A" if self._sides(worker)[question] else "B"

    def check_places(self, worker: int) -> frozenset[int]:
        """The places of attention checks in a worker's sequence, evenly spread, each at random in its stretch.

        The last place is a question's, so that every check has a question behind it.
        """
        checks, length = self.study.checks, self.study.checks + self.study.quota - 1
        if not checks or length < 1:
            return frozenset()
        shifts = self._draw(worker).uniform("places of checks", checks)[0].tolist()
        starts = [number * length // checks for number in range(checks + 1)]
        stretches = zip(starts, starts[1:], shifts, strict=False)
        return frozenset(start + int(shift * (end - start)) for start, end, shift in stretches)

    def _draw_ranks(self, worker: int) -> list[int]:
        return self._draw(worker).permutation("order", len(self.study.questions))[0].tolist()

    def _draw_sides(self, worker: int) -> list[bool]:
        return (self._draw(worker).uniform("sides", len(self.study.questions))[0] < 0.5).tolist()

    def _draw(self, worker: int) -> Draw:
        return Draw(self.study.seed, [worker])
