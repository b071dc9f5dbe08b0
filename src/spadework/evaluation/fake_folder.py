"""A data folder of generated photos, with the label maps that they were generated from: what others can train on."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from spadework.atomic import write_atomic
from spadework.data.pair_dataset import PairDataset
from spadework.data.prepare.making import label_png
from spadework.evaluation.blocks import blocks_of
from spadework.evaluation.folder import EvaluationFolder
from spadework.evaluation.generate import GenerateWork, Generating, check_ontology
from spadework.evaluation.pictures import LabelMaps
from spadework.evaluation.processes import Progress, finish
from spadework.evaluation.protocol import Protocol, Size
from spadework.evaluation.subject import describe, model_ontology, size_of


def make_fake_folder(
    subject: Generating,
    dataset: PairDataset,
    protocol: Protocol,
    out: Path,
    *,
    size: Size | None = None,
    processes: int = 1,
    progress: Progress | None = None,
) -> Size:
    """Generate a photo for each label map of the data into OUT/photos, beside OUT/labels and OUT/ontology.json.

    Returns their size. Interrupted at any moment, the same call goes on.
    """
    check_ontology(model_ontology(subject), dataset.ontology)
    folder = EvaluationFolder(out)
    with folder.locked():
        size = size_of(subject, protocol, size, ())
        work: dict[str, Any] = {"subject": describe(subject, ()), "data": dataset.fingerprint(), "size": list(size)}
        folder.begin(work)
        label_maps = LabelMaps(dataset, size)
        weights = work["subject"]["weights_sha256"]
        generate = GenerateWork(subject, label_maps, folder.photos, folder.part("photos"), weights)
        finish(generate, blocks_of(len(dataset)), processes, progress)
        (out / "labels").mkdir(exist_ok=True)
        for place in range(len(dataset)):
            target = out / "labels" / f"{dataset.name(place)}.png"
            if not target.is_file():
                ids = dataset.ontology.to_ids(label_maps(place))
                write_atomic(target, partial(_write, label_png(ids.numpy(), dataset.ontology)))
        dataset.ontology.write(out / "ontology.json")
    return size


def _write(content: bytes, file: BinaryIO) -> None:
    file.write(content)
