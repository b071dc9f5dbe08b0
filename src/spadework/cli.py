"""The command line: one entry, verbs made from dataclasses."""

from __future__ import annotations

import difflib
import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, Generic, TypeVar

import tyro
from tyro.conf import Positional, arg

from spadework.atomic import write_atomic
from spadework.data.folder import FolderDataset
from spadework.data.ontology import Ontology
from spadework.data.preprocess import Preprocess
from spadework.systems import PRESETS, SYSTEMS, VARIANTS
from spadework.systems.base import Preset, Recipe, System
from spadework.training.settings import Settings

Config = TypeVar("Config")


@dataclass(frozen=True)
class Train(Generic[Config]):
    """Train a system on photos and label maps."""

    system: Positional[str]
    """Which system: see `spadework systems`."""
    preset: str
    """Which setting of the paper the options below start from: see `spadework systems`."""
    data: list[Path]
    """Data folders (photos, labels, ontology.json), or the JSON file of an ontology that merges several."""
    out: Path
    """The run folder."""
    config: Annotated[Config, arg(name="")]
    recipe: Annotated[Recipe, arg(name="")]
    settings: Annotated[Settings, arg(name="")]
    variant: str | None = None
    """A variant of the paper's ablations, on top of the preset: see `spadework systems`."""
    ontology: Path | None = None
    """The classes, where the data folder does not say them."""
    vgg: Path | None = None
    """VGG-19's ImageNet weights (vgg19-dcbb9e9d.pth), for the perceptual loss."""
    resume: bool = False
    """Go on from the newest checkpoint; from the beginning where there is none."""


@dataclass(frozen=True)
class Generate:
    """Turn label maps into photos."""

    model: Positional[str]
    """A model folder, a run folder, or the name of a model fetched from the hub."""
    labels: Positional[list[Path]]
    """Label maps: files, or folders of them."""
    out: Path
    """The folder for the photos, NAME.png each."""
    style: Path | None = None
    """A photo whose style to take, or a .npy file with a style vector."""
    seed: int | None = None
    """The number that draws the style; 0 unless given."""
    instances: Path | None = None
    """A folder of instance maps, paired with the label maps by name."""
    device: str = "cpu"
    """cpu, cuda or mps."""
    precision: str = "float32"
    """float32 or bf16."""


@dataclass(frozen=True)
class Convert:
    """Turn released checkpoints into a model folder, or (--to-upstream) a model folder into such checkpoints."""

    checkpoint: Positional[list[Path]]
    """latest_net_G.pth, latest_net_E.pth, latest_net_D.pth or the folder that holds them; or our model folder."""
    out: Path
    """The folder to write."""
    system: str = "spade"
    """Whose checkpoints these are."""
    preset: str | None = None
    """Which preset they were trained with, where their shapes do not tell."""
    ontology: Path | None = None
    """The classes of the model; numbered ones where none is given."""
    to_upstream: bool = False
    """Write checkpoints in the original's form."""


@dataclass(frozen=True)
class Systems:
    """List the systems, their presets and variants."""


# What each verb does.


def train(arguments: Sequence[str]) -> None:
    from spadework.layers.perceptual import vgg19_distance
    from spadework.training.loop import train
    from spadework.training.run import Run

    # Options start from a preset, so system and preset are looked for first.
    system_name, preset = _system_and_preset(arguments)
    missing: Any = tyro.MISSING
    start = Train(system_name, missing, missing, missing, preset.config, preset.recipe, Settings())
    options = tyro.cli(
        Train[SYSTEMS[system_name].config_type],  # type: ignore[misc]  # the system's own options
        prog="spadework train",
        args=list(arguments),
        default=start,
    )
    config = options.config
    if options.variant is not None:
        config = replace(config, **_choose(VARIANTS[system_name], options.variant, "variant"))

    # The data say how many classes there are.
    settings = Preprocess(
        options.recipe.preprocess, options.recipe.load_size, config.width, config.width / config.height, options.recipe.flip
    )
    ontology = None if options.ontology is None else Ontology.read(options.ontology)
    folder = partial(FolderDataset, options.data, ontology=ontology)
    dataset = folder(split="train", settings=settings)
    dataset.check()
    config = replace(config, classes=dataset.ontology.channels)
    split = next((split for split in ("test", "val") if split in dataset.splits), "train")
    previews = folder(split=split, settings=replace(settings, load_size=config.width), training=False)

    def make_system() -> System:
        system: Any = SYSTEMS[system_name](config)
        if config.perceptual_weight:
            system.perceptual = vgg19_distance(options.vgg)
        return system

    images = options.settings.images or len(dataset) * (config.epochs + config.decay_epochs)
    run = Run(options.out)
    train(
        make_system, system_name, options.recipe, dataset, previews, run, options.settings, images, resume=options.resume
    )


