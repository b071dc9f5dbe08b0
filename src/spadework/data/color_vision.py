"""How different colours look, also to people with a colour vision deficiency.

Colours become OKLab (Ottosson 2020), where distance is close to what people see: black to white is 1. Deficiencies are
simulated in linear RGB with the matrices of Machado, Oliveira and Fernandes (2009) for a severity of 1.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

NORMAL = np.eye(3)

VISIONS: dict[str, np.ndarray] = {
    "normal": NORMAL,
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
"""Vision -> what it makes of linear RGB."""

LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
OKLAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


def seen(colors: Sequence[Sequence[int]] | np.ndarray, vision: str = "normal") -> np.ndarray:
    """[N, 3] colours of 0..255 as somebody with that vision (a key of VISIONS) sees them: [N, 3] in OKLab."""
    linear = np.clip(_linear(np.asarray(colors, dtype=np.float64) / 255) @ VISIONS[vision].T, 0, 1)
    return np.cbrt(linear @ LMS.T) @ OKLAB.T


def simulated(colors: np.ndarray, vision: str) -> np.ndarray:
    """[..., 3] uint8 colours, as uint8 colours that show others what somebody with that vision sees."""
    linear = np.clip(_linear(colors / 255.0) @ VISIONS[vision].T, 0, 1)
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return (encoded * 255).round().astype(np.uint8)


def distances(colors: Sequence[Sequence[int]] | np.ndarray, others: Sequence[Sequence[int]] | np.ndarray) -> np.ndarray:
    """[N, 3] and [M, 3] colours -> [N, M]: how far apart they look to whom they look most alike, of all VISIONS."""
    apart = [np.linalg.norm(seen(colors, vision)[:, None] - seen(others, vision)[None], axis=2) for vision in VISIONS]
    return np.min(apart, axis=0)


def _linear(encoded: np.ndarray) -> np.ndarray:
    """The sRGB transfer curve, undone."""
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
