"""How much memory and disk space a training will need, before it starts.

Weights and optimisers are counted exactly, on the meta device. What a turn keeps for its backward pass is measured: the
system plays its turns on two small pictures, without any backward pass, and what autograd keeps is counted. Two sizes
give a straight line over the number of pixels, which is followed to the training's size and batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from functools import partial
from math import gcd
from typing import Any

import torch
from torch import Tensor, UntypedStorage
from torch.autograd.graph import saved_tensors_hooks

from spadework.atomic import readable_bytes
from spadework.data.preprocess import Geometry
from spadework.draw import Draw
from spadework.layers.decoder import ModulatedDecoder
from spadework.layers.perceptual import VGG19_WEIGHTS, PerceptualDistance, vgg19_stages
from spadework.sample import Batch, Sample
from spadework.systems import SYSTEMS
from spadework.systems.base import Preset, Progress, System, for_classes
from spadework.training.run import Run

ADAM_MOMENTS = 2
"""Numbers that Adam keeps for each weight."""
PICTURES = 2
"""One would leave nothing to normalise over where a layer has a single pixel."""
FLOAT = 4
"""Bytes of a weight."""


@dataclass(frozen=True)
class Forecast:
    """Bytes that each process of a training needs."""

    preset: str
    width: int
    height: int
    batch_size: int
    """Pictures that it has in memory at a time."""
    weights: int
    """Weights of all networks, of their average, and of the perceptual loss's network."""
    optimizers: int
    """Gradients of the larger player, and Adam's moments of all players."""
    activations: int
    """What the hungriest turn keeps for its backward pass, for so many pictures."""
    checkpoint: int
    """One checkpoint on disk."""
    disk: int
    """A run folder: the checkpoints that are kept, one being written, and the model."""
    precision: str = "float32"
    recompute: bool = False

    @property
    def memory(self) -> int:
        """All of it; besides, a GPU's libraries want some hundred MiB and work space of their own."""
        return self.weights + self.optimizers + self.activations

    def rows(self) -> list[tuple[str, str]]:
        """(what, how much), for people."""
        size = f"{self.width}x{self.height}, batch of {self.batch_size}, {self.precision}"
        return [
            (f"memory, preset {self.preset}", f"about {readable_bytes(self.memory)} ({size})"),
            ("  weights", readable_bytes(self.weights)),
            ("  gradients and Adam", readable_bytes(self.optimizers)),
            ("  activations", f"{readable_bytes(self.activations)}: in proportion to the batch"),
            ("disk, run folder", f"{readable_bytes(self.disk)} (a checkpoint: {readable_bytes(self.checkpoint)})"),
        ]

    def to_json(self) -> dict[str, Any]:
        """JSON types only; bytes."""
        return {**asdict(self), "memory": self.memory}


def forecast(
    system_name: str,
    preset_name: str,
    preset: Preset,
    label_map: Tensor,
    classes: int,
    *,
    pictures: int | None = None,
    precision: str = "float32",
    recompute: bool = False,
) -> Forecast:
    """The needs of training a system with a preset on data with so many channels.

    `label_map` [H, W] holds class indices and should be typical of the data: how much has to be kept may depend on it.
    `pictures` are in memory at a time, the whole batch unless given; `precision` and `recompute` are as in `Settings`.
    """
    pictures = pictures or preset.recipe.batch_size
    config, recipe = for_classes(preset.config, classes, None), preset.recipe
    with torch.device("meta"):
        system = SYSTEMS[system_name](config)
    players = {player: _numbers(weights) for player, weights in system.players(Progress(0, 1)).items()}
    networks = {name: _numbers(network.state_dict().values()) for name, network in system.networks.items()}
    learnt, everything = sum(players.values()), sum(networks.values())
    model = sum(numbers for name, numbers in networks.items() if name in system.inference_names)
    average = model if recipe.average else 0
    perceptual = _perceptual() if config.perceptual_weight else None
    fixed = 0 if perceptual is None else _numbers(perceptual.parameters())

    # A straight line through what two small sizes keep: weights made ready for use, and what grows with the pixels.
    make: Callable[[Any], System] = SYSTEMS[system_name]
    measure = partial(_kept, make, label_map=label_map, perceptual=perceptual, precision=precision, recompute=recompute)
    (pixels1, bytes1), (pixels2, bytes2) = (
        (PICTURES * width * height, measure(replace(config, width=width, height=height)))
        for width, height in _small_sizes(config.width, config.height, system.training_multiple)
    )
    slope = (bytes2 - bytes1) / (pixels2 - pixels1)
    constant = max(bytes2 - slope * pixels2, 0)
    number = 2 * FLOAT if precision == "float64" else FLOAT
    checkpoint = number * (everything + ADAM_MOMENTS * learnt + average)
    return Forecast(
        preset_name,
        config.width,
        config.height,
        pictures,
        weights=number * (everything + average + fixed),
        optimizers=number * (max(players.values()) + ADAM_MOMENTS * learnt),
        activations=int((constant + slope * config.width * config.height * pictures) * number / FLOAT),
        checkpoint=checkpoint,
        disk=(Run(".").keep + 1) * checkpoint + number * model,
        precision=precision,
        recompute=recompute,
    )


