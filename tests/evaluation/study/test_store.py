"""Votes in SQLite: never lost, never counted twice, never more than wanted but for late ones."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, precondition, rule

from spadework.evaluation.study.plan import VOTES, Side
from spadework.evaluation.study.store import AHEAD, NotGiven, Store
from tests.evaluation.study.made import bare_study


class Clock:
    """A time that tests move."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_worker_goes_through_the_study(tmp_path: Path) -> None:
    study = bare_study(6, answers=2)
    store = Store(tmp_path, study)
    worker = store.join()
    seen = []
    while upcoming := store.upcoming(worker.number):
        assert upcoming == store.upcoming(worker.number) and len(upcoming) <= AHEAD
        vote, new = store.vote(worker.number, upcoming[0], "A", 1500)
        assert new and (vote.position, vote.side, vote.milliseconds) == (len(seen) + 1, "A", 1500)
        seen.append(upcoming[0])
    assert sorted(seen) == list(range(8)) and [vote.question for vote in store.votes_of(worker.number)] == seen
    assert all(vote.ours == store.assignment.ours(1, vote.question) for vote in store.votes())


def test_the_first_answer_counts(tmp_path: Path) -> None:
    store = Store(tmp_path, bare_study())
    worker = store.join().number
    (question, *_) = store.upcoming(worker)
    first, new = store.vote(worker, question, "A", None)
    assert new and store.vote(worker, question, "B", 9) == (first, False) and len(store.votes()) == 1


def test_what_was_not_given_is_refused(tmp_path: Path) -> None:
    store = Store(tmp_path, bare_study())
    worker, other = store.join().number, store.join().number
    given = store.upcoming(worker)
    for question in set(range(8)) - set(given) | {99}:
        with pytest.raises(NotGiven):
            store.vote(worker, question, "A", None)
    with pytest.raises(NotGiven):
        store.vote(other, given[0], "A", None)
    assert not store.votes() and store.was_given(worker, given[0]) and not store.was_given(other, given[0])


def test_a_lease_keeps_a_question_until_it_ends_and_late_votes_are_kept_and_marked(tmp_path: Path) -> None:
    clock = Clock()
    store = Store(tmp_path, bare_study(1, answers=1, checks=0), lease=60, clock=clock)
    slow, quick, third = (store.join().number for _ in range(3))
    assert store.upcoming(slow) == [0] and store.upcoming(quick) == []
    clock.now += 61
    assert store.upcoming(quick) == [0] and store.upcoming(third) == []
    assert not store.vote(quick, 0, "A", None)[0].surplus

    # The slow one comes back: nothing to do any more, but an answer from the page that was left open is kept.
    assert store.upcoming(slow) == []
    vote, new = store.vote(slow, 0, "B", None)
    assert new and vote.surplus and len(store.votes()) == 2


def test_a_lease_that_ended_is_taken_up_again_where_nobody_else_came(tmp_path: Path) -> None:
    clock = Clock()
    store = Store(tmp_path, bare_study(4, answers=1, checks=0), lease=60, clock=clock)
    worker = store.join().number
    first = store.upcoming(worker)
    clock.now += 10_000
    assert store.upcoming(worker) == first


def test_workers(tmp_path: Path) -> None:
    store = Store(tmp_path, bare_study())
    one, two = store.join(), store.join("P-17")
    assert store.join("P-17") == two != one and store.worker(one.token) == one and store.worker("x") is None
    links = store.personal(3)
    assert len(links) == 3 and store.personal(2) == links and len(store.personal(4)) == 4
    everybody = store.workers()
    assert len(everybody) == 6 and len({w.token for w in everybody}) == len({w.code for w in everybody}) == 6
    assert all(len(w.token) >= 20 and len(w.code) == 9 for w in everybody)


def test_another_studys_votes_and_damaged_files_are_refused(tmp_path: Path) -> None:
    Store(tmp_path, bare_study()).close()
    study = bare_study()
    other = type(study)(**{**study.__dict__, "id": "2" * 32})
    with pytest.raises(ValueError, match="another study"):
        Store(tmp_path, other)
    (tmp_path / VOTES).write_bytes(b"SQLite format 3\0" + b"no" * 3000)
    with pytest.raises(ValueError, match=VOTES):
        Store(tmp_path, study)
    with pytest.raises(ValueError, match=VOTES):
        Store(tmp_path / "nowhere", study)


def test_many_threads_and_two_stores_at_once(tmp_path: Path) -> None:
    """Ten workers race through one study over two connections, each answering twice."""
    study = bare_study(20, answers=3, checks=2)
    stores = [Store(tmp_path, study), Store(tmp_path, study)]
    failed = []

    def work(number: int) -> None:
        try:
            store = stores[number % 2]
            worker = store.join().number
            while upcoming := store.upcoming(worker):
                assert store.vote(worker, upcoming[0], "A", None)[1]
                assert not store.vote(worker, upcoming[0], "B", None)[1]
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    votes = [vote for vote in stores[0].votes() if not study.questions[vote.question].is_check]
    assert Counter(vote.question for vote in votes) == dict.fromkeys(study.real, 3)
    assert not any(vote.surplus for vote in votes) and all(vote.side == "A" for vote in votes)


