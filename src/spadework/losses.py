"""The losses, one function each, with its formula beside it.

`logits` are a discriminator's last outputs; losses take half-precision ones to float32.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor

from spadework.precision import at_least_float32


@dataclass(frozen=True)
class GanLoss:
    """The three sides of a GAN loss, each from logits [B, 1, h, w] to a scalar."""

    fake: Callable[[Tensor], Tensor]
    """What the discriminator pays for fakes."""
    real: Callable[[Tensor], Tensor]
    """What the discriminator pays for real photos."""
    generator: Callable[[Tensor], Tensor]
    """What the generator pays for its fakes."""


def _against(logits: Tensor, target: float) -> Tensor:
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))


GAN_LOSSES: dict[str, GanLoss] = {
    "hinge": GanLoss(
        fake=lambda logits: F.relu(1 + logits).mean(),                  # max(0, 1 + D(fake))
        real=lambda logits: F.relu(1 - logits).mean(),                  # max(0, 1 - D(real))
        generator=lambda logits: -logits.mean(),                        # -D(fake)
    ),
    "least_squares": GanLoss(
        fake=lambda logits: logits.square().mean(),                     # D(fake)^2
        real=lambda logits: (logits - 1).square().mean(),               # (D(real) - 1)^2
        generator=lambda logits: (logits - 1).square().mean(),          # (D(fake) - 1)^2
    ),
    "original": GanLoss(
        fake=lambda logits: _against(logits, 0.0),                      # -log(1 - sigmoid(D(fake)))
        real=lambda logits: _against(logits, 1.0),                      # -log sigmoid(D(real))
        generator=lambda logits: _against(logits, 1.0),                 # -log sigmoid(D(fake))
    ),
    "wasserstein": GanLoss(
        fake=lambda logits: logits.mean(),                              # D(fake)
        real=lambda logits: -logits.mean(),                             # -D(real)
        generator=lambda logits: -logits.mean(),                        # -D(fake)
    ),
}


def over_scales(loss: Callable[[Tensor], Tensor], features: Sequence[Sequence[Tensor]]) -> Tensor:
    """The mean over scales of a loss on each scale's logits, its last output."""
    return torch.stack([loss(at_least_float32(outputs[-1])) for outputs in features]).mean()


def feature_matching(fake: Sequence[Sequence[Tensor]], real: Sequence[Sequence[Tensor]]) -> Tensor:
    """1/S * sum over the S scales and all layers but the logits of mean |fake - real|; real gets no gradient.

    As SPADE has it: no weight per layer. (pix2pixHD's carries one more factor 4 / (layers + 1).)
    """
    terms = [
        F.l1_loss(at_least_float32(fake_output), at_least_float32(real_output.detach()))
        for fake_outputs, real_outputs in zip(fake, real, strict=True)
        for fake_output, real_output in zip(fake_outputs[:-1], real_outputs[:-1], strict=True)
    ]
    return torch.stack(terms).sum() / len(fake)


def kl_divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(mean, variance) || N(0, 1)) = -1/2 * sum(1 + log_variance - mean^2 - exp(log_variance)).

    Summed over style dimensions AND batch, as SPADE was released; divide by the batch for the textbook form.
    """
    return -0.5 * (1 + log_variance - mean.square() - log_variance.exp()).sum()


# Segmentation losses of OASIS (Sushko et al. 2021), section 3.2: logits [B, 1 + N, H, W] say "fake" in channel 0 and
# class c in channel 1 + c; label maps hold class indices [B, H, W].


def class_weights(label_map: Tensor, classes: int, *, unlabelled: int = -1, over_processes: bool = True) -> Tensor:
    """[N]: w_c = P / (K * n_c) for the K classes that occur, so that each has the same share in a mean over pixels.

    n_c counts the pixels of class c in the batch, P all of them; absent classes and `unlabelled` weigh nothing. The
    batch is that of all processes, unless `over_processes` is False.
    """
    pixels = torch.bincount(label_map.flatten(), minlength=classes)                                        # [N]
    if over_processes and dist.is_initialized():
        dist.all_reduce(pixels)
    counted = pixels.clone()
    if unlabelled >= 0:
        counted[unlabelled] = 0
    present = counted > 0
    return torch.where(present, pixels.sum() / (present.sum() * counted).clamp_min(1), 0.0)


def class_cross_entropy(logits: Tensor, label_map: Tensor, weights: Tensor) -> Tensor:
    """Mean over pixels of -w_l * log softmax(logits)[1 + l] with the pixel's class l and its weight (Eq. 1 and 2)."""
    logits = at_least_float32(logits)
    weights = F.pad(weights.to(logits), (1, 0))
    return F.cross_entropy(logits, label_map + 1, weights, reduction="sum") / label_map.numel()


def fake_cross_entropy(logits: Tensor) -> Tensor:
    """Mean over pixels of -log softmax(logits)[0] (Eq. 1, second term)."""
    logits = at_least_float32(logits)
    return (logits.logsumexp(1) - logits[:, 0]).mean()


def label_mix_consistency(mixed: Tensor, real: Tensor, fake: Tensor, mask: Tensor) -> Tensor:
    """Mean of (M * D(real) + (1 - M) * D(fake) - D(M * real + (1 - M) * fake))^2, on logits (Eq. 3).

    `mask` M [B, 1, H, W] bool.
    """
    expected = torch.where(mask, at_least_float32(real), at_least_float32(fake))
    return F.mse_loss(at_least_float32(mixed), expected)
