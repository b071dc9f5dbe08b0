"""Train on fake, test on real: how much of what a segmenter needs to know is in generated photos.

Three segmenters with the same settings learn from real photos, from generated ones, and from both; each is measured on
the same real photos, which none of them saw. pix2pixHD (Wang et al. 2018) was evaluated in this way.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from spadework.atomic import write_json_atomic
from spadework.data.folder import FolderDataset, ontology_file
from spadework.data.label_map import read_small_label_map
from spadework.data.ontology import Ontology
from spadework.data.preprocess import Geometry
from spadework.evaluation.judge.folds import Material, choose_material, photo_digests
from spadework.evaluation.judge.settings import JudgeSettings, Pace
from spadework.evaluation.judge.train import train_judge

REPORT = "report.json"


def train_on_fake(
    real: Sequence[Path],
    fake: Path,
    out: Path,
    settings: JudgeSettings,
    pace: Pace,
    *,
    ontology: Ontology | None = None,
    hold_out: float = 0.2,
    tell: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Train the three into OUT/real, OUT/fake, OUT/both, and write and return OUT/report.json.

    `real` are data folders, with the given ontology or their own; without the splits `val` or `test` a share of the
    photos is held out. `fake` is a data
    folder of generated photos with the label maps that they were generated from. All three see equally many images.
    Stopped at any moment, the same call goes on; finished segmenters stay. Raises ValueError for folders that can't be
    used, among them photos generated from label maps of the photos held out.
    """
    ours = choose_material(real, "all", hold_out=hold_out, seed=settings.seed, ontology=ontology)
    generated = _generated(fake, ours)
    materials = {"real": ours, "fake": generated, "both": _joined(ours, generated)}
    out.mkdir(parents=True, exist_ok=True)
    trained_on = {}
    for name, material in materials.items():
        tell(f"on {name} photos:")
        segmenter = train_judge(material, out / name, settings, pace, resume=True, tell=tell)
        ceilings = segmenter.read_report(out / name)["ceiling"]
        trained_on[name] = {"photos": len(material.digests), "scores": {s: _headline(c) for s, c in ceilings.items()}}
    report = {
        "protocol": "train-on-fake",
        "measured_on": {split: len(pairs) for split, pairs in ours.held_out.items()},
        "trained_on": trained_on,
        "settings": asdict(settings),
    }
    write_json_atomic(out / REPORT, report)
    return report


def _headline(scores: Mapping[str, Any]) -> dict[str, Any]:
    return {name: scores[name] for name in ("mean_iou", "accuracy", "classes_averaged", "class_iou", "absent")}


def _generated(folder: Path, real: Material) -> Material:
    """The generated photos, measured on the real ones held out."""
    ontology = real.training.ontology
    file = ontology_file(folder)
    if file is not None and Ontology.read(file) != ontology:
        raise ValueError(f"{file} differs from the ontology of the real photos, {ontology.name!r}: give both the same")
    data = FolderDataset(folder, ontology=ontology)
    _refuse_leaks(data, real.held_out)
    return Material(data, tuple(photo_digests(data)), "all", real.held_out)


def _refuse_leaks(fake: FolderDataset, held_out: Mapping[str, FolderDataset]) -> None:
    """Whoever trains on photos of the very label maps that he is measured on has seen the answers."""
    of_name = {pair.name: pair for pair in fake.pairs}
    for split, data in held_out.items():
        leaked = []
        for pair in data.pairs:
            if pair.name not in of_name:
                continue
            theirs = read_small_label_map(pair.label, data.ontology, pack=pair.pack)
            ours = read_small_label_map(of_name[pair.name].label, fake.ontology)
            same_size = Geometry((ours.shape[1], ours.shape[0])).map(theirs, fill=0)
            if torch.equal(same_size, ours):
                leaked.append(pair.name)
        if leaked:
            raise ValueError(
                f"{len(leaked)} generated photos ({', '.join(leaked[:3])}{', ...' if len(leaked) > 3 else ''}) show "
                f"label maps of the split {split!r}, which the segmenters are measured on: generate from the label "
                "maps of the photos to train on"
            )


def _joined(real: Material, fake: Material) -> Material:
    """Both, the generated ones under names of their own."""
    data = copy.copy(real.training)
    renamed = [replace(pair, name=f"fake_{pair.name}") for pair in fake.training.pairs]
    data.pairs = [*real.training.pairs, *renamed]
    return Material(data, (*real.digests, *fake.digests), "all", real.held_out)
