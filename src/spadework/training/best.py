"""The best model so far, by one score: `best/`, a model folder, with `best.json` beside its files."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping

from spadework.atomic import write_json_atomic
from spadework.data.ontology import Ontology
from spadework.model_folder import write_model
from spadework.systems.base import System
from spadework.training.hints import best_of
from spadework.training.run import Run


def keep_best(
    run: Run, images: int, scores: Mapping[str, float], by: str, name: str, system: System, ontology: Ontology
) -> bool:
    """Write `best/` if the score `by` is better than the one kept there; whether it was.

    Without such a score, or where it is no finite number, nothing is written.
    """
    value = scores.get(by)
    if value is None or not math.isfinite(value):
        return False
    folder = run.folder / "best"
    kept = _kept(run, by)
    if kept is not None and best_of([kept, (images, value)], by) == kept:
        return False
    write_model(folder, name, system, ontology)
    write_json_atomic(folder / "best.json", {"images": images, "by": by, "score": value, "scores": dict(scores)})
    return True


def _kept(run: Run, by: str) -> tuple[int, float] | None:
    """(images, score) of the model in `best/`; None where there is none, or one that was chosen otherwise."""
    try:
        best = json.loads((run.folder / "best" / "best.json").read_text(encoding="utf-8"))
        return (int(best["images"]), float(best["score"])) if best["by"] == by else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
