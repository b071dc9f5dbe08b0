"""Unified Perceptual Parsing (Xiao et al. 2018, arXiv:1807.10221): UPerNet on a ResNet-101, SPADE's judge of ADE20K.

A feature pyramid whose top sees the whole photo through pooled regions; its levels together give the classes. Names of
weights are those of CSAILVision/semantic-segmentation-pytorch, which publishes encoder and decoder as two files.

Shapes: B batch, K classes, C channels, F features, H W height and width of the resized photos, h w of the result.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models.resnet import Bottleneck

from spadework.choose import choose
from spadework.segmenters.segmenter import Segmenter, check_photos
from spadework.segmenters.upernet_input import PREPROCESSING, SIZES, Sizes
from spadework.segmenters.weights import WeightsFile, fill, read_weights


class UPerNet(Segmenter):
    """ResNet-101 and UPerNet. `scores` are probabilities, averaged over the sizes."""

    name = "upernet"
    packages: ClassVar[tuple[str, ...]] = ("torch", "torchvision", "pillow")

    def __init__(
        self,
        classes: Sequence[str],
        *,
        preprocessing: str,
        sizes: Sizes = SIZES["five"],
        stem: Sequence[int] = (64, 64, 128),
        widths: Sequence[int] = (64, 128, 256, 512),
        blocks: Sequence[int] = (3, 4, 23, 3),
        pyramid_width: int = 512,
    ) -> None:
        """`preprocessing`, a key of PREPROCESSING, goes with the weights, which do not tell it."""
        super().__init__()
        self.classes = tuple(classes)
        self.preprocessing, self.sizes = preprocessing, sizes
        self.preprocess = choose(PREPROCESSING, preprocessing, "preprocessing")
        self.encoder = Encoder(stem, widths, blocks)
        self.decoder = Decoder([Bottleneck.expansion * width for width in widths], pyramid_width, len(self.classes))
        self.eval()

    @classmethod
    def read(
        cls,
        paths: Sequence[Path | str],
        classes: Sequence[str],
        *,
        preprocessing: str,
        **options: Any,
    ) -> UPerNet:
        """With the weights of `encoder_epoch_50.pth` and `decoder_epoch_50.pth`, in either order, or of their folder.

        Raises ValueError for other files.
        """
        network = cls(classes, preprocessing=preprocessing, **options)
        for part, (path, tensors) in zip(("encoder", "decoder"), _read_both(paths), strict=True):
            what = f"the {part} of a UPerNet of {len(network.classes)} classes"
            fill(network.get_submodule(part), tensors, path, what)
            network.weights = (*network.weights, WeightsFile.of(path))
        return network

    @torch.no_grad()
    def scores(self, photos: Tensor, size: tuple[int, int] | None = None) -> Tensor:
        """uint8 [B, 3, H, W], RGB -> probabilities [B, K, h, w] at `size`, by default that of the photos."""
        check_photos(photos)
        height, width = photos.shape[2:]
        fed = self.sizes.of(height, width)
        total = photos.new_zeros((), dtype=torch.float32)
        for each in fed:
            logits = self(self.preprocess(photos, each))                                # [B, K, H/4, W/4]
            total = total + _resize(logits, size or (height, width)).softmax(1)         # [B, K, h, w]
        return total / len(fed)

    @torch.no_grad()
    def features(self, photos: Tensor) -> Tensor:
        """uint8 [B, 3, H, W], RGB -> [B, F]: the spatial mean of the encoder's last stage, at the middle size."""
        check_photos(photos)
        sizes = sorted(self.sizes.of(photos.shape[2], photos.shape[3]))
        return self.encoder(self.preprocess(photos, sizes[len(sizes) // 2]))[-1].mean((2, 3))

    def forward(self, x: Tensor) -> Tensor:
        """Preprocessed photos [B, 3, H, W] -> logits [B, K, H/4, W/4]."""
        return self.decoder(self.encoder(x))

    def protocol(self) -> dict[str, Any]:
        """How photos are treated."""
        return {
            "preprocessing": self.preprocessing,
            "sizes": asdict(self.sizes),
            "prediction": "softmax after bilinear resizing, mean over sizes",
        }


class Encoder(nn.Module):
    """ResNet with a stem of three 3x3 convolutions; what each stage gives. No dilation."""

    def __init__(self, stem: Sequence[int], widths: Sequence[int], blocks: Sequence[int]) -> None:
        super().__init__()
        first, second, third = stem
        self.conv1 = nn.Conv2d(3, first, 3, stride=2, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(first)
        self.conv2 = nn.Conv2d(first, second, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(second)
        self.conv3 = nn.Conv2d(second, third, 3, padding=1, bias=False)
        self.bn3 = nn.BatchNorm2d(third)
        ends = [third, *(Bottleneck.expansion * width for width in widths)]
        self.layer1 = _stage(ends[0], widths[0], blocks[0], stride=1)
        self.layer2 = _stage(ends[1], widths[1], blocks[1], stride=2)
        self.layer3 = _stage(ends[2], widths[2], blocks[2], stride=2)
        self.layer4 = _stage(ends[3], widths[3], blocks[3], stride=2)

    def forward(self, x: Tensor) -> list[Tensor]:
        x = F.relu(self.bn1(self.conv1(x)))                                             # [B, 64, H/2, W/2]
        x = F.relu(self.bn2(self.conv2(x)))
        x = F.relu(self.bn3(self.conv3(x)))                                             # [B, 128, H/2, W/2]
        x = F.max_pool2d(x, 3, stride=2, padding=1)                                     # [B, 128, H/4, W/4]
        stage1 = self.layer1(x)                                                         # [B, 256, H/4, W/4]
        stage2 = self.layer2(stage1)                                                    # [B, 512, H/8, W/8]
        stage3 = self.layer3(stage2)                                                    # [B, 1024, H/16, W/16]
        return [stage1, stage2, stage3, self.layer4(stage3)]                            # [B, 2048, H/32, W/32]


class Decoder(nn.Module):
    """Pyramid pooling on the last stage, a feature pyramid down to the first, and their fusion (Figure 4)."""

    REGIONS: ClassVar[tuple[int, ...]] = (1, 2, 3, 6)
    """The grids that the last stage is pooled to."""
    POOLED_WIDTH: ClassVar[int] = 512
    """Channels of each of them, whatever the pyramid's width."""

    def __init__(self, channels: Sequence[int], width: int, classes: int) -> None:
        super().__init__()
        *lower, top = channels
        pooled = self.POOLED_WIDTH
        self.ppm_conv = nn.ModuleList(_convolution(top, pooled, 1) for _ in self.REGIONS)
        self.ppm_last_conv = _convolution(top + len(self.REGIONS) * pooled, width, 3)
        self.fpn_in = nn.ModuleList(_convolution(each, width, 1) for each in lower)
        self.fpn_out = nn.ModuleList(nn.Sequential(_convolution(width, width, 3)) for _ in lower)
        self.conv_last = nn.Sequential(_convolution(len(channels) * width, width, 3), nn.Conv2d(width, classes, 1))

    def forward(self, stages: Sequence[Tensor]) -> Tensor:
        *lower, top = stages

        # Pyramid pooling. The resizing comes before the 1x1 convolution, unlike in other implementations.
        size = tuple(top.shape[2:])
        regions = [_resize(F.adaptive_avg_pool2d(top, region), size) for region in self.REGIONS]
        pooled = [convolve(region) for convolve, region in zip(self.ppm_conv, regions, strict=True)]
        f = self.ppm_last_conv(torch.cat([top, *pooled], 1))                            # [B, C, H/32, W/32]

        # Top-down: what goes on down is not smoothed.
        levels = [f]
        for stage, lateral, smooth in reversed(list(zip(lower, self.fpn_in, self.fpn_out, strict=True))):
            f = lateral(stage) + _resize(f, tuple(stage.shape[2:]))
            levels.insert(0, smooth(f))                                                 # [B, C, H/16 ... H/4, ...]

        # Fusion at the first stage's size.
        size = tuple(levels[0].shape[2:])
        return self.conv_last(torch.cat([_resize(level, size) for level in levels], 1)) # [B, K, H/4, W/4]


def _convolution(in_channels: int, out_channels: int, kernel_size: int) -> nn.Sequential:
    convolution = nn.Conv2d(in_channels, out_channels, kernel_size, padding=kernel_size // 2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(out_channels), nn.ReLU())


def _stage(in_channels: int, width: int, blocks: int, *, stride: int) -> nn.Sequential:
    out_channels = Bottleneck.expansion * width
    shortcut = nn.Sequential(
        nn.Conv2d(in_channels, out_channels, 1, stride, bias=False), nn.BatchNorm2d(out_channels)
    )
    first = Bottleneck(in_channels, width, stride, shortcut)
    return nn.Sequential(first, *(Bottleneck(out_channels, width) for _ in range(blocks - 1)))


def _resize(x: Tensor, size: tuple[int, ...]) -> Tensor:
    return F.interpolate(x, size, mode="bilinear", align_corners=False)


def _read_both(paths: Sequence[Path | str]) -> list[tuple[Path, dict[str, Tensor]]]:
    """(file, tensors) of the encoder and of the decoder."""
    files = [Path(path) for path in paths]
    if len(files) == 1 and files[0].is_dir():
        files = sorted(path for path in files[0].iterdir() if path.suffix in {".pth", ".safetensors"})
    if len(files) != 2:
        found = ", ".join(map(str, files)) or "nothing"
        raise ValueError(
            f"{found}: UPerNet's weights are two files, encoder_epoch_50.pth and decoder_epoch_50.pth: give both, or a "
            "folder with these two and no other weights"
        )
    # The decoder is the one that pools; everything else has to be the encoder.
    both = [(path, read_weights(path)) for path in files]
    return sorted(both, key=lambda each: any(key.startswith("ppm_conv.") for key in each[1]))
