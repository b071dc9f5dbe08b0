"""Styles to choose from: a few photos whose styles differ, and what each makes of one label map.

Shapes: N photos, Z style size.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from spadework.data.pair_dataset import PairDataset
from spadework.sample import Batch
from spadework.seen_styles import SeenStyles
from spadework.synthesizer import Synthesizer, to_image
from spadework.systems.base import Style

FOLDER = "styles"
PHOTOS = 400
"""Photos whose styles are looked at, at most."""
SIDE = 160
"""Pixels of the longer side of a thumbnail."""
USUAL = 0.95
"""Share of the photos that may be chosen, those nearest to the mean: beyond lie odd ones."""


@torch.inference_mode()
def encode_photos(synthesizer: Synthesizer, dataset: PairDataset, most: int = PHOTOS) -> SeenStyles:
    """The styles of up to `most` photos, evenly spaced."""
    count = min(most, len(dataset))
    means, log_variances = [], []
    for index in (i * len(dataset) // count for i in range(count)):
        style = synthesizer.system.encode_style(Batch.collate([dataset[index]]).to(synthesizer.device))
        assert style.mean is not None and style.log_variance is not None
        means.append(style.mean.cpu())
        log_variances.append(style.log_variance.cpu())
    return SeenStyles(torch.cat(means), torch.cat(log_variances))


def choose_distant(vectors: Tensor, count: int) -> list[int]:
    """Rows of `vectors` [N, Z] that lie far from each other: each next one is the farthest from those chosen.

    It begins with the most usual one, and leaves out the odd (`USUAL`).
    """
    from_mean = torch.linalg.vector_norm(vectors - vectors.mean(0), dim=1)                  # [N]
    usual = from_mean.argsort()[: max(round(USUAL * len(vectors)), min(count, len(vectors)))]
    chosen = [int(usual[0])]
    nearest = torch.full([len(vectors)], -1.0)
    nearest[usual] = torch.inf
    while len(chosen) < min(count, len(usual)):
        nearest = nearest.minimum(torch.linalg.vector_norm(vectors - vectors[chosen[-1]], dim=1))
        chosen.append(int(nearest.argmax()))
    return chosen


def write_styles(folder: Path, synthesizer: Synthesizer, vectors: Tensor, label_map: Tensor) -> None:
    """`Style 01.npy`, a vector, and `Style 01.jpg`, what it makes of `label_map` [H, W] (class indices), and so on."""
    folder.mkdir()
    for number, vector in enumerate(vectors, 1):
        photo = to_image(synthesizer.batch(label_map[None], style=Style(vector[None]))[0])
        photo.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
        name = f"Style {number:02d}"
        np.save(folder / f"{name}.npy", vector.numpy(), allow_pickle=False)
        photo.save(folder / f"{name}.jpg", quality=88)
