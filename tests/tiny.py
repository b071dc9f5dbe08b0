"""A tiny SPADE for tests: quick to build, and lively, so that whatever goes in shows in what comes out."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from spadework.data.ontology import Ontology
from spadework.draw import Draw
from spadework.sample import Batch
from spadework.systems.spade import SpadeConfig

ONTOLOGY = Ontology.from_json(
    {
        "name": "tiny",
        "classes": [{"id": id, "name": name} for id, name in ((0, "sky"), (3, "hill"), (7, "lake"), (20, "tree"))],
        "unlabelled": [255],
    }
)
"""Five class indices, unlabelled among them."""


def config(**changes: object) -> SpadeConfig:
    small = {"height": 64, "width": 64, "generator_width": 4, "hidden": 8, "norm": "batch", "style_size": 6}
    small |= {"discriminator_width": 4, "discriminator_layers": 3, "encoder_width": 4, "encoder_input": 32}
    return SpadeConfig(**{"classes": 5, **small, "perceptual_weight": 0.0, **changes})  # type: ignore[arg-type]


def label_maps(count: int = 2, height: int = 64, width: int = 64, seed: int = 0) -> Tensor:
    """[count, height, width] class indices of ONTOLOGY: patches of 8 pixels."""
    generator = torch.Generator().manual_seed(seed)
    patches = torch.randint(5, (count, -(-height // 8), -(-width // 8)), generator=generator)
    return patches.repeat_interleave(8, 1).repeat_interleave(8, 2)[:, :height, :width]


def batch(count: int = 2, height: int = 64, width: int = 64, seed: int = 0) -> Batch:
    """Label maps with photos of noise."""
    photo = torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(seed)) * 2 - 1
    return Batch(label_maps(count, height, width, seed), [str(i) for i in range(count)], photo)


@torch.no_grad()
def lively(system: Any, seed: int = 0) -> Any:
    """All weights drawn anew and statistics settled, in eval mode: no part of the network is near zero."""
    generator = torch.Generator().manual_seed(seed)
    for parameter in system.parameters():
        fan_in = max(1, parameter[0].numel())
        parameter.copy_(torch.randn(parameter.shape, generator=generator) / fan_in**0.5)
    system.train()
    for i in range(10):
        data = batch(4, seed=i)
        system.synthesize(data, system.random_style(Draw(0, range(4))))
        if getattr(system, "encoder", None) is not None:
            system.encode_style(data)
    return system.eval()
