"""What a checkpoint tells of its network."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest
import torch

from spadework.upstream.recognise import Recognised, recognise
from tests.upstream import synthetic
from tests.upstream.synthetic import StateDict


def told(found: Recognised) -> dict[str, object]:
    """What is known, as it would stand in a JSON file."""
    loaded: dict[str, object] = json.loads(json.dumps(asdict(found)))
    return {name: value for name, value in loaded.items() if value is not None}


GENERATOR = {
    **{"network": "G", "generator": "spade", "width": 2, "norm": "batch", "spectral": True},
    **{"semantic_channels": 5, "kernel_size": 3, "hidden": 3, "stem": "label_map"},
}
CLADE = {
    **{"network": "G", "generator": "clade", "width": 2, "norm": "batch", "spectral": True},
    **{"semantic_channels": 5, "edges": False, "positions": False, "stem": "label_map"},
}
PIX2PIXHD = {
    **{"network": "G", "generator": "pix2pixhd", "width": 2, "norm": "instance", "spectral": True},
    **{"semantic_channels": 5, "kernel_size": 3, "first_kernel_size": 7, "down": 2, "blocks": 3},
}
DISCRIMINATOR = {
    **{"network": "D", "width": 2, "norm": "instance", "spectral": True},
    **{"semantic_channels": 5, "scales": 2, "layers": 4},
}
ENCODER = {"network": "E", "width": 1, "norm": "instance", "spectral": True, "z_dim": 4, "layers": 6}


@pytest.mark.parametrize(
    ("checkpoint", "facts"),
    [
        (synthetic.generator(), GENERATOR),
        (synthetic.generator(width=3, kernel=5), GENERATOR | {"width": 3, "kernel_size": 5}),
        (synthetic.generator(norm="instance", spectral=False), GENERATOR | {"norm": "instance", "spectral": False}),
        (synthetic.generator(most=True), GENERATOR | {"size": "most"}),
        (synthetic.generator(style=(8, 6)), GENERATOR | {"stem": "style", "z_dim": 8, "latent_area": 6}),
        (synthetic.generator(channels=184), GENERATOR | {"semantic_channels": 184, "preset": "coco"}),
        (synthetic.generator(channels=151), GENERATOR | {"semantic_channels": 151, "preset": "ade20k"}),
        (synthetic.generator(channels=36), GENERATOR | {"semantic_channels": 36, "preset": "cityscapes"}),
        (synthetic.generator(channels=13), GENERATOR | {"semantic_channels": 13, "preset": "facades"}),
        (synthetic.clade_generator(), CLADE),
        (synthetic.clade_generator(positions=True, norm="instance"), CLADE | {"positions": True, "norm": "instance"}),
        (synthetic.clade_generator(edges=True, most=True), CLADE | {"edges": True, "size": "most"}),
        (
            synthetic.clade_generator(channels=184, edges=True, style=(8, 6)),
            CLADE
            | {"edges": True, "semantic_channels": 184, "preset": "coco"}
            | {"stem": "style", "z_dim": 8, "latent_area": 6},
        ),
        (synthetic.pix2pixhd_generator(), PIX2PIXHD),
        (
            synthetic.pix2pixhd_generator(norm="none", down=4, blocks=9),
            PIX2PIXHD | {"norm": "none", "down": 4, "blocks": 9},
        ),
        (synthetic.pix2pixhd_generator(norm="batch", width=3), PIX2PIXHD | {"norm": "batch", "width": 3}),
        (synthetic.discriminator(), DISCRIMINATOR),
        (synthetic.discriminator(norm="batch", scales=3), DISCRIMINATOR | {"norm": "batch", "scales": 3}),
        (synthetic.discriminator(norm="none", layers=5), DISCRIMINATOR | {"norm": "none", "layers": 5}),
        (synthetic.discriminator(channels=184), DISCRIMINATOR | {"semantic_channels": 184, "preset": "coco"}),
        (synthetic.encoder(), ENCODER),
        (synthetic.encoder(width=2, norm="batch"), ENCODER | {"width": 2, "norm": "batch"}),
    ],
)
def test_facts(checkpoint: StateDict, facts: dict[str, object]) -> None:
    assert told(recognise(checkpoint)) == facts


def test_a_discriminator_of_two_convolutions_has_no_norm() -> None:
    found = recognise(synthetic.discriminator(layers=1))
    assert (found.norm, found.spectral, found.layers) == (None, False, 1)


@pytest.mark.parametrize(
    ("checkpoint", "missing"),
    [
        (synthetic.generator(), "fc.weight"),
        (synthetic.generator(), "head_0.norm_0.mlp_shared.0.weight"),
        (synthetic.clade_generator(), "fc.weight"),
        (synthetic.clade_generator(), "head_0.norm_0.class_specified_affine.weight"),
        (synthetic.generator(spectral=False), "head_0.conv_0.weight"),
        (synthetic.discriminator(), "discriminator_0.model0.0.weight"),
        (synthetic.encoder(norm="none"), "layer1.weight_orig"),
    ],
)
def test_a_missing_tensor_is_named(checkpoint: StateDict, missing: str) -> None:
    rest = {key: tensor for key, tensor in checkpoint.items() if key != missing}
    with pytest.raises(ValueError, match=f"{missing.removesuffix('_orig')} is missing"):
        recognise(rest)


@pytest.mark.parametrize(
    ("key", "shape", "complaint"),
    [
        ("fc.weight", (32, 5, 3), r"fc\.weight has shape \[32, 5, 3\]"),
        ("fc.weight", (33, 5, 3, 3), "fc has 33 outputs and head_0 32"),
        ("head_0.conv_0.weight_orig", (0, 32, 3, 3), r"weight_orig has shape \[0, 32, 3, 3\]"),
        ("head_0.conv_0.weight_orig", (15, 32, 3, 3), "head_0 15: no SPADE generator has such widths"),
    ],
)
def test_an_impossible_shape_is_named(key: str, shape: tuple[int, ...], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        recognise({**synthetic.generator(), key: torch.zeros(shape)})


def test_a_surplus_key_is_named() -> None:
    with pytest.raises(ValueError, match=r"not keys of a SPADE generator: up_5\.conv_0\.bias"):
        recognise({**synthetic.generator(), "up_5.conv_0.bias": torch.zeros(1)})


def test_something_else_altogether() -> None:
    with pytest.raises(ValueError, match=r"not the keys of a SPADE or CLADE network: layers\.0\.weight"):
        recognise({"layers.0.weight": torch.zeros(1)})


def test_another_system_is_named() -> None:
    with pytest.raises(ValueError, match="these are the keys of an OASIS generator"):
        recognise({**synthetic.generator(), "body.0.norm_0.first_norm.running_mean": torch.zeros(5)})


def test_modulations_of_two_systems_are_refused() -> None:
    mixed = {**synthetic.generator(), "head_0.norm_0.class_specified_affine.weight": torch.zeros(5, 2)}
    with pytest.raises(ValueError, match=r"not keys of a CLADE generator: .*mlp_beta"):
        recognise(mixed)
