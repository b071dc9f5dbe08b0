"""What a study asks: its settings and questions, fixed when it is created, in the study folder's study.json."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from spadework.atomic import write_json_atomic

FILE = "study.json"
PICTURES = "pictures"
VOTES = "votes.sqlite"
VERSION = 1
"""Of study.json; a change of the meaning of a key raises it."""

Side = Literal["A", "B"]
"""Where a picture stands: A is the left or upper one."""
Picture = Literal["layout", "ours", "theirs"]
"""The pictures of a question."""


@dataclass(frozen=True)
class Question:
    """A label map and two pictures, ours and theirs; in an attention check a picture as it is and a spoiled one."""

    name: str
    """The label map's name."""
    competitor: str | None
    """Whose picture stands against ours; None for an attention check."""
    legend: tuple[tuple[str, str], ...]
    """The largest classes: their names and colours (#rrggbb)."""

    @property
    def is_check(self) -> bool:
        """Whether this is an attention check."""
        return self.competitor is None


@dataclass(frozen=True)
class Study:
    """The settings and the questions; a question's number is its place among them."""

    id: str
    """Tells the votes of this study from those of any other."""
    data: str
    """What the label maps are called."""
    ours: str
    """What our system is called in reports."""
    competitors: tuple[str, ...]
    answers: int
    """Workers that are to answer each question."""
    per_worker: int | None
    """Questions for one worker, attention checks not counted; None: all."""
    checks: int
    """Attention checks for one worker."""
    misses: int
    """Attention checks that a worker may miss and still count as attentive."""
    seed: int
    """Draws sides, orders and places of checks."""
    contact: str
    """Whom workers can ask; may be empty."""
    questions: tuple[Question, ...]
    """Attention checks among them, all in random order: a number says nothing."""

    @cached_property
    def real(self) -> tuple[int, ...]:
        """The numbers of the questions that are no attention checks."""
        return tuple(number for number, question in enumerate(self.questions) if not question.is_check)

    @cached_property
    def check_numbers(self) -> tuple[int, ...]:
        """The numbers of the attention checks."""
        return tuple(number for number, question in enumerate(self.questions) if question.is_check)

    @property
    def quota(self) -> int:
        """Questions for one worker, attention checks not counted."""
        return len(self.real) if self.per_worker is None else min(self.per_worker, len(self.real))

    @property
    def wanted(self) -> int:
        """Votes that the whole study wants, attention checks not counted."""
        return len(self.real) * self.answers

    @staticmethod
    def picture(folder: Path, number: int, picture: Picture) -> Path:
        """The file of a picture of question `number`, in the study's folder."""
        return folder / PICTURES / f"{number:05}-{picture}.png"

    def write(self, folder: Path) -> None:
        """Write study.json, whole or not at all."""
        write_json_atomic(folder / FILE, {"version": VERSION, **asdict(self)})

    @classmethod
    def read(cls, folder: Path) -> Study:
        """The study of a folder; raises ValueError that says what is wrong with it."""
        path = folder / FILE
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            raise ValueError(
                f"{folder} is no study: there is no {FILE} in it; `spadework study create` makes one"
            ) from None
        except (ValueError, RecursionError) as error:
            raise ValueError(f"{path} is damaged: {error}; take it from a backup, or create the study anew") from None
        return cls._from_json(data, path)

    @classmethod
    def _from_json(cls, data: Any, path: Path) -> Study:
        if not isinstance(data, dict) or data.get("version") != VERSION:
            version = data.get("version") if isinstance(data, dict) else None
            raise ValueError(f"{path}: version {version!r} of a study, this spadework reads version {VERSION}")
        try:
            values = {field.name: data[field.name] for field in fields(cls)}
            values["competitors"] = tuple(values["competitors"])
            values["questions"] = tuple(_question(question) for question in values["questions"])
        except (KeyError, TypeError) as error:
            raise ValueError(f"{path} is damaged ({type(error).__name__}: {error}); create the study anew") from None
        return cls(**values)


def _question(data: dict[str, Any]) -> Question:
    return Question(**{**data, "legend": tuple((name, color) for name, color in data["legend"])})
