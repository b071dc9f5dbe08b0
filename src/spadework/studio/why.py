"""Why a photo looks as it does: gamma and beta of a layer as pictures, and what the window under a pixel does.

Shapes: H W the label map, h w a layer's features, N distinct windows, C channels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from spadework.data.ontology import Ontology
from spadework.layers.class_modulation import FoldedCLADE
from spadework.layers.inference import FoldedSPADE
from spadework.semantics import Semantics, Size, resize_nearest
from spadework.studio import received
from spadework.studio.messages import WhyRequest
from spadework.studio.refusal import Refusal
from spadework.studio.shared_model import SharedModel
from spadework.studio.style_choice import read_style
from spadework.windows import Windows

CLIENT = "why"


@dataclass(frozen=True)
class Modulated:
    """A layer at work on one label map."""

    name: str
    layer: FoldedSPADE | FoldedCLADE
    size: Size
    """Height and width of its features."""
    semantics: Semantics

    @property
    def windows(self) -> Windows:
        """Which windows decide about gamma and beta, and where they lie."""
        if isinstance(self.layer, FoldedSPADE):
            return self.semantics.windows(self.size, self.layer.layer, self.layer.layer)
        return self.semantics.present(self.size)

    @property
    def reach(self) -> int:
        """Pixels around a pixel that decide about it."""
        return 2 * (self.layer.layer[0] // 2) if isinstance(self.layer, FoldedSPADE) else 0

    def gamma_beta(self) -> tuple[Tensor, Tensor]:
        """[N, C] each: one row per window."""
        gamma, beta = self.layer.gamma_beta(self.semantics, self.size)
        return gamma.float(), beta.float()


@torch.inference_mode()
def why(model: SharedModel, index: Tensor, asked: WhyRequest) -> dict[str, Any]:
    """The answer of /v1/why for a label map [H, W] of class indices; for the model's thread."""
    height, width = index.shape
    layers = layers_at_work(model, index, asked)
    chosen = layers[-1] if asked.layer is None else next((one for one in layers if one.name == asked.layer), None)
    if chosen is None:
        names = ", ".join(one.name for one in layers)
        raise Refusal(422, "no_layer", f"there is no layer {asked.layer!r}", f"there are {names}")
    gamma, beta = chosen.gamma_beta()
    if asked.channel is not None and asked.channel >= gamma.shape[1]:
        raise ValueError(f"{chosen.name} has channels 0..{gamma.shape[1] - 1}; got {asked.channel}")

    def heat(rows: Tensor) -> dict[str, Any]:
        values = rows.abs().mean(1) if asked.channel is None else rows[:, asked.channel]           # [N]
        picture = resize_nearest(values[chosen.windows.ids.long()], chosen.semantics.size)[0]
        return _heat(picture[:height, :width])

    window = None
    if asked.at is not None:
        x, y = asked.at
        if x >= width or y >= height:
            raise ValueError(f"the pixel {x},{y} is outside of the label map of {width}x{height} pixels")
        window = _window(layers, chosen, (x, y), model.synthesizer.ontology)
    return {
        "layers": [one.name for one in layers],
        "layer": chosen.name,
        "channels": gamma.shape[1],
        "size": chosen.size,
        "gamma": heat(gamma),
        "beta": heat(beta),
        "window": window,
    }


def layers_at_work(model: SharedModel, index: Tensor, asked: WhyRequest) -> list[Modulated]:
    """All modulating layers in the order in which they work, seen at work on a label map; raises Refusal."""
    generator = model.synthesizer.system.networks["generator"]
    found: list[Modulated] = []
    names = {
        layer: name for name, layer in generator.named_modules() if isinstance(layer, FoldedSPADE | FoldedCLADE)
    }
    if not names:
        raise Refusal(404, "no_modulation", "this model's layers are not modulated by the label map: nothing to show")

    def seen(layer: nn.Module, inputs: tuple[Tensor, Semantics]) -> None:
        x, semantics = inputs
        found.append(Modulated(names[layer], layer, (x.shape[-2], x.shape[-1]), semantics))  # type: ignore[arg-type, index]

    hooks = [layer.register_forward_pre_hook(seen) for layer in names]
    try:
        most = 40_000_000
        style = read_style(asked.style, most).resolve(model.synthesizer, (index.shape[0], index.shape[1]), most)
        model.generate(CLIENT, index, style)
    finally:
        for hook in hooks:
            hook.remove()
    return found


def _window(
    layers: list[Modulated], chosen: Modulated, at: tuple[int, int], ontology: Ontology
) -> dict[str, Any]:
    """What is to be told about the window under the pixel x, y."""
    rows = [_of_layer(layer, at) for layer in layers]
    mine = rows[layers.index(chosen)]
    return {
        "labels": _labels(chosen, at, ontology),
        "share": mine["share"],
        "gamma": mine["gamma"],
        "beta": mine["beta"],
        "layers": rows,
    }


def _of_layer(layer: Modulated, at: tuple[int, int]) -> dict[str, Any]:
    row, column = _place(layer, at)
    ids = layer.windows.ids[0]
    number = int(ids[row, column])
    gamma, beta = layer.gamma_beta()
    return {
        "name": layer.name,
        "size": layer.size,
        "gamma": float(gamma[number].abs().mean()),
        "beta": float(beta[number].abs().mean()),
        "share": float((ids == number).float().mean()),
    }


def _labels(layer: Modulated, at: tuple[int, int], ontology: Ontology) -> list[list[int | None]]:
    """Ids of the pixels that decide, at the layer's size; None beyond the border."""
    row, column = _place(layer, at)
    codes = resize_nearest(layer.semantics.codes, layer.size)[0]
    ids = ontology.to_ids(layer.semantics.table[:, : ontology.channels].argmax(1))
    span = range(-layer.reach, layer.reach + 1)
    inside = [[0 <= row + i < layer.size[0] and 0 <= column + j < layer.size[1] for j in span] for i in span]
    return [
        [int(ids[codes[row + i, column + j]]) if there else None for j, there in zip(span, line, strict=True)]
        for i, line in zip(span, inside, strict=True)
    ]


def _place(layer: Modulated, at: tuple[int, int]) -> tuple[int, int]:
    """Row and column of the layer's pixel above the map's pixel x, y."""
    height, width = layer.semantics.size
    return at[1] * layer.size[0] // height, at[0] * layer.size[1] // width


def _heat(values: Tensor) -> dict[str, Any]:
    """Numbers [H, W] as a gray picture, least black and greatest white."""
    low, high = float(values.min()), float(values.max())
    scaled = (values - low) / (high - low) if high > low else torch.zeros_like(values)
    picture = Image.fromarray((scaled * 255).round().to(torch.uint8).cpu().numpy().astype(np.uint8))
    return {"picture": received.to_base64(received.picture_bytes(picture, "png")), "min": low, "max": high}
