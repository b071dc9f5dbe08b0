"""Checkpoints of other systems are named, SPADE's own are not."""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import Path

import pytest
from safetensors import safe_open

from spadework.upstream.families import name_family
from spadework.upstream.recognise import recognise
from spadework.upstream.spade import to_ours, to_upstream
from tests.upstream import synthetic
from tests.upstream.synthetic import StateDict

KEYS = {
    "a CLADE generator": ["head_0.conv_0.bias", "head_0.norm_0.class_specified_affine.weight"],
    "a SAFM generator": ["head_0.conv_0.bias", "head_0.norm_0.pre_seg.0.weight"],
    "a CC-FPSE generator": ["labelenc1.0.0.weight_orig", "head_0.gen_weights1.0.weight"],
    "a CC-FPSE discriminator": ["enc1.0.0.weight_u", "lat2.0.0.weight_u", "final2.0.0.weight_u"],
    "an LGGAN generator": ["head_0.conv_0.bias", "deconv3_local.weight", "deconv3_attention.weight"],
    "a SESAME generator": ["downlayers.0.0.0.weight", "spade_core.0.conv_0.bias"],
    "a SESAME discriminator": ["discriminator_0.sem_sequence.0.0.weight"],
    "an OASIS generator": ["fc.weight", "body.0.norm_0.first_norm.running_mean"],
    "an OASIS discriminator": ["body_down.0.conv1.0.bias", "layer_up_last.weight"],
    "a pix2pixHD local enhancer": ["model.1.weight", "model.4.weight", "model1_1.1.weight"],
    "a pix2pixHD global generator": ["model.1.weight", "model.4.weight", "model.16.conv_block.5.weight"],
    "a pix2pixHD feature encoder": ["model.1.weight", "model.4.weight", "model.7.weight"],
    "a pix2pixHD discriminator": ["scale0_layer0.0.weight", "scale1_layer4.0.bias"],
    "a SIMS network": ["g_selection_conv1/g_selection_conv1_1/weights"],
    "a CRN generator": ["g_16_conv1/LayerNorm/beta", "g_16_conv1/weights"],
    "a DeepLabV2 segmenter": ["base.aspp.c0.weight"],
    "the decoder of a UPerNet segmenter": ["ppm_conv.0.0.weight", "fpn_in.0.0.weight"],
    "a DRN segmenter": ["base.0.0.weight", "seg.weight"],
}

# What the networks in a folder of recorded cases are: by system, and by the network's name in the file where it has one.
RECORDED = {
    ("ccfpse", "netG"): "a CC-FPSE generator",
    ("ccfpse", "netD"): "a CC-FPSE discriminator",
    ("clade", "netG"): "a CLADE generator",
    ("crn", ""): "a CRN generator",
    ("deeplabv2_msc", ""): "a DeepLabV2 segmenter",
    ("drn_seg", ""): "a DRN segmenter",
    ("lggan", "netG"): "an LGGAN generator",
    ("oasis", "netG"): "an OASIS generator",
    ("oasis", "netG_0"): "an OASIS generator",
    ("oasis", "netD"): "an OASIS discriminator",
    ("safm", "netG"): "a SAFM generator",
    ("safm", "netD"): "a SESAME discriminator",
    ("safm", "netSeg"): "an OASIS discriminator",
    ("sesame", "netG"): "a SESAME generator",
    ("sesame", "netD"): "a SESAME discriminator",
    ("sims", ""): "a SIMS network",
    ("upernet_csail", "decoder"): "the decoder of a UPerNet segmenter",
}
RECORDED_PIX2PIXHD = {
    "encoder_instance_pool": "a pix2pixHD feature encoder",
    "global_generator": "a pix2pixHD global generator",
    "local_enhancer_1": "a pix2pixHD local enhancer",
    "multiscale_d_losses": "a pix2pixHD discriminator",
}
# Networks that are SPADE's own, wherever they were recorded.
RECORDED_SPADE = {("ccfpse", "netE"): "E", ("lggan", "netD"): "D"}


@pytest.mark.parametrize("name", KEYS)
def test_a_family_is_named(name: str) -> None:
    found = name_family(KEYS[name])
    assert found is not None and found.startswith(name)


@pytest.mark.parametrize("name", KEYS)
def test_a_part_of_the_evidence_is_not_enough(name: str) -> None:
    decisive = [key for key in KEYS[name] if name_family([key]) is not None]
    assert decisive or name_family(KEYS[name][:1]) is None


@pytest.mark.parametrize(
    "checkpoint",
    [
        synthetic.generator(),
        synthetic.generator(spectral=False, most=True, style=(4, 2)),
        *(synthetic.pix2pixhd_generator(norm=norm) for norm in ("instance", "batch", "none")),
        *(synthetic.discriminator(norm=norm) for norm in ("instance", "batch", "none")),
        *(synthetic.encoder(norm=norm) for norm in ("instance", "batch", "none")),
        {},
    ],
)
def test_spade_is_no_other_family(checkpoint: StateDict) -> None:
    assert name_family(checkpoint) is None


# ---- recorded cases of all systems ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def recorded() -> list[Path]:
    """The weights of every recorded case below $SPADEWORK_GOLDENS."""
    folder = os.environ.get("SPADEWORK_GOLDENS")
    if not folder:
        pytest.skip("SPADEWORK_GOLDENS names no folder of recorded cases")
    files = sorted(Path(folder).glob("*/*/weights.safetensors"))
    if not files:
        pytest.skip(f"no case in {folder} has weights")
    return files


def networks(file: Path) -> dict[str, StateDict]:
    """The networks of a file by their name in it ("netG/fc.weight"); TensorFlow's names have slashes of their own."""
    found: dict[str, StateDict] = defaultdict(dict)
    with safe_open(file, "pt") as weights:
        for key in weights.keys():  # noqa: SIM118 - not a dict
            network, slash, rest = key.partition("/")
            tensorflow = network.startswith("g_") or not slash
            found["" if tensorflow else network][key if tensorflow else rest] = weights.get_tensor(key)
    return found


def expected_name(file: Path, network: str) -> str | None:
    system, case = file.parts[-3:-1]
    return RECORDED_PIX2PIXHD.get(case) if system == "pix2pixhd" else RECORDED.get((system, network))


def test_recorded_networks_of_other_systems_are_named(recorded: list[Path]) -> None:
    judged = 0
    for file in recorded:
        for network, weights in networks(file).items():
            expected = expected_name(file, network)
            if expected is not None and not set(weights) <= {"empty"}:
                found = name_family(weights)
                assert found is not None and found.startswith(expected), f"{file}, {network}: {found}"
                with pytest.raises(ValueError, match=f"these are the keys of {expected}"):
                    recognise(weights)
                judged += 1
    if not judged:
        pytest.skip("the folder has no case of another system")


def test_recorded_networks_of_spade_are_recognised(recorded: list[Path]) -> None:
    judged = 0
    for file in recorded:
        for name, weights in networks(file).items():
            whole = any(key in weights for key in ("conv_img.weight", "fc_mu.weight", "model.1.0.weight_orig"))
            whole |= "discriminator_0.model0.0.weight" in weights
            if (file.parts[-3] == "spade" and whole) or (file.parts[-3], name) in RECORDED_SPADE:
                found = recognise(weights)
                assert found.network == RECORDED_SPADE.get((file.parts[-3], name), found.network)
                back = to_upstream(to_ours(weights, found.network), found.network)
                assert set(back) == set(weights), file
                judged += 1
    if not judged:
        pytest.skip("the folder has no whole network of SPADE")
