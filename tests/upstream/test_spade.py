"""The rename table: every key goes over, comes back, and nothing foreign slips through."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from spadework.upstream.spade import Network, to_ours, to_upstream
from tests.upstream import synthetic
from tests.upstream.synthetic import StateDict

norms = st.sampled_from(["batch", "instance"])
conv_norms = st.sampled_from(["batch", "instance", "none"])
generators = st.builds(
    synthetic.generator,
    width=st.just(2),
    kernel=st.sampled_from([1, 3]),
    most=st.booleans(),
    norm=norms,
    spectral=st.booleans(),
    style=st.none() | st.just((4, 2)),
)
pix2pixhd_generators = st.builds(
    synthetic.pix2pixhd_generator,
    width=st.just(1),
    down=st.integers(0, 4),
    blocks=st.integers(0, 9),
    norm=conv_norms,
)
discriminators = st.builds(
    synthetic.discriminator, width=st.just(1), scales=st.integers(1, 3), layers=st.integers(1, 5), norm=conv_norms
)
encoders = st.builds(synthetic.encoder, norm=conv_norms)
checkpoints = st.one_of(
    st.tuples(st.just("G"), generators),
    st.tuples(st.just("G"), pix2pixhd_generators),
    st.tuples(st.just("D"), discriminators),
    st.tuples(st.just("E"), encoders),
)


@settings(max_examples=60)
@given(checkpoints, st.randoms())
def test_there_and_back(checkpoint: tuple[Network, StateDict], random: object) -> None:
    network, upstream = checkpoint
    ours = to_ours(upstream, network)
    assert len(ours) == len(upstream)
    assert not any("weight_orig" in key for key in ours)

    # The same tensors under the same names in the same order, from whatever order ours are in.
    shuffled = list(ours)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    back = to_upstream({key: ours[key] for key in shuffled}, network)
    assert list(back) == list(upstream)
    assert all(back[key] is upstream[key] for key in upstream)
    assert list(to_ours(back, network)) == list(ours)


@pytest.mark.parametrize(
    ("network", "checkpoint", "upstream", "ours"),
    [
        ("G", synthetic.generator(), "fc.weight", "stem.weight"),
        ("G", synthetic.generator(), "conv_img.bias", "to_photo.bias"),
        ("G", synthetic.generator(), "head_0.conv_0.weight_orig", "blocks.0.conv_0.weight"),
        ("G", synthetic.generator(), "G_middle_1.conv_1.weight_u", "blocks.2.conv_1.weight_u"),
        ("G", synthetic.generator(), "up_0.conv_s.weight_v", "blocks.3.conv_s.weight_v"),
        ("G", synthetic.generator(), "up_3.conv_0.bias", "blocks.6.conv_0.bias"),
        ("G", synthetic.generator(most=True), "up_4.norm_s.mlp_beta.bias", "blocks.7.norm_s.beta.bias"),
        ("G", synthetic.generator(), "up_1.norm_0.mlp_shared.0.weight", "blocks.4.norm_0.shared.weight"),
        ("G", synthetic.generator(), "up_2.norm_1.mlp_gamma.weight", "blocks.5.norm_1.gamma.weight"),
        (
            "G",
            synthetic.generator(),
            "G_middle_0.norm_0.param_free_norm.num_batches_tracked",
            "blocks.1.norm_0.norm.num_batches_tracked",
        ),
        ("G", synthetic.generator(spectral=False), "up_0.conv_s.weight", "blocks.3.conv_s.weight"),
        ("G", synthetic.pix2pixhd_generator(), "model.1.0.weight_orig", "layers.0.conv.weight"),
        ("G", synthetic.pix2pixhd_generator(), "model.5.0.weight_u", "layers.2.conv.weight_u"),
        ("G", synthetic.pix2pixhd_generator(), "model.7.conv_block.1.0.weight_v", "layers.3.conv_0.weight_v"),
        ("G", synthetic.pix2pixhd_generator(), "model.9.conv_block.4.0.weight_orig", "layers.5.conv_1.weight"),
        ("G", synthetic.pix2pixhd_generator(), "model.12.0.weight_orig", "layers.7.conv.weight"),
        ("G", synthetic.pix2pixhd_generator(), "model.15.bias", "to_photo.bias"),
        ("G", synthetic.pix2pixhd_generator(norm="batch"), "model.3.1.running_var", "layers.1.norm.running_var"),
        (
            "G",
            synthetic.pix2pixhd_generator(norm="batch"),
            "model.8.conv_block.4.1.weight",
            "layers.4.norm_1.weight",
        ),
        ("D", synthetic.discriminator(), "discriminator_0.model0.0.bias", "scales.0.layers.0.conv.bias"),
        ("D", synthetic.discriminator(), "discriminator_1.model2.0.0.weight_orig", "scales.1.layers.2.conv.weight"),
        ("D", synthetic.discriminator(), "discriminator_1.model4.0.weight", "scales.1.layers.4.conv.weight"),
        ("D", synthetic.discriminator(norm="none"), "discriminator_0.model1.0.bias", "scales.0.layers.1.conv.bias"),
        ("D", synthetic.discriminator(norm="batch"), "discriminator_0.model3.0.1.bias", "scales.0.layers.3.norm.bias"),
        ("E", synthetic.encoder(), "layer1.0.weight_orig", "layers.0.conv.weight"),
        ("E", synthetic.encoder(), "fc_mu.weight", "mean.weight"),
        ("E", synthetic.encoder(), "fc_var.bias", "log_variance.bias"),
        ("E", synthetic.encoder(norm="none"), "layer6.weight_orig", "layers.5.conv.weight"),
        ("E", synthetic.encoder(norm="batch"), "layer6.1.running_mean", "layers.5.norm.running_mean"),
    ],
)
def test_names(network: Network, checkpoint: StateDict, upstream: str, ours: str) -> None:
    renamed = to_ours(checkpoint, network)
    assert renamed[ours] is checkpoint[upstream]


@pytest.mark.parametrize(
    ("checkpoint", "entries"),
    [
        (synthetic.generator(), 234),
        (synthetic.discriminator(), 26),
        (synthetic.encoder(), 22),
        (synthetic.pix2pixhd_generator(), 35),
    ],
)
def test_the_synthetic_checkpoints_have_upstreams_number_of_entries(checkpoint: StateDict, entries: int) -> None:
    assert len(checkpoint) == entries


@pytest.mark.parametrize("network", ["G", "D", "E"])
@pytest.mark.parametrize("key", ["fc.extra.weight", "weight", "head_0.conv_2.weight", "model.99999999999.0.weight", ""])
def test_a_foreign_key_is_refused_by_name(network: Network, key: str) -> None:
    whole = {"G": synthetic.generator, "D": synthetic.discriminator, "E": synthetic.encoder}[network]()
    with pytest.raises(ValueError, match=f"not keys of a SPADE .*: {key}"):
        to_ours({**whole, key: torch.zeros(1)}, network)
    ours = to_ours(whole, network)
    with pytest.raises(ValueError, match=f"not keys of our SPADE .*: {key}"):
        to_upstream({**ours, key: torch.zeros(1)}, network)


def test_an_enormous_index_is_refused_at_once() -> None:
    stranger = {"model.99999999999.0.weight": torch.zeros(1)}
    with pytest.raises(ValueError, match="not keys of a SPADE generator"):
        to_ours(synthetic.pix2pixhd_generator() | stranger, "G")


def test_an_unknown_leaf_is_refused() -> None:
    with pytest.raises(ValueError, match=r"fc\.weight_g"):
        to_ours({**synthetic.generator(), "fc.weight_g": torch.zeros(1)}, "G")


def test_two_keys_for_one_weight_are_refused() -> None:
    both = {**synthetic.generator(), "head_0.conv_0.weight": torch.zeros(1)}
    with pytest.raises(ValueError, match=r"not keys of a SPADE generator: head_0\.conv_0\.weight"):
        to_ours(both, "G")


def test_another_systems_checkpoint_is_named() -> None:
    keys = {"body.0.norm_0.first_norm.running_mean": torch.zeros(2), "conv_img.weight": torch.zeros(2)}
    with pytest.raises(ValueError, match="these are the keys of an OASIS generator"):
        to_ours(keys, "G")


def test_the_wrong_network_is_refused() -> None:
    with pytest.raises(ValueError, match=r"not keys of a SPADE encoder: .* and 230 more"):
        to_ours(synthetic.generator(), "E")
