"""The report of an evaluation: every number with what made it, and its JSON form."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from spadework.evaluation.blocks import Block, BlockFolder
from spadework.evaluation.bootstrap import PictureCounts
from spadework.evaluation.feature_distances import FeatureDistances
from spadework.evaluation.ground_truth import GroundTruth
from spadework.evaluation.left_out import LeftOut
from spadework.evaluation.numbers import Judgement, distances_to_json, seconds
from spadework.evaluation.protocol import Protocol, Size
from spadework.evaluation.published import PublishedRow

VERSION = 1
"""Of the JSON form; a change of the meaning of a key raises it."""


@dataclass(frozen=True)
class Rate:
    """What a part of the work cost."""

    part: str
    pictures: int
    seconds: float
    """On one thread."""

    @property
    def per_second(self) -> float:
        """Pictures per second of one thread."""
        return self.pictures / self.seconds if self.seconds else float("inf")


def rate(part: str, store: BlockFolder, blocks: list[Block], per_picture: int = 1) -> Rate:
    """What a part cost, of the times that its blocks noted."""
    return Rate(part, per_picture * sum(map(len, blocks)), seconds(store, blocks))


@dataclass(frozen=True)
class Extreme:
    """A picture at one end of the order by accuracy."""

    place: int
    name: str
    accuracy: float


@dataclass(frozen=True)
class Report:
    """What an evaluation found."""

    work: dict[str, Any]
    """Model or pictures, data, protocol, judges, versions: everything that decides a number (JSON types)."""
    protocol: Protocol
    size: Size
    pictures: int
    truth: GroundTruth | None
    colors: list[list[int]]
    """Red, green, blue of each class index of the data."""
    fake: Judgement | None
    """What the segmenter says about the pictures."""
    real: Judgement | None
    """What it says about the real photos, treated alike: the ceiling."""
    inception: FeatureDistances | None
    segmenter: FeatureDistances | None
    """In the segmenter's features."""
    diversity: dict[str, Any] | None
    style: dict[str, Any] | None
    published: tuple[PublishedRow, ...] = ()
    """What papers printed, where the protocol is theirs."""
    left_out: list[LeftOut] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    worst: list[Extreme] = field(default_factory=list)
    best: list[Extreme] = field(default_factory=list)
    rates: list[Rate] = field(default_factory=list)

    @property
    def title(self) -> str:
        """What was evaluated, in short."""
        return str(self.work["subject"]["name"])

    def to_json(self) -> dict[str, Any]:
        """JSON types only; docs/evaluation.md explains the keys. `timings` differ from run to run, nothing else."""
        numbers: dict[str, Any] = {}
        if self.fake is not None and self.real is not None and self.truth is not None:
            numbers["segmentation"] = {
                "classes": list(self.truth.classes),
                "pictures": self.fake.to_json(),
                "real_photos": self.real.to_json(),
            }
        for space, found in (("inception", self.inception), ("segmenter_features", self.segmenter)):
            if found is not None:
                numbers[space] = distances_to_json(found)
        if self.diversity is not None:
            numbers["diversity"] = self.diversity
        if self.style is not None:
            numbers["style_fidelity"] = self.style
        return {
            "version": VERSION,
            **self.work,
            "protocol_in_words": [self.protocol.about, *self.protocol.in_words()],
            "pictures": self.pictures,
            "numbers": numbers,
            "published": [asdict(row) for row in self.published],
            "left_out": [vars(one) for one in self.left_out],
            "notes": self.notes,
            "worst": [vars(one) for one in self.worst],
            "best": [vars(one) for one in self.best],
            "timings": [
                {"part": rate.part, "pictures": rate.pictures, "seconds": rate.seconds} for rate in self.rates
            ],
        }


def extremes(counts: PictureCounts, names: Callable[[int], str], number: int) -> tuple[list[Extreme], list[Extreme]]:
    """The worst and the best pictures by accuracy, from both ends; those without labelled pixels are left out."""
    accuracy = counts.accuracy.tolist()
    order = sorted((place for place, share in enumerate(accuracy) if share == share), key=lambda place: accuracy[place])
    number = min(number, len(order) // 2)
    ends = order[:number], order[::-1][:number]
    worst, best = ([Extreme(place, names(place), accuracy[place]) for place in end] for end in ends)
    return worst, best
