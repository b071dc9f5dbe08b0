"""Label maps -> pictures on disk, in the way a protocol asks for."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from spadework.atomic import write_atomic
from spadework.data.ontology import Ontology
from spadework.draw import Draw
from spadework.evaluation.blocks import Block, BlockFolder
from spadework.evaluation.pictures import LabelMaps, RealPhotos
from spadework.evaluation.processes import Work
from spadework.evaluation.protocol import Rounding
from spadework.model_folder import WEIGHTS, find_model
from spadework.segmenters.segmenter import WeightsFile
from spadework.synthesizer import Precision, Synthesizer, load

StyleMode = Literal["seed", "encoded"]


@dataclass(frozen=True)
class Generating:
    """How a model is asked for pictures."""

    model: str
    style: StyleMode = "seed"
    """"seed": a seed per label map draws the style; "encoded": the style of each label map's own photo."""
    seed: int = 0
    """The label map at place i (from 0) has the style of seed + i; its k-th further style that of seed + i + k N."""
    rounding: Rounding = "truncate"
    device: str = "cpu"
    precision: Precision = "float32"
    batch: int = 1
    """Label maps that go through the networks together."""

    def load(self) -> Synthesizer:
        """The model, ready."""
        return load(self.model, device=self.device, precision=self.precision)

    def seeds(self, places: range, count: int, further: int = 0) -> list[int]:
        """The seed of each place, of `count` in all."""
        return [self.seed + place + further * count for place in places]


@dataclass(frozen=True)
class GenerateWork(Work[Block]):
    """Writes NAME.png for each label map of a block."""

    how: Generating
    label_maps: LabelMaps
    folder: Path
    seconds: BlockFolder
    weights_sha256: str
    """Of the model's weights: those of a run that goes on meanwhile may change."""
    title = "photos"

    @property
    def files(self) -> tuple[Path, ...]:
        """All pictures, in the data's order."""
        return tuple(self.path(place) for place in range(len(self.label_maps.dataset)))

    def path(self, place: int) -> Path:
        """Where a picture lies."""
        return self.folder / f"{self.label_maps.dataset.name(place)}.png"

    def is_done(self, block: Block) -> bool:
        """All pictures are there: each was written whole or not at all."""
        return self.seconds.has(block) and all(self.path(place).is_file() for place in block.places)

    def start(self) -> Callable[[Block], None]:
        """Load the model."""
        return partial(self._generate, self.load())

    def load(self) -> Synthesizer:
        """The model; raises ValueError when it is no longer the one that the evaluation began with."""
        synthesizer = self.how.load()
        if WeightsFile.of(find_model(self.how.model) / WEIGHTS).sha256 != self.weights_sha256:
            raise ValueError(
                f"{self.how.model}: its weights changed while it was evaluated. Evaluate a copy of the folder (config, "
                "ontology, model.safetensors), or wait for the end of its training"
            )
        return synthesizer

    def _generate(self, synthesizer: Synthesizer, block: Block) -> None:
        # A batch is computed whole even where some of its pictures are there: its numbers depend on its size.
        spent = 0.0
        self.folder.mkdir(parents=True, exist_ok=True)
        for start in range(block.places.start, block.places.stop, self.how.batch):
            places = range(start, min(start + self.how.batch, block.places.stop))
            begin = time.perf_counter()
            pictures = self.pictures(synthesizer.fresh(), places)
            spent += time.perf_counter() - begin
            for place, picture in zip(places, pictures, strict=True):
                if not self.path(place).is_file():
                    image = Image.fromarray(picture.permute(1, 2, 0).numpy())
                    write_atomic(self.path(place), partial(image.save, format="PNG", compress_level=3))
        self.seconds.write(block, {"seconds": np.array(spent)})

    def pictures(self, synthesizer: Synthesizer, places: range, further: int = 0) -> Tensor:
        """uint8 [B, 3, H, W] for some places; `further` counts their further styles, from 1."""
        if self.how.style == "encoded" and not further:
            guides = RealPhotos(self.label_maps.dataset, self.label_maps.size)
            return torch.stack([self.in_style_of(synthesizer, place, guides(place)) for place in places])
        maps = [self.label_maps.with_instances(place) for place in places]
        instances = [instance_map for _, instance_map in maps if instance_map is not None]
        label_map = torch.stack([label_map for label_map, _ in maps])
        instance_map = torch.stack(instances) if len(instances) == len(maps) else None
        count = len(self.label_maps.dataset)
        seeds = self.how.seeds(places, count, further) if has_styles(synthesizer) else None
        photos = synthesizer.batch(label_map, instance_map=instance_map, seed=seeds)
        return to_8_bits(photos, self.how.rounding)

    def in_style_of(self, synthesizer: Synthesizer, place: int, guide: Tensor) -> Tensor:
        """uint8 [3, H, W] for a label map, in the style of a photo, uint8 [3, H, W]."""
        label_map, instance_map = self.label_maps.with_instances(place)
        photo = synthesizer.batch(
            label_map[None],
            instance_map=None if instance_map is None else instance_map[None],
            style=synthesizer.encode(guide.permute(1, 2, 0).numpy()),
        )
        return to_8_bits(photo, self.how.rounding)[0]


def to_8_bits(photos: Tensor, rounding: Rounding) -> Tensor:
    """Photos in [-1, 1] -> uint8: (x + 1) / 2 * 255, clipped, cut off or rounded."""
    levels = ((photos + 1) / 2 * 255).clamp(0, 255)
    return (levels.round() if rounding == "round" else levels).to(torch.uint8)


def has_styles(synthesizer: Synthesizer) -> bool:
    """Whether a label map has more than one photo."""
    return synthesizer.system.random_style(Draw(0, [0])) is not None


def has_encoder(synthesizer: Synthesizer) -> bool:
    """Whether a photo can lend its style."""
    return getattr(synthesizer.system, "encoder", None) is not None


def check_ontology(model: Ontology, data: Ontology) -> None:
    """Raise ValueError unless the class indices of model and data mean the same."""
    if (model.names, model.unlabelled_index) == (data.names, data.unlabelled_index):
        return
    different = [f"{a!r} and {b!r}" for a, b in zip(model.names, data.names, strict=False) if a != b]
    detail = f"; class {different[0]}" if different else ""
    raise ValueError(
        f"the model's ontology {model.name!r} ({model.channels} classes) is not the data's {data.name!r} "
        f"({data.channels}){detail}. If the label maps hold the model's ids, read them with its ontology: --ontology "
        "MODEL/ontology.json"
    )
