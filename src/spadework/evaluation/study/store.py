"""Workers, leases and votes of a study, in a SQLite file: what was confirmed survives any kill.

A *lease* says that a worker has a question on screen, or will have it next. While it runs, the question counts as
answered for everybody else. A vote without lease is refused; one that comes after the lease ended is kept.
"""

from __future__ import annotations

import secrets
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

from spadework.evaluation.study.assign import Assignment
from spadework.evaluation.study.plan import VOTES, Side, Study
from spadework.evaluation.study.vote import Vote, Worker

VERSION = 1
"""Of the tables."""
LEASE = 600.0
"""Seconds."""
AHEAD = 2
"""Questions that a worker has at a time: one on screen, one whose pictures are fetched."""
LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""Of thank-you codes: none that looks like another one."""

TABLES = Path(__file__).with_name("tables.sql")


class NotGiven(Exception):
    """A vote for a question that the worker never got."""


class Store:
    """The file votes.sqlite of a study folder, made where it is missing. Safe for threads and several processes."""

    def __init__(
        self, folder: Path, study: Study, lease: float = LEASE, clock: Callable[[], float] = time.time
    ) -> None:
        """Open it; raises ValueError where the file is damaged, unusable, or another study's."""
        self.study = study
        self.assignment = Assignment(study)
        self._lease = lease
        self._clock = clock
        self._lock = threading.Lock()
        path = folder / VOTES
        try:
            self._connection = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
            try:
                self._open(path)
            except BaseException:
                self._connection.close()
                raise
        except sqlite3.Error as error:
            raise ValueError(
                f"{path}: {error}; it must be a study's file of votes, undamaged, in a folder where you may write"
            ) from None

    def _open(self, path: Path) -> None:
        # Write-ahead, and on the disk before a transaction counts as done.
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        with self._transaction():
            if not self._rows("SELECT name FROM sqlite_master WHERE name = 'study'"):
                for statement in TABLES.read_text(encoding="utf-8").split(";"):
                    self._connection.execute(statement)
                self._connection.execute("INSERT INTO study VALUES (?, ?)", (self.study.id, VERSION))
            ((id, version),) = self._rows("SELECT id, version FROM study")
        if id != self.study.id:
            raise ValueError(
                f"{path} holds the votes of another study; put back the file that belongs to this study.json"
            )
        if version != VERSION:
            raise ValueError(f"{path}: version {version} of the tables, this spadework reads version {VERSION}")

    def close(self) -> None:
        """Close the file; what is in the write-ahead log goes into it."""
        self._connection.close()

    # Workers.

    def join(self, name: str | None = None, *, personal: bool = False) -> Worker:
        """A new worker; or the one of that name, where another platform has sent them before."""
        with self._transaction():
            known = self._workers("WHERE name = ?", name)
            return known[0] if known else self._new_worker(name, personal)

    def personal(self, count: int) -> list[Worker]:
        """The workers of personal links, of which there are `count` at least."""
        with self._transaction():
            for _ in range(count - len(self._workers("WHERE personal"))):
                self._new_worker(None, True)
            return self._workers("WHERE personal ORDER BY number")

    def worker(self, token: str) -> Worker | None:
        """Whose link has this token."""
        with self._lock:
            return next(iter(self._workers("WHERE token = ?", token)), None)

    def workers(self) -> list[Worker]:
        """All of them."""
        with self._lock:
            return self._workers("ORDER BY number")

    # Questions and votes.

    def upcoming(self, worker: int) -> list[int]:
        """The numbers of a worker's next questions, AHEAD at most, the first to be answered now; leases them.

        Asked again before an answer, it gives the same ones. One whose lease ended meanwhile, and which others have
        answered often enough, is not given again.
        """
        with self._transaction():
            now = self._clock()
            mine = self._answered(worker)
            load = self._load(worker, now)
            held = []
            for question, until in self._rows(
                "SELECT question, until FROM leases WHERE worker = ? ORDER BY rowid", worker
            ):
                wanted = self.study.questions[question].is_check or load[question] < self.study.answers
                if question not in mine and (until > now or wanted):
                    held.append(question)
            while len(held) < AHEAD:
                question = self.assignment.next(worker, mine | set(held), load)
                if question is None:
                    break
                held.append(question)
            for question in held:
                self._connection.execute(
                    "INSERT INTO leases VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET until = excluded.until",
                    (worker, question, now + self._lease),
                )
            return held

    def vote(self, worker: int, question: int, side: Side, milliseconds: int | None) -> tuple[Vote, bool]:
        """Keep an answer. The first one counts: asked again, gives that one, and False.

        Raises NotGiven for a question that the worker never got.
        """
        with self._transaction():
            known = self._votes("WHERE worker = ? AND question = ?", worker, question)
            if known:
                return known[0], False
            if not self._rows("SELECT 1 FROM leases WHERE worker = ? AND question = ?", worker, question):
                raise NotGiven
            ((votes,),) = self._rows("SELECT count(*) FROM votes WHERE question = ?", question)
            surplus = not self.study.questions[question].is_check and votes >= self.study.answers
            ours = self.assignment.ours(worker, question)
            position = len(self._answered(worker)) + 1
            self._connection.execute(
                "INSERT INTO votes (worker, question, position, ours, side, milliseconds, time, surplus) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (worker, question, position, ours, side, milliseconds, self._clock(), surplus),
            )
            return self._votes("WHERE worker = ? AND question = ?", worker, question)[0], True

    def votes_of(self, worker: int) -> list[Vote]:
        """A worker's answers, the first one first."""
        with self._lock:
            return self._votes("WHERE worker = ? ORDER BY position", worker)

    def was_given(self, worker: int, question: int) -> bool:
        """Whether a worker has, or had, that question."""
        with self._lock:
            return bool(self._rows("SELECT 1 FROM leases WHERE worker = ? AND question = ?", worker, question))

    def votes(self) -> list[Vote]:
        """All answers, in the order of their arrival."""
        with self._lock:
            return self._votes("ORDER BY number")

    # Reading and writing rows.

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """All or nothing, alone, and on the disk in the end."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def _rows(self, query: str, *values: object) -> list[tuple]:
        return self._connection.execute(query, values).fetchall()

    def _new_worker(self, name: str | None, personal: bool) -> Worker:
        code = "".join(secrets.choice(LETTERS) for _ in range(8))
        token = secrets.token_urlsafe(16)
        self._connection.execute(
            "INSERT INTO workers (token, code, personal, name, joined) VALUES (?, ?, ?, ?, ?)",
            (token, f"{code[:4]}-{code[4:]}", personal, name, self._clock()),
        )
        return self._workers("WHERE token = ?", token)[0]

    def _workers(self, condition: str, *values: object) -> list[Worker]:
        rows = self._rows(f"SELECT number, token, code, personal, name, joined FROM workers {condition}", *values)
        return [
            Worker(number, token, code, bool(personal), name, at) for number, token, code, personal, name, at in rows
        ]

    def _votes(self, condition: str, *given: object) -> list[Vote]:
        columns = [field.name for field in fields(Vote)]
        rows = self._rows(f"SELECT {', '.join(columns)} FROM votes {condition}", *given)
        records: list[dict[str, Any]] = [dict(zip(columns, row, strict=True)) for row in rows]
        return [Vote(**{**record, "surplus": bool(record["surplus"])}) for record in records]

    def _answered(self, worker: int) -> set[int]:
        return {question for (question,) in self._rows("SELECT question FROM votes WHERE worker = ?", worker)}

    def _load(self, worker: int, now: float) -> Counter[int]:
        """How many others have answered each question, or have it on screen."""
        return Counter(
            dict(
                self._rows(
                    "SELECT question, count(*) FROM (SELECT worker, question FROM votes WHERE worker != ?1 "
                    "UNION SELECT worker, question FROM leases WHERE worker != ?1 AND until > ?2) GROUP BY question",
                    worker,
                    now,
                )
            )
        )
