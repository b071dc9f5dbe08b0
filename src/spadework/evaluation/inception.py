"""The network behind FID: InceptionV3 with the weights that TensorFlow published in December 2015.

torchvision's layout with 1008 outputs and without the auxiliary head, in which average pools leave the padding out of
the mean and the last block's pool takes the maximum. Which of three libraries' treatment of photos comes before it is
a mode (see `inception_input`): the same weights give another number under each.

Shapes: B batch, C channels, F features, H W height and width.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.models import inception as torchvision_inception

from spadework.choose import choose
from spadework.evaluation.feature_distances import DistanceNames
from spadework.evaluation.inception_input import MODES
from spadework.evaluation.photos import require_photos
from spadework.segmenters.weights import WeightsFile, fill, read_weights

INCEPTION_FILE = "pt_inception-2015-12-05-6726825d.pth"
"""pytorch-fid's file; torch-fidelity's `weights-inception-2015-12-05-6726825d.pth` holds the same numbers."""

PUBLISHED_SHA256 = "6726825d"
"""How the checksum of pytorch-fid's file begins, as its name says."""

DEPTHS = ("64", "192", "768", "2048", "logits_unbiased")
"""Where features can be taken: after the pools and blocks of so many channels, or 1008 logits without their bias."""

# pytorch-fid's network numbers the layers; saved from it, a state dict has these names.
_BLOCKS = (
    ("Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3"),
    ("Conv2d_3b_1x1", "Conv2d_4a_3x3"),
    ("Mixed_5b", "Mixed_5c", "Mixed_5d", "Mixed_6a", "Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e"),
    ("Mixed_7a", "Mixed_7b", "Mixed_7c"),
)
_OF_BLOCKS = {f"blocks.{i}.{j}": name for i, names in enumerate(_BLOCKS) for j, name in enumerate(names)}


class FidInception(torchvision_inception.Inception3):  # type: ignore[misc]
    """The network; random weights until some are loaded."""

    def __init__(self) -> None:
        a, c, e = _BlockA, _BlockC, _BlockE
        b, d = torchvision_inception.InceptionB, torchvision_inception.InceptionD
        blocks = [torchvision_inception.BasicConv2d, a, b, c, d, e, torchvision_inception.InceptionAux]
        super().__init__(1008, aux_logits=False, inception_blocks=blocks, init_weights=False)
        self.Mixed_7c.pool = _neighbourhood_maximum
        self.eval()

    def forward(self, x: Tensor, depth: str = "2048") -> Tensor:
        """[B, 3, 299, 299] in -1..1 -> [B, F], the spatial mean at a depth of DEPTHS."""
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x)))               # [B, 64, 147, 147]
        x = self.maxpool1(x)                                                            # [B, 64, 73, 73]
        if depth == "64":
            return _spatial_mean(x)
        x = self.maxpool2(self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(x)))                    # [B, 192, 35, 35]
        if depth == "192":
            return _spatial_mean(x)
        x = self.Mixed_6a(self.Mixed_5d(self.Mixed_5c(self.Mixed_5b(x))))               # [B, 768, 17, 17]
        x = self.Mixed_6e(self.Mixed_6d(self.Mixed_6c(self.Mixed_6b(x))))               # [B, 768, 17, 17]
        if depth == "768":
            return _spatial_mean(x)
        x = self.Mixed_7c(self.Mixed_7b(self.Mixed_7a(x)))                              # [B, 2048, 8, 8]
        x = _spatial_mean(x)                                                            # [B, 2048]
        return x @ self.fc.weight.T if depth == "logits_unbiased" else x


class InceptionFeatures:
    """Photos -> features of the FID Inception at one depth, treated as one library does."""

    def __init__(
        self, network: FidInception, mode: str, depth: str = "2048", weights: WeightsFile | None = None
    ) -> None:
        """`mode` is a key of MODES, `depth` one of DEPTHS; `weights` is where the network's came from."""
        self.network = network
        self.mode = mode
        self.depth = choose({name: name for name in DEPTHS}, depth, "depth")
        self.weights = weights
        self._prepare = choose(MODES, mode, "mode")
        if depth == "logits_unbiased" and network.fc is None:
            raise ValueError("these weights, saved from pytorch-fid's network, have no logits: choose another depth")

    @classmethod
    def read(cls, path: Path | str, mode: str, depth: str = "2048") -> InceptionFeatures:
        """With weights from a local file; raises ValueError for anything else than the FID Inception's."""
        return cls(read_inception(path), mode, depth, WeightsFile.of(path))

    @property
    def names(self) -> DistanceNames:
        """FID and KID are distances at depth 2048."""
        if self.depth == "2048":
            return DistanceNames("fid", "kid")
        return DistanceNames(f"inception_{self.depth}_frechet", f"inception_{self.depth}_kernel")

    @torch.no_grad()
    def __call__(self, photos: Tensor) -> Tensor:
        """uint8 [B, 3, H, W], RGB -> float32 [B, F]."""
        require_photos(photos, "the FID Inception")
        return self.network(self._prepare(photos), self.depth)

    def describe(self) -> dict[str, Any]:
        """What a report must tell, in JSON types."""
        return {
            "network": "FID InceptionV3",
            "mode": self.mode,
            "depth": self.depth,
            "weights": [asdict(self.weights)] if self.weights else [],
            "weights_as_published": self.weights is not None and self.weights.sha256.startswith(PUBLISHED_SHA256),
            "versions": {package: version(package) for package in ("torch", "torchvision", "pillow")},
        }


