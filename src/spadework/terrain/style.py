"""Style: season, light, weather and film. The same layout under any style has the same label map."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from spadework.terrain.dice import Dice

Season = Literal["spring", "summer", "dry", "autumn"]


@dataclass(frozen=True)
class Style:
    """The look of a photo."""

    elevation: float = 35.0
    """Of the sun (or moon), degrees; below zero it has set."""
    azimuth: float = -60.0
    """Of the sun, degrees to the right of the direction of view; 180 is behind the camera."""
    night: bool = False
    """The moon shines instead of the sun, and stars."""
    haze: float = 2.0
    """1 is a very clear day, 30 a dull one."""
    fog: float = 0.0
    """Extinction of ground fog, per metre at the water's level."""
    season: Season = "summer"
    rock: int = 0
    """Kind of stone, 0..3: grey, sandstone, slate, pale limestone."""
    water: int = 0
    """Tint of the water, 0..3: green, blue, turquoise, peaty."""
    bloom: int = 0
    """Colour of the flowers, 0..4."""
    wind: float = 0.5
    """0 is a mirror, 1 choppy."""
    snow: float = 0.5
    """How much snow lies on trees in winter, 0..1."""
    exposure: float = 0.0
    """Stops."""
    warmth: float = 0.0
    """White balance, -0.1 cold to 0.1 warm."""
    contrast: float = 1.0
    saturation: float = 1.0
    grain: float = 0.006
    """Standard deviation of the film's noise."""
    seed: int = 0
    """Of grain, stars and the places of cloud shadows."""

    @classmethod
    def draw(cls, seed: int) -> Style:
        """A style, a function of the seed alone: mostly day, often low sun, sometimes fog, dusk or night."""
        dice = Dice(seed, "style")
        light = dice.pick("light", ("high", "low", "golden", "dusk", "night"), (0.44, 0.25, 0.18, 0.09, 0.04))
        low, high = {"high": (28, 65), "low": (12, 30), "golden": (2.5, 12), "dusk": (-5, 1), "night": (18, 50)}[light]
        facing = dice.pick("facing", ("side", "behind", "ahead"), (0.55, 0.27, 0.18))
        spread = {"side": (35, 120), "behind": (120, 180), "ahead": (0, 35)}[facing]
        azimuth = dice.uniform("azimuth", *spread) * (1 if dice.chance("right", 0.5) else -1)
        misty = dice.chance("misty", 0.10)
        return cls(
            elevation=dice.uniform("elevation", low, high),
            azimuth=azimuth,
            night=light == "night",
            haze=1.0 * 14.0 ** dice.uniform("haze", 0, 1) ** 1.6,
            fog=0.0004 * 12 ** dice.uniform("fog", 0, 1) if misty else 0.0,
            season=dice.pick("season", ("spring", "summer", "dry", "autumn"), (0.22, 0.4, 0.16, 0.22)),
            rock=dice.pick("rock", (0, 1, 2, 3)),
            water=dice.pick("water", (0, 1, 2, 3)),
            bloom=dice.pick("bloom", (0, 1, 2, 3, 4)),
            wind=dice.uniform("wind", 0, 1) ** 1.5,
            snow=dice.uniform("snow", 0, 1),
            exposure=dice.uniform("exposure", -0.35, 0.3),
            warmth=0.03 * float(dice.normal("warmth", 1)),
            contrast=dice.uniform("contrast", 0.9, 1.12),
            saturation=dice.uniform("saturation", 0.8, 1.1),
            grain=dice.uniform("grain", 0.002, 0.012),
            seed=seed,
        )


STYLES: dict[str, Style] = {
    "clear noon": Style(elevation=52, azimuth=-70, haze=1.3, wind=0.3),
    "spring morning": Style(elevation=22, azimuth=80, season="spring", haze=2.5, wind=0.15),
    "sun behind": Style(elevation=30, azimuth=165, haze=1.5, water=1),
    "golden hour": Style(elevation=7, azimuth=75, season="dry", haze=2.5, wind=0.2),
    "against the sun": Style(elevation=9, azimuth=12, season="autumn", haze=3.0, wind=0.4),
    "sunset": Style(elevation=1.2, azimuth=-25, haze=2.5, wind=0.2),
    "blue hour": Style(elevation=-4.5, azimuth=40, haze=1.5, wind=0.1),
    "moonlight": Style(elevation=35, azimuth=60, night=True, haze=1.2, wind=0.2),
    "hazy noon": Style(elevation=48, azimuth=110, haze=16, wind=0.2, water=2),
    "valley fog": Style(elevation=18, azimuth=-100, fog=0.0015, season="autumn", haze=4, wind=0.05),
    "autumn": Style(elevation=28, azimuth=-60, season="autumn", haze=1.5, wind=0.5, rock=2),
    "dry summer": Style(elevation=58, azimuth=40, season="dry", haze=4, wind=0.6, rock=1, water=2),
}
"""Name -> style."""