VOTER = """
import sys
from pathlib import Path
from spadework.evaluation.study.store import Store
from tests.evaluation.study.made import bare_study

store = Store(Path(sys.argv[1]), bare_study(400, answers=1, checks=0))
worker = store.join().number
while upcoming := store.upcoming(worker):
    vote, new = store.vote(worker, upcoming[0], "A", None)
    print(worker, vote.question, flush=True)
"""


def test_a_killed_process_loses_no_confirmed_vote(tmp_path: Path) -> None:
    confirmed = set()
    for votes in (3, 20):
        process = subprocess.Popen(
            [sys.executable, "-c", VOTER, str(tmp_path)],
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[3],
        )
        assert process.stdout is not None
        for _ in range(votes):
            confirmed.add(tuple(map(int, process.stdout.readline().split())))
        os.kill(process.pid, signal.SIGKILL)
        confirmed |= {tuple(map(int, line.split())) for line in process.stdout if line.endswith("\n")}
        process.wait()
    store = Store(tmp_path, bare_study(400, answers=1, checks=0))
    kept = [(vote.worker, vote.question) for vote in store.votes()]
    assert len(confirmed) >= 23 and confirmed <= set(kept) and len(kept) == len(set(kept))
    assert len(set(kept) - confirmed) <= 2  # Written, but the kill came before the word of it.


def test_a_full_disk_refuses_the_vote_and_keeps_the_others(tmp_path: Path) -> None:
    store = Store(tmp_path, bare_study())
    worker = store.join().number
    first, second = store.upcoming(worker)
    store.vote(worker, first, "A", None)
    (pages,) = store._connection.execute("PRAGMA page_count").fetchone()
    store._connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(sqlite3.OperationalError, match="full"):
        for _ in range(10_000):
            store.join()
    assert [vote.question for vote in store.votes()] == [first]
    store._connection.execute("PRAGMA max_page_count = 100000")
    assert store.vote(worker, second, "B", None)[1]


class Interleaving(RuleBasedStateMachine):
    """Any order of workers who come, ask, answer, answer again, go away, and of servers that are killed."""

    workers = Bundle("workers")
    pages = Bundle("pages")
    lease = 100.0

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.clock = Clock()
        self.study = bare_study(5, ("crn", "sims"), answers=2, checks=2, per_worker=6)
        self.stores = [self.opened()]
        self.answers: dict[tuple[int, int], Side] = {}
        self.given: set[tuple[int, int]] = set()
        self.waited = False

    def opened(self) -> Store:
        return Store(self.folder, self.study, self.lease, self.clock)

    @property
    def store(self) -> Store:
        return self.stores[-1]

    @rule(target=workers)
    def join(self) -> int:
        return self.store.join().number

    @rule(target=pages, worker=workers)
    def ask(self, worker: int) -> object:
        upcoming = self.store.upcoming(worker)
        assert len(set(upcoming)) == len(upcoming) and not {(worker, one) for one in upcoming} & set(self.answers)
        self.given |= {(worker, one) for one in upcoming}
        return multiple(*[(worker, one) for one in upcoming])

    @rule(page=pages, side=st.sampled_from(["A", "B"]))
    def answer(self, page: tuple[int, int], side: Side) -> None:
        vote, new = self.store.vote(*page, side, None)
        assert new == (page not in self.answers)
        assert vote.side == self.answers.setdefault(page, side)

    @rule(page=consumes(pages))
    def close_the_page(self, page: tuple[int, int]) -> None:
        pass

    @rule(worker=workers, question=st.integers(0, 11))
    def answer_what_was_not_given(self, worker: int, question: int) -> None:
        if (worker, question) not in self.given:
            with pytest.raises(NotGiven):
                self.store.vote(worker, question, "A", None)

    @rule(seconds=st.sampled_from([1.0, 60.0, 101.0, 5000.0]))
    def wait(self, seconds: float) -> None:
        self.clock.now += seconds
        self.waited = self.waited or seconds > 1

    @precondition(lambda self: len(self.stores) < 5)
    @rule()
    def another_server(self) -> None:
        """As after a kill: nothing was closed."""
        self.stores.append(self.opened())

    @invariant()
    def no_vote_is_lost_or_counted_twice(self) -> None:
        votes = self.store.votes()
        assert {(vote.worker, vote.question): vote.side for vote in votes} == self.answers
        assert len(votes) == len(self.answers)

    @invariant()
    def no_question_gets_more_than_it_wants(self) -> None:
        seen = Counter[int]()
        for vote in self.store.votes():
            if not self.study.questions[vote.question].is_check:
                assert vote.surplus == (seen[vote.question] >= self.study.answers)
                seen[vote.question] += 1
        assert self.waited or all(count <= self.study.answers for count in seen.values())

    @invariant()
    def places_are_counted(self) -> None:
        for worker in {worker for worker, _ in self.answers}:
            mine = self.store.votes_of(worker)
            assert [vote.position for vote in mine] == list(range(1, len(mine) + 1))
            real = sum(not self.study.questions[vote.question].is_check for vote in mine)
            assert self.waited or real <= self.study.quota

    def teardown(self) -> None:
        for store in self.stores:
            store.close()
        shutil.rmtree(self.folder)


TestInterleaving = Interleaving.TestCase
TestInterleaving.settings = settings(max_examples=25, stateful_step_count=40, deadline=None)


@pytest.mark.soak
class TestManyInterleavings(Interleaving.TestCase):
    settings = settings(max_examples=3000, stateful_step_count=80, deadline=None)
