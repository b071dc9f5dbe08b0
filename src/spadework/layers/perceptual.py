"""Perceptual distance: how far two photos lie apart in the feature maps of a network (Johnson et al. 2016)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spadework.precision import at_least_float32

VGG19_FILE = "vgg19-dcbb9e9d.pth"
"""The name of torchvision's VGG-19 weights, trained on ImageNet."""

# relu1_1, relu2_1, relu3_1, relu4_1, relu5_1 and their weights in pix2pixHD's loss, which SPADE took over.
VGG19_LAYERS = (1, 6, 11, 20, 29)
VGG19_WEIGHTS = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1.0)


class PerceptualDistance(nn.Module):
    """sum_l w_l * mean |F_l(fake) - F_l(real)| over feature maps F_l; no gradient flows into `real` or the network.

    `stages` are called one after the other, each on the one before's output; the output of each is one feature map.
    With `relative`, each term is divided by mean |F_l(real)|: then no stage counts more because its numbers are larger,
    and networks whose features nobody has weighed by hand can be used.
    """

    def __init__(self, stages: Sequence[nn.Module], weights: Sequence[float], *, relative: bool = False) -> None:
        super().__init__()
        self.stages = nn.ModuleList(stages).requires_grad_(False).eval()
        self.weights = tuple(weights)
        self.relative = relative
        self.origin: dict[str, Any] = {}
        """Where the network comes from, in JSON types; a run's config.json says it."""

    def forward(self, fake: Tensor, real: Tensor) -> Tensor:
        """[B, 3, H, W] each, in [-1, 1]; a scalar."""
        distance = fake.new_zeros(())
        for stage, weight in zip(self.stages, self.weights, strict=True):
            fake = stage(fake)
            with torch.no_grad():
                real = stage(real)
            term = F.l1_loss(at_least_float32(fake), at_least_float32(real))
            if self.relative:
                term = term / at_least_float32(real).abs().mean().clamp_min(1e-6)
            distance = distance + weight * term
        return distance

    def train(self, mode: bool = True) -> PerceptualDistance:
        """A fixed judge: stays in eval mode."""
        return super().train(False)


def vgg19_distance(weights: Path | str) -> PerceptualDistance:
    """The perceptual loss of pix2pixHD and SPADE, with torchvision's ImageNet weights from a local file.

    Photos enter in [-1, 1], not normalised to ImageNet's mean and deviation: that is how the released models trained.
    Raises ValueError when the file is missing or holds something else.
    """
    from torchvision.models import vgg19

    path = Path(weights)
    if not path.is_file():
        raise ValueError(
            f"{path}: no such file; the perceptual loss wants VGG-19's ImageNet weights, a file called {VGG19_FILE} "
            "(about 548 MiB, published by torchvision under BSD-3-Clause, trained on ImageNet). Download it and give "
            "its path, or train without the perceptual loss (perceptual weight 0)"
        )
    with torch.device("meta"):
        network = vgg19(weights=None)
    try:
        network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True), assign=True)
    except Exception as error:
        raise ValueError(f"{path}: these are not torchvision's VGG-19 weights ({VGG19_FILE}): {error}") from error
    distance = PerceptualDistance(vgg19_stages(network.features), VGG19_WEIGHTS)
    distance.origin = {"network": "VGG-19, trained on ImageNet"}
    return distance


def vgg19_stages(features: nn.Sequential) -> list[nn.Module]:
    """VGG-19's convolutional part cut after each layer of VGG19_LAYERS."""
    starts = (0, *(layer + 1 for layer in VGG19_LAYERS))
    return [features[start : layer + 1] for start, layer in zip(starts, VGG19_LAYERS, strict=False)]
