"""From a run, or any model, to a folder to give away.

    config.json, ontology.json, model.safetensors     the model, weights in half precision
    discriminator.safetensors                          to train on
    card.md                                            what it is, and what may be done with it
    examples/                                          label maps to begin with
    styles/                                            styles to choose from, and what they look like
    seen_styles.safetensors                            styles that seeds draw from

The same run, data and options give the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn

from spadework.atomic import write_atomic, write_json_atomic, write_text_atomic
from spadework.checksum import sha256_of
from spadework.conversion_files import DISCRIMINATOR, refuse_occupied, write_whole
from spadework.data.label_map import read_label_map
from spadework.data.open import open_data
from spadework.data.pair_dataset import PairDataset
from spadework.data.preprocess import Preprocess
from spadework.model_folder import (
    CONFIG,
    FILL_UNLABELLED,
    ONTOLOGY,
    SEEN_STYLES,
    WEIGHTS,
    find_model,
    read_model,
    write_seen_styles,
    write_tensors,
)
from spadework.seen_styles import check_spread
from spadework.shipping.card import CARD, Facts, card
from spadework.shipping.half import half_precision
from spadework.shipping.styles import FOLDER as STYLES
from spadework.shipping.styles import choose_distant, encode_photos, write_styles
from spadework.shipping.training import public_description, read_stages
from spadework.synthesizer import Synthesizer, load, to_image
from spadework.training.origin import read_origin
from spadework.training.run import Run

EXAMPLES = "examples"
SPREAD = 0.5
"""Of the styles that seeds draw from: see `SeenStyles.drawn_in`."""


@dataclass(frozen=True)
class Words:
    """What nobody but a person can say."""

    name: str
    licence: str
    data: str
    limits: str
    metrics: Sequence[tuple[str, str]] = ()
    measured_on: str = ""
    measured_weights: str | None = None
    """SHA-256 of the model.safetensors that the metrics are of."""


@dataclass(frozen=True)
class Shipped:
    """What was written."""

    bytes: int
    """Of model.safetensors."""
    examples: int
    styles: int
    half: tuple[float, float]
    """Largest and mean difference of pictures to those of float32 weights, in 8-bit values."""


def ship(
    model: Path | str,
    out: Path,
    words: Words,
    data: Sequence[str],
    *,
    examples: Path | None = None,
    example_count: int = 8,
    style_count: int = 12,
    style_spread: float = SPREAD,
    fill_unlabelled: bool = False,
) -> Shipped:
    """Write the folder `out`, all of it or nothing.

    Examples are the label maps of the folder `examples`, or some of the data. For a model with a style encoder, the
    styles to choose from are those of photos of the data that differ most, and seeds will draw from the styles of
    photos it was trained on, drawn in to `style_spread` of their distances from the mean. With `fill_unlabelled`,
    unlabelled pixels will take the class of the nearest labelled one.
    Raises ValueError for what does not fit, or is there already, for metrics of other weights, and for a run whose
    training goes on.
    """
    if example_count < 1 or style_count < 0:
        raise ValueError(f"{example_count} examples, {style_count} styles: expected 1 or more, and 0 or more")
    check_spread(style_spread)
    source = find_model(model)
    with Run(source).lock("run") if (source / "checkpoints").is_dir() else nullcontext():
        return _ship(source, out, words, data, examples, example_count, style_count, style_spread, fill_unlabelled)


def _ship(
    source: Path,
    out: Path,
    words: Words,
    data: Sequence[str],
    examples: Path | None,
    example_count: int,
    style_count: int,
    style_spread: float,
    fill_unlabelled: bool,
) -> Shipped:
    refuse_occupied(out, [CONFIG, ONTOLOGY, WEIGHTS, DISCRIMINATOR, CARD, EXAMPLES, STYLES, SEEN_STYLES])
    full, description = read_model(source), public_description(source)
    if fill_unlabelled:
        description[FILL_UNLABELLED] = True
    dataset = _pairs(data, description, seen=False)
    if dataset.ontology != full.ontology:
        raise ValueError(
            f"{', '.join(data)}: its classes ({dataset.ontology.name!r}) are not the model's "
            f"({full.ontology.name!r}): give the data that the model was trained on"
        )
    maps = _examples(dataset, example_count) if examples is None else _given_examples(examples, full.ontology)
    results: list[Shipped] = []

    def write(folder: Path) -> None:
        # The model, and what it was trained against.
        write_json_atomic(folder / CONFIG, description)
        full.ontology.write(folder / ONTOLOGY)
        networks = {name: network.state_dict() for name, network in full.system.networks.items()}
        write_tensors(folder / WEIGHTS, _half(networks, source))
        _check_measured(words, source / WEIGHTS, folder / WEIGHTS)
        beside = {name: state for name, state in read_origin(source).networks.items() if name == "discriminator"}
        if beside:
            write_tensors(folder / DISCRIMINATOR, _half(beside, source))

        # Label maps and styles, as whoever gets the folder will see them.
        synthesizer = load(folder)
        _write_maps(folder / EXAMPLES, maps, synthesizer)
        vectors = _style_vectors(synthesizer, dataset, style_count)
        if len(vectors):
            write_styles(folder / STYLES, synthesizer, vectors, _richest(maps))
        if "encoder" in synthesizer.system.networks:
            seen = encode_photos(synthesizer, _pairs(data, description, seen=True))
            write_seen_styles(folder, seen.drawn_in(style_spread))

        size = (folder / WEIGHTS).stat().st_size
        trained = Synthesizer(full.system, full.ontology, fill_unlabelled=synthesizer.fill_unlabelled)
        half = _difference(synthesizer, trained, list(maps.values()))
        results.append(Shipped(size, len(maps), len(vectors), half))
        facts = Facts(
            words.name,
            words.licence,
            description,
            full.ontology,
            {name: _count(network) for name, network in full.system.networks.items()},
            size,
            read_stages(source),
            words.data,
            words.limits,
            words.metrics,
            words.measured_on,
            half,
        )
        write_text_atomic(folder / CARD, card(facts))

    write_whole(out, write)
    return results[0]


def _check_measured(words: Words, *weights: Path) -> None:
    """Raise ValueError where metrics are of neither of these weights: as they were trained, and as they are shipped."""
    measured = words.measured_weights
    if measured is not None and measured not in [sha256_of(path) for path in weights if path.is_file()]:
        raise ValueError(
            f"the evaluation is of other weights (SHA-256 {measured[:12]}) than those of {weights[0].parent}: "
            "evaluate this model, or leave --report out"
        )


def _count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def _half(networks: Mapping[str, Mapping[str, Tensor]], source: Path) -> dict[str, dict[str, Tensor]]:
    return {name: half_precision(state, f"{source}, {name}") for name, state in networks.items()}


def _pairs(data: Sequence[str], description: Mapping[str, Any], *, seen: bool) -> PairDataset:
    """The data's training split, or what was not `seen`, where there is any: val or test. At the model's size."""
    width, height = description["config"]["width"], description["config"]["height"]
    mode = description.get("recipe", {}).get("preprocess", Preprocess.mode)
    settings = Preprocess(mode, width, width, width / height)
    splits = open_data(data, settings=settings, training=False).splits
    split = next((split for split in (("train",) if seen else ("val", "test")) if split in splits), None)
    return open_data(data, split=split, settings=settings, training=False)


def _examples(dataset: PairDataset, count: int) -> dict[str, Tensor]:
    """[H, W] class indices by name, evenly spaced."""
    count = min(count, len(dataset))
    return {f"Example {i + 1}": dataset[i * len(dataset) // count].label_map for i in range(count)}


def _given_examples(folder: Path, ontology: Any) -> dict[str, Tensor]:
    files = sorted(folder.glob("*.png")) if folder.is_dir() else []
    if not files:
        raise ValueError(f"{folder}: no label maps in it (files ending in .png)")
    return {file.stem: read_label_map(file, ontology) for file in files}


def _write_maps(folder: Path, maps: Mapping[str, Tensor], synthesizer: Synthesizer) -> None:
    """PNG files of ids."""
    folder.mkdir()
    for name, label_map in maps.items():
        ids = synthesizer.ontology.to_ids(label_map)
        values = ids.to(torch.uint8 if ids.max() < 256 else torch.uint16).numpy()
        write_atomic(folder / f"{name}.png", partial(Image.fromarray(values).save, format="PNG"))


def _style_vectors(synthesizer: Synthesizer, dataset: PairDataset, count: int) -> Tensor:
    """[styles, Z]; none for a model without a style encoder."""
    if not count or "encoder" not in synthesizer.system.networks:
        return torch.empty(0, 0)
    vectors = encode_photos(synthesizer, dataset).mean
    return vectors[choose_distant(vectors, count)]


def _richest(maps: Mapping[str, Tensor]) -> Tensor:
    """The label map where most classes fill a fiftieth of the picture: styles show best on it."""
    return max(maps.values(), key=lambda each: int((torch.bincount(each.flatten()) >= each.numel() / 50).sum()))


def _difference(half: Synthesizer, full: Synthesizer, maps: Sequence[Tensor]) -> tuple[float, float]:
    """Largest and mean difference of pictures, in 8-bit values."""
    differences = []
    for label_map in maps:
        pictures = [to_image(each.batch(label_map[None], style=full.draw_style(0))[0]) for each in (half, full)]
        a, b = (torch.frombuffer(bytearray(picture.tobytes()), dtype=torch.uint8).int() for picture in pictures)
        differences.append((a - b).abs().float())
    joined = torch.cat(differences)
    return float(joined.max()), float(joined.mean())
