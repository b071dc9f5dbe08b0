"""CLADE: its networks against the published numbers, what it exchanges in SPADE, its training, its use."""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from spadework import load
from spadework.data.folder import FolderDataset
from spadework.data.preprocess import Preprocess
from spadework.data.stream import SampleStream
from spadework.draw import Draw
from spadework.layers.class_modulation import CLADE, POSITIONS
from spadework.layers.modulation import SPADE
from spadework.model_folder import write_model
from spadework.regions import positions
from spadework.sample import Batch, Sample
from spadework.systems import PRESETS, VARIANTS
from spadework.systems.base import Progress
from spadework.systems.clade import Clade, CladeConfig
from spadework.systems.spade import Spade, SpadeFamilyConfig
from spadework.training.forecast import forecast
from spadework.training.iteration import iterate, make_optimizers
from tests import tiny
from tests.cli.small import run, start
from tests.systems.test_spade import count
from tests.systems.weightless import weightless
from tests.training.test_loop import wait_for

CLADE_PRESETS = PRESETS["clade"]
KINDS: list[dict[str, Any]] = [
    {},
    {"edges": True},
    {"positions": True},
    {"edges": True, "positions": True, "unlabelled": 4},
]


def config(**changes: Any) -> CladeConfig:
    """A tiny CLADE for the classes of tests.tiny."""
    shared = {field.name: getattr(tiny.config(), field.name) for field in fields(SpadeFamilyConfig)}
    return CladeConfig(**{**shared, **changes})


def on_paper(config: CladeConfig) -> Clade:
    with weightless():
        return Clade(config)


def completed(system: Clade, batch: Batch) -> Batch:
    """The batch with what the loader would have derived."""
    assert batch.photo is not None
    samples = [Sample(one, "", batch.photo[i]) for i, one in enumerate(batch.label_map)]
    return Batch.collate([system.complete(sample, Draw(0, [0])) for sample in samples])


# Sizes of the networks, as measured on the original: CLADE, CLADE-ICPE, discriminator.

SIZES = {
    "coco": (72_505_383, 72_505_491, 5_904_514),
    "ade20k": (71_427_267, 71_427_375, 5_836_930),
    "ade20k-outdoor": (71_427_267, 71_427_375, 5_836_930),
    "cityscapes": (67_901_991, 67_902_099, 5_601_410),
}


@pytest.mark.parametrize("name", SIZES)
def test_networks_have_the_published_size(name: str) -> None:
    preset, (plain, icpe, discriminator) = CLADE_PRESETS[name].config, SIZES[name]
    assert count(on_paper(preset).generator) == plain
    assert count(on_paper(replace(preset, **VARIANTS["clade"]["icpe"])).generator) == icpe
    assert count(on_paper(preset).discriminator) == discriminator


def test_every_preset_is_known_here() -> None:
    assert CLADE_PRESETS.keys() == SIZES.keys() | {"tiny"} and VARIANTS["clade"].keys() == {"icpe"}


def test_the_tiny_preset_has_two_numbers_for_each_class_and_channel() -> None:
    parts: list[tuple[int, int]] = []
    with weightless():
        for system in (Clade(CLADE_PRESETS["tiny"].config), Spade(PRESETS["spade"]["tiny"].config)):
            sizes = {name: parameter.numel() for name, parameter in system.generator.named_parameters()}
            modulation = sum(size for name, size in sizes.items() if ".norm_" in name)
            parts.append((sum(sizes.values()) - modulation, modulation))
    (rest, tables), (same_rest, convolutions) = parts
    assert rest == same_rest
    channels = 6 * 256 + (256 + 128 + 256) + (128 + 64 + 128) + (64 + 32 + 64) + (32 + 16 + 32)
    assert tables == 2 * 183 * channels < convolutions


@pytest.mark.parametrize("name", CLADE_PRESETS)
def test_presets_are_spades(name: str) -> None:
    """But for the modulation: what both configs have is the same, and so is the recipe."""
    ours, theirs = CLADE_PRESETS[name], PRESETS["spade"][name]
    shared = {field.name for field in fields(ours.config)} & {field.name for field in fields(theirs.config)}
    assert len(shared) > 25
    assert {name: getattr(ours.config, name) for name in shared} == {
        name: getattr(theirs.config, name) for name in shared
    }
    assert ours.recipe == theirs.recipe


@pytest.mark.parametrize("edges", [False, True])
def test_nothing_else_is_exchanged(edges: bool) -> None:
    """Without edges even the shapes of all other weights are SPADE's."""
    clade, spade = on_paper(config(edges=edges)), Spade(tiny.config(edges=edges))
    kinds = {type(module) for module in clade.modules()} ^ {type(module) for module in spade.modules()}
    assert {CLADE, SPADE, Clade, Spade} <= kinds and len(kinds) == 5  # and CLADE's table
    for name, tensor in spade.state_dict().items():
        if ".norm_" not in name:
            appended = edges and ".conv_" in name and name.endswith("weight")
            before, after = tensor.shape, clade.state_dict()[name].shape
            assert after[1:2] == (before[1] + 1,) if appended else after == before or name.endswith("weight_v"), name


# Positions.


