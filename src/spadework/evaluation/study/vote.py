"""Workers and their answers, as the store keeps them."""

from __future__ import annotations

from dataclasses import dataclass

from spadework.evaluation.study.plan import Side


@dataclass(frozen=True)
class Worker:
    """Somebody who answers."""

    number: int
    token: str
    """The secret part of the worker's link."""
    code: str
    """What the worker is shown at the end."""
    personal: bool
    """Whether the link was made for somebody, rather than by the open link."""
    name: str | None
    """What another platform calls the worker."""
    joined: float
    """Seconds since 1970."""


@dataclass(frozen=True)
class Vote:
    """One answer."""

    number: int
    worker: int
    question: int
    position: int
    """The worker's first answer is 1."""
    ours: Side
    """Where our picture stood (in an attention check: the one that is not spoiled)."""
    side: Side
    """The picture that the worker chose."""
    milliseconds: int | None
    """From the pictures' appearance to the answer, as the browser measured."""
    time: float
    """When it arrived; seconds since 1970."""
    surplus: bool
    """The question had all the votes it wanted when this one came."""
