"""Protocols: every choice that moves a number, under a name.

The papers of this family print their numbers without the choices behind them, and different choices move mean IoU and
Fréchet distance by more than the papers differ. So a protocol is a frozen bundle of choices, a report carries it along,
and two reports are compared only where their protocols are equal. Sizes are (width, height) in pixels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from spadework.choose import choose
from spadework.evaluation.segmentation import AbsentRule

Size = tuple[int, int]
Rounding = Literal["truncate", "round"]

ANY = "any"
"""The data set of a protocol that is for any."""


@dataclass(frozen=True)
class Protocol:
    """How pictures are made and judged."""

    name: str
    data_set: str
    """The ontology's name: the classes that label maps hold; ANY for whatever classes the data have."""
    about: str
    """One sentence: whose protocol it is, or what differs."""
    size: Size | None = None
    """Of the generated pictures; None: what the model was trained at, or what the given pictures have."""
    rounding: Rounding = "truncate"
    """How a photo in [-1, 1] becomes 8 bits: (x + 1) / 2 * 255, clipped, then cut off or rounded."""
    segmenter: str | None = "given"
    """A segmenter of the papers by its name; "given": any that the user names; None: no segmenter, no mean IoU."""
    segmenter_settings: Mapping[str, Any] = field(default_factory=dict)
    """What the segmenter's test protocol leaves open: preprocessing family, sizes, scales."""
    weights: str = ""
    """The published file of the segmenter's weights, for people."""
    judged_at: Size | int | None = None
    """The size that pictures (bilinear) and label maps (nearest) are brought to before the segmenter sees them; one
    number is the length of the longer side. None: as generated."""
    ignored: tuple[str, ...] = ()
    """Classes of the data that the segmenter does not know on purpose: their pixels are no part of any score."""
    absent: AbsentRule = "union"
    """Which classes the mean IoU is over."""
    inception: str = "pytorch-fid"
    """How photos come to the Inception network's size: a key of `inception_input.MODES`."""
    real: Literal["resized", "original"] = "resized"
    """What the distances compare with: photos brought to the generated size (Pillow, bicubic), or as they are."""
    published: str | None = None
    """The data set whose published rows stand beside the measured one, where the protocol is the papers'."""

    def to_json(self) -> dict[str, Any]:
        """JSON types only."""
        return {**asdict(self), "segmenter_settings": dict(self.segmenter_settings)}

    def judged_size(self, size: Size) -> Size:
        """The size at which pictures generated at `size` meet the segmenter."""
        if self.judged_at is None:
            return size
        if isinstance(self.judged_at, tuple):
            return self.judged_at
        scale = self.judged_at / max(size)
        return round(size[0] * scale), round(size[1] * scale)

    def in_words(self) -> list[str]:
        """Every choice as a sentence, for a report."""
        judged = "The segmenter sees pictures as generated; label maps are resized to them by nearest neighbour."
        if self.judged_at is not None:
            judged = (
                f"The segmenter sees pictures at {_shown(self.judged_at)} (bilinear, align_corners off, rounded to 8 "
                "bits), and is compared with label maps at that size (nearest neighbour)."
            )
        ignored = f" So are {len(self.ignored)} classes: {', '.join(self.ignored)}." if self.ignored else ""
        return [
            _ROUNDING[self.rounding],
            judged,
            f"Unlabelled pixels are no part of any score but the accuracy that is said to be over all pixels.{ignored}",
            _ABSENT[self.absent],
            _REAL[self.real],
            f"Inception sees photos in the mode {self.inception!r}.",
        ]


_ROUNDING = {
    "truncate": "Pictures are stored as PNG with 8 bits, fractions cut off as in the released SPADE and OASIS code.",
    "round": "Pictures are stored as PNG with 8 bits, rounded to the nearest value.",
}
_ABSENT = {
    "truth": "Mean IoU is over the classes with pixels in the label maps.",
    "union": "Mean IoU is over classes with pixels in label maps or predictions; one that is only predicted counts 0.",
    "zero": "Mean IoU is over all classes; one with pixels in neither label maps nor predictions counts 0.",
}


_REAL = {
    "resized": "Real photos are brought to the pictures' size by Pillow's bicubic filter before they are compared.",
    "original": "Real photos keep their own size until the Inception network's resize.",
}


def _shown(size: Size | int) -> str:
    return f"{size[0]}x{size[1]} pixels" if isinstance(size, tuple) else f"{size} pixels on the longer side"


# The paper's protocol, as far as paper and released code of its family say it.

CITYSCAPES_VOID = (
    *("unlabeled", "ego vehicle", "rectification border", "out of roi", "static", "dynamic", "ground", "parking"),
    *("rail track", "guard rail", "bridge", "tunnel", "polegroup", "caravan", "trailer", "license plate"),
)
"""Classes of labelIds that have no trainId."""

