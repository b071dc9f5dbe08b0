"""What is evaluated: a model, or pictures that somebody made.

A subject says what it is, in JSON types, so that a report can name it and an interrupted evaluation can tell whether it
still is the same.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from spadework.data.ontology import Ontology
from spadework.data.pair_dataset import PairDataset
from spadework.evaluation.generate import Generating
from spadework.evaluation.pictures import LOSSY, common_size, content_hash, find_pictures
from spadework.evaluation.protocol import Protocol, Size
from spadework.model_folder import CONFIG, FILL_UNLABELLED, ONTOLOGY, SEEN_STYLES, WEIGHTS, find_model, read_system
from spadework.segmenters.segmenter import WeightsFile


@dataclass(frozen=True)
class GivenPictures:
    """A folder of pictures, one for each label map of the data, paired by name; a data folder stands for its photos."""

    folder: Path
    split: str | None = None


Subject = Generating | GivenPictures


def is_model(path: Path | str) -> bool:
    """Whether this is a model or run folder, or else a name of the hub."""
    return (Path(path) / CONFIG).is_file() or not Path(path).exists()


def model_folder(subject: Generating) -> Path:
    """Where the model lies."""
    return find_model(subject.model)


def model_ontology(subject: Generating) -> Ontology:
    """The model's classes."""
    return Ontology.read(model_folder(subject) / ONTOLOGY)


def check_style(subject: Generating) -> None:
    """Raise ValueError where styles of photos are asked of a model that cannot encode them."""
    if subject.style != "encoded":
        return
    with torch.device("meta"):
        _, system = read_system(model_folder(subject))
    if "encoder" not in system.networks:
        raise ValueError(f"--style encoded: {subject.model} has no style encoder; take --style seed")


def _describe_model(subject: Generating) -> dict[str, Any]:
    """The model, its weights and how it is asked for pictures."""
    folder = model_folder(subject)
    config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    if not (folder / WEIGHTS).is_file():
        raise ValueError(f"{folder / WEIGHTS}: no such file: a run gets its generator with its first checkpoint")
    average = (config.get("recipe") or {}).get("average")
    styles = folder / SEEN_STYLES
    return {
        "kind": "model",
        "name": Path(subject.model).resolve().name,
        "path": str(subject.model),
        "system": config.get("system"),
        "weights_sha256": WeightsFile.of(folder / WEIGHTS).sha256,
        "averaged_weights": None if average is None else bool(average),
        "config": config.get("config"),
        "style": subject.style,
        "seed": subject.seed,
        "seeds": "place of the label map in the data's order (from 0), plus the seed",
        "precision": subject.precision,
        "device": subject.device,
        "batch": subject.batch,
        "seen_styles_sha256": WeightsFile.of(styles).sha256 if styles.is_file() else None,
        FILL_UNLABELLED: config.get(FILL_UNLABELLED, False),
    }


def describe(subject: Subject, files: tuple[Path, ...]) -> dict[str, Any]:
    """What is evaluated, in JSON types; `files` are the given pictures."""
    if isinstance(subject, Generating):
        return _describe_model(subject)
    return {
        "kind": "pictures",
        "name": subject.folder.resolve().name,
        "path": str(subject.folder),
        "sha256": content_hash(files),
    }


def given_files(subject: GivenPictures, dataset: PairDataset) -> tuple[Path, ...]:
    """Its pictures, in the data's order."""
    return find_pictures(subject.folder, [dataset.name(place) for place in range(len(dataset))], subject.split)


def size_of(subject: Subject, protocol: Protocol, size: Size | None, files: tuple[Path, ...]) -> Size:
    """The size at which pictures are made and judged: the protocol's, the one asked for, else the subject's own."""
    if size is not None and min(size) < 1:
        raise ValueError(f"--size {size[0]} {size[1]}: width and height must be at least 1 pixel")
    if protocol.size is not None:
        if size is not None and size != protocol.size:
            raise ValueError(
                f"protocol {protocol.name!r} judges pictures of {protocol.size[0]}x{protocol.size[1]}; --size "
                f"{size[0]} {size[1]} is another one: leave it out, or take --protocol own"
            )
        return protocol.size
    if size is not None:
        return size
    if isinstance(subject, Generating):
        config = json.loads((model_folder(subject) / CONFIG).read_text(encoding="utf-8")).get("config", {})
        if {"width", "height"} <= config.keys():
            return config["width"], config["height"]
        raise ValueError(f"{subject.model}: its config names no size: give one, --size WIDTH HEIGHT")
    common = common_size(files)
    if common is None:
        raise ValueError(f"{subject.folder}: pictures of several sizes: give the one to judge at, --size WIDTH HEIGHT")
    return common


def remarks(files: tuple[Path, ...], size: Size) -> list[str]:
    """What a reader should know about given pictures."""
    said = []
    lossy = sum(file.suffix.lower() in LOSSY for file in files)
    if lossy:
        said.append(f"{lossy} of {len(files)} pictures are JPEG or WebP: lossy storage moves distances to real photos.")
    if common_size(files) != size:
        said.append(f"Pictures of another size than {size[0]}x{size[1]} were brought to it by Pillow's bicubic filter.")
    return said