def _small_sizes(width: int, height: int, multiple: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Two sizes of the training's proportions that the system can take, where possible below a quarter as wide.

    Smallest layers have more than one pixel, as instance norms want, unless the training's own have one. Where it could
    not be smaller, the training's size is the larger one, and the other is nothing at all.
    """
    units = gcd(width // multiple, height // multiple)
    least = 2 if width == height else 1
    smaller = max(units // 8, least) if units > 1 else 0
    larger = max(units // 4, smaller + 1)
    return (width // units * smaller, height // units * smaller), (width // units * larger, height // units * larger)


def _kept(
    make_system: Callable[[Any], System],
    config: Any,
    label_map: Tensor,
    perceptual: PerceptualDistance | None,
    precision: str,
    recompute: bool,
) -> int:
    """Bytes that the hungriest turn keeps for its backward pass, with PICTURES pictures."""
    if not config.width:
        return 0
    with torch.random.fork_rng(devices=[]):
        system: Any = make_system(config).train()
        system.perceptual = perceptual
        photo = torch.rand(PICTURES, 3, config.height, config.width) * 2 - 1
    maps = [Geometry((config.width, config.height), flip=bool(i % 2)).map(label_map, 0) for i in range(PICTURES)]
    samples = (Sample(one, "forecast", photo[i]) for i, one in enumerate(maps))
    batch = Batch.collate([system.complete(sample, Draw(0, [i])) for i, sample in enumerate(samples)])
    weights = {tensor.untyped_storage().data_ptr() for tensor in [*system.parameters(), *system.buffers()]}
    if perceptual is not None:
        weights |= {tensor.untyped_storage().data_ptr() for tensor in perceptual.parameters()}
    kept: dict[int, UntypedStorage] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage
        return tensor

    def present() -> int:
        return sum(storage.nbytes() for storage in kept.values())

    # Each turn's graph lives until its backward pass, then everything of it is let go.
    most = 0
    blocks = _Blocks(system, present) if recompute else None
    half = torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16")
    with saved_tensors_hooks(keep, lambda tensor: tensor), half:
        for _ in system.turns(batch, Progress(0, 1), Draw(0, range(PICTURES))):
            most = max(most, present() - (blocks.saved() if blocks is not None else 0))
            kept.clear()
    return most


class _Blocks:
    """What the blocks of a generator keep that recomputes them (`ModulatedDecoder.recompute`): its input remains."""

    def __init__(self, system: System, present: Callable[[], int]) -> None:
        self.inside: list[int] = []
        self.inputs: list[int] = []
        self.present = present
        for decoder in system.modules():
            if isinstance(decoder, ModulatedDecoder):
                for block, up in zip(decoder.blocks, decoder.upsample_before, strict=True):
                    block.register_forward_pre_hook(partial(self._enter, up))
                    block.register_forward_hook(self._leave)

    def _enter(self, up: bool, block: Any, inputs: Any) -> None:
        self.inputs.append(inputs[0].nbytes // (4 if up else 1))
        self.inside.append(-self.present())

    def _leave(self, block: Any, inputs: Any, output: Any) -> None:
        self.inside[-1] += self.present()

    def saved(self) -> int:
        """Bytes since this was last asked; one block at a time is there again in the backward pass."""
        saved = sum(self.inside) - sum(self.inputs) - max(self.inside, default=0)
        self.inside, self.inputs = [], []
        return max(saved, 0)


def _perceptual() -> PerceptualDistance:
    """The perceptual loss's network with any weights at all."""
    from torchvision.models.vgg import cfgs, make_layers

    return PerceptualDistance(vgg19_stages(make_layers(cfgs["E"])), VGG19_WEIGHTS)


def _numbers(tensors: Iterable[Tensor]) -> int:
    return sum(tensor.numel() for tensor in tensors)
