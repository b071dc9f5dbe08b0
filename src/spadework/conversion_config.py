"""The config of a model that a released checkpoint belongs to.

Keys and shapes tell most of it. What they cannot tell (edges, the training size) comes from a preset or from the user.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from torch import Tensor

from spadework.data.ontology import Ontology
from spadework.systems import PRESETS, SYSTEMS
from spadework.systems.base import Preset
from spadework.systems.spade import UPSAMPLINGS, SpadeFamilyConfig
from spadework.upstream.recognise import RENAME_TABLES, Recognised
from spadework.upstream.spade import Network

Upsamplings = Literal["normal", "more", "most"]

NAMES: dict[Network, str] = {"G": "generator", "E": "encoder", "D": "discriminator"}


@dataclass(frozen=True)
class Given:
    """What shapes do not tell of a checkpoint's training; it goes before the preset."""

    edges: bool | None = None
    """Whether the last channel marks the edges between objects."""
    height: int | None = None
    """Height of the training pictures in pixels."""
    width: int | None = None
    """Width of the training pictures in pixels."""
    upsamplings: Upsamplings | None = None
    """5, 6 or 7 doublings between the latent and the photo."""
    style_size: int | None = None
    """Noise channels beside the classes, of an OASIS generator without its discriminator."""


@dataclass(frozen=True)
class Checkpoint:
    """One network of the original as it was read."""

    path: Path
    state_dict: dict[str, Tensor]
    facts: Recognised


Checkpoints = dict[Network, Checkpoint]


def find_system(checkpoints: Checkpoints, given: str | None) -> str:
    """Whose networks these are: the generator tells, else whoever is given, else SPADE.

    Encoders and discriminators are the same for all. Raises ValueError where a generator is another system's.
    """
    if given not in (None, *RENAME_TABLES):
        files = ", ".join(str(found.path) for found in checkpoints.values())
        raise ValueError(f"{files}: networks of {' or '.join(RENAME_TABLES)}, not of {given}: leave --system out")
    if "G" not in checkpoints:
        return given or "spade"
    found = checkpoints["G"]
    if given not in (None, found.facts.system):
        raise ValueError(f"{found.path} holds a generator of {found.facts.system}, not of {given}: leave --system out")
    return found.facts.system


def find_config(
    system: str, checkpoints: Checkpoints, preset: str | None, ontology: Ontology | None, given: Given
) -> tuple[str | None, SpadeFamilyConfig]:
    """The preset (the one given, or guessed from the number of channels) and the system's config.

    Raises ValueError, naming files and options, where something contradicts something or is not known.
    """
    if given.style_size is not None:
        raise ValueError(f"--style-size tells of OASIS's generators; these are networks of {system}: leave it out")
    of, channels = _channels(checkpoints)
    if preset is not None:
        config = _given_preset(PRESETS[system], preset, of, channels, given)
        _with_told_edges(checkpoints, replace(given, edges=config.edges))
    else:
        given = _with_told_edges(checkpoints, given)
        preset, config = _guess(system, checkpoints, of, channels, ontology, given)
    if ontology is not None and ontology.channels != config.classes:
        raise ValueError(
            f"the ontology {ontology.name!r} has {ontology.channels} classes, unlabelled included; the model of {of} "
            f"has {config.classes}{' and the edges' if config.edges else ''}: give the ontology of its training"
        )
    return preset, _with_facts(checkpoints, config, given)


def numbered_ontology(classes: int) -> Ontology:
    """Classes called by their ids, none of them unlabelled."""
    entries = [{"id": id, "name": f"class {id}"} for id in range(classes)]
    return Ontology.from_json({"name": "numbered", "classes": entries})


# Where the config starts from.


def _channels(checkpoints: Checkpoints) -> tuple[str, int | None]:
    """A file that says how many semantic channels the model has, and how many; an encoder does not."""
    told = [found for found in checkpoints.values() if found.facts.semantic_channels is not None]
    if len({found.facts.semantic_channels for found in told}) > 1:
        listed = " and ".join(f"{found.path} ({found.facts.semantic_channels} semantic channels)" for found in told)
        raise ValueError(f"{listed} belong to different models: give the files of one training")
    first = told[0] if told else checkpoints["E"]
    return str(first.path), first.facts.semantic_channels


