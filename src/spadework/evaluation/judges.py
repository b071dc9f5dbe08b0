"""Who judges: the networks that a protocol asks for, and whether they can be believed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from spadework.data.folder import FolderDataset
from spadework.data.pair_dataset import PairDataset
from spadework.evaluation.diversity import PairMeasure
from spadework.evaluation.feature_distances import NamedExtractor
from spadework.evaluation.inception import InceptionFeatures
from spadework.evaluation.judge.independence import independence, photos_seen
from spadework.evaluation.perceptual_similarity import Lpips
from spadework.evaluation.protocol import Protocol
from spadework.hardware import find_device
from spadework.segmenters.load import load_segmenter
from spadework.segmenters.own import SEGMENTER
from spadework.segmenters.segmenter import Segmenter


@dataclass(frozen=True)
class Judges:
    """Who judges the pictures: what builds each network, in whatever process; None for those that are not there."""

    segmenter: Callable[[], Segmenter] | None = None
    inception: Callable[[], NamedExtractor] | None = None
    lpips: Callable[[], PairMeasure] | None = None
    device: str = "cpu"
    """Where segmenter and Inception compute."""


def judges_of(
    protocol: Protocol,
    *,
    segmenter: str | None = None,
    weights: Sequence[Path] = (),
    preprocessing: str | None = None,
    inception: Path | None = None,
    lpips: Path | None = None,
    device: str = "cpu",
) -> Judges:
    """The judges of a protocol, from local files; those whose files are not given are left out.

    `segmenter` is a folder or a name of `load_segmenter`, where the protocol leaves it open; `weights` are the files of
    one that has a name. Raises ValueError where protocol and files contradict each other.
    """
    find_device(device)
    _refuse_unused(protocol, weights, preprocessing)
    make = None
    if protocol.segmenter == "given":
        if segmenter is None and weights:
            raise ValueError("--segmenter-weights wants --segmenter: whose weights are these?")
        if segmenter is not None:
            make = partial(load_segmenter, segmenter, weights=tuple(weights), preprocessing=preprocessing)
    elif segmenter not in (None, protocol.segmenter):
        raise ValueError(
            f"protocol {protocol.name!r} on {protocol.data_set} is judged by {protocol.segmenter or 'no segmenter'}; "
            f"for {segmenter} take --protocol own"
        )
    elif protocol.segmenter is not None and weights:
        make = partial(load_segmenter, protocol.segmenter, weights=tuple(weights), **protocol.segmenter_settings)
    return Judges(
        make,
        None if inception is None else partial(_inception, inception, protocol.inception, device),
        None if lpips is None else partial(Lpips.read, lpips),
        device,
    )


def _refuse_unused(protocol: Protocol, weights: Sequence[Path], preprocessing: str | None) -> None:
    """Raise ValueError for what a protocol leaves no choice in: ignored, it would be believed."""
    if protocol.segmenter == "given":
        return
    fixed = protocol.segmenter_settings.get("preprocessing")
    if preprocessing is not None and preprocessing != fixed:
        says = f"prepares photos as {fixed!r}" if fixed else "leaves no choice in how photos are prepared"
        raise ValueError(f"--preprocessing {preprocessing}: protocol {protocol.name!r} {says}; take --protocol own")
    if weights and protocol.segmenter is None:
        raise ValueError(
            f"--segmenter-weights: protocol {protocol.name!r} on {protocol.data_set} has no segmenter; take "
            "--protocol own with --segmenter"
        )


def _inception(weights: Path, mode: str, device: str) -> InceptionFeatures:
    features = InceptionFeatures.read(weights, mode)
    features.network.to(device)
    return features


def about_the_judge(segmenter: str | None, model: Path | None, dataset: PairDataset) -> list[str]:
    """Sentences: whether a segmenter that was trained here is independent of the model, and of the photos."""
    if segmenter is None or not (Path(segmenter) / SEGMENTER).is_file():
        return []
    said = [f"The judge is {independence(Path(segmenter), model)}."]
    if isinstance(dataset, FolderDataset):
        photos = [pair.photo for pair in dataset.pairs if pair.photo is not None]
        seen = photos_seen(Path(segmenter), photos)
        of_these = f"of these {len(photos)} photos"
        too_good = f"It was trained on {seen} {of_these}: its scores are too good."
        said.append(too_good if seen else f"It was trained on none {of_these}.")
    return said
