"""Segmenters by name: the paper's three, a folder of your own, or a network of transformers or smp.

What a folder holds is told by its files: `segmenter.json` is a segmenter trained here, `config.json` with a
`model_type` one of transformers, with a `_model_class` one of segmentation-models-pytorch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from spadework.choose import choose
from spadework.data.ontology import Ontology
from spadework.data.shipped import shipped_ontology
from spadework.segmenters.deeplab_v2 import DeepLabV2
from spadework.segmenters.drn import LAYOUTS, SCALES, Drn
from spadework.segmenters.hub import find_folder
from spadework.segmenters.segmenter import Segmenter
from spadework.segmenters.smp_model import from_smp
from spadework.segmenters.transformers_model import from_transformers, read_config
from spadework.segmenters.upernet import UPerNet
from spadework.segmenters.upernet_input import SIZES


@dataclass(frozen=True)
class Published:
    """A segmenter of the paper, and what there is to choose about it."""

    read: Callable[..., Segmenter]
    """(files of weights, names of classes, **settings) -> the segmenter."""
    ontology: str
    """The shipped ontology that it was trained for; its unlabelled classes are no outputs."""
    files: str
    """Which files its weights are, for people."""
    settings: tuple[str, ...] = ()
    """The settings of `load_segmenter` that it has."""


def _read_deeplab(weights: Sequence[Path], classes: Sequence[str]) -> DeepLabV2:
    return DeepLabV2.read(_only(weights), classes)


def _read_upernet(
    weights: Sequence[Path], classes: Sequence[str], *, preprocessing: str | None = None, sizes: str = "five"
) -> UPerNet:
    if preprocessing is None:
        raise ValueError(
            "UPerNet's weights do not tell how photos were preprocessed, and the wrong way costs accuracy silently: "
            "say preprocessing 'ade20k' (files of the folder ade20k-resnet101-upernet) or 'baseline' (the older "
            "baseline-resnet101-upernet)"
        )
    return UPerNet.read(weights, classes, preprocessing=preprocessing, sizes=choose(SIZES, sizes, "sizes"))


def _read_drn(weights: Sequence[Path], classes: Sequence[str], *, layout: str, scales: str = "single") -> Drn:
    known: Mapping[str, Sequence[float]] = {"single": (), "multi": SCALES}
    return Drn.read(_only(weights), classes, layout, scales=choose(known, scales, "scales"))


def _only(weights: Sequence[Path]) -> Path:
    if len(weights) != 1:
        raise ValueError(f"{', '.join(map(str, weights))}: this segmenter's weights are one file")
    return weights[0]


PUBLISHED: dict[str, Published] = {
    "deeplab-v2": Published(_read_deeplab, "coco-stuff", "deeplabv2_resnet101_msc-cocostuff164k-100000.pth"),
    "upernet": Published(
        _read_upernet,
        "ade20k",
        "encoder_epoch_50.pth and decoder_epoch_50.pth of ade20k-resnet101-upernet",
        ("preprocessing", "sizes"),
    ),
    **{
        f"drn-{layout}": Published(
            partial(_read_drn, layout=layout), "cityscapes-19", f"drn-{layout}_ms_cityscapes.pth", ("scales",)
        )
        for layout in LAYOUTS
    },
}
"""Name -> how to make it. SPADE was judged by deeplab-v2, upernet and drn-d-105."""


def load_segmenter(
    source: str | Path,
    *,
    weights: str | Path | Sequence[str | Path] = (),
    classes: Sequence[str] | None = None,
    preprocessing: str | None = None,
    sizes: str | None = None,
    scales: str | None = None,
    fetch: bool = False,
) -> Segmenter:
    """A segmenter in eval mode, on the CPU.

    `source` is a name of PUBLISHED, whose files of `weights` are given beside it; or a folder: of a segmenter that was
    trained here, or that transformers or segmentation-models-pytorch saved; or the name of such a folder on the hub
    (`owner/name`), which is downloaded only with `fetch`.

    `classes` names the outputs: needed for smp, whose folders name none; elsewhere instead of the names that the source
    has. An `ontology.json` in the folder of either library does the same. `preprocessing` ("ade20k" or "baseline":
    needed) and `sizes` ("five", "450", "450-padding-8", "256") are about UPerNet, `scales` ("single", "multi") about
    DRN.

    Raises ValueError, which says what came, what was expected and the cure, for anything that does not fit.
    """
    given = {"preprocessing": preprocessing, "sizes": sizes, "scales": scales}
    settings = {name: value for name, value in given.items() if value is not None}
    name = str(source)
    if name in PUBLISHED:
        published = PUBLISHED[name]
        _refuse_others(settings, published.settings, name)
        if not weights:
            raise ValueError(
                f"{name}: its weights are needed, from local files: {published.files}. They are not downloaded; "
                "docs/segmenters.md says where they are and under which licence"
            )
        names = classes or _names(shipped_ontology(published.ontology))
        files = [weights] if isinstance(weights, str | Path) else weights
        return published.read([Path(path) for path in files], names, **settings)

    folder = _find(name, fetch)
    _refuse_others(settings, (), name)
    if weights:
        names = ", ".join(PUBLISHED)
        raise ValueError(f"{name}: a folder holds its own weights; files beside it are for one of {names}")
    if (folder / "segmenter.json").is_file():
        return _read_own(folder, classes)
    config = read_config(folder)
    if classes is None and (folder / "ontology.json").is_file():
        classes = _names(Ontology.read(folder / "ontology.json"))
    if "model_type" in config:
        return from_transformers(source, classes=classes)
    if "_model_class" in config:
        return from_smp(source, _needed(classes, folder, config))
    raise ValueError(
        f"{folder}: neither a segmenter that was trained here (segmenter.json) nor one that transformers or "
        "segmentation-models-pytorch saved (config.json with model_type or _model_class)"
    )


def _find(name: str, fetch: bool) -> Path:
    if not Path(name).exists() and "/" not in name:
        choose(PUBLISHED, name, "segmenter (or folder)")
    return find_folder(name, fetch=fetch)


def _names(ontology: Ontology) -> list[str]:
    """The classes that are outputs, in the order of their ids: all but the unlabelled ones."""
    outputs = [each for each in ontology.classes if each.id not in ontology.unlabelled]
    return [each.name for each in sorted(outputs, key=lambda each: each.id)]


def _read_own(folder: Path, classes: Sequence[str] | None) -> Segmenter:
    from spadework.segmenters.own import OwnSegmenter

    if classes is not None:
        raise ValueError(f"{folder}: this segmenter has names for its classes: give none")
    return OwnSegmenter.read(folder)


def _needed(classes: Sequence[str] | None, folder: Path, config: Mapping[str, Any]) -> Sequence[str]:
    if classes is None:
        raise ValueError(
            f"{folder}: segmentation-models-pytorch saves no names of classes: give {config.get('classes')} of them, "
            "in the order of the outputs, or put an ontology.json with them into the folder"
        )
    return classes


def _refuse_others(settings: Mapping[str, str], has: Sequence[str], name: str) -> None:
    for setting, value in settings.items():
        if setting not in has:
            some = f"it has {', '.join(has)}" if has else "it has no settings"
            raise ValueError(f"{name}: {setting} {value!r} is no choice of this segmenter; {some}")
