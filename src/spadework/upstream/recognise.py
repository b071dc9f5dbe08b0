"""What the keys and shapes of a released checkpoint, of NVlabs/SPADE or tzt101/CLADE, tell of its network.

The encoder of CC-FPSE and CLADE and the discriminator of LGGAN and CLADE are SPADE's own networks: their checkpoints
are recognised as such.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from torch import Tensor

from spadework.upstream import clade, spade
from spadework.upstream.families import name_family
from spadework.upstream.spade import Network, pix2pixhd_depth

_PRESETS = {184: "coco", 151: "ade20k", 36: "cityscapes", 13: "facades"}
"""The number of semantic channels of the data sets that upstream has settings for."""

RENAME_TABLES: dict[str, Any] = {"spade": spade, "clade": clade}
"""System -> the module with its `to_ours` and `to_upstream`."""


@dataclass(frozen=True)
class Recognised:
    """What the keys and shapes of a checkpoint say of its network; None where they say nothing or it does not apply.

    They cannot tell batch norm from its synchronised form, nor the sizes `normal` and `more` apart.
    """

    network: Network
    width: int
    """Channels of the first layer: `ngf` of a generator or an encoder, `ndf` of a discriminator."""
    norm: Literal["batch", "instance", "none"] | None
    """The parameter-free norm of the modulation; elsewhere the norm after a spectral convolution."""
    spectral: bool
    preset: str | None = None
    """The data set whose number of channels this is."""
    semantic_channels: int | None = None
    """Classes, unlabelled and edges included."""
    edges: bool | None = None
    """Whether the last of those channels marks the edges between objects; only CLADE's keys tell."""
    positions: bool | None = None
    """Whether CLADE's modulation varies with the position in a region (CLADE-ICPE)."""

    generator: Literal["spade", "pix2pixhd", "clade"] | None = None
    kernel_size: int | None = None
    """Of SPADE's three convolutions, or of the residual blocks of the pix2pixHD-style generator."""
    hidden: int | None = None
    """Channels between the label map and gamma, beta."""
    size: Literal["most"] | None = None
    stem: Literal["label_map", "style"] | None = None
    z_dim: int | None = None
    latent_area: int | None = None
    """Height times width of the first feature map, known for a style stem."""
    first_kernel_size: int | None = None
    down: int | None = None
    blocks: int | None = None
    """First kernel, steps down and residual blocks of the pix2pixHD-style generator."""

    scales: int | None = None
    layers: int | None = None
    """Of a discriminator `n_layers_D`, one less than its convolutions; of an encoder its convolutions."""

    @property
    def system(self) -> Literal["spade", "clade"]:
        """Whose network it is; SPADE's own where several systems have it."""
        return "clade" if self.generator == "clade" else "spade"


def recognise(state_dict: Mapping[str, Tensor]) -> Recognised:
    """Which network this is, and its size.

    Raises ValueError for another system's checkpoint, which it names where it knows it, and for one that is not whole.
    """
    is_clade = any(key.startswith(f"head_0.norm_0.{_CLADE_LAYER}.") for key in state_dict)
    family = name_family(state_dict)
    if family and not is_clade:
        raise ValueError(f"these are the keys of {family}, not of a SPADE or CLADE network")
    shapes = _Shapes({key: tuple(tensor.shape) for key, tensor in state_dict.items()})
    if "fc_mu.weight" in shapes:
        found = _recognise_encoder(shapes)
    elif any(key.startswith("discriminator_") for key in shapes):
        found = _recognise_discriminator(shapes)
    elif any(key.startswith("head_0.") for key in shapes):
        found = (_recognise_clade_generator if is_clade else _recognise_spade_generator)(shapes)
    elif any(re.match(r"model\.\d+\.", key) for key in shapes):
        found = _recognise_pix2pixhd_generator(shapes)
    else:
        raise ValueError(f"these are not the keys of a SPADE or CLADE network: {', '.join(sorted(shapes)[:4])}")
    RENAME_TABLES[found.system].to_ours(state_dict, found.network)
    return found


_CLADE_LAYER = "class_specified_affine"


