"""LPIPS: how far apart two photos look, by the features of a network that knows photos (Zhang et al. 2018).

    d(a, b) = sum_l mean_hw sum_c w_lc (F_lc(a) - F_lc(b))^2

F_l are a layer's features, normalised over channels to length 1 at each pixel; w_l >= 0 were fitted to what people
said, and come with the packages lpips and torchmetrics (version 0.1).

Shapes: B batch, K pictures, C channels, H W height and width, h w those of a layer.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import version
from itertools import combinations
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.models import alexnet, vgg16

from spadework.choose import choose
from spadework.evaluation.photos import require_photos
from spadework.segmenters.weights import WeightsFile, fill, read_weights

_MEAN = (-0.030, -0.088, -0.188)
_DEVIATION = (0.458, 0.448, 0.450)
"""ImageNet's, for photos in [-1, 1]."""

_TINY = 1e-10


@dataclass(frozen=True)
class Trunk:
    """A network of torchvision whose convolutional part LPIPS looks at."""

    name: str
    build: Callable[..., Any]
    """torchvision's function."""
    taps: tuple[int, ...]
    """The layers of `features` whose outputs are compared, each a ReLU."""
    channels: tuple[int, ...]
    smallest: int
    """The shortest side that leaves a pixel at the last tap, in pixels."""
    file: str
    """What torchvision calls the weights, and how large they are."""


TRUNKS: dict[str, Trunk] = {
    "vgg": Trunk("vgg", vgg16, (3, 8, 15, 22, 29), (64, 128, 256, 512, 512), 16, "vgg16-397923af.pth (528 MiB)"),
    "alex": Trunk(
        "alex", alexnet, (1, 4, 7, 9, 11), (64, 192, 384, 256, 256), 31, "alexnet-owt-7be5be79.pth (233 MiB)"
    ),
}
"""Name, as the package lpips has it -> trunk."""


