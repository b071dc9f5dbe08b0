"""The best model so far: kept by one score, whole, and known again after a resume."""

from __future__ import annotations

import json
import math
from pathlib import Path

import spadework
from spadework.systems.spade import Spade
from spadework.training.best import keep_best
from spadework.training.run import Run
from tests.tiny import ONTOLOGY, config, label_maps, lively


def offer(run: Run, images: int, by: str = "frechet", **scores: float) -> bool:
    return keep_best(run, images, scores, by, "spade", SYSTEM, ONTOLOGY)


SYSTEM = lively(Spade(config()))


def test_the_better_one_is_kept(tmp_path: Path) -> None:
    run = Run(tmp_path)
    assert offer(run, 100, frechet=30.0, other=1.0)
    assert not offer(run, 200, frechet=30.0)
    assert not offer(run, 300, frechet=31.0)
    assert not offer(run, 350, frechet=math.nan)
    assert not offer(run, 380, other=5.0)
    assert offer(run, 400, frechet=12.0)
    best = json.loads((tmp_path / "best/best.json").read_text())
    assert (best["images"], best["score"], best["by"]) == (400, 12.0, "frechet")

    # A model folder like any other; another score begins anew.
    photos = spadework.load(tmp_path / "best").batch(label_maps(1))
    assert photos.shape == (1, 3, 64, 64)
    assert offer(run, 500, by="mean_iou", mean_iou=0.1) and not offer(run, 600, by="mean_iou", mean_iou=0.05)
    assert offer(run, 700, by="mean_iou", mean_iou=0.2)


def test_a_damaged_note_is_no_obstacle(tmp_path: Path) -> None:
    run = Run(tmp_path)
    for text in (b"", b"{}", b"[1]", b'{"images": "x", "score": 1, "by": "frechet"}'):
        (tmp_path / "best").mkdir(exist_ok=True)
        (tmp_path / "best/best.json").write_bytes(text)
        assert offer(run, 100, frechet=30.0)
        assert not offer(run, 200, frechet=40.0)
