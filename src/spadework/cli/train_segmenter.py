"""`spadework train-segmenter`: photos and label maps -> a segmenter for their classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import tyro
from tyro.conf import Positional, arg

from spadework.data.shipped import find_ontology
from spadework.evaluation.judge.folds import Fold, choose_material
from spadework.evaluation.judge.settings import JudgeSettings, Pace
from spadework.evaluation.judge.start import Start
from spadework.evaluation.judge.train import train_judge


@dataclass(frozen=True)
class TrainSegmenter:
    """Train a segmenter for the classes of your own data: a judge of generated photos, or a labeller of new ones.

    It learns from the split `train` and is measured on `val` and `test`; without these a share of the photos is held
    out. A killed training goes on with --resume.
    """

    data: Positional[tuple[Path, ...]]
    """Data folders (photos, labels, ontology.json)."""
    out: Path
    """The folder for the segmenter."""
    settings: Annotated[JudgeSettings, arg(name="")] = field(default_factory=JudgeSettings)
    pace: Annotated[Pace, arg(name="")] = field(default_factory=Pace)
    fold: Fold = "judge"
    """Which photos to learn from. Judge and loss are halves by the files' SHA-256 that share no photo: one for networks
    that judge, one for networks inside losses. All: both, for labelling photos."""
    hold_out: float = 0.2
    """Where there is neither val/ nor test/: the share of the photos to measure on."""
    start: Annotated[Start, arg(name="")] = field(default_factory=Start)
    ontology: Path | None = None
    """The classes: a file, or the name of a shipped one; unless given what the data folder says."""
    resume: bool = False
    """Go on from the newest checkpoint; from the beginning where there is none."""


def train_segmenter(arguments: Sequence[str]) -> None:
    """Train it, and print what it scores on photos that it never saw."""
    options = tyro.cli(TrainSegmenter, prog="spadework train-segmenter", args=list(arguments))
    if not options.data:
        raise ValueError("no data folder given")
    material = choose_material(
        options.data,
        options.fold,
        hold_out=options.hold_out,
        seed=options.settings.seed,
        ontology=None if options.ontology is None else find_ontology(options.ontology),
    )
    segmenter = train_judge(
        material,
        options.out,
        options.settings,
        options.pace,
        start=options.start,
        resume=options.resume,
        tell=lambda line: print(line, flush=True),
    )
    for split, scores in segmenter.read_report(options.out)["ceiling"].items():
        print(_line(split, scores))


def _line(split: str, scores: dict[str, Any]) -> str:
    return (
        f"{split}: {scores['photos']} real photos, mean IoU {100 * scores['mean_iou']:.1f} % over "
        f"{scores['classes_averaged']} classes, accuracy {100 * scores['accuracy']:.1f} %"
    )
