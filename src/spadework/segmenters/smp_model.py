"""Any network of segmentation-models-pytorch, as its `save_pretrained` wrote it.

Such a folder says nothing of classes or of how photos were normalised: both are given.

Shapes: B batch, K classes, F features, H W height and width of the photos, h w of the result.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spadework.segmenters.hub import find_folder, name_of, weights_files
from spadework.segmenters.segmenter import Segmenter, check_photos
from spadework.segmenters.transformers_model import read_config
from spadework.segmenters.weights import WeightsFile

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

STRIDE = 32
"""Sides are padded to a multiple of this, by repeating the edge, and the result is cropped."""


class SmpSegmenter(Segmenter):
    """A network on photos of their own size. `scores` are logits, resized bilinearly."""

    packages: ClassVar[tuple[str, ...]] = ("torch", "segmentation-models-pytorch", "timm")

    def __init__(
        self,
        name: str,
        network: nn.Module,
        classes: Sequence[str],
        *,
        mean: Sequence[float] = IMAGENET_MEAN,
        std: Sequence[float] = IMAGENET_STD,
    ) -> None:
        """`mean` and `std` are those of RGB in [0, 1] that the network was trained with."""
        super().__init__()
        self.name = name
        self.classes = tuple(classes)
        self.network = network
        self.mean, self.std = tuple(mean), tuple(std)
        self.eval()

    @torch.no_grad()
    def scores(self, photos: Tensor, size: tuple[int, int] | None = None) -> Tensor:
        """uint8 [B, 3, H, W], RGB -> logits [B, K, h, w] at `size`, by default that of the photos."""
        x = self.normalize(photos)
        height, width = photos.shape[2:]
        logits = self.network(x)[:, :, :height, :width]                                 # [B, K, H, W]
        return F.interpolate(logits, size or (height, width), mode="bilinear", align_corners=False)

    @torch.no_grad()
    def features(self, photos: Tensor) -> Tensor:
        """uint8 [B, 3, H, W], RGB -> [B, F]: the spatial mean of the encoder's last features."""
        encoder: Any = self.network.encoder
        return encoder(self.normalize(photos))[-1].mean((2, 3))

    def normalize(self, photos: Tensor) -> Tensor:
        """uint8 [B, 3, H, W], RGB -> float by mean and deviation, padded to full strides at the right and bottom."""
        check_photos(photos)
        x = photos.float() / 255
        x = (x - x.new_tensor(self.mean)[:, None, None]) / x.new_tensor(self.std)[:, None, None]
        height, width = photos.shape[2:]
        return F.pad(x, (0, -width % STRIDE, 0, -height % STRIDE), mode="replicate")

    def protocol(self) -> dict[str, Any]:
        """How photos are treated."""
        return {
            "preprocessing": {"mean": list(self.mean), "std": list(self.std)},
            "sizes": f"as given, padded to multiples of {STRIDE}",
            "prediction": "logits, resized bilinearly",
        }


def from_smp(
    source: Path | str,
    classes: Sequence[str],
    *,
    mean: Sequence[float] = IMAGENET_MEAN,
    std: Sequence[float] = IMAGENET_STD,
    fetch: bool = False,
) -> SmpSegmenter:
    """The network in a folder that `save_pretrained` wrote, or on the hub (`owner/name`, see `find_folder`).

    Raises ValueError for a folder that holds no such network, or one of another number of classes.
    """
    try:
        import segmentation_models_pytorch as smp
    except ImportError as error:
        raise ValueError(
            "this segmenter needs segmentation-models-pytorch, which is not installed: pip install 'spadework[eval]'"
        ) from error

    folder = find_folder(source, fetch=fetch)
    config = read_config(folder)
    kind, count = config.get("_model_class"), config.get("classes")
    if not isinstance(kind, str) or not hasattr(smp, kind):
        path = folder / "config.json"
        raise ValueError(f"{path}: _model_class is {kind!r}, no network of segmentation-models-pytorch")
    if count != len(classes):
        raise ValueError(f"{folder}: the network has {count} classes, and {len(classes)} names are given")
    files = weights_files(folder)
    try:
        # The encoder's own weights are in the file too: left in the config, they would be downloaded first.
        with redirect_stdout(StringIO()):  # the library prints what it does
            network = getattr(smp, kind).from_pretrained(folder, encoder_weights=None, strict=True)
    except Exception as error:  # the library lets nearly every kind through
        raise ValueError(f"{folder}: segmentation-models-pytorch cannot read this model: {error}") from error
    segmenter = SmpSegmenter(name_of(source), network, classes, mean=mean, std=std)
    segmenter.weights = tuple(map(WeightsFile.of, files))
    return segmenter
