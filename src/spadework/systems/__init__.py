"""The systems: one paper, one file."""

from spadework.systems.base import Preset, System
from spadework.systems.spade import PRESETS as SPADE_PRESETS
from spadework.systems.spade import Spade

SYSTEMS: dict[str, type[System]] = {"spade": Spade}

PRESETS: dict[str, dict[str, Preset]] = {"spade": SPADE_PRESETS}