_SPADE = "SPADE (CVPR 2019)"
SPADE_2019 = {
    "coco-stuff": Protocol(
        "spade-2019",
        "coco-stuff",
        f"{_SPADE} on COCO-Stuff: 256x256, DeepLabV2, mean IoU over the classes that occur.",
        size=(256, 256),
        segmenter="deeplab-v2",
        weights="deeplabv2_resnet101_msc-cocostuff164k-100000.pth",
        absent="truth",
        published="coco-stuff",
    ),
    "ade20k": Protocol(
        "spade-2019",
        "ade20k",
        f"{_SPADE} on ADE20K: 256x256, UperNet101 at five sizes, mean IoU over all 150 classes.",
        size=(256, 256),
        segmenter="upernet",
        segmenter_settings={"preprocessing": "ade20k", "sizes": "five"},
        weights="encoder_epoch_50.pth and decoder_epoch_50.pth of ade20k-resnet101-upernet",
        ignored=("other",),
        absent="zero",
        published="ade20k",
    ),
    "ade20k-outdoor": Protocol(
        "spade-2019",
        "ade20k-outdoor",
        f"{_SPADE} on the outdoor part of ADE20K: as on ADE20K; classes that never occur outdoors count 0.",
        size=(256, 256),
        segmenter="upernet",
        segmenter_settings={"preprocessing": "ade20k", "sizes": "five"},
        weights="encoder_epoch_50.pth and decoder_epoch_50.pth of ade20k-resnet101-upernet",
        ignored=("other",),
        absent="zero",
        published="ade20k-outdoor",
    ),
    "cityscapes": Protocol(
        "spade-2019",
        "cityscapes",
        f"{_SPADE} on Cityscapes: 512x256, DRN-D-105 on pictures as generated, 19 classes.",
        size=(512, 256),
        segmenter="drn-d-105",
        weights="drn-d-105_ms_cityscapes.pth",
        ignored=CITYSCAPES_VOID,
        absent="union",
        published="cityscapes",
    ),
    "flickr-landscapes": Protocol(
        "spade-2019",
        "flickr-landscapes",
        f"{_SPADE} on Flickr Landscapes: 256x256, Fréchet distance only, since the label maps are a segmenter's.",
        size=(256, 256),
        segmenter=None,
    ),
}


def _variant(
    name: str, about: str, data_sets: tuple[str, ...] = tuple(SPADE_2019), **changes: Any
) -> dict[str, Protocol]:
    """The paper's protocol on some data sets with one choice changed; what was published is no longer comparable."""
    return {
        data_set: replace(SPADE_2019[data_set], name=name, about=about, published=None, **changes)
        for data_set in data_sets
    }


_ADE = ("ade20k", "ade20k-outdoor")

PROTOCOLS: dict[str, dict[str, Protocol]] = {
    "spade-2019": SPADE_2019,
    "rounded": _variant(
        "rounded", "spade-2019, but pictures are rounded to 8 bits instead of cut off.", rounding="round"
    ),
    "original-reals": _variant(
        "original-reals", "spade-2019, but distances compare with photos at their own size.", real="original"
    ),
    "torch-fidelity": _variant(
        "torch-fidelity", "spade-2019, but Inception is fed as in torch-fidelity.", inception="torch-fidelity"
    ),
    "clean-fid": _variant("clean-fid", "spade-2019, but Inception is fed as in clean-fid.", inception="clean-fid"),
    "coco-182": _variant(
        "coco-182",
        "spade-2019, but mean IoU over all 182 label slots, of which 11 are never annotated.",
        ("coco-stuff",),
        absent="zero",
    ),
    "coco-512": _variant(
        "coco-512",
        "Pictures enlarged to 512 pixels on the longer side, mean IoU over all 182 slots, about as imaginaire does.",
        ("coco-stuff",),
        judged_at=512,
        absent="zero",
    ),
    "ade20k-present": _variant(
        "ade20k-present", "spade-2019, but mean IoU only over classes that occur.", _ADE, absent="truth"
    ),
    "ade20k-256": _variant(
        "ade20k-256",
        "spade-2019, but the segmenter at the one size 256.",
        _ADE,
        segmenter_settings={"preprocessing": "ade20k", "sizes": "256"},
    ),
    "ade20k-450": _variant(
        "ade20k-450",
        "spade-2019, but the segmenter at the one size 450, its default in 2019.",
        _ADE,
        segmenter_settings={"preprocessing": "ade20k", "sizes": "450"},
    ),
    "ade20k-baseline": _variant(
        "ade20k-baseline",
        "The older segmenter `baseline-resnet101-upernet` as it was tested in early 2019: BGR, the one size 450.",
        _ADE,
        segmenter_settings={"preprocessing": "baseline", "sizes": "450"},
        weights="encoder and decoder of baseline-resnet101-upernet",
    ),
    "cityscapes-2048": _variant(
        "cityscapes-2048",
        "spade-2019, but the segmenter sees pictures enlarged to 2048x1024, and so do the label maps.",
        ("cityscapes",),
        judged_at=(2048, 1024),
    ),
    "cityscapes-multi-scale": _variant(
        "cityscapes-multi-scale",
        "spade-2019, but the segmenter adds up six scales.",
        ("cityscapes",),
        segmenter_settings={"scales": "multi"},
    ),
    "own": {ANY: Protocol("own", ANY, "Any data, judged by a segmenter of your own choice.")},
    "train-on-fake": {
        ANY: Protocol(
            "train-on-fake",
            ANY,
            "A segmenter is trained on the generated photos of a training split, one on the real ones and one on both; "
            "each is tested on real photos (after pix2pixHD).",
        )
    },
}
"""Name -> data set (an ontology's name) -> the choices."""


def find_protocol(name: str, data_set: str) -> Protocol:
    """The protocol of that name for a data set; raises ValueError that says which there are."""
    of_data_set = choose(PROTOCOLS, name, "protocol")
    protocol = of_data_set.get(data_set) or of_data_set.get(ANY)
    if protocol is None:
        raise ValueError(
            f"protocol {name!r} is for {', '.join(of_data_set)}; these data have the ontology {data_set!r}. If its ids "
            f"are one of theirs, name that one: --ontology {next(iter(of_data_set))}; for classes of your own there is "
            "--protocol own"
        )
    return protocol
