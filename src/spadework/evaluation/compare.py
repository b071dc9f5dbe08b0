"""Evaluations side by side: the same label maps, judged alike, so that what differs is the models.

Differences have intervals of their own. Pictures are resampled for all evaluations alike, so what is hard about a
label map cancels out, and much smaller differences show than two separate intervals would tell.

Shapes: N pictures, K classes, R replicates.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from spadework.evaluation.blocks import blocks_of
from spadework.evaluation.bootstrap import Interval, PictureCounts
from spadework.evaluation.folder import REPORT, EvaluationFolder, first_difference, read_json
from spadework.evaluation.headlines import Better
from spadework.evaluation.processes import one_thread

SAME = ("data", "protocol", "size", "segmenter", "inception", "lpips", "intervals")
"""What must be equal for numbers to be comparable; a judge that only some have leaves its numbers out for the rest."""


VARIED = ("diversity", "style_fidelity")
"""What depends on how many label maps and styles it is measured on: compared where these are equal."""


@dataclass(frozen=True)
class Evaluation:
    """One finished evaluation."""

    name: str
    """Of its folder."""
    folder: EvaluationFolder
    report: dict[str, Any]
    """What report.json says."""

    @classmethod
    def read(cls, path: Path) -> Evaluation:
        """Raises ValueError where there is none, or it is not finished."""
        folder = EvaluationFolder(path)
        folder.work()
        if not (path / REPORT).is_file():
            raise ValueError(f"{path}: its evaluation is not finished ({REPORT} is missing): start it again")
        return cls(path.resolve().name, folder, read_json(path / REPORT))

    def number(self, *keys: str) -> float | None:
        """A number of the report; None where it has none."""
        value: Any = self.report["numbers"]
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else None
        return value

    def counts(self) -> PictureCounts:
        """What the segmenter saw in each picture."""
        classes = len(self.report["segmenter"]["class_names"])
        return PictureCounts.of(self.folder.part("segmenter").in_order(blocks_of(self.report["pictures"])), classes)


@dataclass(frozen=True)
class Difference:
    """From the first evaluation to another."""

    value: float
    interval: Interval

    @property
    def clear(self) -> bool:
        """Whether the interval leaves 0 out."""
        return self.interval.low > 0 or self.interval.high < 0


@dataclass(frozen=True)
class Line:
    """One number of all evaluations."""

    name: str
    better: Better
    digits: int
    unit: str
    values: tuple[float | None, ...]
    intervals: tuple[Interval | None, ...] = ()
    differences: tuple[Difference | None, ...] = ()
    """From the first; None where there are no pictures to resample."""
    ceiling: float | None = None
    """The same of the real photos."""

    def best(self) -> int | None:
        """Which evaluation has the best value; None where that cannot be said."""
        there = [(value, place) for place, value in enumerate(self.values) if value is not None]
        if len(there) < 2 or self.better == "neither":
            return None
        return (max if self.better == "higher" else min)(there)[1]


@dataclass(frozen=True)
class Comparison:
    """Evaluations side by side."""

    evaluations: tuple[Evaluation, ...]
    lines: tuple[Line, ...]
    classes: tuple[Line, ...]
    """IoU of each class."""
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """JSON types only."""
        return {
            "evaluations": [
                {"name": one.name, "subject": one.report["subject"], "versions": one.report["versions"]}
                for one in self.evaluations
            ],
            **{key: self.evaluations[0].report[key] for key in SAME if key in self.evaluations[0].report},
            "lines": [asdict(line) for line in self.lines],
            "classes": [asdict(line) for line in self.classes],
            "notes": list(self.notes),
        }


def compare(paths: Sequence[Path]) -> Comparison:
    """Lay finished evaluations side by side, the first being what others are compared with.

    Raises ValueError where fewer than two are given, one is not finished, or their data or protocols differ.
    """
    if len(paths) < 2:
        raise ValueError("compare wants at least two folders that spadework evaluate made")
    evaluations = tuple(Evaluation.read(path) for path in paths)
    if len({one.name for one in evaluations}) < len(evaluations):
        evaluations = tuple(
            Evaluation(str(path), one.folder, one.report) for path, one in zip(paths, evaluations, strict=True)
        )
    for other in evaluations[1:]:
        _require_comparable(evaluations[0], other)
    with one_thread():
        lines = tuple(_lines(evaluations))
    return Comparison(evaluations, lines, tuple(_classes(evaluations)), tuple(_notes(evaluations)))


def numbers_of(path: Path) -> tuple[Evaluation, tuple[Line, ...]]:
    """One finished evaluation, and its numbers."""
    evaluation = Evaluation.read(path)
    with one_thread():
        return evaluation, tuple(_lines([evaluation]))


def _require_comparable(first: Evaluation, other: Evaluation) -> None:
    for key in SAME:
        ours, theirs = first.report[key], other.report[key]
        if key == "data":
            ours, theirs = ({k: v for k, v in data.items() if k != "path"} for data in (ours, theirs))
        if ours is not None and theirs is not None and ours != theirs:
            raise ValueError(
                f"{first.folder.path} and {other.folder.path} are not comparable: the first has "
                f"{first_difference(key, ours, theirs).replace('now it is', 'the second')}. Evaluate both alike"
            )


def _lines(evaluations: Sequence[Evaluation]) -> Iterator[Line]:
    if all(one.number("segmentation", "pictures", "mean_iou") is not None for one in evaluations):
        yield from _segmentation(evaluations)
    for name, better, digits, unit, scale, keys in _NUMBERS:
        if keys[0] in VARIED and not _varied_alike(evaluations):
            continue
        values = [one.number(*keys) for one in evaluations]
        if any(value is not None for value in values):
            scaled = tuple(None if value is None else scale * value for value in values)
            yield Line(name, better, digits, unit, scaled)


def _varied_alike(evaluations: Sequence[Evaluation]) -> bool:
    """Whether diversity and style fidelity were measured on as many label maps and styles everywhere."""
    asked = [one.report.get("variety") for one in evaluations]
    return len({json.dumps(each, sort_keys=True) for each in asked if each is not None}) < 2


_NUMBERS: tuple[tuple[str, Better, int, str, float, tuple[str, ...]], ...] = (
    ("FID", "lower", 2, "", 1, ("inception", "frechet")),
    ("KID x 1000", "lower", 2, "", 1000, ("inception", "kernel", "value")),
    ("precision", "higher", 1, " %", 100, ("inception", "precision_recall", "precision")),
    ("recall", "higher", 1, " %", 100, ("inception", "precision_recall", "recall")),
    ("segmenter Fréchet", "lower", 2, "", 1, ("segmenter_features", "frechet")),
    ("segmenter kernel x 1000", "lower", 2, "", 1000, ("segmenter_features", "kernel", "value")),
    ("segmenter precision", "higher", 1, " %", 100, ("segmenter_features", "precision_recall", "precision")),
    ("segmenter recall", "higher", 1, " %", 100, ("segmenter_features", "precision_recall", "recall")),
    ("diversity, LPIPS", "higher", 3, "", 1, ("diversity", "measures", "lpips", "value")),
    ("diversity, MS-SSIM", "lower", 3, "", 1, ("diversity", "measures", "ms_ssim", "value")),
    ("diversity, levels", "higher", 2, "", 1, ("diversity", "measures", "mean_difference", "value")),
    ("style fidelity, colours", "higher", 1, " %", 100, ("style_fidelity", "color_nearer_than")),
    ("style fidelity, features", "higher", 1, " %", 100, ("style_fidelity", "feature_nearer_than")),
)
"""Name, which way is better, digits, unit, factor, and where report.json has it."""


def _segmentation(evaluations: Sequence[Evaluation]) -> Iterator[Line]:
    """Mean IoU and accuracy, resampled alike."""
    first = evaluations[0].report
    absent, seed = first["protocol"]["absent"], first["intervals"]["seed"]
    replicates = [one.counts().replicates(absent, seed) for one in evaluations]
    for place, (name, key) in enumerate((("mean IoU", "mean_iou"), ("accuracy", "accuracy"))):
        values = [100 * float(one.number("segmentation", "pictures", key) or 0) for one in evaluations]
        of_line = [100 * each[place] for each in replicates]                                    # [R] each
        yield Line(
            name,
            "higher",
            1,
            " %",
            tuple(values),
            tuple(Interval.of(each) for each in of_line),
            tuple(_difference(values, of_line, other) for other in range(len(values))),
            100 * float(evaluations[0].number("segmentation", "real_photos", key) or 0),
        )


def _difference(values: Sequence[float], replicates: Sequence[Tensor], other: int) -> Difference | None:
    if other == 0:
        return None
    return Difference(values[other] - values[0], Interval.of(replicates[other] - replicates[0]))


def _classes(evaluations: Sequence[Evaluation]) -> Iterator[Line]:
    """IoU of each class, in the segmenter's order."""
    tables = [one.report["numbers"].get("segmentation") for one in evaluations]
    if any(table is None for table in tables):
        return
    for place, name in enumerate(tables[0]["classes"]):
        ceiling = tables[0]["real_photos"]["class_iou"][place]
        values = [table["pictures"]["class_iou"][place] for table in tables]
        if any(value is not None for value in values):
            scaled = tuple(None if value is None else 100 * value for value in values)
            yield Line(name, "higher", 1, " %", scaled, ceiling=None if ceiling is None else 100 * ceiling)


def _notes(evaluations: Sequence[Evaluation]) -> Iterator[str]:
    first = evaluations[0]
    for other in evaluations[1:]:
        if other.report["versions"] != first.report["versions"]:
            difference = first_difference("versions", first.report["versions"], other.report["versions"])
            yield f"{first.name} was made with {difference.replace('now it is', f'{other.name} with')}."
    if not _varied_alike(evaluations):
        yield "Diversity and style fidelity were measured on other numbers of label maps and styles: not compared."
    for one in evaluations:
        yield from (f"{one.name}: {note}" for note in one.report["notes"])


def spread(counts: Sequence[PictureCounts], number: int) -> tuple[int, ...]:
    """Places of pictures whose accuracy differs most between evaluations, the most first."""
    accuracy = torch.stack([one.accuracy for one in counts]).nan_to_num(0)                      # [evaluations, N]
    apart = accuracy.max(0).values - accuracy.min(0).values
    return tuple(apart.argsort(descending=True, stable=True)[:number].tolist())
