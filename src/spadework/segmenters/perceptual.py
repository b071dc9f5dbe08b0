"""A perceptual distance in the features of a segmenter of one's own, where VGG-19's weights are not at hand."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torchvision.models import ResNet

from spadework.layers.perceptual import PerceptualDistance
from spadework.segmenters.own import OwnSegmenter
from spadework.segmenters.own_network import MEAN, STD


def segmenter_distance(segmenter: OwnSegmenter) -> PerceptualDistance:
    """The mean relative distance of the encoder's feature maps at 1/2, 1/4, 1/8 and 1/16 of the photo's size.

    d(fake, real) = 1/4 sum_l mean |F_l(fake) - F_l(real)| / mean |F_l(real)|. Features at 1/32 are left out: they tell
    what is seen, hardly how it looks. Raises ValueError for an encoder that is no ResNet.
    """
    encoder = segmenter.network.encoder
    if not isinstance(encoder, ResNet):
        raise ValueError(
            f"features of the encoder {segmenter.config.encoder!r} can't be compared: train the segmenter with a "
            "ResNet, such as --encoder resnet18"
        )
    stages = [
        nn.Sequential(_Normalised(), encoder.conv1, encoder.bn1, encoder.relu),
        nn.Sequential(encoder.maxpool, encoder.layer1),
        encoder.layer2,
        encoder.layer3,
    ]
    distance = PerceptualDistance(stages, [1 / len(stages)] * len(stages), relative=True)
    weights = [file.sha256 for file in segmenter.weights]
    distance.origin = {"network": "segmenter", "weights_sha256": weights, "training": segmenter.training_record}
    return distance


class _Normalised(nn.Module):
    """[B, 3, H, W] in [-1, 1] -> what the encoder was trained on: photos in [0, 1] less ImageNet's mean, by its std."""

    mean: Tensor
    std: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(MEAN)[:, None, None])
        self.register_buffer("std", torch.tensor(STD)[:, None, None])

    def forward(self, photo: Tensor) -> Tensor:
        return ((photo + 1) / 2 - self.mean) / self.std     # [B, 3, H, W]
