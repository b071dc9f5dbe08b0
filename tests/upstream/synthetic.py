"""Small checkpoints with the keys, shapes and key order of NVlabs/SPADE's networks, filled with noise; and CLADE's."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

StateDict = dict[str, Tensor]

BLOCKS = {
    **{"head_0": (16, 16), "G_middle_0": (16, 16), "G_middle_1": (16, 16)},
    **{"up_0": (16, 8), "up_1": (8, 4), "up_2": (4, 2), "up_3": (2, 1)},
}
"""Channels in and out of each residual block, in widths."""


def conv(path: str, *shape: int, bias: bool = True, spectral: bool = False, outputs: int = 0) -> StateDict:
    """One convolution (or linear layer); `outputs` is the dimension that counts its output channels."""
    weight = torch.randn(shape)
    biases = {f"{path}.bias": torch.randn(shape[outputs])} if bias else {}
    if not spectral:
        return {f"{path}.weight": weight, **biases}
    u, v = torch.randn(shape[outputs]), torch.randn(weight.numel() // shape[outputs])
    return {**biases, f"{path}.weight_orig": weight, f"{path}.weight_u": u, f"{path}.weight_v": v}


def statistics(path: str, channels: int) -> StateDict:
    """Running statistics of a batch norm."""
    return {
        f"{path}.running_mean": torch.randn(channels),
        f"{path}.running_var": torch.rand(channels),
        f"{path}.num_batches_tracked": torch.tensor(7),
    }


def normed(path: str, *shape: int, norm: str, outputs: int = 0) -> StateDict:
    """A spectral convolution and what upstream puts after it."""
    if norm == "none":
        return conv(path, *shape, spectral=True, outputs=outputs)
    affine = {f"{path}.1.weight": torch.randn(shape[outputs]), f"{path}.1.bias": torch.randn(shape[outputs])}
    after = {**affine, **statistics(f"{path}.1", shape[outputs])} if norm == "batch" else {}
    return {**conv(f"{path}.0", *shape, bias=False, spectral=True, outputs=outputs), **after}


def generator(
    *,
    width: int = 2,
    channels: int = 5,
    kernel: int = 3,
    most: bool = False,
    norm: str = "batch",
    spectral: bool = True,
    style: tuple[int, int] | None = None,
) -> StateDict:
    """The SPADE generator; `style` is (z_dim, latent height * width)."""

    def layer(path: str, features: int) -> StateDict:
        return spade_layer(path, features, channels, kernel, norm)

    return decoder(layer, 0, width=width, channels=channels, most=most, spectral=spectral, style=style)


def clade_generator(
    *,
    width: int = 2,
    channels: int = 5,
    edges: bool = False,
    positions: bool = False,
    most: bool = False,
    norm: str = "batch",
    spectral: bool = True,
    style: tuple[int, int] | None = None,
) -> StateDict:
    """The CLADE generator; `channels` count the edges' one, `style` is (z_dim, latent height * width)."""

    def layer(path: str, features: int) -> StateDict:
        return clade_layer(path, features, channels - edges, edges, positions, norm)

    return decoder(layer, int(edges), width=width, channels=channels, most=most, spectral=spectral, style=style)


