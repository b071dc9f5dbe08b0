"""The segmenting discriminator against its blocks as the paper draws them."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from spadework.layers.spectral import SpectralConv2d
from spadework.layers.unet_discriminator import DownBlock, UNetDiscriminator, UpBlock
from tests.layers.float64 import EXACT, numbers, randomized


@pytest.mark.parametrize(("before", "after"), [(6, 6), (6, 4)])
@pytest.mark.parametrize("first", [False, True])
def test_a_block_down(before: int, after: int, first: bool) -> None:
    block, x = randomized(DownBlock(before, after, first=first)).eval(), numbers(2, before, 8, 6)
    assert isinstance(block, DownBlock)
    h = block.conv_0(x if first else F.leaky_relu(x, 0.2))
    h = F.avg_pool2d(block.conv_1(F.leaky_relu(h, 0.2)), 2)
    torch.testing.assert_close(block(x), h + F.avg_pool2d(block.conv_s(x), 2), **EXACT)
    assert isinstance(block.conv_s, SpectralConv2d) == (before != after)


@pytest.mark.parametrize(("before", "after"), [(6, 6), (6, 4)])
def test_a_block_up(before: int, after: int) -> None:
    block, x = randomized(UpBlock(before, after)).eval(), numbers(2, before, 4, 3)
    assert isinstance(block, UpBlock)
    larger = x.repeat_interleave(2, 2).repeat_interleave(2, 3)
    h = block.conv_1(F.leaky_relu(block.conv_0(F.leaky_relu(larger, 0.2)), 0.2))
    torch.testing.assert_close(block(x), h + block.conv_s(larger), **EXACT)


def test_which_block_sees_what() -> None:
    """The first block up sees the bottleneck; the others the block down that ended at their size, then the one before.
    """
    network = UNetDiscriminator(7, channels=(3, 5, 6), last=4)
    seen: dict[str, Tensor] = {}
    made: dict[str, Tensor] = {}
    for name, module in network.named_modules():
        if isinstance(module, DownBlock | UpBlock):
            module.register_forward_pre_hook(lambda _, inputs, name=name: seen.update({name: inputs[0]}))
            module.register_forward_hook(lambda _, __, output, name=name: made.update({name: output}))
    logits = network(torch.randn(2, 3, 16, 24))
    assert logits.shape == (2, 7, 16, 24)
    assert [tuple(made[f"down.{i}"].shape[1:]) for i in range(3)] == [(3, 8, 12), (5, 4, 6), (6, 2, 3)]
    assert torch.equal(seen["up.0"], made["down.2"])
    assert torch.equal(seen["up.1"], torch.cat([made["down.1"], made["up.0"]], 1))
    assert torch.equal(seen["up.2"], torch.cat([made["down.0"], made["up.1"]], 1))
    assert [tuple(made[f"up.{i}"].shape[1:]) for i in range(3)] == [(5, 4, 6), (3, 8, 12), (4, 16, 24)]


def test_every_convolution_but_the_last_is_spectral_and_has_a_bias() -> None:
    network = UNetDiscriminator(5, channels=(4, 4, 6), last=2)
    convolutions = [module for module in network.modules() if isinstance(module, torch.nn.Conv2d)]
    assert all(module.bias is not None for module in convolutions)
    assert [module for module in convolutions if not isinstance(module, SpectralConv2d)] == [network.to_logits]
