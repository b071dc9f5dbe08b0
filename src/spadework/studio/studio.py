"""The studio: one loaded model with all that is kept beside it, as the server hands it to its addresses."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from spadework.data.ontology import Ontology
from spadework.studio.describe import describe
from spadework.studio.examples import Example, examples
from spadework.studio.limits import Limits
from spadework.studio.looks import Look, looks
from spadework.studio.received import ReceivedMap, ids_png, to_base64
from spadework.studio.segmenting import Segmenting
from spadework.studio.shared_model import SharedModel
from spadework.studio.turns import Turns
from spadework.synthesizer import Synthesizer


@dataclass
class Studio:
    """What there is to serve."""

    model: SharedModel
    turns: Turns
    limits: Limits
    segmenting: Segmenting | None
    examples: dict[str, Example]
    looks: dict[str, Look]
    about: dict[str, Any]
    """The answer of /v1/model."""
    connections: int = 0
    """Live connections that are open."""
    figure3: dict[str, Any] | None = field(default=None, repr=False)
    """The answer of /v1/figure3, once it was asked for."""

    @property
    def ontology(self) -> Ontology:
        """The model's classes."""
        return self.model.synthesizer.ontology

    def as_answer(self, found: ReceivedMap) -> dict[str, Any]:
        """A label map as /v1/label-map answers it."""
        found = found.within(self.limits.max_pixels)
        return {
            "label_map": to_base64(ids_png(found.index, self.ontology)),
            "size": found.size,
            "form": found.form,
            "snapped": found.snapped,
            "notes": list(found.notes),
        }


def open_studio(
    synthesizer: Synthesizer, system_name: str, folder: Path, limits: Limits, segmenting: Segmenting | None = None
) -> Studio:
    """A studio around a loaded model, warmed up; `folder` is the model's."""
    limits.check()
    model = SharedModel(synthesizer, limits.kept_pixels)
    model.warm_up()
    maps = {each.name: each for each in examples(folder, synthesizer.ontology, model.size)}
    styles = looks(folder, model)
    about = describe(model, system_name, folder, limits, None if segmenting is None else segmenting.name)
    about["examples"] = [{"name": name, "url": f"/v1/examples/{quote(name, safe='')}.png"} for name in maps]
    about["thumbnails"] = [_thumbnail(look) for look in styles.values()]
    return Studio(model, Turns(limits.waiting), limits, segmenting, maps, styles, about)


def _thumbnail(look: Look) -> dict[str, Any]:
    base = f"/v1/styles/{quote(look.name, safe='')}"
    source = {"seed": look.seed} if look.vector is None else {"vector_url": f"{base}/vector"}
    return {"name": look.name, **source, "picture_url": f"{base}/picture"}