def decoder(
    layer: Callable[[str, int], StateDict],
    appended: int,
    *,
    width: int,
    channels: int,
    most: bool,
    spectral: bool,
    style: tuple[int, int] | None,
) -> StateDict:
    """A generator whose modulation is `layer(path, features)`, which appends so many channels to the features."""
    found = conv("fc", 16 * width * style[1], style[0]) if style else conv("fc", 16 * width, channels, 3, 3)
    blocks = {block: (before * width, after * width) for block, (before, after) in BLOCKS.items()}
    if most:
        blocks["up_4"] = (width, width // 2)
    for block, (before, after) in blocks.items():
        middle = min(before, after)
        found |= conv(f"{block}.conv_0", middle, before + appended, 3, 3, spectral=spectral)
        found |= conv(f"{block}.conv_1", after, middle + appended, 3, 3, spectral=spectral)
        if before != after:
            found |= conv(f"{block}.conv_s", after, before + appended, 1, 1, bias=False, spectral=spectral)
        for n, features in [("0", before), ("1", middle), *([("s", before)] if before != after else [])]:
            found |= layer(f"{block}.norm_{n}", features)
    return found | conv("conv_img", 3, width // 2 if most else width, 3, 3)


def clade_layer(
    path: str, features: int, classes: int, edges: bool, positions: bool, norm: str
) -> StateDict:
    """One CLADE layer."""
    affine = f"{path}.class_specified_affine"
    found = statistics(f"{path}.param_free_norm", features) if norm == "batch" else {}
    found |= {f"{affine}.weight": torch.rand(classes, features), f"{affine}.bias": torch.randn(classes, features)}
    if positions:
        found |= conv(f"{affine}.dist_conv_w", 1, 2, 1, 1) | conv(f"{affine}.dist_conv_b", 1, 2, 1, 1)
    return found | (conv(f"{path}.inst_conv", 1, 1, 1, 1) if edges else {})


def spade_layer(path: str, features: int, channels: int, kernel: int, norm: str, hidden: int = 3) -> StateDict:
    """One SPADE layer; upstream's `hidden` is 128."""
    return {
        **(statistics(f"{path}.param_free_norm", features) if norm == "batch" else {}),
        **conv(f"{path}.mlp_shared.0", hidden, channels, kernel, kernel),
        **conv(f"{path}.mlp_gamma", features, hidden, kernel, kernel),
        **conv(f"{path}.mlp_beta", features, hidden, kernel, kernel),
    }


def discriminator(
    *, width: int = 2, channels: int = 5, scales: int = 2, layers: int = 4, norm: str = "instance"
) -> StateDict:
    """The multi-scale discriminator; `layers` is n_layers_D."""
    found: StateDict = {}
    for s in range(scales):
        path = f"discriminator_{s}"
        found |= conv(f"{path}.model0.0", width, channels + 3, 4, 4)
        for j in range(1, layers):
            found |= normed(f"{path}.model{j}.0", width * 2**j, width * 2 ** (j - 1), 4, 4, norm=norm)
        found |= conv(f"{path}.model{layers}.0", 1, width * 2 ** (layers - 1), 4, 4)
    return found


def encoder(*, width: int = 1, norm: str = "instance", style_size: int = 4) -> StateDict:
    """The encoder of photos."""
    channels = [3, *(width * factor for factor in (1, 2, 4, 8, 8, 8))]
    found: StateDict = {}
    for j in range(1, 7):
        found |= normed(f"layer{j}", channels[j], channels[j - 1], 3, 3, norm=norm)
    return found | conv("fc_mu", style_size, 128 * width) | conv("fc_var", style_size, 128 * width)


def pix2pixhd_generator(
    *, width: int = 2, channels: int = 5, down: int = 2, blocks: int = 3, norm: str = "instance"
) -> StateDict:
    """The other generator of SPADE's repository: every module of its sequence in turn, pads and ReLUs included."""
    modules: list[StateDict] = [{}, normed("model.1", width, channels, 7, 7, norm=norm), {}]
    for step in range(down):
        modules += [normed(f"model.{len(modules)}", width * 2 ** (step + 1), width * 2**step, 3, 3, norm=norm), {}]
    deep = width * 2**down
    for _ in range(blocks):
        path = f"model.{len(modules)}.conv_block"
        first, second = (normed(f"{path}.{index}", deep, deep, 3, 3, norm=norm) for index in (1, 4))
        modules.append(first | second)
    for step in reversed(range(down)):
        shape = (width * 2 ** (step + 1), width * 2**step, 3, 3)
        modules += [normed(f"model.{len(modules)}", *shape, norm=norm, outputs=1), {}]
    modules += [{}, conv(f"model.{len(modules) + 1}", 3, width, 7, 7)]
    return {key: tensor for module in modules for key, tensor in module.items()}
