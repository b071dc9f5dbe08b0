"""`spadework evaluate`: numbers for a model or for pictures, each with the protocol that made it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import tyro
from tyro.conf import Positional, arg

from spadework.cli.bars import Bars
from spadework.cli.train_on_fake import print_scores
from spadework.data.folder import FolderDataset, ontology_file
from spadework.data.ontology import Ontology
from spadework.data.open import is_shards, open_data
from spadework.data.shipped import find_ontology
from spadework.evaluation.console import as_text
from spadework.evaluation.evaluate import Data
from spadework.evaluation.evaluate import evaluate as evaluate_all
from spadework.evaluation.fake_folder import make_fake_folder
from spadework.evaluation.folder import PAGE, REPORT
from spadework.evaluation.generate import Generating
from spadework.evaluation.judge.folds import choose_material
from spadework.evaluation.judge.settings import JudgeSettings, Pace
from spadework.evaluation.judges import about_the_judge, judges_of
from spadework.evaluation.protocol import SPADE_2019, Protocol, find_protocol
from spadework.evaluation.real_side import default_cache
from spadework.evaluation.subject import GivenPictures, Subject, is_model
from spadework.evaluation.train_on_fake import train_on_fake
from spadework.evaluation.variety import Variety
from spadework.model_folder import ONTOLOGY, find_model


@dataclass(frozen=True)
class Evaluate:
    """Evaluate a model or pictures: mean IoU, accuracy, Fréchet and kernel distances, diversity, style fidelity.

    Interrupted at any moment, the same command goes on where it was. `spadework compare` lays reports side by side.
    """

    subject: Positional[Annotated[str, arg(metavar="MODEL_OR_PICTURES")]]
    """A model folder, a run folder, the name of a model (`spadework models`); or a folder of pictures, one for each
    label map and of its name; or a data folder, which stands for its photos."""
    data: str
    """A data folder (photos, labels, ontology.json), or a set of shards."""
    out: Path
    """The folder for pictures, report.json and report.html."""
    split: str | None = None
    """The split to evaluate on: train, val or test. Without it, test or val where there is one."""
    protocol: str | None = None
    """Every choice that moves a number, by name: see docs/evaluation.md. Without it: spade-2019 where the classes are a
    published data set's and no --segmenter is given, else own."""
    ontology: Path | None = None
    """The classes: a file, or the name of a shipped one. Without it: what the data folder says, else the model."""
    segmenter: str | None = None
    """With --protocol own: the folder of a segmenter (train-segmenter), or the name of one of the papers'."""
    segmenter_weights: tuple[Path, ...] = ()
    """The files of its weights, for one of the papers' segmenters."""
    preprocessing: Literal["ade20k", "baseline"] | None = None
    """Of UPerNet's weights, where the protocol does not say it."""
    inception: Path | None = None
    """The FID Inception's weights (pt_inception-2015-12-05-6726825d.pth); without them there is no FID."""
    lpips: Path | None = None
    """VGG-16's ImageNet weights (vgg16-397923af.pth); without them there is no LPIPS."""
    size: tuple[int, int] | None = None
    """Width and height to generate and judge at, in pixels. Without it the protocol's, else the model's."""
    style: Literal["seed", "encoded"] = "seed"
    """Where styles come from: a seed for each label map, or each label map's own photo."""
    seed: int = 0
    """The label map at place i (from 0) gets seed + i."""
    diversity_maps: int = 32
    """Label maps whose pictures are made in several styles, for diversity and style fidelity; 0: none."""
    diversity_styles: int = 10
    """How many styles."""
    train_images: int = JudgeSettings().images
    """With --protocol train-on-fake: how many images each segmenter sees in training."""
    processes: int | None = None
    """Processes that work at a time, each with one thread; as many as there are processors, 1 on a GPU, unless given.
    The numbers do not depend on it."""
    device: Literal["cpu", "cuda", "mps"] = "cpu"
    """Where the model, the segmenter and Inception compute."""
    precision: Literal["float32", "bf16"] = "float32"
    """Arithmetic of the model."""
    batch_size: int = 1
    """Label maps that go through the model together; more is quicker on a GPU."""
    cache: Path = field(default_factory=default_cache)
    """Where the judges' results about real photos are kept: they are the same for every model."""


