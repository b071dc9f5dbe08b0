"""Who gets what: order, sides and attention checks, from the seed alone."""

from __future__ import annotations

from collections import Counter

import pytest

from spadework.evaluation.study.assign import Assignment
from tests.evaluation.study.made import bare_study


def sequence(assignment: Assignment, worker: int, load: dict[int, int] | None = None) -> list[int]:
    """All questions of a worker who answers to the end."""
    mine: list[int] = []
    while (question := assignment.next(worker, mine, load or {})) is not None:
        mine.append(question)
    return mine


def test_each_worker_has_an_order_of_their_own_and_no_repeats() -> None:
    study = bare_study(30, checks=4)
    assignment = Assignment(study)
    orders = [sequence(assignment, worker) for worker in range(1, 6)]
    assert all(sorted(order) == list(range(34)) for order in orders)
    assert len({tuple(order) for order in orders}) == 5
    assert orders == [sequence(Assignment(study), worker) for worker in range(1, 6)]
    assert orders[0] != sequence(Assignment(bare_study(30, checks=4, seed=1)), 1)


@pytest.mark.parametrize(("questions", "checks"), [(50, 5), (6, 3), (7, 1), (2, 1), (1, 1), (40, 20)])
def test_checks_are_spread_and_never_last(questions: int, checks: int) -> None:
    study = bare_study(questions, checks=checks)
    for worker in range(40):
        order = sequence(Assignment(study), worker)
        places = [place for place, question in enumerate(order) if study.questions[question].is_check]
        assert len(places) == checks and places[-1] < len(order) - 1
        stretch = (questions + checks - 1) / checks
        assert all(int(n * stretch) <= place < (n + 1) * stretch for n, place in enumerate(places))


def test_a_worker_stops_at_the_quota() -> None:
    study = bare_study(30, checks=2, per_worker=8)
    order = sequence(Assignment(study), 1)
    assert len(order) == 10 and sum(study.questions[question].is_check for question in order) == 2


def test_questions_with_the_fewest_answers_come_first_and_full_ones_never() -> None:
    study = bare_study(6, checks=0, answers=3)
    load = {0: 3, 1: 2, 2: 2, 3: 1, 4: 1, 5: 4}
    order = sequence(Assignment(study), 1, load)
    assert set(order[:2]) == {3, 4} and set(order[2:]) == {1, 2}


def test_unseen_label_maps_come_first() -> None:
    study = bare_study(5, ("crn", "pix2pixHD"), checks=0)
    order = sequence(Assignment(study), 3)
    names = [study.questions[question].name for question in order]
    assert len(set(names[:5])) == 5 and len(names) == 10


def test_sides_are_random_per_question_and_worker() -> None:
    study = bare_study(50, checks=0)
    assignment = Assignment(study)
    sides = {(worker, question): assignment.ours(worker, question) for worker in range(40) for question in range(50)}
    assert 900 < Counter(sides.values())["A"] < 1100
    for fixed in (0, 1):  # For any one worker, and for any one question.
        shares = Counter(key[fixed] for key, side in sides.items() if side == "A")
        assert all(0.15 < shares[value] / (50, 40)[fixed] < 0.85 for value in range((40, 50)[fixed]))
    assert sides == {key: Assignment(study).ours(*key) for key in sides}
