"""The network of a segmenter of one's own: segmentation-models-pytorch by name, nothing downloaded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from spadework.choose import choose
from spadework.segmenters.weights import read_weights

STRIDE = 32
"""Networks see photos whose height and width are multiples of this; others are padded by repeating the edge."""
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet's photos in [0, 1], as encoders trained there expect them."""

_CLASSIFIERS = ("fc.", "classifier.", "head.")


@dataclass(frozen=True)
class OwnConfig:
    """What the network is built from; JSON types only."""

    classes: tuple[str, ...]
    """The names of the K outputs, in order."""
    ids: tuple[int, ...]
    """The id of each output in label maps."""
    architecture: str = "unet"
    """A decoder of segmentation-models-pytorch: unet, fpn, deeplabv3plus, ..."""
    encoder: str = "resnet18"
    """An encoder of segmentation-models-pytorch: resnet18, efficientnet-b0, tu-convnext_tiny, ..."""
    height: int = 128
    """Pixels: the height of the crops it was trained on."""
    width: int = 128
    """Pixels: their width. The short side of every photo is brought to the shorter of the two."""


def build_network(config: OwnConfig) -> nn.Module:
    """The network with fresh weights; nothing is downloaded. Raises ValueError for names that there are not."""
    try:
        import segmentation_models_pytorch as smp
    except ImportError:
        raise ValueError(
            "a segmenter of one's own needs segmentation-models-pytorch: pip install 'spadework[eval]'"
        ) from None

    architecture = choose(smp.MODEL_ARCHITECTURES_MAPPING, config.architecture, "architecture")
    if not config.encoder.startswith("tu-"):
        choose(dict.fromkeys(smp.encoders.get_encoder_names()), config.encoder, "encoder")
    if config.height % STRIDE or config.width % STRIDE or min(config.height, config.width) < STRIDE:
        raise ValueError(f"height {config.height} and width {config.width}: expected multiples of {STRIDE} pixels")
    try:
        network = architecture(config.encoder, encoder_weights=None, classes=len(config.classes))
    except (RuntimeError, ValueError, KeyError) as error:
        raise ValueError(f"encoder {config.encoder!r} with architecture {config.architecture!r}: {error}") from None
    return network.to(memory_format=torch.channels_last)


def fitted(size: tuple[int, int], short_side: int) -> tuple[int, int]:
    """Height and width, or width and height, with the short side brought to `short_side` and the shape kept."""
    short = min(size)
    first, second = (max(round(side * short_side / short), 1) for side in size)
    return first, second


def encoder_tensors(path: Path) -> dict[str, Tensor]:
    """The weights in a classifier's file (torchvision's, timm's) without its last layer."""
    return {key: tensor for key, tensor in read_weights(path).items() if not key.startswith(_CLASSIFIERS)}