def evaluate(arguments: Sequence[str]) -> None:
    """Evaluate, with bars on the way; print the numbers and where the report is."""
    options = tyro.cli(Evaluate, prog="spadework evaluate", args=list(arguments))
    if options.batch_size < 1 or (options.processes is not None and options.processes < 1):
        raise ValueError(f"--processes {options.processes}, --batch-size {options.batch_size}: expected 1 or more")
    data = _data(options)
    protocol = find_protocol(options.protocol or _usual_protocol(options, data), data.dataset.ontology.name)
    subject = _subject(options, data, protocol)
    if protocol.name == "train-on-fake":
        _train_on_fake(options, subject, data, protocol)
        return
    judges = judges_of(
        protocol,
        segmenter=options.segmenter,
        weights=options.segmenter_weights,
        preprocessing=options.preprocessing,
        inception=options.inception,
        lpips=options.lpips,
        device=options.device,
    )
    model = find_model(subject.model) if isinstance(subject, Generating) else None
    with Bars("blocks") as bars:
        report = evaluate_all(
            subject,
            data,
            protocol,
            judges,
            options.out,
            size=options.size,
            variety=Variety(options.diversity_maps, options.diversity_styles),
            notes=about_the_judge(options.segmenter, model, data.dataset),
            processes=options.processes or _processes(options.device),
            cache=options.cache,
            progress=bars.show,
        )
    print(as_text(report))
    print(options.out / REPORT)
    print(options.out / PAGE)


def _train_on_fake(options: Evaluate, subject: Subject, data: Data, protocol: Protocol) -> None:
    """Generate for the training split, then train on that, on the real photos and on both."""
    if not isinstance(subject, Generating):
        raise ValueError("train-on-fake wants a model; for a data folder of made photos: spadework train-on-fake")
    if not isinstance(data.dataset, FolderDataset):
        raise ValueError(f"{options.data}: segmenters are trained on data folders, not on shards")
    foreign = ("split", "segmenter", "segmenter_weights", "preprocessing", "inception", "lpips")
    if given := [f"--{name.replace('_', '-')}" for name in foreign if getattr(options, name)]:
        raise ValueError(f"{', '.join(given)}: train-on-fake trains segmenters of its own, on train; leave this out")
    folders, settings = [Path(options.data)], JudgeSettings(images=options.train_images)
    material = choose_material(folders, "all", seed=settings.seed, ontology=data.dataset.ontology)
    generated = options.out / "generated"
    with Bars("blocks") as bars:
        width, height = make_fake_folder(
            subject,
            material.training,
            protocol,
            generated,
            size=options.size,
            processes=options.processes or _processes(options.device),
            progress=bars.show,
        )
    sized, ontology = replace(settings, width=width, height=height), data.dataset.ontology
    tell = partial(print, flush=True)
    report = train_on_fake(
        folders, generated, options.out / "segmenters", sized, Pace(), ontology=ontology, tell=tell
    )
    print_scores(report)


def _data(options: Evaluate) -> Data:
    """The pairs of the split."""
    ontology = None if options.ontology is None else find_ontology(options.ontology)
    has_own = is_shards(options.data) or options.data.endswith(".json") or ontology_file(Path(options.data))
    if ontology is None and not has_own and is_model(options.subject):
        ontology = Ontology.read(find_model(options.subject) / ONTOLOGY)
    splits = open_data([options.data], ontology=ontology, training=False).splits if options.split is None else ()
    split = options.split or next((name for name in ("test", "val") if name in splits), None)
    dataset = open_data([options.data], split=split, ontology=ontology, training=False)
    dataset.check()
    return Data(dataset, options.data, split)


def _usual_protocol(options: Evaluate, data: Data) -> str:
    return "spade-2019" if options.segmenter is None and data.dataset.ontology.name in SPADE_2019 else "own"


def _subject(options: Evaluate, data: Data, protocol: Protocol) -> Subject:
    if not is_model(options.subject):
        return GivenPictures(Path(options.subject), data.split)
    return Generating(
        options.subject,
        options.style,
        options.seed,
        protocol.rounding,
        options.device,
        options.precision,
        options.batch_size,
    )


def _processes(device: str) -> int:
    if device != "cpu":
        return 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
