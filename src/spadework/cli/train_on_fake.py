"""`spadework train-on-fake`: segmenters trained on real and on generated photos, measured on real ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import tyro
from tyro.conf import Positional, arg

from spadework.evaluation.judge.settings import JudgeSettings, Pace
from spadework.evaluation.train_on_fake import train_on_fake as run_protocol


@dataclass(frozen=True)
class TrainOnFake:
    """Train a segmenter on real photos, one on generated ones and one on both, and measure each on real photos.

    Stopped at any moment, the same command goes on.
    """

    fake: Positional[Path]
    """A data folder of generated photos and the label maps that they were generated from."""
    data: tuple[Path, ...]
    """Data folders of real photos: trained on the split `train`, measured on `val` and `test`."""
    out: Path
    """The folder for the three segmenters and report.json."""
    settings: Annotated[JudgeSettings, arg(name="")] = field(default_factory=JudgeSettings)
    pace: Annotated[Pace, arg(name="")] = field(default_factory=Pace)
    hold_out: float = 0.2
    """Where there is neither val/ nor test/: the share of the real photos to measure on."""


def train_on_fake(arguments: Sequence[str]) -> None:
    """Train all three, and print what each scores."""
    options = tyro.cli(TrainOnFake, prog="spadework train-on-fake", args=list(arguments))
    report = run_protocol(
        options.data,
        options.fake,
        options.out,
        options.settings,
        options.pace,
        hold_out=options.hold_out,
        tell=lambda line: print(line, flush=True),
    )
    print_scores(report)


def print_scores(report: dict[str, Any]) -> None:
    """A line for each segmenter and split."""
    for name, trained in report["trained_on"].items():
        for split, scores in trained["scores"].items():
            print(
                f"trained on {name:4} ({trained['photos']} photos), measured on {split}: mean IoU "
                f"{100 * scores['mean_iou']:.1f} %, accuracy {100 * scores['accuracy']:.1f} %"
            )