def _with_told_edges(checkpoints: Checkpoints, given: Given) -> Given:
    """Whether there are edges, from a generator that tells; raises ValueError where something else is given."""
    told = checkpoints["G"].facts.edges if "G" in checkpoints else None
    if told is None:
        return given
    if given.edges not in (None, told):
        have = "has" if told else "has no"
        raise ValueError(
            f"{checkpoints['G'].path} {have} weights for the edges between objects: give neither --edges nor a preset "
            "that says otherwise"
        )
    return replace(given, edges=told)


def _given_preset(
    presets: Mapping[str, Preset], preset: str, of: str, channels: int | None, given: Given
) -> SpadeFamilyConfig:
    if preset not in presets:
        raise ValueError(f"preset {preset!r} is unknown; there are {', '.join(presets)}")
    config: SpadeFamilyConfig = presets[preset].config
    parts = f"{config.classes} classes and {'the' if config.edges else 'no'} edges"
    if channels not in (None, config.classes + config.edges):
        raise ValueError(
            f"{of} has {channels} semantic channels, preset {preset} has {config.classes + config.edges} ({parts}): "
            "give another preset, or none and the options that the message then asks for"
        )
    if given.edges not in (None, config.edges):
        raise ValueError(f"preset {preset} has {parts}, --edges says {given.edges}: leave one of the two out")
    return config


def _guess(
    system: str, checkpoints: Checkpoints, of: str, channels: int | None, ontology: Ontology | None, given: Given
) -> tuple[str | None, SpadeFamilyConfig]:
    """The preset with this number of channels, unless something that was given speaks against it."""
    if channels is None:
        raise ValueError(f"{of}: an encoder does not tell what its model is; give --preset, or its generator too")
    guess = next((found.facts.preset for found in checkpoints.values() if found.facts.preset), None)
    if guess in PRESETS[system]:
        config: SpadeFamilyConfig = PRESETS[system][guess].config
        if given.edges in (None, config.edges) and (ontology is None or ontology.channels == config.classes):
            warnings.warn(
                f"{of} has {channels} semantic channels: taken as preset {guess} ({config.classes} classes and "
                f"{'the' if config.edges else 'no'} edges, {config.width}x{config.height} pixels). If it is not, give "
                "--preset, or --edges, --height, --width and --upsamplings",
                stacklevel=2,
            )
            return guess, config
    return None, _from_options(system, checkpoints, of, channels, ontology, given)


def _from_options(
    system: str, checkpoints: Checkpoints, of: str, channels: int, ontology: Ontology | None, given: Given
) -> SpadeFamilyConfig:
    edges = given.edges
    if edges is None and ontology is not None:
        edges = ontology.channels == channels - 1
    upsamplings = given.upsamplings or _most(checkpoints)
    if edges is None or given.height is None or given.width is None or upsamplings is None:
        options = {
            "--edges True or False (does the last channel mark the edges between objects?)": edges,
            "--height and --width (of the training pictures)": given.height and given.width,
            "--upsamplings normal or more": upsamplings,
        }
        raise ValueError(
            f"{of}: keys and shapes do not tell everything about this model: give its --preset, or "
            f"{', '.join(option for option, value in options.items() if value is None)}. "
            f"Recognised: {'; '.join(_tell(found.facts) for found in checkpoints.values())}"
        )
    told = {"classes": channels - edges, "edges": edges, "height": given.height, "width": given.width}
    config: SpadeFamilyConfig = SYSTEMS[system].config_type(**told, upsamplings=upsamplings)
    return config


def _most(checkpoints: Checkpoints) -> Literal["most"] | None:
    return checkpoints["G"].facts.size if "G" in checkpoints else None


def _tell(facts: Recognised) -> str:
    known = {name.replace("_", " "): value for name, value in asdict(facts).items() if value is not None}
    return f"a {NAMES[known.pop('network')]} with " + ", ".join(f"{name} {value}" for name, value in known.items())


# What keys and shapes tell goes before it.


def _with_facts(checkpoints: Checkpoints, config: SpadeFamilyConfig, given: Given) -> SpadeFamilyConfig:
    sizes = {"height": given.height, "width": given.width, "upsamplings": given.upsamplings}
    changes: dict[str, Any] = {name: value for name, value in sizes.items() if value is not None}
    config = replace(config, **changes)
    if "D" in checkpoints:
        config = replace(config, **_discriminator(checkpoints["D"].facts, config))
    if "E" in checkpoints:
        config = replace(config, **_encoder(checkpoints["E"].facts, config))
    if "G" in checkpoints:
        config = replace(config, **_generator(checkpoints["G"].facts, config), encoder="E" in checkpoints)
        config = _with_depth(checkpoints["G"], config, given)
        _refuse_other_style(checkpoints, config)
    return config


