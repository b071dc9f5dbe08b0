"""Drawn photos whose classes show in their colours, and segmenters so small that they learn them in seconds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PIL import Image

from spadework.data.ontology import Ontology, SemanticClass
from spadework.evaluation.judge.settings import JudgeSettings, Pace
from spadework.segmenters.own import OwnSegmenter
from spadework.segmenters.own_network import OwnConfig
from tests.data.pictures import COLORS, ids, painted

NAMES = ("sky", "grass", "house", "road")
ONTOLOGY = Ontology(
    "park", tuple(SemanticClass(id, name, COLORS[id]) for id, name in enumerate(NAMES)), unlabelled=(255,)
)
ENCODER = "tu-tf_mobilenetv3_small_minimal_100"
"""Quick to build and to compute."""
LEARNING = {"encoder": "tu-resnet10t", "images": 240}
"""What learns the drawn classes, in some seconds."""
PACE = Pace(checkpoint_every=16, log_every=16, workers=0, device="cpu")


def settings(**changes: Any) -> JudgeSettings:
    """A network that computes a crop of 32 x 32 in a millisecond, with dropout."""
    small = {"architecture": "fpn", "encoder": ENCODER, "height": 32, "width": 32, "images": 48, "precision": "float32"}
    return JudgeSettings(**{**small, "learning_rate": 3e-3, "jitter": 0.2, **changes})


def options(**changes: Any) -> list[str]:
    """The same on the command line."""
    values = {**vars(settings(**changes)), **vars(PACE)}
    switches = {True: "--{}", False: "--no-{}"}
    words: list[str] = []
    for name, value in values.items():
        dashed = name.replace("_", "-")
        words += [switches[value].format(dashed)] if isinstance(value, bool) else [f"--{dashed}", str(value)]
    return words


def data_folder(root: Path, *, count: int = 12, test: int = 4, first: int = 0) -> Path:
    """A data folder of `count` drawn pairs; with `test` others in a split of their own, if any."""
    splits = [("train" if test else "", first, count), ("test", first + 1000, test)]
    for split, start, number in splits[: 2 if test else 1]:
        for kind in ("photos", "labels"):
            (root / split / kind).mkdir(parents=True)
        for seed in range(start, start + number):
            label = ids(seed, 32, 48)
            Image.fromarray(label).save(root / split / "labels" / f"p{seed}.png")
            painted(label).save(root / split / "photos" / f"p{seed}.png")
    ONTOLOGY.write(root / "ontology.json")
    return root


def fresh_segmenter(classes: int = 4, **changes: Any) -> OwnSegmenter:
    """An own segmenter with random weights, in eval mode."""
    names = tuple(NAMES[:classes]) + tuple(f"class {i}" for i in range(4, classes))
    small = {"architecture": "fpn", "encoder": ENCODER, "height": 32, "width": 64}
    config = OwnConfig(names, tuple(range(classes)), **{**small, **changes})
    return OwnSegmenter(config).eval().requires_grad_(False)