def test_positions_are_derived_where_they_are_wanted() -> None:
    plain, icpe = Clade(config()), Clade(config(positions=True, unlabelled=4))
    assert icpe.completes and not plain.completes
    sample = Sample(tiny.label_maps(1)[0], "one")
    assert plain.complete(sample, Draw(0, [0])) is sample
    extras = icpe.complete(sample, Draw(0, [0])).extras
    assert torch.equal(extras[POSITIONS], positions(sample.label_map, without=4))


def test_loaders_derive_positions_of_what_they_hand_over(make_folder: Callable[..., Path]) -> None:
    """Cropped and mirrored: the original mirrors the positions of its mirrored maps the wrong way."""
    dataset = FolderDataset(make_folder(), settings=Preprocess(load_size=36, crop_size=32))
    stream = SampleStream(dataset, 3, Clade(config(positions=True, classes=5)).complete)
    for i in range(6):
        sample = stream[i]
        assert torch.equal(sample.extras[POSITIONS], positions(sample.label_map.long(), without=0))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: "+".join(kind) or "plain")
def test_only_the_modulation_sees_positions(kind: dict[str, Any]) -> None:
    system = Clade(config(**kind)).eval()
    batch = completed(system, tiny.batch())
    semantics = system.semantics(batch)
    assert semantics.channels == 5 + kind.get("edges", False) and semantics.extras is None
    assert (POSITIONS in semantics.maps) == kind.get("positions", False)
    photo = system.synthesize(batch, None)
    if kind.get("positions"):
        other = replace(batch, extras={POSITIONS: -batch.extras[POSITIONS]})
        assert not torch.equal(photo, system.synthesize(other, None))


# Training.


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: "+".join(kind) or "plain")
def test_training_reaches_all_weights(kind: dict[str, Any]) -> None:
    torch.manual_seed(0)
    system = Clade(config(**kind)).train()
    before = {name: tensor.clone() for name, tensor in system.named_parameters()}
    progress = Progress(0, 100)
    optimizers = make_optimizers(system, progress)
    for i in range(2):
        iterate(system, optimizers, completed(system, tiny.batch(seed=i)), progress, Draw(0, [2 * i, 2 * i + 1]))
    still = [name for name, tensor in system.named_parameters() if torch.equal(tensor, before[name])]

    # Between -1 and 1 the hinge pulls reals and fakes alike: the last bias of a discriminator has none but rounding.
    assert [name for name in still if not name.endswith(".layers.3.conv.bias")] == []


def test_the_forecast_knows_what_loaders_derive() -> None:
    preset = replace(CLADE_PRESETS["tiny"], config=config(positions=True))
    needs = forecast("clade", "tiny", preset, tiny.label_maps(1)[0], 5)
    assert needs.activations > 0


# Use.


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: "+".join(kind) or "plain")
def test_the_synthesizer_makes_what_the_system_makes(tmp_path: Path, kind: dict[str, Any]) -> None:
    system = lively(Clade(config(**kind)))
    write_model(tmp_path, "clade", system, tiny.ONTOLOGY)
    batch = completed(system, tiny.batch(2, 96, 64))
    with torch.no_grad():
        expected = system.synthesize(batch, None)
    assert expected.std() > 0.1
    torch.testing.assert_close(load(tmp_path).batch(batch.label_map), expected, rtol=1e-4, atol=1e-4)


@torch.no_grad()
def lively(system: Clade) -> Clade:
    """All weights drawn anew and statistics settled, in eval mode."""
    generator = torch.Generator().manual_seed(0)
    for parameter in system.parameters():
        fan_in = max(1, parameter[0].numel()) if parameter.ndim > 2 else 1
        parameter.copy_(torch.randn(parameter.shape, generator=generator) / fan_in**0.5)
    system.train()
    for i in range(10):
        system.synthesize(completed(system, tiny.batch(4, seed=i)), None)
    return system.eval()


def test_train_kill_resume_generate(make_folder: Callable[..., Path], tmp_path: Path) -> None:
    """kill -9 in the middle, from a shell's point of view: the end is that of an undisturbed run, bit for bit."""
    data = make_folder(count=5, instances=True)
    options = ["--preset", "tiny", "--variant", "icpe", "--edges", "--data", str(data), "--workers", "0"]
    options += ["--generator-width", "2", "--discriminator-width", "4", "--height", "32", "--width", "64"]
    options += ["--batch-size", "2", "--checkpoint-every", "4", "--sample-every", "1000", "--images", "24"]
    whole, parts = ["train", "clade", *options, "--out", tmp_path / "whole"], tmp_path / "parts"
    assert run(*whole)[0] == 0

    killed = start("train", "clade", *options, "--out", parts)
    wait_for(parts / "checkpoints/000000008.pt", killed)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert run("train", "clade", *options, "--out", parts, "--resume")[0] == 0
    assert (tmp_path / "whole/model.safetensors").read_bytes() == (parts / "model.safetensors").read_bytes()

    code, _, errors = run("generate", parts, data / "labels/p0.png", "--out", tmp_path / "photos")
    assert code == 0, errors
    assert Image.open(tmp_path / "photos/p0.png").size == (32, 24)
