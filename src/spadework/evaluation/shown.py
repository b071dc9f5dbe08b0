"""Pictures for the page: the best and the worst beside label map, photo and what the segmenter saw; and styles.

Shapes: B batch, H W height and width.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from PIL import Image
from torch import Tensor

from spadework.data.ontology import Ontology
from spadework.evaluation.generate import GenerateWork, has_encoder, has_styles
from spadework.evaluation.ground_truth import IGNORED, GroundTruth
from spadework.evaluation.measure import enlarged
from spadework.evaluation.pictures import LabelMaps, PictureFiles, RealPhotos
from spadework.evaluation.report import Extreme
from spadework.segmenters.segmenter import Segmenter
from spadework.synthesizer import Synthesizer

STYLES = 6
"""Styles of one label map that are shown."""
MAPS = 3
"""Label maps that are shown in several styles."""


@dataclass(frozen=True)
class Tile:
    """One picture."""

    caption: str
    image: Image.Image
    is_map: bool = False
    """A label map: its colours must not mix when it is resized."""


@dataclass(frozen=True)
class Row:
    """Pictures that belong together."""

    name: str
    tiles: tuple[Tile, ...]
    accuracy: float | None = None


@dataclass(frozen=True)
class Shown:
    """All pictures of a page."""

    worst: tuple[Row, ...] = ()
    best: tuple[Row, ...] = ()
    some: tuple[Row, ...] = ()
    """Evenly spread ones, where no segmenter tells best from worst."""
    seeds: tuple[Row, ...] = ()
    """Label maps in styles of several seeds."""
    guides: tuple[Row, ...] = ()
    """The photos that lend their style, then label maps in these."""


@dataclass(frozen=True)
class Gallery:
    """Where pictures for the page come from."""

    label_maps: LabelMaps
    pictures: PictureFiles
    photos: RealPhotos
    ontology: Ontology

    def row(self, place: int, name: str, accuracy: float | None = None, predicted: Image.Image | None = None) -> Row:
        """label | real | fake, and the predicted label map where there is one."""
        tiles = [
            Tile("label map", self.painted(self.label_maps(place)), is_map=True),
            Tile("real", as_image(self.photos(place))),
            Tile("fake", as_image(self.pictures(place))),
        ]
        if predicted is not None:
            tiles.append(Tile("predicted", predicted, is_map=True))
        return Row(name, tuple(tiles), accuracy)

    def judged(
        self, extremes: Sequence[Extreme], segmenter: Segmenter, truth: GroundTruth, maps: LabelMaps
    ) -> Iterator[Row]:
        """A row with the prediction for each of some pictures; `maps` have the size that the segmenter sees."""
        width, height = maps.size
        for one in extremes:
            photos = enlarged(self.pictures(one.place)[None], maps.size)
            prediction = segmenter.predict(photos, (height, width))[0].cpu()
            yield self.row(one.place, one.name, one.accuracy, painted_classes(prediction, truth, self.ontology))

    def in_seeds(self, generate: GenerateWork, synthesizer: Synthesizer, places: Sequence[int]) -> Iterator[Row]:
        """Label maps in their own style and in further ones."""
        for place in places:
            tiles = [Tile("label map", self.painted(self.label_maps(place)), is_map=True)]
            for further in range(1, STYLES):
                (seed,) = generate.how.seeds(range(place, place + 1), len(self.label_maps.dataset), further)
                picture = generate.pictures(synthesizer.fresh(), range(place, place + 1), further)[0]
                tiles.append(Tile(f"seed {seed}", as_image(picture)))
            yield Row(self.label_maps.dataset.name(place), tuple(tiles))

    def in_guides(self, generate: GenerateWork, synthesizer: Synthesizer, places: Sequence[int]) -> Iterator[Row]:
        """Photos that lend their style, and label maps in each of these styles."""
        count = len(self.label_maps.dataset)
        guides = [(places[0] + count // 2 + i * count // STYLES) % count for i in range(STYLES - 1)]
        blank = Image.new("RGB", self.label_maps.size, "white")
        shown = [Tile(f"photo {number}", as_image(self.photos(guide))) for number, guide in enumerate(guides, 1)]
        yield Row("styles from photos", (Tile("", blank), *shown))
        for place in places:
            tiles = [Tile("label map", self.painted(self.label_maps(place)), is_map=True)]
            for number, guide in enumerate(guides, 1):
                picture = generate.in_style_of(synthesizer.fresh(), place, self.photos(guide))
                tiles.append(Tile(f"style of photo {number}", as_image(picture)))
            yield Row(self.label_maps.dataset.name(place), tuple(tiles))

    def in_styles(self, generate: GenerateWork, synthesizer: Synthesizer, places: Sequence[int]) -> Shown:
        """Some label maps in as many styles as the model has ways to them."""
        some = places[:: max(len(places) // MAPS, 1)][:MAPS]
        return Shown(
            seeds=tuple(self.in_seeds(generate, synthesizer, some)) if has_styles(synthesizer) else (),
            guides=tuple(self.in_guides(generate, synthesizer, some)) if has_encoder(synthesizer) else (),
        )

    def painted(self, label_map: Tensor) -> Image.Image:
        """A label map in the ontology's colours."""
        return Image.fromarray(self.ontology.colorize(label_map).numpy())


def painted_classes(prediction: Tensor, truth: GroundTruth, ontology: Ontology) -> Image.Image:
    """A segmenter's classes [H, W] in the colours of the ontology; classes that it lacks in grey."""
    colors = torch.full((len(truth.classes), 3), 128, dtype=torch.uint8)
    for index, of_class in enumerate(truth.of_index):
        if of_class != IGNORED:
            colors[of_class] = ontology.colors()[index]
    return Image.fromarray(colors[prediction].numpy())


def as_image(photo: Tensor) -> Image.Image:
    """uint8 [3, H, W] -> an RGB picture."""
    return Image.fromarray(photo.permute(1, 2, 0).contiguous().numpy())
