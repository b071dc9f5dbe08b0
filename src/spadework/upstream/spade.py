"""The names in checkpoints of NVlabs/SPADE: one table, read in both directions.

The table pairs upstream's module paths with ours. The last part of a key, the leaf, stays as it is, but for one thing:
upstream's spectral-normalised convolutions keep their parameter under `weight_orig`, ours under `weight`; a `weight_u`
beside it tells that it is one.

In an upstream path `[.0]` marks a convolution that upstream puts into a sequence (convolution, norm) where a norm
follows. That norm makes the bias useless, and upstream removes it: so a spectral convolution without bias is in a
sequence, every other one stands alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from torch import Tensor

from spadework.upstream.families import name_family

Network = Literal["G", "D", "E"]
Table = list[tuple[str, str]]

_NETWORKS: dict[Network, str] = {"G": "generator", "D": "discriminator", "E": "encoder"}
_BLOCKS = ("head_0", "G_middle_0", "G_middle_1", "up_0", "up_1", "up_2", "up_3", "up_4")
SPADE_LAYER = (("param_free_norm", "norm"), ("mlp_shared.0", "shared"), ("mlp_gamma", "gamma"), ("mlp_beta", "beta"))
_ENCODER_LAYERS = 6

_LEAVES = (
    *("weight", "bias", "weight_orig", "weight_u", "weight_v"),
    *("running_mean", "running_var", "num_batches_tracked"),
)
"""Every leaf of an upstream key, in the order in which upstream lists them."""


# ---- the table ------------------------------------------------------------------------------------------------------


def _table(keys: Iterable[str], network: Network) -> Table:
    """(upstream path, our path) of every module in upstream's order; where depths vary, of the modules in `keys`."""
    keys = list(keys)
    if network == "D":
        return _discriminator(keys)
    if network == "E":
        return _encoder()
    has_blocks = any(key.startswith(("head_0.", "blocks.0.")) for key in keys)
    has_sequence = any(re.match(r"(model|layers)\.\d+\.", key) for key in keys)
    return _pix2pixhd_generator(keys) if has_sequence and not has_blocks else generator_table(SPADE_LAYER)


def generator_table(layer: Sequence[tuple[str, str]]) -> Table:
    """The generator's modules; `layer` pairs those of its modulation, in which systems differ that build on SPADE."""
    table = [("fc", "stem")]
    for i, block in enumerate(_BLOCKS):
        table += [(f"{block}.conv_{n}", f"blocks.{i}.conv_{n}") for n in "01s"]
        for n in "01s":
            table += [(f"{block}.norm_{n}.{theirs}", f"blocks.{i}.norm_{n}.{ours}") for theirs, ours in layer]
    return [*table, ("conv_img", "to_photo")]


def _discriminator(keys: Iterable[str]) -> Table:
    found = (re.match(r"(?:discriminator_|scales\.)(\d+)\.(?:model|layers\.)(\d+)\.", key) for key in keys)
    table: Table = []
    for s, j in sorted({(int(match[1]), int(match[2])) for match in found if match}):
        table += _conv_and_norm(f"discriminator_{s}.model{j}.0", f"scales.{s}.layers.{j}")
    return table


def _encoder() -> Table:
    table: Table = []
    for j in range(_ENCODER_LAYERS):
        table += _conv_and_norm(f"layer{j + 1}", f"layers.{j}")
    return [*table, ("fc_mu", "mean"), ("fc_var", "log_variance")]


def _pix2pixhd_generator(keys: Iterable[str]) -> Table:
    """Upstream's other generator (`netG = pix2pixhd`): one flat sequence, whose indices count pads and ReLUs too.

    Pad, first convolution, ReLU; (convolution, ReLU) for each step down; residual blocks; (convolution, ReLU) for each
    step up; pad, last convolution, tanh. Ours counts the stages that hold weights.
    """
    down, blocks = pix2pixhd_depth(list(keys))
    convs_down = [1, *range(3, 3 + 2 * down, 2)]
    residual = range(3 + 2 * down, 3 + 2 * down + blocks)
    convs_up = range(residual.stop, residual.stop + 2 * down, 2)

    table: Table = []
    for i, index in enumerate([*convs_down, *residual, *convs_up]):
        if index in residual:
            table += _conv_and_norm(f"model.{index}.conv_block.1", f"layers.{i}", "_0")
            table += _conv_and_norm(f"model.{index}.conv_block.4", f"layers.{i}", "_1")
        else:
            table += _conv_and_norm(f"model.{index}", f"layers.{i}")
    return [*table, (f"model.{convs_up.stop + 1}", "to_photo")]


