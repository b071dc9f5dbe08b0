"""The forecast against what networks, checkpoints and autograd really hold."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from spadework.draw import Draw
from spadework.sample import Batch
from spadework.systems import PRESETS
from spadework.systems.base import Preset, Progress
from spadework.systems.spade import Spade
from spadework.training.forecast import Forecast, _small_sizes, forecast
from spadework.training.iteration import iterate, make_optimizers
from spadework.training.run import Run
from spadework.training.state import make_average, state_of

TINY = PRESETS["spade"]["tiny"]
SMALL = Preset(
    replace(TINY.config, generator_width=4, hidden=16, discriminator_width=8, width=128, height=128, classes=5),
    replace(TINY.recipe, batch_size=3, average=0.9),
)


def label_map() -> torch.Tensor:
    rows, columns = torch.meshgrid(torch.arange(128), torch.arange(128), indexing="ij")
    return (rows // 32 + columns // 40) % 5


def small_forecast() -> Forecast:
    return forecast("spade", "small", SMALL, label_map(), 5)


def test_weights_optimisers_and_checkpoint(tmp_path: Path) -> None:
    """One iteration makes all that a checkpoint holds."""
    needs = small_forecast()
    system = Spade(SMALL.config).train()
    progress, draw = Progress(0, 1), Draw(0, range(3))
    optimizers = make_optimizers(system, progress)
    average = make_average(system, SMALL.recipe)
    photo = torch.zeros(3, 3, 128, 128)
    iterate(system, optimizers, Batch(label_map().repeat(3, 1, 1), ["a", "b", "c"], photo), progress, draw)
    path = Run(tmp_path).save_checkpoint(3, state_of(system, optimizers, average))
    assert 0 <= path.stat().st_size - needs.checkpoint < 0.1 * path.stat().st_size  # Names, counters, zip.
    numbers = sum(tensor.numel() for tensor in system.parameters())
    moments = sum(
        value.nbytes for one in optimizers.values() for state in one.state.values() for value in state.values()
    )
    gradients = needs.optimizers - moments
    assert 4 * numbers * 0.5 < gradients < 4 * numbers
    assert needs.disk > 4 * needs.checkpoint


def test_activations() -> None:
    """The straight line from small pictures ends near what a whole batch really keeps."""
    system = Spade(SMALL.config).train()
    weights = {tensor.untyped_storage().data_ptr() for tensor in [*system.parameters(), *system.buffers()]}
    kept: dict[int, torch.UntypedStorage] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage
        return tensor

    maps = torch.stack([label_map(), label_map().flip(1), label_map().flip(0)])
    batch = Batch(maps, ["a", "b", "c"], torch.rand(3, 3, 128, 128) * 2 - 1)
    most = 0
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        for _ in system.turns(batch, Progress(0, 1), Draw(0, range(3))):
            most = max(most, sum(storage.nbytes() for storage in kept.values()))
            kept.clear()
    assert 0.8 < small_forecast().activations / most < 1.25


def test_two_sizes() -> None:
    assert _small_sizes(1024, 1024, 32) == ((128, 128), (256, 256))
    assert _small_sizes(256, 256, 32) == ((64, 64), (96, 96))
    assert _small_sizes(512, 256, 64) == ((128, 64), (256, 128))
    assert _small_sizes(64, 64, 32) == ((64, 64), (96, 96))
    assert _small_sizes(96, 64, 32) == ((0, 0), (96, 64))


@pytest.mark.parametrize("norm", ["sync_batch", "instance"])
@pytest.mark.parametrize("size", [64, 128])
def test_small_pictures(norm: str, size: int) -> None:
    """Where the smallest layers of smaller pictures would have a single pixel; four times the pixels keep more."""
    config = replace(SMALL.config, norm=norm, width=size, height=size)
    needs = [
        forecast("spade", "small", replace(SMALL, config=each), label_map(), 5)
        for each in (config, replace(config, width=2 * size, height=2 * size))
    ]
    assert 2.5 < needs[1].activations / needs[0].activations < 4.5


@pytest.mark.parametrize("system", PRESETS)
def test_every_system_has_one(system: str) -> None:
    """Also for data with fewer classes than the preset's, and where only the discriminator is choosy about sizes."""
    preset = PRESETS[system]["tiny"]
    needs = forecast(system, "tiny", preset, label_map(), 5)
    assert needs.activations > 0 and needs.weights > 0
    if system == "oasis":
        deep = replace(preset.config, discriminator_layers=6, height=128, width=128)
        assert forecast(system, "deep", replace(preset, config=deep), label_map(), 5).weights > needs.weights
