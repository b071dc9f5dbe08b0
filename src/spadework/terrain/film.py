"""Film: radiance becomes a photo, as a camera makes it: exposure, glow, tone, white balance, grain."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from spadework.terrain.dice import Dice
from spadework.terrain.style import Style

KEY = 0.27
"""What the exposure makes of the mean radiance."""
NIGHT_TINT = (0.62, 0.80, 1.25)


def develop(picture: Tensor, stars: Tensor | None, style: Style, fineness: int) -> Tensor:
    """Radiance [3, H, W] -> photo [3, H / fineness, W / fineness] in [-1, 1]; `stars` [H, W] are added as exposed."""
    exposed = picture.clamp(0, 200) * _exposure(picture, style)
    if style.night:
        grey = (exposed * _weights(exposed)).sum(0)
        exposed = torch.lerp(exposed, grey.expand_as(exposed), 0.45) * exposed.new_tensor(NIGHT_TINT)[:, None, None]
    if stars is not None:
        exposed = exposed + stars
    exposed = F.avg_pool2d(_glowing(_vignetted(exposed)).clamp(max=8)[None], fineness)[0]
    toned = _curve(exposed * _balance(exposed, style))
    toned = 0.5 + (toned - 0.5) * style.contrast
    grey = (toned * _weights(toned)).sum(0)
    toned = torch.lerp(grey.expand_as(toned), toned, style.saturation)
    grain = Dice(style.seed, "grain").normal("grain", *toned.shape).to(toned.device)
    return (toned + style.grain * grain).clamp(0, 1) * 2 - 1


def _weights(picture: Tensor) -> Tensor:
    return picture.new_tensor([0.2126, 0.7152, 0.0722])[:, None, None]


def _exposure(picture: Tensor, style: Style) -> float:
    """Between the mean and the mean of logarithms; night and dusk stay darker than day."""
    grey = (picture * _weights(picture)).sum(0).clamp(max=60)
    mean = 0.45 * float(grey.mean()) + 0.55 * math.exp(float((grey + 1e-4).log().mean()))
    dark = 0.38 if style.night else min(1.0, 0.74 + 0.05 * max(style.elevation + 4, 0))
    return KEY * dark * 2**style.exposure / mean


def _balance(picture: Tensor, style: Style) -> Tensor:
    """[3, 1, 1]: as cameras do, some way from blue or red to neither; then as warm as the style says.

    After sunset the picture stays blue: eyes and film are used to daylight.
    """
    red, _, blue = picture.clamp(max=2).mean((1, 2)).clamp(min=1e-4).tolist()
    redder = min(max((blue / red) ** (0.08 if style.night else 0.17), 0.88), 1.13)
    dusk = min(max(-style.elevation / 5, 0.0), 1.0)
    warm = (1 + style.warmth) * redder
    return picture.new_tensor([warm * (1 - 0.3 * dusk), 1.0, (1 + 0.2 * dusk) / warm])[:, None, None]


def _vignetted(picture: Tensor) -> Tensor:
    high, wide = picture.shape[1:]
    y = torch.linspace(-1, 1, high, device=picture.device)[:, None]
    x = torch.linspace(-1, 1, wide, device=picture.device)[None]
    return picture * (1 - 0.09 * (x**2 + y**2))


def _glowing(picture: Tensor) -> Tensor:
    """A little of bright light spreads."""
    small = F.avg_pool2d(picture.clamp(max=8)[None], 8)
    small = F.avg_pool2d(F.pad(small, (2, 2, 2, 2), mode="replicate"), 5, 1)
    spread = F.interpolate(small, size=picture.shape[1:], mode="bilinear", align_corners=False)[0]
    return 0.95 * picture + 0.05 * spread


def _curve(x: Tensor) -> Tensor:
    """A film's response: toe, straight part, shoulder (after Narkowicz 2015), then the display's gamma."""
    x = 0.85 * x
    contrasty = (x * (2.51 * x + 0.03)) / (x * (2.43 * x + 0.59) + 0.14)
    gentle = 1.08 * x * (1 + x / 9) / (1 + x)
    return (0.55 * contrasty + 0.45 * gentle).clamp(0, 1) ** (1 / 2.2)