def read_inception(path: Path | str) -> FidInception:
    """The network with the weights of a local file, as pytorch-fid or torch-fidelity publish or save them.

    Nothing in the file is executed. Raises ValueError, which names the file and the cure, for anything else.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(
            f"{path}: no such file; FID wants the weights of Inception from 2015, a file called {INCEPTION_FILE} "
            "(about 91 MiB, published by pytorch-fid under Apache-2.0, trained on ImageNet). Download it and give its "
            "path, or leave FID out"
        )
    _refuse_torchscript(path)
    tensors = {_name(key): tensor for key, tensor in read_weights(path).items()}
    network = FidInception()
    if "fc.weight" not in tensors:
        network.fc = None  # pytorch-fid's own network leaves the last layer out
    fill(network, tensors, path, f"the FID Inception ({INCEPTION_FILE})")
    return network.requires_grad_(False)


def _name(key: str) -> str:
    """torchvision's name for a key of pytorch-fid's network; other keys as they are."""
    parts = key.split(".")
    block = ".".join(parts[:3])
    return ".".join([_OF_BLOCKS[block], *parts[3:]]) if block in _OF_BLOCKS else key


def _refuse_torchscript(path: Path) -> None:
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as archive:
        program = any(name.endswith("/constants.pkl") for name in archive.namelist())
    if program:
        raise ValueError(
            f"{path}: this is a TorchScript program (clean-fid and StyleGAN use inception-2015-12-05.pt), which would "
            f"have to be executed to be read; give {INCEPTION_FILE}, which holds the same numbers as plain weights"
        )


def _spatial_mean(x: Tensor) -> Tensor:
    return F.adaptive_avg_pool2d(x, 1).flatten(1)


# torchvision's blocks with the pools of the network that TensorFlow published.


def _neighbourhood_mean(x: Tensor) -> Tensor:
    return F.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)


def _neighbourhood_maximum(x: Tensor) -> Tensor:
    return F.max_pool2d(x, 3, stride=1, padding=1)


class _BlockA(torchvision_inception.InceptionA):  # type: ignore[misc]
    def forward(self, x: Tensor) -> Tensor:
        one = self.branch1x1(x)
        five = self.branch5x5_2(self.branch5x5_1(x))
        three = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        pooled = self.branch_pool(_neighbourhood_mean(x))
        return torch.cat([one, five, three, pooled], 1)


class _BlockC(torchvision_inception.InceptionC):  # type: ignore[misc]
    def forward(self, x: Tensor) -> Tensor:
        one = self.branch1x1(x)
        seven = self.branch7x7_3(self.branch7x7_2(self.branch7x7_1(x)))
        twice = self.branch7x7dbl_3(self.branch7x7dbl_2(self.branch7x7dbl_1(x)))
        twice = self.branch7x7dbl_5(self.branch7x7dbl_4(twice))
        pooled = self.branch_pool(_neighbourhood_mean(x))
        return torch.cat([one, seven, twice, pooled], 1)


class _BlockE(torchvision_inception.InceptionE):  # type: ignore[misc]
    pool: Callable[[Tensor], Tensor] = staticmethod(_neighbourhood_mean)

    def forward(self, x: Tensor) -> Tensor:
        one = self.branch1x1(x)
        three = self.branch3x3_1(x)
        three = torch.cat([self.branch3x3_2a(three), self.branch3x3_2b(three)], 1)
        twice = self.branch3x3dbl_2(self.branch3x3dbl_1(x))
        twice = torch.cat([self.branch3x3dbl_3a(twice), self.branch3x3dbl_3b(twice)], 1)
        pooled = self.branch_pool(self.pool(x))
        return torch.cat([one, three, twice, pooled], 1)
