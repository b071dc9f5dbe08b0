"""OASIS's names: everything comes back under its own, foreign keys do not pass."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
import torch

from spadework.systems.oasis import Oasis
from spadework.upstream.oasis import is_oasis, recognise, to_ours, to_upstream
from tests.systems import tiny_oasis
from tests.upstream import synthetic
from tests.upstream.synthetic import StateDict, conv, spade_layer

WIDTHS = (16, 16, 16, 8, 4, 2, 1)
DOWN = (1, 1, 2, 2, 4, 4)


def generator(*, width: int = 2, channels: int = 9, hidden: int = 3, kernel: int = 3, norm: str = "batch") -> StateDict:
    """With the keys, shapes and key order of the original."""
    found = conv("conv_img", 3, width, 3, 3)
    for i, (before, after) in enumerate((width * a, width * b) for a, b in pairwise(WIDTHS)):
        middle = min(before, after)
        found |= conv(f"body.{i}.conv_0", middle, before, 3, 3, spectral=True)
        found |= conv(f"body.{i}.conv_1", after, middle, 3, 3, spectral=True)
        if before != after:
            found |= conv(f"body.{i}.conv_s", after, before, 1, 1, bias=False, spectral=True)
        for n, features in [("0", before), ("1", middle), *([("s", before)] if before != after else [])]:
            layer = spade_layer(f"body.{i}.norm_{n}", features, channels, kernel, norm, hidden)
            found |= {key.replace("param_free_norm", "first_norm"): tensor for key, tensor in layer.items()}
    return found | conv("fc", 16 * width, channels, 3, 3)


def discriminator(*, width: int = 4, outputs: int = 6) -> StateDict:
    down = [3, *(width * times for times in DOWN)]
    found: StateDict = {}
    for i, (before, after) in enumerate(pairwise(down)):
        found |= conv(f"body_down.{i}.conv1.{0 if i == 0 else 1}", after, before, 3, 3, spectral=True)
        found |= conv(f"body_down.{i}.conv2.1", after, after, 3, 3, spectral=True)
        if before != after:
            found |= conv(f"body_down.{i}.conv_s", after, before, 1, 1, spectral=True)
    before = down[-1]
    for i, after in enumerate([*reversed(down[1:-1]), width // 2]):
        found |= conv(f"body_up.{i}.conv1.2", after, before, 3, 3, spectral=True)
        found |= conv(f"body_up.{i}.conv2.1", after, after, 3, 3, spectral=True)
        if before != after:
            found |= conv(f"body_up.{i}.conv_s", after, before, 1, 1, spectral=True)
        before = 2 * after
    return found | conv("layer_up_last", outputs, width // 2, 1, 1)


@pytest.mark.parametrize("kind", ["G", "EMA", "D"])
def test_there_and_back(kind: Any) -> None:
    theirs = discriminator() if kind == "D" else generator()
    ours = to_ours(theirs, kind)
    back = to_upstream(ours, kind)
    assert list(back) == list(theirs), "the same keys in the same order"
    assert all(back[key] is theirs[key] for key in theirs)

    # Our networks have exactly these.
    system = Oasis(tiny_oasis.config(style_size=4, generator_width=2, hidden=3, discriminator_layers=6))
    network = system.discriminator if kind == "D" else system.generator
    assert {key: tensor.shape for key, tensor in ours.items()} == {
        key: tensor.shape for key, tensor in network.state_dict().items()
    }
    assert {"G": 208, "EMA": 208, "D": 130}[kind] == len(theirs)


def test_what_shapes_tell() -> None:
    found = recognise(generator(width=3, channels=11, hidden=5, kernel=1, norm="instance"))
    assert (found.network, found.width, found.semantic_channels, found.hidden) == ("G", 3, 11, 5)
    assert (found.kernel_size, found.norm, found.classes) == (1, "instance", None)
    found = recognise(discriminator(width=6, outputs=10))
    assert (found.network, found.width, found.classes, found.layers) == ("D", 6, 9, 6)


def test_whose_keys_these_are() -> None:
    assert is_oasis(generator()) and is_oasis(discriminator())
    assert not is_oasis(synthetic.generator()) and not is_oasis(synthetic.discriminator()) and not is_oasis([])


def test_what_is_not_whole_or_foreign() -> None:
    broken = generator()
    del broken["conv_img.weight"]
    with pytest.raises(ValueError, match=r"conv_img\.weight is missing .* no whole OASIS checkpoint"):
        recognise(broken)
    with pytest.raises(ValueError, match=r"not keys of a generator of OASIS: more\.weight"):
        to_ours({**generator(), "more.weight": torch.zeros(1)}, "G")
    with pytest.raises(ValueError, match="not keys of our discriminator of OASIS: blocks"):
        to_upstream({"blocks.0.conv_0.weight": torch.zeros(1)}, "D")