class _Shapes(dict[str, tuple[int, ...]]):
    """Shapes by key."""

    def of(self, path: str, dims: int = 4) -> tuple[int, ...]:
        """The shape of the weight of one convolution, spectral or not."""
        key = f"{path}.weight_orig" if f"{path}.weight_orig" in self else f"{path}.weight"
        if key not in self:
            raise ValueError(f"{key} is missing: this is no whole SPADE checkpoint")
        if len(self[key]) != dims or 0 in self[key]:
            raise ValueError(f"{key} has shape {list(self[key])}, where {dims} dimensions were expected")
        return self[key]

    def norm(self, path: str) -> tuple[str, Literal["batch", "instance", "none"]]:
        """The path of a spectral convolution that may be in a sequence, and the norm after it."""
        if f"{path}.0.weight_orig" in self:
            return f"{path}.0", "batch" if f"{path}.1.running_mean" in self else "instance"
        return path, "none"


def _recognise_spade_generator(shapes: _Shapes) -> Recognised:
    shared = shapes.of("head_0.norm_0.mlp_shared.0")
    found = _recognise_decoder(shapes, shared[1])
    return replace(found, generator="spade", kernel_size=shared[2], hidden=shared[0])


def _recognise_clade_generator(shapes: _Shapes) -> Recognised:
    classes = shapes.of(f"head_0.norm_0.{_CLADE_LAYER}", 2)[0]
    edges = "head_0.norm_0.inst_conv.weight" in shapes
    positions = f"head_0.norm_0.{_CLADE_LAYER}.dist_conv_w.weight" in shapes
    found = _recognise_decoder(shapes, classes + edges)
    return replace(found, generator="clade", edges=edges, positions=positions)


def _recognise_decoder(shapes: _Shapes, semantic_channels: int) -> Recognised:
    """All of the generator but its modulation."""
    first = shapes.of("head_0.conv_0")
    style = len(shapes.get("fc.weight", ())) == 2
    stem = shapes.of("fc", 2 if style else 4)
    if first[0] % 16 or stem[0] % first[0]:
        raise ValueError(f"fc has {stem[0]} outputs and head_0 {first[0]}: no SPADE generator has such widths")
    return Recognised(
        "G",
        width=first[0] // 16,
        norm="batch" if "head_0.norm_0.param_free_norm.running_mean" in shapes else "instance",
        spectral="head_0.conv_0.weight_orig" in shapes,
        preset=_PRESETS.get(semantic_channels),
        semantic_channels=semantic_channels,
        size="most" if any(key.startswith("up_4.") for key in shapes) else None,
        stem="style" if style else "label_map",
        z_dim=stem[1] if style else None,
        latent_area=stem[0] // first[0] if style else None,
    )


def _recognise_pix2pixhd_generator(shapes: _Shapes) -> Recognised:
    path, norm = shapes.norm("model.1")
    first = shapes.of(path)
    down, blocks = pix2pixhd_depth(list(shapes))
    residual, _ = shapes.norm(f"model.{3 + 2 * down}.conv_block.1")
    return Recognised(
        "G",
        width=first[0],
        norm=norm,
        spectral=f"{path}.weight_orig" in shapes,
        preset=_PRESETS.get(first[1]),
        semantic_channels=first[1],
        generator="pix2pixhd",
        kernel_size=shapes.of(residual)[2] if blocks else None,
        first_kernel_size=first[2],
        down=down,
        blocks=blocks,
    )


def _recognise_discriminator(shapes: _Shapes) -> Recognised:
    first = shapes.of("discriminator_0.model0.0")
    places = [match for key in shapes if (match := re.match(r"discriminator_(\d+)\.model(\d+)\.", key))]
    layers = max(int(match[2]) for match in places)
    path, norm = shapes.norm("discriminator_0.model1.0")
    shapes.of(path)
    return Recognised(
        "D",
        width=first[0],
        norm=norm if layers > 1 else None,
        spectral=f"{path}.weight_orig" in shapes,
        preset=_PRESETS.get(first[1] - 3),
        semantic_channels=first[1] - 3,
        scales=len({match[1] for match in places}),
        layers=layers,
    )


def _recognise_encoder(shapes: _Shapes) -> Recognised:
    path, norm = shapes.norm("layer1")
    first = shapes.of(path)
    layers = len({key.partition(".")[0] for key in shapes if key.startswith("layer")})
    mean = shapes.of("fc_mu", 2)
    return Recognised("E", first[0], norm, f"{path}.weight_orig" in shapes, z_dim=mean[0], layers=layers)
