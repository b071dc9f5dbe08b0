"""Where a segmenter in training starts: random weights, a file of its encoder's, or another segmenter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from spadework.evaluation.judge.folds import Material
from spadework.evaluation.judge.independence import photos_seen
from spadework.segmenters.own import PHOTOS, OwnSegmenter


@dataclass(frozen=True)
class Start:
    """What to start from; random weights unless given."""

    encoder_weights: Path | None = None
    """A local file of the encoder's weights, such as torchvision's."""
    start_from: Path | None = None
    """The folder of another segmenter with the same architecture and encoder, at any size. Where its classes differ the
    last layer starts anew."""

    def __post_init__(self) -> None:
        if self.encoder_weights and self.start_from:
            raise ValueError("--encoder-weights and --start-from: the segmenter brings its encoder; give one of them")


@dataclass(frozen=True)
class Started:
    """What the weights brought with them."""

    record: dict[str, Any]
    """Of the file or the segmenter, for the record of the training; JSON types only."""
    listing: str = ""
    """The photos that the weights have learnt from already, in the form of `photos.sha256`."""


def begin(segmenter: OwnSegmenter, start: Start, material: Material, tell: Callable[[str], None]) -> Started:
    """Give a fresh segmenter its first weights.

    Raises ValueError for weights that do not fit, and for a segmenter that knows photos it would be measured on.
    """
    if start.encoder_weights is not None:
        return Started({"encoder_weights": asdict(segmenter.start_encoder(start.encoder_weights))})
    if start.start_from is None:
        return Started({"encoder_weights": None})

    earlier = OwnSegmenter.read(start.start_from)
    for split, measured in material.held_out.items():
        photos = [pair.photo for pair in measured.pairs if pair.photo]
        if seen := photos_seen(start.start_from, photos):
            raise ValueError(
                f"{start.start_from} has learnt from {seen} of the {len(photos)} photos that would be measured on "
                f"({split}): the scores would be too good. Start from another segmenter, or measure on other photos"
            )
    if not segmenter.start_from(earlier, start.start_from):
        tell(f"{start.start_from}: its classes are others, so the last layer starts anew")
    record = {"weights_sha256": earlier.weights[0].sha256, "training": earlier.training_record}
    listing = (start.start_from / PHOTOS).read_text(encoding="utf-8")
    return Started({"encoder_weights": None, "start_from": record}, listing)
