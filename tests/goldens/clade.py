"""Golden cases of CLADE: how each kind of case is run on our code. What CLADE shares with SPADE is run as SPADE's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from spadework.layers.class_modulation import CLADE, POSITIONS
from spadework.layers.normalization import PARAMETER_FREE_NORMS
from spadework.regions import positions
from spadework.semantics import Semantics
from spadework.systems.clade import Clade, CladeConfig
from spadework.upstream import clade as upstream
from spadework.upstream.clade import to_ours
from tests.goldens import spade
from tests.goldens.case import Case, Ledger, below

SKIPPED = 0
"""The class that the original leaves without positions, whatever it is."""


def run_layer(case: Case) -> None:
    ledger, config = Ledger(case), case.config
    classes, edges = spade.channels(config)
    norm = spade.spade_options(f"spade{config['norm']}")["norm"]
    layer = CLADE(
        config["norm_nc"],
        classes,
        norm=PARAMETER_FREE_NORMS[norm],
        edges=edges,
        positions=config["add_dist"],
    )
    weights = {f"head_0.norm_0.{key}": value for key, value in below(case.weights, "norm").items()}
    renamed = {key.removeprefix("blocks.0.norm_0."): value for key, value in to_ours(weights, "G").items()}
    layer.load_state_dict(renamed, strict=True)

    # The map comes as channels: each distinct vector of them is a code.
    channels = case.inputs["segmap"].permute(0, 2, 3, 1).float()                # [B, H, W, K or K+1]
    table, codes = torch.unique(channels.flatten(0, 2), dim=0, return_inverse=True)
    map_ = Semantics(codes.view(channels.shape[:3]), table)
    if "offsets" in case.inputs:
        map_.maps[POSITIONS] = case.inputs["offsets"]
    ledger.compare("out", layer.eval()(case.inputs["x"], map_))
    if "out_train" in case.outputs:
        ledger.compare("out_train", spade.once_in_training(layer, case.inputs["x"], map_))
    ledger.close()


def make_system(config: dict[str, Any], options: dict[str, Any]) -> Clade:
    assert config["netG"] == "spade" and config["norm_mode"] == "clade"
    return Clade(CladeConfig(**options, positions=config["add_dist"], unlabelled=SKIPPED))


def extras(config: dict[str, Any], tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The positions that the case holds, or those of its label maps where it holds none."""
    if not config["add_dist"]:
        return {}
    given = tensors.get("offsets")
    ours = torch.stack([positions(one, without=SKIPPED) for one in tensors["label"][:, 0].long()])
    return {POSITIONS: ours if given is None else given}


def run_generator(case: Case) -> None:
    ledger, config = Ledger(case), case.config
    generator = make_system(config, spade.generator_options({"z_dim": 256, **config})).generator
    generator.load_state_dict(to_ours(below(case.weights, "netG"), "G"), strict=True)
    map_ = spade.semantics(config, case.inputs)
    map_.maps |= extras(config, case.inputs)
    arguments = map_, spade.photo_size(config), case.inputs.get("z")
    with torch.no_grad():
        ledger.compare("image", generator.eval()(*arguments))
    if "image_train" in case.outputs:
        ledger.compare("image_train", spade.once_in_training(generator, *arguments))
    ledger.close()


def run_positional_maps(case: Case) -> None:
    """Our positions of the original's label maps, which know regions by 8 neighbours."""
    ledger = Ledger(case)
    assert case.config["connectivity"] == 8
    for key, normalized in (("offsets", True), ("offsets_unnormalised", False)):
        if key in case.outputs:
            label_maps = case.inputs["label"][:, 0].long()
            found = [positions(one, without=SKIPPED, normalized=normalized) for one in label_maps]
            ledger.compare(key, torch.stack(found))
    ledger.close()


def run_train(case: Case) -> None:
    options = spade.train_options(case.config)
    spade.trajectory(case, make_system(case.config, options), upstream, lambda tensors: extras(case.config, tensors))


KINDS: dict[str, Callable[[Case], None]] = {
    "layer": run_layer,
    "generator": run_generator,
    "positional_maps": run_positional_maps,
    "train": run_train,
    **{kind: spade.KINDS[kind] for kind in ("discriminator_losses", "encoder", "encoding", "pipeline")},
}
