"""The full release of ADE20K: more than 3000 classes, coded in colours, in folders by scene.

A pixel of NAME_seg.png holds its class in red and green: red / 10 * 256 + green, the class's place in the release's own
index (blue numbers the objects). Which of these became the 150 classes of the scene parsing challenge its organisers
published as a table, `convertFromADE/mapFromADE.txt` of github.com/CSAILVision/sceneparsing (BSD 3-Clause); those are
the numbers below. They are places in the index of 2016: the release of 2021 has another index, and no table.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from spadework.data.map_file import load_pixels
from spadework.data.ontology import Ontology
from spadework.data.prepare.making import label_png, open_picture
from spadework.data.prepare.plan import Key, Made, Part
from spadework.data.prepare.source import SourceFile, SourceTree

# Class of the challenge, 1 to 150 -> place in the index of 2016.
PLACES = (
    *(2978, 312, 2420, 976, 2855, 447, 2131, 165, 3055, 1125, 350, 2377, 1831, 838, 774),
    *(2684, 1610, 1910, 687, 471, 401, 2994, 1735, 2473, 2329, 1276, 2264, 1564, 2178, 913),
    *(57, 2272, 907, 724, 2138, 2985, 1395, 155, 2053, 689, 137, 266, 581, 2380, 491),
    *(627, 2212, 2388, 2423, 943, 2096, 1121, 1788, 2530, 2185, 420, 1948, 1869, 2251, 2531),
    *(2128, 294, 239, 212, 571, 2793, 978, 236, 1240, 181, 629, 2598, 1744, 1374, 591),
    *(2679, 223, 123, 47, 1282, 327, 2821, 1451, 2880, 2828, 480, 77, 2616, 246, 2733),
    *(14, 738, 38, 1936, 1401, 120, 868, 1702, 249, 308, 1969, 2526, 2928, 2337, 1023),
    *(609, 389, 2989, 1930, 2668, 2586, 131, 146, 3016, 2739, 95, 1563, 642, 1708, 103),
    *(1002, 2569, 2704, 2833, 1551, 1981, 29, 187, 1393, 747, 2254, 206, 2262, 1260, 2243),
    *(2932, 2836, 2850, 64, 894, 1858, 3109, 1919, 1583, 318, 2356, 2046, 1098, 530, 954),
)

# Three classes of the challenge have a second place.
SECOND_PLACES = {15: 783, 36: 533, 89: 247}

LAST_PLACE = 3148
"""Classes in the index of 2016."""

_ARCHIVE = "ADE20K_2016_07_26.zip (groups.csail.mit.edu/vision/datasets/ADE20K)"
_IN_SCENES = r"(?:^|/)images/(training|validation)/(?:.+/)(ADE_[a-z]+_\d{8})"
FULL_PHOTOS = Part(
    "photos",
    re.compile(_IN_SCENES + r"\.jpg$"),
    "ADE20K_2016_07_26/images/training/a/abbey/ADE_train_00000970.jpg",
    _ARCHIVE,
)
_SEG_MAPS = Part(
    "label maps",
    re.compile(_IN_SCENES + r"_seg\.png$"),
    "ADE20K_2016_07_26/images/training/a/abbey/ADE_train_00000970_seg.png",
    _ARCHIVE,
)
_RELEASE_2021 = re.compile(r"(?:^|/)images/ADE/(?:training|validation)/.*ADE_[a-z]+_\d{8}(?:_seg\.png|\.json)$")
_SEG = re.compile(r"ADE_[a-z]+_\d{8}_seg\.png$")


def full_release(tree: SourceTree) -> bool:
    """Whether this is the full release of 2016; raises ValueError for that of 2021."""
    found = next((file for file in tree.files if _RELEASE_2021.search(file.path)), None)
    if found is not None:
        raise ValueError(
            f"{tree.root}: this is the full release of ADE20K of 2021 ({found.name}). It has more than 3000 classes, "
            "and nobody published which of them are the 150 of the papers. Get ADEChallengeData2016.zip "
            "(sceneparsing.csail.mit.edu), which has annotations/training/ADE_train_00000001.png; the full release of "
            "2016, ADE20K_2016_07_26.zip, can be converted too"
        )
    return any(_SEG.search(file.path) for file in tree.files)


def full_seg_maps(tree: SourceTree, splits: dict[str, str]) -> dict[Key, SourceFile]:
    """The label maps of the full release."""
    return _SEG_MAPS.find(tree, splits)


def scene_of_path(file: SourceFile) -> str:
    """The scene that a photo of the full release shows: images/training/c/church/outdoor/x.jpg -> church_outdoor."""
    folders = re.split(r"(?:^|/)images/(?:training|validation)/", file.path)[-1].split("/")[:-1]
    return "_".join(folders[1:] if folders and len(folders[0]) == 1 else folders)


@dataclass(frozen=True)
class ConvertFullRelease:
    """A NAME_seg.png of the full release -> ids 0 (anything else) and 1..150."""

    ontology: Ontology

    def __call__(self, content: bytes, name: str) -> Made:
        image = open_picture(content, name)
        if image.mode != "RGB":
            raise ValueError(f"{name}: a picture of mode {image.mode!r}, expected the colours of a _seg.png of ADE20K")
        try:
            colors = np.asarray(load_pixels(image)).astype(np.int64)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
        place = colors[..., 0] // 10 * 256 + colors[..., 1]
        if place.max() > LAST_PLACE or (colors[..., 0] % 10).any():
            raise ValueError(
                f"{name}: its colours code no class of the index of 2016 (1..{LAST_PLACE}); is it of another release? "
                "ADEChallengeData2016.zip (sceneparsing.csail.mit.edu) is what the papers used"
            )
        ids = _table()[place]
        return Made((image.width, image.height), label_png(ids, self.ontology))


def _table() -> np.ndarray:
    """Place in the index of 2016 -> class of the challenge."""
    table = np.zeros(LAST_PLACE + 1, np.uint8)
    table[list(PLACES)] = np.arange(1, len(PLACES) + 1)
    table[list(SECOND_PLACES.values())] = list(SECOND_PLACES)
    return table
