"""The numbers that a report opens with, each with its name, its unit, its interval and what it would be at best."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from spadework.evaluation.feature_distances import FeatureDistances
from spadework.evaluation.numbers import Judgement
from spadework.evaluation.report import Report

Better = Literal["higher", "lower", "neither"]


@dataclass(frozen=True)
class Headline:
    """One number."""

    name: str
    value: float
    better: Better
    meaning: str
    """What it says, in a few words."""
    digits: int = 1
    unit: str = ""
    low: float | None = None
    high: float | None = None
    ceiling: float | None = None
    """The same of the real photos."""

    @property
    def shown(self) -> str:
        """With its unit."""
        return self._text(self.value)

    @property
    def range_shown(self) -> str:
        """The interval; empty where there is none."""
        if self.low is None or self.high is None:
            return ""
        return f"{self.low:.{self.digits}f} to {self.high:.{self.digits}f}"

    @property
    def ceiling_shown(self) -> str:
        """Of the real photos; empty where it says nothing."""
        return "" if self.ceiling is None else self._text(self.ceiling)

    def _text(self, value: float) -> str:
        return f"{value:.{self.digits}f}{self.unit}"


def headlines(report: Report) -> list[Headline]:
    """All of a report, the most telling first."""
    lines = [] if report.fake is None or report.real is None else [*_segmentation(report.fake, report.real)]
    if report.inception is not None:
        lines += _distances(report.inception, ("FID", "KID x 1000", "precision", "recall"), "Inception's")
    if report.segmenter is not None:
        names = ("Fréchet", "kernel x 1000", "precision", "recall")
        lines += _distances(report.segmenter, [f"segmenter {name}" for name in names], "the segmenter's")
    if report.diversity is not None:
        lines += _diversity(report.diversity)
    if report.style is not None:
        lines += _style(report.style)
    return lines


def _segmentation(fake: Judgement, real: Judgement) -> Iterator[Headline]:
    for name, meaning, value, interval, ceiling in (
        (
            "mean IoU",
            f"agreement with the label maps, averaged over {fake.scores.classes_averaged} classes",
            fake.scores.mean_iou,
            fake.mean_iou,
            real.scores.mean_iou,
        ),
        ("accuracy", "labelled pixels with the right class", fake.scores.accuracy, fake.accuracy, real.scores.accuracy),
    ):
        yield Headline(
            name, 100 * value, "higher", meaning, 1, " %", 100 * interval.low, 100 * interval.high, 100 * ceiling
        )
    yield Headline(
        "accuracy, all pixels",
        100 * fake.scores.accuracy_all_pixels,
        "higher",
        "the same, unlabelled pixels counted as wrong",
        1,
        " %",
        ceiling=100 * real.scores.accuracy_all_pixels,
    )


def _distances(found: FeatureDistances, names: Sequence[str], whose: str) -> Iterator[Headline]:
    frechet, kernel, precision, recall = names
    yield Headline(frechet, found.frechet, "lower", f"distance to the real photos in {whose} features", 2)
    meaning = f"the same without a bias by number, in {whose} features"
    if found.kernel.deviation is not None:
        meaning += f"; {1000 * found.kernel.deviation:.2f} is its deviation over subsets of {found.kernel.subset_size}"
    yield Headline(kernel, 1000 * found.kernel.value, "lower", meaning, 2)
    if found.precision_recall is not None:
        for name, value, meaning in (
            (precision, found.precision_recall.precision, "pictures that lie among the real photos"),
            (recall, found.precision_recall.recall, "real photos that lie among the pictures"),
        ):
            yield Headline(name, 100 * value, "higher", f"{meaning}, in {whose} features", 1, " %")


_MEASURES: dict[str, tuple[str, Better, str, int]] = {
    "lpips": ("diversity, LPIPS", "higher", "how different pictures of one label map look", 3),
    "ms_ssim": ("diversity, MS-SSIM", "lower", "how alike pictures of one label map are in structure", 3),
    "mean_difference": ("diversity, levels", "higher", "mean difference of pixels between styles, of 255", 2),
}


def _diversity(found: dict[str, Any]) -> Iterator[Headline]:
    for name, one in found["measures"].items():
        title, better, meaning, digits = _MEASURES[name]
        yield Headline(title, one["value"], better, meaning, digits, "", *one["interval"])


def _style(found: dict[str, Any]) -> Iterator[Headline]:
    name, meaning = "style fidelity", "other photos whose colours are farther from the picture than its guide's"
    yield Headline(f"{name}, colours", 100 * found["color_nearer_than"], "higher", meaning, 1, " %")
    if found["feature_nearer_than"] is not None:
        meaning = "other photos whose features are farther from the picture than its guide's"
        yield Headline(f"{name}, features", 100 * found["feature_nearer_than"], "higher", meaning, 1, " %")