def pix2pixhd_depth(keys: list[str]) -> tuple[int, int]:
    """How many steps down and how many residual blocks, from keys of either naming."""
    numbered = [match for key in keys if (match := re.match(r"(model|layers)\.(\d+)\.(conv_block\.|conv_0\.)?", key))]
    blocks = len({match[2] for match in numbered if match[3]})
    last = max(int(match[2]) for match in numbered)
    down = (last - 4 - blocks) // 4 if numbered[0][1] == "model" else (last - blocks) // 2
    return max(0, min(down, len(keys))), blocks


def _conv_and_norm(upstream: str, ours: str, number: str = "") -> Table:
    return [(f"{upstream}[.0]", f"{ours}.conv{number}"), (f"{upstream}.1", f"{ours}.norm{number}")]


# ---- renaming -------------------------------------------------------------------------------------------------------


def to_ours(state_dict: Mapping[str, Tensor], network: Network) -> dict[str, Tensor]:
    """The same tensors under our keys, in upstream's order. `to_upstream` takes exactly the same way back.

    Raises ValueError for keys that upstream's network does not have.
    """
    return rename(state_dict, _table(state_dict, network), f"SPADE {_NETWORKS[network]}")


def to_upstream(state_dict: Mapping[str, Tensor], network: Network) -> dict[str, Tensor]:
    """The same tensors under upstream's keys, in upstream's order.

    Raises ValueError for keys that our network does not have.
    """
    return rename_back(state_dict, _table(state_dict, network), f"SPADE {_NETWORKS[network]}")


def rename(state_dict: Mapping[str, Tensor], table: Table, what: str) -> dict[str, Tensor]:
    """Upstream's tensors under our keys, by a table; `what` the network is, for the error about foreign keys."""
    paths = {theirs.replace("[.0]", sequence): ours for theirs, ours in table for sequence in ("", ".0")}

    renamed: dict[str, Tensor] = {}
    for key, tensor in state_dict.items():
        path, _, leaf = key.rpartition(".")
        if path in paths:
            renamed[f"{paths[path]}.{'weight' if leaf == 'weight_orig' else leaf}"] = tensor

    # What does not come back under its own name was not upstream's.
    names = _upstream_names(renamed, table)
    _refuse_strangers(set(state_dict) - set(names.values()), f"not keys of a {what}", state_dict)
    return {ours: renamed[ours] for ours in names}


def rename_back(state_dict: Mapping[str, Tensor], table: Table, what: str) -> dict[str, Tensor]:
    """Our tensors under upstream's keys, by a table; `what` the network is, for the error about foreign keys."""
    names = _upstream_names(state_dict, table)
    _refuse_strangers(set(state_dict) - set(names), f"not keys of our {what}", state_dict)
    return {theirs: state_dict[ours] for ours, theirs in names.items()}


def _upstream_names(keys: Mapping[str, Tensor], table: Table) -> dict[str, str]:
    """Our key -> upstream's key, in upstream's order; keys that the table does not know are left out."""
    paths = {ours: (position, upstream) for position, (upstream, ours) in enumerate(table)}
    names: list[tuple[int, int, str, str]] = []
    for key in keys:
        path, _, leaf = key.rpartition(".")
        spectral = f"{path}.weight_u" in keys
        leaf = "weight_orig" if spectral and leaf == "weight" else leaf
        if path in paths and leaf in _LEAVES:
            position, upstream = paths[path]
            upstream = upstream.replace("[.0]", ".0" if spectral and f"{path}.bias" not in keys else "")
            names.append((position, _LEAVES.index(leaf), key, f"{upstream}.{leaf}"))
    return {key: name for _, _, key, name in sorted(names)}


def _refuse_strangers(strangers: set[str], what: str, keys: Iterable[str]) -> None:
    if not strangers:
        return
    listed = ", ".join(sorted(strangers)[:4]) + (f" and {len(strangers) - 4} more" if len(strangers) > 4 else "")
    family = name_family(keys)
    raise ValueError(f"{what}: {listed}" + (f" (these are the keys of {family})" if family else ""))
