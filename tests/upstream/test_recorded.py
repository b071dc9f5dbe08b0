"""Networks of all systems as their own code saved them, where $SPADEWORK_GOLDENS names a folder of recorded cases."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from safetensors import safe_open

from spadework.upstream import clade
from spadework.upstream.families import name_family
from spadework.upstream.recognise import Recognised, recognise
from spadework.upstream.spade import to_ours, to_upstream
from tests.upstream.synthetic import StateDict

# What the networks of the recorded cases are: by system, and by the network's name in the file where it has one.
RECORDED = {
    ("ccfpse", "netG"): "a CC-FPSE generator",
    ("ccfpse", "netD"): "a CC-FPSE discriminator",
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
    ("encoder_instance_pool", ""): "a pix2pixHD feature encoder",
    ("global_generator", ""): "a pix2pixHD global generator",
    ("local_enhancer_1", ""): "a pix2pixHD local enhancer",
    ("multiscale_d_losses", ""): "a pix2pixHD discriminator",
    ("train_3step_global", "netG"): "a pix2pixHD global generator",
    ("train_3step_global", "netD"): "a pix2pixHD discriminator",
}
# Networks that are SPADE's own, wherever they were recorded.
RECORDED_SPADE = {("ccfpse", "netE"): "E", ("lggan", "netD"): "D"}

# A key that only a whole network of SPADE has, not one of its layers alone.
WHOLE = ("conv_img.weight", "fc_mu.weight", "model.1.0.weight_orig", "discriminator_0.model0.0.weight")


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
    return RECORDED_PIX2PIXHD.get((case, network)) if system == "pix2pixhd" else RECORDED.get((system, network))


def test_other_systems_are_named(recorded: list[Path]) -> None:
    judged = 0
    for file in recorded:
        for network, weights in networks(file).items():
            expected = expected_name(file, network)
            if expected is None or "empty" in weights:
                continue
            found = name_family(weights)
            assert found is not None and found.startswith(expected), f"{file}, {network}: {found}"
            with pytest.raises(ValueError, match=f"these are the keys of {expected}"):
                recognise(weights)
            judged += 1
    if not judged:
        pytest.skip("the folder has no case of another system")


def test_clades_generators_are_recognised_and_renamed(recorded: list[Path]) -> None:
    judged = 0
    for file in recorded:
        config = json.loads((file.parent / "case.json").read_text())["config"]
        weights = networks(file).get("netG")
        if file.parts[-3] != "clade" or weights is None:
            continue
        found = recognise(weights)
        assert (found.network, found.system, found.width) == ("G", "clade", config["ngf"])
        assert (found.edges, found.positions) == (not config["no_instance"], config["add_dist"])
        assert set(clade.to_upstream(clade.to_ours(weights, "G"), "G")) == set(weights), file
        judged += 1
    if not judged:
        pytest.skip("the folder has no generator of CLADE")


def test_spades_networks_are_recognised_and_renamed(recorded: list[Path]) -> None:
    judged = 0
    for file in recorded:
        config = json.loads((file.parent / "case.json").read_text())["config"]
        for name, weights in networks(file).items():
            own = RECORDED_SPADE.get((file.parts[-3], name))
            if own is None and not (file.parts[-3] == "spade" and any(key in weights for key in WHOLE)):
                continue
            found = recognise(weights)
            assert found.network == (own or found.network)
            assert set(to_upstream(to_ours(weights, found.network), found.network)) == set(weights), file
            if file.parts[-3] == "spade":
                check_facts(config, found)
            judged += 1
    if not judged:
        pytest.skip("the folder has no whole network of SPADE")


def check_facts(config: dict[str, Any], found: Recognised) -> None:
    """What was recognised is what the recorded network was built from."""
    if found.network == "E":
        assert (found.width, found.norm, found.layers) == (config["ngf"], "instance", 6)
        return
    channels = config["label_nc"] + config["contain_dontcare_label"] + (not config["no_instance"])
    assert found.semantic_channels == channels
    if found.network == "D":
        assert (found.width, found.scales, found.layers) == (config["ndf"], config["num_D"], config["n_layers_D"])
    elif found.generator == "pix2pixhd":
        assert (found.down, found.blocks) == (config["resnet_n_downsample"], config["resnet_n_blocks"])
        assert (found.width, found.first_kernel_size) == (config["ngf"], config["resnet_initial_kernel_size"])
    else:
        norm = "instance" if "instance" in config["norm_G"] else "batch"
        assert (found.width, found.hidden, found.norm) == (config["ngf"], 128, norm)
        assert found.kernel_size == int(config["norm_G"][-1])
        assert found.size == ("most" if config["num_upsampling_layers"] == "most" else None)
        assert found.z_dim == (config["z_dim"] if config["use_vae"] else None)
