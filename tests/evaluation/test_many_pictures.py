"""Ten thousand pictures: memory does not grow with their number."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image

from spadework.data.ontology import Ontology
from tests.data.pictures import ids, painted
from tests.evaluation.drawn import draw_model, make_generating, run

PICTURES = 10_000
SETTLED = 0.3
"""After this share of its blocks, a part has allocated all that it keeps."""


def many(root: Path, ontology: Ontology, count: int) -> Path:
    """A data folder whose pairs are many links to few files."""
    for kind in ("photos", "labels"):
        (root / kind).mkdir(parents=True)
    for number in range(count):
        for kind in ("photos", "labels"):
            target = root / kind / f"p{number}.png"
            if number >= 50:
                target.hardlink_to(root / kind / f"p{number % 50}.png")
            elif kind == "labels":
                Image.fromarray(ids(number)).save(target)
            else:
                painted(ids(number)).save(target)
    ontology.write(root / "ontology.json")
    return root


def resident() -> float:
    """MiB of memory that this process holds."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


@pytest.mark.soak
def test_memory_stays_flat(tmp_path: Path, ontology: Ontology) -> None:
    model, data = draw_model(tmp_path / "model", ontology), many(tmp_path / "data", ontology, PICTURES)
    settled: dict[str, float] = {}
    grown: dict[str, float] = {}

    def watch(title: str, done: int, total: int) -> None:
        if done >= SETTLED * total:
            settled.setdefault(title, resident())
            grown[title] = resident() - settled[title]

    run(make_generating(str(model), batch=1), data, tmp_path / "out", cache=tmp_path / "cache", progress=watch)
    for title, growth in grown.items():
        print(f"{title}: {settled[title]:.0f} MiB, {growth:+.1f} MiB over the last {1 - SETTLED:.0%} of the pictures")
    assert len(grown) == 7
    # 1 KiB for each picture would be 7 MiB.
    assert max(grown.values()) < 7, grown
