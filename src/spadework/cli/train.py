"""`spadework train`: options start from a preset, and the data say how many classes there are."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Generic, TypeVar

import tyro
from tyro.conf import Positional, arg

from spadework.choose import choose
from spadework.data.folder import ONTOLOGY_FILES, ontology_file
from spadework.data.ontology import Ontology
from spadework.data.open import is_shards, open_data
from spadework.data.pair_dataset import PairDataset
from spadework.data.preprocess import Preprocess
from spadework.data.shards.dataset import GIB, default_cache
from spadework.data.shipped import find_ontology, ontology_of_preset
from spadework.evaluation.on_the_way import OnTheWay
from spadework.layers.perceptual import VGG19_FILE, PerceptualDistance, vgg19_distance
from spadework.segmenters.own import OwnSegmenter
from spadework.segmenters.perceptual import segmenter_distance
from spadework.systems import PRESETS, SYSTEMS, VARIANTS
from spadework.systems.base import Preset, Recipe, System, for_classes
from spadework.training.beginning import beginning_of
from spadework.training.dry_run import dry_run
from spadework.training.launch import devices_and_nodes, is_first
from spadework.training.loop import train as train_system
from spadework.training.memory import Needs, explaining_memory, needs_of
from spadework.training.run import Run
from spadework.training.settings import Settings

Config = TypeVar("Config")


@dataclass(frozen=True)
class Train(Generic[Config]):
    """Train a system on photos and label maps."""

    system: Positional[str]
    """Which system: see `spadework systems`."""
    preset: str
    """Which setting of its paper the options below start from: see `spadework systems`."""
    data: list[str]
    """Data folders (photos, labels, ontology.json), the JSON file of an ontology that merges several, or the folder or
    URL (s3://BUCKET/NAME) of a set of shards."""
    out: Path
    """The run folder."""
    config: Annotated[Config, arg(name="")]
    recipe: Annotated[Recipe, arg(name="")]
    settings: Annotated[Settings, arg(name="")]
    variant: str | None = None
    """A variant of the paper's ablations, on top of the preset: see `spadework systems`."""
    ontology: Path | None = None
    """The classes: a file, or the name of a shipped one such as coco-stuff. Without it: what the data folder says, else
    those of the preset's data set."""
    cache: Path = field(default_factory=default_cache)
    """Where shards from a URL are kept."""
    cache_size: float = 50
    """GiB of shards to keep there at most."""
    vgg: Path | None = None
    """VGG-19's ImageNet weights (vgg19-dcbb9e9d.pth), for the perceptual loss."""
    perceptual: Path | None = None
    """A segmenter's folder (see `spadework train-segmenter --fold loss`), for the perceptual loss instead of VGG-19."""
    judge: Path | None = None
    """A segmenter's folder (see `spadework train-segmenter`) that scores the model on its way."""
    judge_pictures: int = 200
    """Pictures that it looks at each time."""
    start_from: str | None = None
    """Begin with the weights of a run (its newest checkpoint), of a model folder or of a model by name; classes may be
    others, and are matched by name."""
    like: tuple[str, ...] = ()
    """NEW=OLD, such as lake=sea meadow=grass: a class of the data begins with the weights of one of the model."""
    fresh: tuple[str, ...] = ()
    """Parts that begin anew nevertheless: networks such as discriminator, or beginnings of weights' names."""
    freeze: tuple[str, ...] = ()
    """Parts that do not learn: networks such as encoder, or beginnings of weights' names such as generator.blocks.0."""
    resume: bool = False
    """Go on from the newest checkpoint; from the beginning where there is none."""
    dry_run: bool = False
    """Only try a few iterations on the largest pictures, write nothing, and tell memory, speed and time."""


def train(arguments: Sequence[str]) -> None:
    """Check the data, then train until all images were seen."""
    options = _read_options(arguments)
    config = options.config
    dataset, previews = _datasets(options, config.width, config.height)
    if is_first():
        dataset.check()
    config = for_classes(config, dataset.ontology.channels, dataset.ontology.unlabelled_index)
    perceptual = _perceptual(options) if config.perceptual_weight else None

    def make_system() -> System:
        system: Any = SYSTEMS[options.system](config)
        system.perceptual = perceptual
        return system

    images = options.settings.images or len(dataset) * (config.epochs + config.decay_epochs)
    with explaining_memory(partial(_needs, options, config, dataset)):
        if options.dry_run:
            tried = dry_run(make_system, options.recipe, dataset, options.settings, images)
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
            beginning=beginning_of(options.start_from, options.like, options.fresh),
            frozen=options.freeze,
            appraise=None if options.judge is None else OnTheWay.read(options.judge, previews, options.judge_pictures),
            about={} if perceptual is None else {"perceptual": perceptual.origin},
        )


def _needs(options: Train[Any], config: Any, dataset: PairDataset) -> Needs:
    """What the training needs, for the label map in the middle."""
    devices, nodes = devices_and_nodes(options.settings)
    label_map = dataset[len(dataset) // 2].label_map
    return needs_of(options.system, Preset(config, options.recipe), options.settings, devices * nodes, label_map)


def _read_options(arguments: Sequence[str]) -> Train[Any]:
    """System and preset come first: they say which options there are, and where these start."""
    system, preset = _system_and_preset(arguments)
    missing: Any = tyro.MISSING
    start = Train(system, missing, missing, missing, preset.config, preset.recipe, Settings())
    config_type: Any = SYSTEMS[system].config_type
    options = tyro.cli(Train[config_type], prog="spadework train", args=list(arguments), default=start)
    if options.variant is None:
        return options
    changes = choose(VARIANTS[system], options.variant, "variant")
    return replace(options, config=replace(options.config, **changes))


def _system_and_preset(arguments: Sequence[str]) -> tuple[str, Preset]:
    """The system (the first argument) and --preset; the help without them shows spade's tiny one."""
    system = arguments[0] if arguments and not arguments[0].startswith("-") else "spade"
    choose(SYSTEMS, system, "system")
    given = [after for option, after in pairwise(arguments) if option == "--preset"]
    given += [argument.partition("=")[2] for argument in arguments if argument.startswith("--preset=")]
    return system, choose(PRESETS[system], given[-1] if given else "tiny", "preset")


def _datasets(options: Train[Any], width: int, height: int) -> tuple[PairDataset, PairDataset]:
    """What to train on, and what to make sample sheets of: the test or val split where there is one."""
    recipe = options.recipe
    settings = Preprocess(recipe.preprocess, recipe.load_size, width, width / height, recipe.flip, recipe.hand_drawn)
    data = partial(
        open_data,
        options.data,
        ontology=_ontology(options),
        cache=options.cache,
        cache_bytes=int(options.cache_size * GIB),
    )
    dataset = data(split="train", settings=settings)
    split = next((split for split in ("test", "val") if split in dataset.splits), "train")
    return dataset, data(split=split, settings=replace(settings, load_size=width), training=False)


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