def _generator(facts: Recognised, config: SpadeFamilyConfig) -> dict[str, Any]:
    modulation: dict[str, dict[str, Any]] = {
        "spade": {"conditioning": "spade", "kernel_size": facts.kernel_size, "hidden": facts.hidden},
        "clade": {"positions": facts.positions, "unlabelled": 0},  # the original's, whatever the classes are
    }
    return {
        "stem": facts.stem,
        "style_size": facts.z_dim or config.style_size,
        "generator_width": facts.width,
        "norm": _norm(facts.norm, config.norm),
        "spectral": facts.spectral,
        **modulation[facts.system],
    }


def _discriminator(facts: Recognised, config: SpadeFamilyConfig) -> dict[str, Any]:
    return {
        "discriminator": "patch",
        "discriminator_width": facts.width,
        "discriminator_layers": facts.layers,
        "discriminator_scales": facts.scales,
        "discriminator_norm": _norm(facts.norm, config.discriminator_norm),
    }


def _encoder(facts: Recognised, config: SpadeFamilyConfig) -> dict[str, Any]:
    assert facts.layers is not None
    return {
        "stem": "style",
        "encoder": True,
        "style_size": facts.z_dim,
        "encoder_width": facts.width,
        "encoder_norm": _norm(facts.norm, config.encoder_norm),
        "encoder_input": 2 ** (facts.layers + 2),
    }


def _norm(recognised: str | None, before: str) -> str:
    """Batch norm and its synchronised form look the same: what the preset says, or else the released form."""
    if recognised == "batch":
        return before if before in ("batch", "sync_batch") else "sync_batch"
    return recognised or before


def _refuse_other_style(checkpoints: Checkpoints, config: SpadeFamilyConfig) -> None:
    if "E" not in checkpoints:
        return
    generator, encoder = checkpoints["G"], checkpoints["E"]
    if config.stem != "style":
        raise ValueError(
            f"{generator.path} makes its photo from the label map alone, with no use for the style of {encoder.path}: "
            "give it without the encoder, or the files of one training"
        )
    if generator.facts.z_dim != encoder.facts.z_dim:
        raise ValueError(
            f"{generator.path} takes a style of {generator.facts.z_dim} numbers, {encoder.path} makes "
            f"{encoder.facts.z_dim}: give the files of one training"
        )


def _with_depth(generator: Checkpoint, config: SpadeFamilyConfig, given: Given) -> SpadeFamilyConfig:
    """With the up-samplings and, for a style stem, a training size that fit the generator."""
    most = generator.facts.size == "most"
    if given.upsamplings is not None and most != (given.upsamplings == "most"):
        raise ValueError(
            f"{generator.path} has {'the' if most else 'no'} block up_4, which is the mark of upsamplings=most: "
            f"--upsamplings {given.upsamplings} cannot be right"
        )
    config = replace(config, upsamplings="most" if most else config.upsamplings)
    if generator.facts.latent_area is None:
        return config

    # The linear layer knows height times width of the latent; normal and more differ there.
    area = generator.facts.latent_area
    told = most or given.upsamplings is not None
    possible: tuple[Upsamplings, ...] = (config.upsamplings,) if told else ("normal", "more")
    for upsamplings in sorted(possible, key=lambda name: name != config.upsamplings):
        times = 2 ** UPSAMPLINGS[upsamplings]
        if (config.height // times) * (config.width // times) == area:
            return replace(config, upsamplings=upsamplings)
    raise ValueError(_why_no_size_fits(generator.path, area, config, possible))


def _why_no_size_fits(path: Path, area: int, config: SpadeFamilyConfig, possible: tuple[Upsamplings, ...]) -> str:
    latents = [(area // h, h) for h in range(1, int(area**0.5) + 1) if area % h == 0][-2:]
    sizes = [
        f"--width {w * 2 ** UPSAMPLINGS[upsamplings]} --height {h * 2 ** UPSAMPLINGS[upsamplings]} "
        f"--upsamplings {upsamplings}"
        for upsamplings in possible
        for w, h in reversed(latents)
    ]
    return (
        f"{path}: its first layer makes a latent of {area} pixels; a photo of {config.width}x{config.height} with "
        f"upsamplings={config.upsamplings} does not come down to that. Say how it was trained: {' or '.join(sizes)}"
    )