def generate(arguments: Sequence[str]) -> None:
    from spadework.synthesizer import load

    options = tyro.cli(Generate, prog="spadework generate", args=list(arguments))
    synthesizer = load(options.model, device=options.device, precision=options.precision)
    style = None if options.style is None else synthesizer.read_style(options.style)
    for name, path in label_files(options.labels):
        instances = None if options.instances is None else instance_file(options.instances, name)
        photo = synthesizer(path, instance_map=instances, style=style, seed=options.seed)
        target = options.out / f"{name}.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(target, partial(photo.save, format="PNG"))
        print(target)


def convert(arguments: Sequence[str]) -> None:
    from spadework import conversion

    options = tyro.cli(Convert, prog="spadework convert", args=list(arguments))
    if options.to_upstream:
        written = conversion.to_upstream(options.checkpoint, options.out)
    else:
        ontology = None if options.ontology is None else Ontology.read(options.ontology)
        written = conversion.from_upstream(options.checkpoint, options.out, options.preset, ontology)
    for path in written:
        print(path)


def systems(arguments: Sequence[str]) -> None:
    tyro.cli(Systems, prog="spadework systems", args=list(arguments))
    for name, system in SYSTEMS.items():
        module = sys.modules[system.__module__]
        print(f"{name}: {(module.__doc__ or '').splitlines()[0]}")
        print(f"  presets: {', '.join(PRESETS[name])}")
        print(f"  variants: {', '.join(VARIANTS[name])}")


VERBS: dict[str, Callable[[Sequence[str]], None]] = {
    "train": train,
    "generate": generate,
    "convert": convert,
    "systems": systems,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a verb. Exit codes: 0 done, 1 failed, 2 wrong input, 130 interrupted."""
    arguments = sys.argv[1:] if arguments is None else arguments
    warnings.showwarning = lambda message, *rest, **more: print(f"note: {message}", file=sys.stderr)
    if not arguments or arguments[0] in ("-h", "--help"):
        print(__doc__, *(f"  spadework {verb} --help" for verb in VERBS), sep="\n")
        return 0 if arguments else 2
    if arguments[0] == "--version":
        print(f"spadework {version('spadework')}")
        return 0
    try:
        _choose(VERBS, arguments[0], "verb")(arguments[1:])
    except ValueError as error:
        return _fail(error, 2)
    except (FloatingPointError, OSError) as error:
        return _fail(error, 1)
    except KeyboardInterrupt:
        return _fail("interrupted", 130)
    return 0


def _fail(error: object, code: int) -> int:
    print(f"error: {error}", file=sys.stderr)
    return code


def _choose(choices: dict[str, Any], name: str, what: str) -> Any:
    if name not in choices:
        near = difflib.get_close_matches(name, choices, 1, 0.5)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise ValueError(f"{what} {name!r} is unknown; {hint}there are {', '.join(choices)}")
    return choices[name]


def _system_and_preset(arguments: Sequence[str]) -> tuple[str, Preset]:
    """The system (the first argument) and --preset; the help of a verb without them shows spade's tiny one."""
    name = arguments[0] if arguments and not arguments[0].startswith("-") else "spade"
    _choose(SYSTEMS, name, "system")
    presets = PRESETS[name]
    given = [after for option, after in zip(arguments, arguments[1:], strict=False) if option == "--preset"]
    given += [argument.partition("=")[2] for argument in arguments if argument.startswith("--preset=")]
    return name, _choose(presets, given[-1], "preset") if given else presets["tiny"]
