"""Which scenes are outdoors: a table of our own, `scenes.json`.

Names are those of the SUN and Places scenes, which ADE20K uses. Outdoors is what is seen under the open sky:
landscapes, buildings and streets from without. Scenes under a roof, however open (a platform), are indoors.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path

# Endings that decide unless the whole name is in the table.
OUTDOOR_ENDINGS = ("outdoor", "exterior", "outside", "natural", "urban")
INDOOR_ENDINGS = ("indoor", "interior", "inside", "room", "shop", "store", "office", "laboratory", "kitchen", "museum")


def is_outdoor(scene: str) -> bool | None:
    """Whether a scene, such as "church_outdoor", is outdoors; None when the table does not say.

    The whole name decides, then its ending, then the name without its last words.
    """
    scene = re.sub(r"[^a-z0-9-]+", "_", scene.lower()).strip("_")
    if scene in _table():
        return _table()[scene]
    shorter, _, last = scene.rpartition("_")
    if last in OUTDOOR_ENDINGS or last in INDOOR_ENDINGS:
        return last in OUTDOOR_ENDINGS
    return is_outdoor(shorter) if shorter else None


@cache
def _table() -> dict[str, bool]:
    """Scene -> whether it is outdoors."""
    names = json.loads((Path(__file__).parent / "scenes.json").read_text(encoding="utf-8"))
    return {name: kind == "outdoor" for kind in ("indoor", "outdoor") for name in names[kind]}
