"""Studies without pictures, for what does not look at them; and one with, small."""

from __future__ import annotations

from pathlib import Path

from spadework.data.folder import FolderDataset
from spadework.evaluation.study.create import Settings, create
from spadework.evaluation.study.plan import Question, Study
from tests.evaluation.study.drawn import drawn_study


def bare_study(
    questions: int = 6,
    competitors: tuple[str, ...] = ("crn",),
    answers: int = 3,
    per_worker: int | None = None,
    **more: int,
) -> Study:
    """A study of `questions` per competitor."""
    checks = more.pop("checks", 2)
    asked = [Question(f"map-{n}", name, ()) for name in competitors for n in range(questions)]
    asked += [Question(f"check-{n}", None, ()) for n in range(checks)]
    settings = {"misses": 0, "seed": 0, **more}
    return Study(
        "1" * 32,
        "land",
        "ours",
        competitors,
        answers,
        per_worker,
        checks,
        contact="",
        questions=tuple(asked),
        **settings,
    )


def small_study(root: Path, maps: int = 6, **settings: object) -> Path:
    """A study folder of drawn pictures."""
    data, good, poor = drawn_study(root, maps)
    dataset = FolderDataset(data, training=False, photos_required=False)
    create(root / "study", dataset, "land", good, {"poor": poor}, Settings(**settings))  # type: ignore[arg-type]
    return root / "study"
