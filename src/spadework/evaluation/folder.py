"""The folder of an evaluation, and what keeps two evaluations from mixing in it.

    work.json       what is evaluated, on what, how, by whom: everything that decides a number
    photos/         the generated pictures, where a model makes them
    blocks/         what was measured, a folder per part and a file per block
    report.json     the numbers
    report.html     the same as a page
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spadework.atomic import sweep_partial, write_json_atomic
from spadework.evaluation.blocks import BlockFolder
from spadework.lock import FolderLock

WORK, PHOTOS, BLOCKS = "work.json", "photos", "blocks"
REPORT, PAGE = "report.json", "report.html"


@dataclass(frozen=True)
class EvaluationFolder:
    """Where an evaluation keeps what it has done."""

    path: Path

    @property
    def photos(self) -> Path:
        """The generated pictures."""
        return self.path / PHOTOS

    def part(self, name: str) -> BlockFolder:
        """The results of one part."""
        return BlockFolder(self.path / BLOCKS / name)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """The folder for this process alone; raises ValueError when another one holds it, or it holds other things."""
        others = [] if not self.path.is_dir() or (self.path / WORK).is_file() else visible(self.path)
        if others:
            raise ValueError(
                f"{self.path}: it holds files that no evaluation made ({', '.join(others[:3])}); choose an empty --out"
            )
        lock = FolderLock(_made(self.path), work="evaluation")
        try:
            for folder in (self.path, self.photos, *(self.path / BLOCKS).glob("*")):
                if folder.is_dir():
                    sweep_partial(folder)
            yield
        finally:
            lock.release()

    def begin(self, work: dict[str, Any]) -> None:
        """Write down what this evaluation is; raises ValueError when the folder's was another one.

        What was None before (a judge that was not there) may be something now.
        """
        work = json.loads(json.dumps(work))
        before = read_json(self.path / WORK) if (self.path / WORK).is_file() else {}
        for key, now in work.items():
            if key in before and before[key] is not None and _compared(before[key]) != _compared(now):
                raise ValueError(
                    f"{self.path}: it holds an evaluation with {first_difference(key, before[key], now)}. Nothing was "
                    f"changed there; choose another --out, or delete the folder first"
                )
        if before != work:
            write_json_atomic(self.path / WORK, work)

    def work(self) -> dict[str, Any]:
        """What was written down; raises ValueError where this is no evaluation."""
        if not (self.path / WORK).is_file():
            raise ValueError(
                f"{self.path}: no evaluation is there ({WORK} is missing). Make one first: "
                "spadework evaluate MODEL --data DATA --out REPORT"
            )
        return read_json(self.path / WORK)


def _compared(value: Any) -> Any:
    """Without paths: data and models may be reached by another name."""
    return {key: item for key, item in value.items() if key != "path"} if isinstance(value, dict) else value


def first_difference(key: str, before: Any, now: Any) -> str:
    """The first thing in which two JSON values differ, for people: "data / split test, now val"."""
    if isinstance(before, dict) and isinstance(now, dict):
        for inner in [*before, *(new for new in now if new not in before)]:
            if inner != "path" and before.get(inner) != now.get(inner):
                return first_difference(f"{key} / {inner}", before.get(inner), now.get(inner))
    return f"{key} {_shown(before)}, now it is {_shown(now)}"


def read_json(path: Path) -> Any:
    """A JSON file; raises ValueError naming it."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: can't be read ({error})") from None


def visible(folder: Path) -> list[str]:
    """What lies in a folder, hidden files left out."""
    return sorted(entry.name for entry in folder.iterdir() if not entry.name.startswith("."))


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _shown(value: Any) -> str:
    text = "none" if value is None else value if isinstance(value, str) else json.dumps(value)
    return text if len(text) < 80 else text[:77] + "..."
