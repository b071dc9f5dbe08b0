"""`spadework train`: options start from a preset, and the data say how many classes there are."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from spadework.cli.train_options import Train, read_options
from spadework.data.folder import ONTOLOGY_FILES, ontology_file
from spadework.data.ontology import Ontology
from spadework.data.open import is_shards, open_data
from spadework.data.pair_dataset import PairDataset
from spadework.data.preprocess import Preprocess
from spadework.data.shards.dataset import GIB
from spadework.data.shipped import find_ontology, ontology_of_preset
from spadework.evaluation.on_the_way import OnTheWay
from spadework.layers.perceptual import VGG19_FILE, PerceptualDistance, vgg19_distance
from spadework.segmenters.own import OwnSegmenter
from spadework.segmenters.perceptual import segmenter_distance
from spadework.systems import SYSTEMS
from spadework.systems.base import Preset, System, for_classes
from spadework.training.beginning import beginning_of
from spadework.training.dry_run import dry_run
from spadework.training.launch import devices_and_nodes, is_first
from spadework.training.loop import train as train_system
from spadework.training.memory import Needs, explaining_memory, needs_of
from spadework.training.run import Run


def train(arguments: Sequence[str]) -> None:
    """Check the data, then train until all images were seen."""
    options = read_options(arguments)
    config = options.config
    dataset, previews = _datasets(options, config.width, config.height)
    if is_first():
        dataset.check()
    config = for_classes(config, dataset.ontology.channels, dataset.ontology.unlabelled_index)
    perceptual = _perceptual(options) if config.perceptual_weight else None
    if perceptual is None and (options.vgg or options.perceptual):
        warnings.warn("--perceptual-weight is 0: the network for the perceptual loss is not used", stacklevel=1)

    def make_system() -> System:
        system: Any = SYSTEMS[options.system](config)
        system.perceptual = perceptual
        return system

    epochs = config.epochs + config.decay_epochs
    images = len(dataset) * epochs if options.settings.images is None else options.settings.images
    beginning = beginning_of(options.start_from, options.like, options.fresh)
    with explaining_memory(partial(_needs, options, config, dataset)):
        if options.dry_run:
            asked = make_system, options.recipe, dataset, options.settings, images
            tried = dry_run(*asked, beginning=beginning, frozen=options.freeze)
            for line in [] if tried is None else [*tried.lines(), *_needs(options, config, dataset).lines()]:
                print(line)
            return
        train_system(
            make_system,
            options.system,
            options.recipe,
            dataset,
            previews,
            Run(options.out),
            options.settings,
            images,
            resume=options.resume,
            beginning=beginning,
            frozen=options.freeze,
            appraise=None if options.judge is None else OnTheWay.read(options.judge, previews, options.judge_pictures),
            about={} if perceptual is None else {"perceptual": perceptual.origin},
        )


def _needs(options: Train[Any], config: Any, dataset: PairDataset) -> Needs:
    """What the training needs, for the label map in the middle."""
    devices, nodes = devices_and_nodes(options.settings)
    label_map = dataset[len(dataset) // 2].label_map
    return needs_of(options.system, Preset(config, options.recipe), options.settings, devices * nodes, label_map)


def _datasets(options: Train[Any], width: int, height: int) -> tuple[PairDataset, PairDataset]:
    """What to train on, and what to make sample sheets of: the split val, else test, where there is one."""
    recipe = options.recipe
    settings = Preprocess(recipe.preprocess, recipe.load_size, width, width / height, recipe.flip, recipe.hand_drawn)
    data = partial(
        open_data,
        options.data,
        ontology=_ontology(options),
        cache=options.cache,
        cache_bytes=int(options.cache_size * GIB),
    )
    settings.refuse_padding()
    dataset = data(split="train", settings=settings)
    some = partial(data, settings=replace(settings, load_size=width), training=False)
    if "val" not in dataset.splits and "test" in dataset.splits:
        try:
            return dataset, some(split="test")
        except ValueError as error:
            warnings.warn(f"samples will show training pictures, because those of test can't: {error}", stacklevel=2)
    return dataset, some(split="val" if "val" in dataset.splits else "train")


def _ontology(options: Train[Any]) -> Ontology | None:
    """The given classes; None where the data say theirs; else those of the preset's data set, with a note."""
    if options.ontology is not None:
        return find_ontology(options.ontology)
    ontology = ontology_of_preset(options.preset)
    if ontology is None or any(
        root.endswith(".json") or is_shards(root) or ontology_file(Path(root)) for root in options.data
    ):
        return None
    warnings.warn(
        f"{', '.join(options.data)}: no {' or '.join(ONTOLOGY_FILES)} there; label maps are read with the "
        f"classes of {ontology.name!r}, which preset {options.preset} is for. If they hold others, give --ontology",
        stacklevel=2,
    )
    return ontology


def _perceptual(options: Train[Any]) -> PerceptualDistance:
    """Distances in the features of VGG-19 or of a segmenter, whichever was given."""
    if options.perceptual is not None and options.vgg is None:
        return segmenter_distance(OwnSegmenter.read(options.perceptual))
    if options.vgg is not None and options.perceptual is None:
        return vgg19_distance(options.vgg)
    raise ValueError(
        f"the perceptual loss wants a trained network, one: --vgg {VGG19_FILE} (VGG-19's ImageNet weights, about 548 "
        "MiB, published by torchvision under BSD-3-Clause; nothing is downloaded unasked), or --perceptual SEGMENTER, "
        "the folder of a segmenter of your own; or train without it: --perceptual-weight 0"
    )
