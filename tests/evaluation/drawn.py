"""Drawn data for evaluations: a judge that cannot err on them, and the same evaluation as a process of its own."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from spadework.data.folder import FolderDataset
from spadework.data.ontology import Ontology
from spadework.evaluation.evaluate import Data, evaluate
from spadework.evaluation.feature_distances import DistanceNames
from spadework.evaluation.generate import Generating
from spadework.evaluation.judges import Judges
from spadework.evaluation.protocol import Protocol, find_protocol
from spadework.evaluation.report import Report
from spadework.evaluation.subject import GivenPictures, Subject
from spadework.evaluation.variety import Variety
from spadework.model_folder import write_model
from spadework.segmenters.segmenter import Segmenter
from tests.data.pictures import COLORS, ids, painted
from tests.tiny import config, lively

OWN = find_protocol("own", "park")


class ColorSegmenter(Segmenter):
    """Each pixel's class is the one with the nearest colour; features are mean colours of nine parts."""

    name = "colours"

    def __init__(self, classes: tuple[str, ...] = ("sky", "grass", "house", "road")) -> None:
        super().__init__()
        self.classes = classes

    def scores(self, photos: Tensor, size: tuple[int, int] | None = None) -> Tensor:
        colors = torch.tensor(COLORS[: len(self.classes)], dtype=torch.float64)[None, :, :, None, None]
        apart = (photos.double()[:, None] - colors).square().sum(2)
        return -torch.nn.functional.interpolate(apart, size or tuple(photos.shape[-2:]), mode="nearest-exact")

    def features(self, photos: Tensor) -> Tensor:
        return torch.nn.functional.adaptive_avg_pool2d(photos.float(), 3).flatten(1)

    def protocol(self) -> dict[str, Any]:
        return {"preprocessing": "none"}


class MeanColors:
    """What Inception is in tests: features without any network."""

    names = DistanceNames("fid", "kid")

    def __call__(self, photos: Tensor) -> Tensor:
        return torch.nn.functional.adaptive_avg_pool2d(photos.float(), 2).flatten(1)

    def describe(self) -> dict[str, Any]:
        return {"network": "mean colours"}


JUDGES = Judges(ColorSegmenter, MeanColors)


def draw_data(root: Path, ontology: Ontology, count: int, first: int = 0) -> Path:
    """A data folder of `count` pairs from number `first` on, photos painted in the colours of their classes."""
    for kind in ("photos", "labels"):
        (root / kind).mkdir(parents=True)
    for number in range(first, first + count):
        label = ids(number)
        Image.fromarray(label).save(root / "labels" / f"p{number}.png")
        painted(label).save(root / "photos" / f"p{number}.png")
    ontology.write(root / "ontology.json")
    return root


def draw_model(folder: Path, ontology: Ontology, **changes: Any) -> Path:
    """A tiny SPADE with lively weights, trained on nothing."""
    small = {"classes": ontology.channels, "width": 32, "height": 32, "stem": "style", "encoder": True, **changes}
    write_model(folder, "spade", lively(_sized(small)), ontology)
    return folder


def _sized(small: dict[str, Any]) -> Any:
    from spadework.systems.spade import Spade

    return Spade(config(**small))


def run(subject: Subject, data: Path, out: Path, *, cache: Path, protocol: Protocol = OWN, **options: Any) -> Report:
    """Evaluate with judges that need no weights."""
    given = {"judges": JUDGES, "variety": Variety(3, 3), "size": (32, 24), **options}
    judges = given.pop("judges")
    return evaluate(subject, Data(FolderDataset(data), str(data)), protocol, judges, out, cache=cache, **given)


def pictures(folder: Path) -> GivenPictures:
    """A folder of pictures as the subject."""
    return GivenPictures(folder)


make_generating = partial(Generating, batch=3)


if __name__ == "__main__":
    model, data, out, cache, processes = sys.argv[1:]
    run(make_generating(model), Path(data), Path(out), cache=Path(cache), processes=int(processes))
