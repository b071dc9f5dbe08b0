"""CLADE's rename table: every key goes over and comes back; its other networks are SPADE's."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from spadework.systems.clade import Clade, CladeConfig
from spadework.upstream import spade
from spadework.upstream.clade import to_ours, to_upstream
from tests.systems.weightless import weightless
from tests.upstream import synthetic
from tests.upstream.synthetic import StateDict

generators = st.builds(
    synthetic.clade_generator,
    edges=st.booleans(),
    positions=st.booleans(),
    most=st.booleans(),
    norm=st.sampled_from(["batch", "instance"]),
    spectral=st.booleans(),
    style=st.none() | st.just((4, 2)),
)


@settings(max_examples=30)
@given(generators, st.randoms())
def test_there_and_back(upstream: StateDict, random: object) -> None:
    ours = to_ours(upstream, "G")
    shuffled = list(ours)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    back = to_upstream({key: ours[key] for key in shuffled}, "G")
    assert list(back) == list(upstream)
    assert all(back[key] is upstream[key] for key in upstream)


@pytest.mark.parametrize(
    ("upstream", "ours"),
    [
        ("fc.weight", "stem.weight"),
        ("head_0.conv_0.weight_orig", "blocks.0.conv_0.weight"),
        ("head_0.norm_0.class_specified_affine.weight", "blocks.0.norm_0.affine.weight"),
        ("up_0.norm_s.class_specified_affine.bias", "blocks.3.norm_s.affine.bias"),
        ("up_3.norm_1.class_specified_affine.dist_conv_w.weight", "blocks.6.norm_1.position_scale.weight"),
        ("up_3.norm_1.class_specified_affine.dist_conv_b.bias", "blocks.6.norm_1.position_shift.bias"),
        ("G_middle_1.norm_0.inst_conv.weight", "blocks.2.norm_0.edge.weight"),
        ("G_middle_1.norm_0.param_free_norm.running_var", "blocks.2.norm_0.norm.running_var"),
    ],
)
def test_names(upstream: str, ours: str) -> None:
    checkpoint = synthetic.clade_generator(edges=True, positions=True)
    assert to_ours(checkpoint, "G")[ours] is checkpoint[upstream]


@pytest.mark.parametrize("edges", [False, True])
@pytest.mark.parametrize("positions", [False, True])
def test_our_networks_have_names_there(edges: bool, positions: bool) -> None:
    config = CladeConfig(classes=5 - edges, edges=edges, positions=positions, generator_width=2, discriminator_width=2)
    with weightless():
        system = Clade(config)
    expected = synthetic.clade_generator(channels=5, edges=edges, positions=positions)
    found = to_upstream(system.generator.state_dict(), "G")
    assert {key: tensor.shape for key, tensor in found.items()} == {key: t.shape for key, t in expected.items()}
    assert to_upstream(system.discriminator.state_dict(), "D").keys() == synthetic.discriminator().keys()


def test_other_networks_are_spades() -> None:
    for network, checkpoint in (("D", synthetic.discriminator()), ("E", synthetic.encoder())):
        assert to_ours(checkpoint, network) == spade.to_ours(checkpoint, network)


def test_a_foreign_key_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"not keys of a CLADE generator: up_0\.norm_0\.mlp_gamma\.weight"):
        to_ours({**synthetic.clade_generator(), "up_0.norm_0.mlp_gamma.weight": torch.zeros(1)}, "G")
    ours = to_ours(synthetic.clade_generator(), "G")
    with pytest.raises(ValueError, match=r"not keys of our CLADE generator: blocks\.0\.norm_0\.gamma\.weight"):
        to_upstream({**ours, "blocks.0.norm_0.gamma.weight": torch.zeros(1)}, "G")
