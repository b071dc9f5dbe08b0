"""The folder of a judge in training: one writer, what it began with, and when it may be gone on with."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from spadework.atomic import sweep_partial, write_json_atomic
from spadework.checkpoints import require_same
from spadework.evaluation.judge.folds import Material
from spadework.evaluation.judge.settings import JudgeSettings
from spadework.lock import FolderLock

TRAINING = "training.json"


def record_of(material: Material, settings: JudgeSettings, started: dict[str, Any]) -> dict[str, Any]:
    """All that decides the weights, in JSON types: what must stay the same, and what a report tells.

    `started` says where the first weights came from, as `start.begin` found it.
    """
    return {
        "ontology": material.training.ontology.name,
        "fold": material.fold,
        "photos": len(material.digests),
        "photos_sha256": hashlib.sha256(material.listing.encode()).hexdigest(),
        "held_out": {split: len(pairs) for split, pairs in material.held_out.items()},
        **started,
        **asdict(settings),
    }


@contextmanager
def claimed(out: Path, record: dict[str, Any], resume: bool) -> Iterator[None]:
    """Be the only training in this folder, and write down what it is.

    Raises ValueError for a folder of something else, for one that was begun unless `resume`, and where this training is
    not the one that was begun.
    """
    _refuse_foreign(out)
    out.mkdir(parents=True, exist_ok=True)
    lock = FolderLock(out)
    try:
        begun = _read(out / TRAINING)
        if begun is not None and not resume:
            raise ValueError(f"{out} holds a segmenter or its training: add --resume to go on, or choose another --out")
        if begun is not None:
            require_same(begun, record)
        for folder in (out, out / "checkpoints"):
            if folder.is_dir():
                sweep_partial(folder)
        write_json_atomic(out / TRAINING, record)
        yield
    finally:
        lock.release()


def _refuse_foreign(out: Path) -> None:
    if out.exists() and not out.is_dir():
        raise ValueError(f"{out} is a file: --out takes a folder for the segmenter")
    if not out.is_dir() or (out / TRAINING).exists():
        return
    strangers = [path.name for path in out.iterdir() if not path.name.startswith(".")]
    if strangers:
        raise ValueError(f"{out} holds {strangers[0]}, which no training wrote there: choose an empty or a new --out")


def _read(path: Path) -> dict[str, Any] | None:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise ValueError(f"{path}: not a JSON file ({error}); restore it, or choose another --out") from None
    if not isinstance(record, dict):
        raise ValueError(f"{path}: holds a {type(record).__name__}, expected a JSON object; restore it")
    return record
