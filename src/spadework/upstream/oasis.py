"""The names in checkpoints of boschresearch/OASIS, read in both directions, and what their keys and shapes tell.

`G` is the generator as it was trained, `EMA` the average of its weights, of the same keys, `D` the discriminator.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from spadework.upstream.families import name_family
from spadework.upstream.spade import SPADE_LAYER, Table, rename, rename_back

Network = Literal["G", "EMA", "D"]

NAMES: dict[Network, str] = {"EMA": "averaged generator", "G": "generator", "D": "discriminator"}
_BLOCKS = 6
_DISCRIMINATOR_BLOCKS = 8
"""More than the original has: our discriminators may be of another depth."""


def _generator() -> Table:
    layer = [("first_norm", "norm"), *(pair for pair in SPADE_LAYER if pair[1] != "norm")]
    table = [("conv_img", "to_photo")]
    for i in range(_BLOCKS):
        table += [(f"body.{i}.conv_{n}", f"blocks.{i}.conv_{n}") for n in "01s"]
        for n in "01s":
            table += [(f"body.{i}.norm_{n}.{theirs}", f"blocks.{i}.norm_{n}.{ours}") for theirs, ours in layer]
    return [*table, ("fc", "stem")]


def _discriminator() -> Table:
    """Upstream counts the activations and up-samplings in front of a convolution, too."""
    table: Table = []
    for way, in_front in (("down", 1), ("up", 2)):
        for i in range(_DISCRIMINATOR_BLOCKS):
            first = 0 if (way, i) == ("down", 0) else in_front
            convs = ((f"conv1.{first}", "conv_0"), ("conv2.1", "conv_1"), ("conv_s", "conv_s"))
            table += [(f"body_{way}.{i}.{theirs}", f"{way}.{i}.{ours}") for theirs, ours in convs]
    return [*table, ("layer_up_last", "to_logits")]


_TABLES: dict[Network, Table] = {"G": _generator(), "EMA": _generator(), "D": _discriminator()}


def to_ours(state_dict: Mapping[str, Tensor], network: Network) -> dict[str, Tensor]:
    """The same tensors under our keys, in upstream's order. `to_upstream` takes exactly the same way back.

    Raises ValueError for keys that upstream's network does not have.
    """
    return rename(state_dict, _TABLES[network], f"{NAMES[network]} of OASIS")


def to_upstream(state_dict: Mapping[str, Tensor], network: Network) -> dict[str, Tensor]:
    """The same tensors under upstream's keys, in upstream's order.

    Raises ValueError for keys that our network does not have.
    """
    return rename_back(state_dict, _TABLES[network], f"{NAMES[network]} of OASIS")


@dataclass(frozen=True)
class Recognised:
    """What the keys and shapes of a checkpoint say of its network; None where they say nothing or it does not apply.

    They cannot tell how the semantic channels are divided between noise and classes, nor G from EMA, nor batch norm
    from its synchronised form.
    """

    network: Network
    width: int
    """Channels at full resolution of a generator, at half the resolution of a discriminator."""
    classes: int | None = None
    """A discriminator's outputs but for "fake"."""
    semantic_channels: int | None = None
    """Noise channels and classes of a generator together."""
    norm: Literal["batch", "instance"] | None = None
    kernel_size: int | None = None
    hidden: int | None = None
    layers: int | None = None
    """How often a discriminator halves the size."""


def is_oasis(keys: Iterable[str]) -> bool:
    """Whether these are the keys of one of OASIS's networks."""
    return "an OASIS" in (name_family(keys) or "")


def recognise(state_dict: Mapping[str, Tensor]) -> Recognised:
    """Which of OASIS's networks this is, and its size; raises ValueError for one that is not whole."""
    shapes = {key: tuple(tensor.shape) for key, tensor in state_dict.items()}

    def shape(key: str) -> tuple[int, ...]:
        if len(shapes.get(key, ())) != 4 or 0 in shapes[key]:
            raise ValueError(f"{key} is missing or no convolution's: this is no whole OASIS checkpoint")
        return shapes[key]

    if "layer_up_last.weight" in shapes:
        layers = {match[1] for key in shapes if (match := re.match(r"body_down\.(\d+)\.", key))}
        found = Recognised(
            "D",
            width=shape("body_down.0.conv1.0.weight_orig")[0],
            classes=shape("layer_up_last.weight")[0] - 1,
            layers=len(layers),
        )
    else:
        shared = shape("body.0.norm_0.mlp_shared.0.weight")
        found = Recognised(
            "G",
            width=shape("conv_img.weight")[1],
            semantic_channels=shared[1],
            norm="batch" if "body.0.norm_0.first_norm.running_mean" in shapes else "instance",
            kernel_size=shared[2],
            hidden=shared[0],
        )
    to_ours(state_dict, found.network)
    return found
