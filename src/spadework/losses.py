"""The losses, one function each, with its formula beside it.

`logits` are a discriminator's last outputs; losses take half-precision ones to float32.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
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