class Lpips(nn.Module):
    """The distance; random weights until some are loaded. `read` is the way in."""

    name = "lpips"
    mean: Tensor
    deviation: Tensor

    def __init__(self, trunk: str = "vgg") -> None:
        super().__init__()
        self.trunk = choose(TRUNKS, trunk, "trunk")
        # torchvision's network without its classifier, which is most of it; numbered as there, for weights to fit.
        with torch.device("meta"):
            features = self.trunk.build(weights=None).features[: self.trunk.taps[-1] + 1]
        self.features = nn.ModuleDict({str(i): layer.to_empty(device="cpu") for i, layer in enumerate(features)})
        for layer in self.features.values():
            if isinstance(layer, nn.Conv2d):
                layer.reset_parameters()
        self.linear = nn.ParameterList(nn.Parameter(torch.full((c,), 1 / c)) for c in self.trunk.channels)
        self.register_buffer("mean", torch.tensor(_MEAN)[:, None, None], persistent=False)
        self.register_buffer("deviation", torch.tensor(_DEVIATION)[:, None, None], persistent=False)
        self.files: tuple[WeightsFile, ...] = ()
        self.requires_grad_(False).eval()

    @classmethod
    def read(cls, weights: Path | str, trunk: str = "vgg", linear: Path | str | None = None) -> Lpips:
        """With torchvision's ImageNet weights of the trunk from a local file.

        `linear`: the fitted weights, by default those of the installed package lpips or torchmetrics. Raises
        ValueError where a file is missing or holds something else; nothing in it is executed.
        """
        network = cls(trunk)
        path, file = Path(weights), network.trunk.file
        if not path.is_file():
            raise ValueError(
                f"{path}: no such file; LPIPS wants torchvision's ImageNet weights, a file called {file}, published "
                "under BSD-3-Clause. Download it and give its path, or leave LPIPS out"
            )
        tensors = {key: tensor for key, tensor in read_weights(path).items() if not key.startswith("classifier.")}
        fill(_Named(network.features), tensors, path, f"torchvision's network for LPIPS ({file})")
        fitted = Path(linear) if linear is not None else packaged_weights(trunk)
        network.read_linear(fitted)
        network.files = (WeightsFile.of(path), WeightsFile.of(fitted))
        return network

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """[B, 3, H, W] each, in [-1, 1] -> [B]."""
        distance = a.new_zeros(len(a))                                                  # [B]
        for weight, of_both in zip(self.linear, self.layers(torch.cat([a, b])), strict=True):
            of_a, of_b = of_both.chunk(2)                                               # [B, C, h, w] each
            distance = distance + _weighted(of_a - of_b, weight)
        return distance

    @torch.no_grad()
    def pairs(self, photos: Tensor) -> Tensor:
        """uint8 [K, 3, H, W] -> [K (K - 1) / 2]: the distances of (0, 1), (0, 2), ... (K - 2, K - 1)."""
        x = self.normalise(photos)                                                      # [K, 3, H, W]
        distances = x.new_zeros(len(x) * (len(x) - 1) // 2)
        for weight, features in zip(self.linear, self.layers(x), strict=True):
            apart = [_weighted(features[i] - features[j], weight) for i, j in combinations(range(len(x)), 2)]
            distances += torch.stack(apart) if apart else 0
        return distances

    @torch.no_grad()
    def distance(self, a: Tensor, b: Tensor) -> Tensor:
        """uint8 [B, 3, H, W] each -> [B]."""
        if a.shape != b.shape:
            raise ValueError(f"LPIPS compares photos of one size, but got {list(a.shape)} and {list(b.shape)}")
        return self(self.normalise(a), self.normalise(b))

    def layers(self, x: Tensor) -> Iterator[Tensor]:
        """[B, 3, H, W] in [-1, 1] -> the compared features, [B, C, h, w] each, of length 1 at each pixel."""
        x = (x - self.mean) / self.deviation
        for place, layer in self.features.items():
            x = layer(x)
            if int(place) in self.trunk.taps:
                yield x / (x.square().sum(1, keepdim=True).sqrt() + _TINY)

    def normalise(self, photos: Tensor) -> Tensor:
        """uint8 [B, 3, H, W] -> [-1, 1]; raises ValueError for other types, so that no range is ever mistaken."""
        require_photos(photos, "LPIPS")
        if min(photos.shape[2:]) < self.trunk.smallest:
            raise ValueError(
                f"LPIPS with the trunk {self.trunk.name} wants photos of at least {self.trunk.smallest} pixels a side, "
                f"but got {list(photos.shape)}: compare larger ones"
            )
        return photos.float() / 127.5 - 1

    def describe(self) -> dict[str, Any]:
        """What a report must tell, in JSON types."""
        return {
            "measure": "LPIPS 0.1",
            "trunk": self.trunk.name,
            "weights": [asdict(file) for file in self.files],
            "versions": {package: version(package) for package in ("torch", "torchvision")},
        }

    def read_linear(self, path: Path) -> None:
        """Take the fitted weights from a file; raises ValueError for another trunk's."""
        held = read_weights(path)
        expected = {f"lin{i}.model.1.weight": [1, c, 1, 1] for i, c in enumerate(self.trunk.channels)}
        if {key: list(tensor.shape) for key, tensor in held.items()} != expected:
            raise ValueError(
                f"{path}: these are not LPIPS's fitted weights for the trunk {self.trunk.name}: expected "
                f"{', '.join(expected)} of {', '.join(map(str, self.trunk.channels))} numbers"
            )
        for parameter, tensor in zip(self.linear, (held[key] for key in expected), strict=True):
            parameter.copy_(tensor.flatten())


def packaged_weights(trunk: str) -> Path:
    """LPIPS's fitted weights (version 0.1) in the installed package lpips or torchmetrics, which are not imported."""
    for package, folder in (("lpips", "weights/v0.1"), ("torchmetrics", "functional/image/lpips_models")):
        found = importlib.util.find_spec(package)
        if found is not None and found.origin is not None:
            path = Path(found.origin).parent / folder / f"{trunk}.pth"
            if path.is_file():
                return path
    raise ValueError(
        "LPIPS's fitted weights come with the package lpips (BSD-2-Clause), which is not installed: "
        "pip install 'spadework[eval]', or give their file"
    )


class _Named(nn.Module):
    """A trunk under the names of torchvision's file: `features.0.weight`."""

    def __init__(self, features: nn.Module) -> None:
        super().__init__()
        self.features = features


def _weighted(difference: Tensor, weight: Tensor) -> Tensor:
    """[..., C, h, w] and [C] -> [...]: the mean over pixels of the weighted sum of squares over channels."""
    return (difference.square() * weight[:, None, None]).sum(-3).mean((-2, -1))
