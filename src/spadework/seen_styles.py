"""The styles that a model has seen: of photos it learnt from. A seed draws from these where a model brings them.

A style encoder is trained towards the standard normal distribution and need not reach it: where the few directions
that carry the look spread wider, vectors of the standard normal give duller pictures than the styles of photos. What
the generator has learnt from is the mixture of what its photos were encoded to, the aggregate posterior (Hoffman and
Johnson 2016, "ELBO surgery"):

    q(z) = 1/N * sum over photos i of N(z; mean_i, exp(log_variance_i))

Shapes: N photos, Z style size.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log

from torch import Tensor

from spadework.draw import Draw
from spadework.systems.base import Style


@dataclass(frozen=True)
class SeenStyles:
    """What N photos were encoded to."""

    mean: Tensor
    """[N, Z] float32."""
    log_variance: Tensor
    """[N, Z] float32."""

    def __post_init__(self) -> None:
        shape = self.mean.shape
        if self.mean.ndim != 2 or not self.mean.numel() or self.log_variance.shape != shape:
            raise ValueError(
                f"styles are numbers [N, Z], as many log variances as means; got {list(shape)} and "
                f"{list(self.log_variance.shape)}"
            )
        if not (self.mean.isfinite().all() and self.log_variance.isfinite().all()):
            raise ValueError("some of the styles' numbers are not finite")

    def drawn_in(self, spread: float) -> SeenStyles:
        """The same drawn in towards their mean, to `spread` of their distances from it, and their variances with them.

        Styles far from the mean belong to photos of unlike layouts; other label maps look forced in them. What is taken
        from variety is given to quality, as by the truncation trick (Brock et al. 2019, BigGAN). ValueError for a
        spread that is not in (0, 1].
        """
        check_spread(spread)
        middle = self.mean.mean(0)
        return SeenStyles(middle + spread * (self.mean - middle), self.log_variance + 2 * log(spread))

    def draw(self, seed: int) -> Style:
        """One of the photos, and a point of what it was encoded to: [1, Z]."""
        draw = Draw(seed, [0])
        photo = draw.integer("seen style", len(self.mean))                                      # [1]
        mean, log_variance = self.mean[photo], self.log_variance[photo]
        return Style(mean, mean, log_variance).perturb(draw.normal("style", mean.shape[1]))


def check_spread(spread: float) -> None:
    """Raise ValueError for a spread of styles that is not in (0, 1]."""
    if not 0 < spread <= 1:
        raise ValueError(f"the spread of styles is {spread}: expected more than 0, and 1 at most")
