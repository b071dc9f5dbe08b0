"""Figure 3 of the SPADE paper as a toy: uniform maps through SPADE, and through norms that wash them away.

A uniform map becomes features without contrast at the first convolution; the norm subtracts their mean, which is all
that there was of the label. SPADE gets the map again after each norm. Random weights show it as well as trained ones.
What enters a norm is rounded to nine decimals in float64, which stands for exact arithmetic: in float32 the norm would
multiply rounding errors until they look like content.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from spadework.data.ontology import Ontology
from spadework.layers.modulation import SPADE
from spadework.layers.normalization import instance_norm
from spadework.semantics import Semantics
from spadework.studio.received import picture_bytes, to_base64
from spadework.synthesizer import to_image
from spadework.systems.pix2pixhd import GlobalGenerator
from spadework.systems.spade import SpadeGenerator

SIZE, WIDTH, SEED, LABELS, DECIMALS = 64, 8, 0, 4, 9


@torch.no_grad()
def figure3(ontology: Ontology) -> dict[str, Any]:
    """The answer of /v1/figure3, for the first classes of an ontology."""
    labelled = [index for index in range(ontology.channels) if index != ontology.unlabelled_index]
    shown = (labelled or [0])[:LABELS]
    count = max(2, ontology.channels)
    modulation = partial(SPADE, semantic_channels=count, norm=instance_norm)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        spade = _photos(SpadeGenerator(count, modulation, width=WIDTH), shown, count)
        washed = _photos(GlobalGenerator(count, width=WIDTH, norm=instance_norm), shown, count)
    rows = [
        {
            "label": ontology.names[index],
            "id": ontology.channel_ids[index],
            "spade": _picture(spade[place]),
            "washed": _picture(washed[place]),
        }
        for place, index in enumerate(shown)
    ]
    return {
        "rows": rows,
        "numbers": {
            "spade": _difference(spade),
            "washed": _difference(washed),
            "meaning": "mean |photo - photo of the first label| / mean |photo|: 0 means that the label is lost",
        },
    }


def _photos(generator: nn.Module, shown: list[int], channels: int) -> Tensor:
    """[N, 3, H, W] in [-1, 1]: the photos of uniform maps, one for each class index."""
    generator = generator.double().eval()
    norms = [module for module in generator.modules() if isinstance(module, nn.InstanceNorm2d)]
    for norm in norms:
        norm.register_forward_pre_hook(lambda _, inputs: inputs[0].round(decimals=DECIMALS))
    maps = torch.tensor(shown)[:, None, None].expand(-1, SIZE, SIZE).contiguous()
    return generator(Semantics.from_label_map(maps, channels, dtype=torch.float64), (SIZE, SIZE))


def _picture(photo: Tensor) -> str:
    return to_base64(picture_bytes(to_image(photo), "png"))


def _difference(photos: Tensor) -> float:
    """How far the photos are from the first one, relative to what they hold."""
    if len(photos) < 2:
        return 0.0
    return float((photos[1:] - photos[:1]).abs().mean() / photos.abs().mean())
