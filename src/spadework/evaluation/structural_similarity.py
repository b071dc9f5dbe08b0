"""MS-SSIM: how alike two photos are in structure, over five scales (Wang, Simoncelli and Bovik 2003).

    MS-SSIM = ssim_5^w5 * prod_{s<5} cs_s^ws    per channel, then averaged over channels

cs and ssim are means over positions of (2 s_ab + C2) / (s_a^2 + s_b^2 + C2) and of that times
(2 m_a m_b + C1) / (m_a^2 + m_b^2 + C1); m, s^2 and s_ab are means, variances and covariance under a Gaussian window.

Shapes: B batch, K pictures, H W height and width.
"""

from __future__ import annotations

from importlib.metadata import version
from itertools import combinations
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from spadework.evaluation.photos import require_photos

SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
WINDOW, SIGMA = 11, 1.5
"""The window's side and the deviation of its Gaussian, in pixels."""
C1, C2 = 0.01**2, 0.03**2
"""For values in 0..1."""

SHORTEST_SIDE = (WINDOW - 1) * 2 ** (len(SCALE_WEIGHTS) - 1) + 1
"""Pixels: below it, the window does not fit at the smallest scale."""


class MsSsim:
    """The measure that diversity is told in, beside LPIPS; 1 for equal photos."""

    name = "ms_ssim"

    def pairs(self, photos: Tensor) -> Tensor:
        """uint8 [K, 3, H, W] -> [K (K - 1) / 2]: the similarities of (0, 1), (0, 2), ... (K - 2, K - 1)."""
        require_photos(photos, "MS-SSIM")
        alike = [ms_ssim(photos[i][None], photos[j][None]) for i, j in combinations(range(len(photos)), 2)]
        return torch.cat(alike) if alike else torch.empty(0, dtype=torch.float64)

    def describe(self) -> dict[str, Any]:
        """What a report must tell, in JSON types."""
        return {
            "measure": "MS-SSIM",
            "window": [WINDOW, SIGMA],
            "scale_weights": list(SCALE_WEIGHTS),
            "versions": {"torch": version("torch")},
        }


@torch.no_grad()
def ms_ssim(a: Tensor, b: Tensor) -> Tensor:
    """uint8 [B, 3, H, W] each -> float64 [B] in 0..1. Raises ValueError for photos that are too small."""
    require_photos(a, "MS-SSIM")
    require_photos(b, "MS-SSIM")
    if a.shape != b.shape:
        raise ValueError(f"MS-SSIM compares photos of one size, but got {list(a.shape)} and {list(b.shape)}")
    if min(a.shape[2:]) < SHORTEST_SIDE:
        raise ValueError(
            f"MS-SSIM looks at five scales and wants a short side over {SHORTEST_SIDE - 1} pixels, but got "
            f"{a.shape[3]}x{a.shape[2]}: generate larger photos, or leave MS-SSIM out"
        )
    x, y = a.double() / 255, b.double() / 255
    factors = []
    for weight in SCALE_WEIGHTS[:-1]:
        _, contrast = _ssim(x, y)                                                       # [B, 3]
        factors.append(contrast.clamp(min=0) ** weight)
        # An odd side is padded by a row of zeros at both ends, as pytorch-msssim does.
        padding = [side % 2 for side in x.shape[2:]]
        x, y = F.avg_pool2d(x, 2, padding=padding), F.avg_pool2d(y, 2, padding=padding)
    whole, _ = _ssim(x, y)
    factors.append(whole.clamp(min=0) ** SCALE_WEIGHTS[-1])
    return torch.stack(factors).prod(0).mean(1)                                         # [B]


@torch.no_grad()
def ssim(a: Tensor, b: Tensor) -> Tensor:
    """uint8 [B, 3, H, W] each -> float64 [B]: the same at one scale (Wang et al. 2004)."""
    require_photos(a, "SSIM")
    require_photos(b, "SSIM")
    if a.shape != b.shape or min(a.shape[2:]) < WINDOW:
        raise ValueError(
            f"SSIM compares photos of one size of at least {WINDOW} pixels a side, but got {list(a.shape)} and "
            f"{list(b.shape)}"
        )
    return _ssim(a.double() / 255, b.double() / 255)[0].mean(1)


def _ssim(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """[B, 3, H, W] each -> ssim and its contrast-structure part, [B, 3] each."""
    mean_x, mean_y = _blurred(x), _blurred(y)
    variances = _blurred(x * x) - mean_x**2 + _blurred(y * y) - mean_y**2
    covariance = _blurred(x * y) - mean_x * mean_y
    contrast = (2 * covariance + C2) / (variances + C2)
    luminance = (2 * mean_x * mean_y + C1) / (mean_x**2 + mean_y**2 + C1)
    return (luminance * contrast).mean((2, 3)), contrast.mean((2, 3))


def _blurred(x: Tensor) -> Tensor:
    """Each channel under the Gaussian window, where it fits."""
    place = torch.arange(WINDOW, dtype=x.dtype, device=x.device) - WINDOW // 2
    window = torch.exp(-(place**2) / (2 * SIGMA**2))
    kernel = (window / window.sum()).repeat(x.shape[1], 1, 1, 1)                        # [3, 1, 1, WINDOW]
    x = F.conv2d(x, kernel, groups=x.shape[1])
    return F.conv2d(x, kernel.transpose(2, 3), groups=x.shape[1])
