"""The names in checkpoints of tzt101/CLADE: SPADE's table with another modulation; the other networks are SPADE's."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from spadework.upstream import spade
from spadework.upstream.spade import Network, generator_table, rename, rename_back

_TABLE = generator_table(
    (
        ("param_free_norm", "norm"),
        ("class_specified_affine", "affine"),
        ("class_specified_affine.dist_conv_w", "position_scale"),
        ("class_specified_affine.dist_conv_b", "position_shift"),
        ("inst_conv", "edge"),
    )
)
_GENERATOR = "CLADE generator"


def to_ours(state_dict: Mapping[str, Tensor], network: Network) -> dict[str, Tensor]:
    """The same tensors under our keys, in upstream's order. `to_upstream` takes exactly the same way back.

    Raises ValueError for keys that upstream's network does not have.
    """
    return rename(state_dict, _TABLE, _GENERATOR) if network == "G" else spade.to_ours(state_dict, network)


def to_upstream(state_dict: Mapping[str, Tensor], network: Network) -> dict[str, Tensor]:
    """The same tensors under upstream's keys, in upstream's order.

    Raises ValueError for keys that our network does not have.
    """
    return rename_back(state_dict, _TABLE, _GENERATOR) if network == "G" else spade.to_upstream(state_dict, network)
