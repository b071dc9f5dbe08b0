"""Cheap signs of how a training goes, from a few pictures and without any judge.

Each is one number, to be looked at over time. Shapes: N pictures, H W height and width.
"""

from __future__ import annotations

import torch
from torch import Tensor

from spadework.data.pair_dataset import PairDataset
from spadework.draw import Draw
from spadework.sample import Batch, Sample
from spadework.synthesizer import Synthesizer
from spadework.systems.base import Progress, System

SIGNS = ("sharpness", "spectral_peak", "style_diversity", "real_seen", "real_held_out")
PICTURES = 8
"""Evenly spread over the data that the sample sheets show."""


@torch.no_grad()
def signs(
    system: System, seen: PairDataset, shown: PairDataset, *, discriminator: bool = True
) -> dict[str, float]:
    """Signs of a system in eval mode; `seen` is what it trains on, `shown` what its sample sheets show.

    - sharpness: of its photos, as a share of the real ones'
    - spectral_peak: see `spectral_peak`
    - style_diversity: how far two styles of one label map lie apart, mean |a - b| of colours in [0, 1]; where it has
      styles
    - real_seen, real_held_out: the discriminator's loss on real photos that it learnt from, and on others; where the
      two are not the same, and unless `discriminator` is False (its losses may want all processes)
    """
    batch = _batch(shown)
    assert batch.photo is not None
    device = next(system.parameters()).device
    synthesizer = Synthesizer(system, shown.ontology, device=str(device))
    styled = system.random_style(Draw(0, [0])) is not None
    fakes = [
        synthesizer.batch(batch.label_map, instance_map=batch.instance_map, seed=seed).float().cpu()
        for seed in ((0, 1) if styled else (None,))
    ]
    found = {
        "sharpness": sharpness(fakes[0]) / max(sharpness(batch.photo), 1e-6),
        "spectral_peak": spectral_peak(fakes[0]),
    }
    if styled:
        found["style_diversity"] = float((fakes[0] - fakes[1]).abs().mean()) / 2
    if discriminator and seen.fingerprint() != shown.fingerprint():
        losses = [_real_loss(system, one.to(device)) for one in (_batch(seen), batch)]
        if losses[0] is not None and losses[1] is not None:
            found |= {"real_seen": losses[0], "real_held_out": losses[1]}
    return found


def _batch(data: PairDataset) -> Batch:
    """Some pictures of one size: that of the first."""
    samples = data.some(PICTURES)
    return Batch.collate([one for one in samples if one.label_map.shape == samples[0].label_map.shape])


def _real_loss(system: System, batch: Batch) -> float | None:
    """The discriminator's loss on real photos, in eval mode; None where a system has no loss of that name."""
    draw = Draw(0, range(len(batch)))
    if system.completes:
        samples = [Sample(one, str(i)) for i, one in enumerate(batch.label_map.cpu())]
        extras = [system.complete(sample, draw).extras for sample in samples]
        batch.extras = {key: torch.stack([one[key] for one in extras]).to(batch.label_map.device) for key in extras[0]}
    losses = [losses for _, losses in system.turns(batch, Progress(0, 1), draw)]
    return next((float(one["real"]) for one in losses if "real" in one), None)


def sharpness(photos: Tensor) -> float:
    """How much brightness bends from pixel to pixel, mean |second difference|, photos [N, 3, H, W]."""
    brightness = photos.mean(1)                                                             # [N, H, W]
    return float(brightness.diff(2, 1).abs().mean() + brightness.diff(2, 2).abs().mean())


def spectral_peak(photos: Tensor) -> float:
    """How far patterns of 2 and 4 pixels stand out from others of nearly their wavelength; about 1 in photos.

    Up-sampling leaves such patterns, seen as a fine chequerboard. The largest ratio, over the frequencies 1/2 and 1/4
    along both axes and their diagonal, of the mean amplitude there to the median amplitude around it; 1 for photos of
    fewer than 32 pixels.
    """
    height, width = photos.shape[-2:]
    if min(height, width) < 32:
        return 1.0
    brightness = photos.mean(1) - photos.mean((1, 2, 3))[:, None, None]                     # [N, H, W]
    window = torch.hann_window(height)[:, None] * torch.hann_window(width)
    amplitude = torch.fft.fft2(brightness * window).abs().mean(0)                           # [H, W]
    ratios = []
    for part in (2, 4):
        for y, x in ((height // part, 0), (0, width // part), (height // part, width // part)):
            around = torch.roll(amplitude, (8 - y, 8 - x), (0, 1))[:17, :17].clone()
            peak = float(around[7:10, 7:10].max())
            around[5:12, 5:12] = torch.nan
            if 0 in (y, x):  # Along an axis, only its own frequencies can be compared.
                around = around[8] if y == 0 else around[:, 8]
            ratios.append(peak / max(float(around.nanmedian()), 1e-9))
    return max(ratios)
