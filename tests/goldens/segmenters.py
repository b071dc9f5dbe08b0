"""Golden cases of the paper's segmenters: how each kind of case is run on our code."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.models.resnet import Bottleneck

from spadework.segmenters import deeplab_v2, drn, upernet
from spadework.segmenters.deeplab_v2 import DeepLabV2
from spadework.segmenters.drn import BasicBlock, Drn, Layout
from spadework.segmenters.segmenter import Segmenter
from spadework.segmenters.upernet import UPerNet
from spadework.segmenters.upernet_input import Sizes
from spadework.segmenters.weights import COUNTERS, fill
from tests.goldens.case import Case, Ledger
from tests.goldens.fill import fill as fill_recipe


def load(segmenter: Segmenter, case: Case) -> None:
    """The case's weights, from its file or by the recipe it names; UPerNet's are stored with slashes."""
    recipe = case.config.get("weights_recipe")
    if recipe is None:
        weights = {key.replace("/", ".", 1): tensor for key, tensor in case.weights.items()}
    else:
        assert recipe.startswith("fill-v1"), recipe
        names = {_stored(key): key for key in segmenter.state_dict()}
        tensors = {stored: segmenter.state_dict()[key] for stored, key in names.items()}
        filled = fill_recipe(tensors, case.config["seed"], skipped={"up.weight"})
        weights = {names[stored]: tensor for stored, tensor in filled.items()}
    needed = {key: tensor for key, tensor in weights.items() if key.rpartition(".")[2] not in COUNTERS}
    fill(segmenter, needed, case.folder, segmenter.name)
    assert not segmenter.training


def _stored(key: str) -> str:
    return key.replace(".", "/", 1) if key.startswith(("encoder.", "decoder.")) else key


def photos(case: Case) -> list[Tensor]:
    """The case's photos, each a batch of one."""
    return [case.inputs[f"image{number}"].permute(2, 0, 1)[None] for number in range(len(case.inputs))]


def names(count: int) -> list[str]:
    return [f"class {number}" for number in range(count)]


def compare_labels(ledger: Ledger, key: str, predicted: Tensor, scores: Tensor) -> None:
    """The same class everywhere but where the two likeliest are closer than the case's tolerance allows to tell."""
    ledger.seen.add(key)
    expected = ledger.case.outputs[key].long()
    best = scores[0].amax(0)
    margin = best - scores[0].gather(0, expected[None])[0]
    tolerance = ledger.case.facts["tolerance"]
    undecided = margin <= 2 * (tolerance["atol"] + tolerance["rtol"] * best.abs())
    wrong = (predicted[0] != expected) & ~undecided
    assert not wrong.any(), f"{ledger.case.name}: {key}: {int(wrong.sum())} pixels have another class"
    assert undecided[predicted[0] != expected].numel() <= 0.01 * expected.numel()


def run_deeplab(case: Case) -> None:
    ledger, config = Ledger(case), case.config
    assert config["mean_bgr"] == list(deeplab_v2.BGR_MEAN)
    segmenter = DeepLabV2(
        names(config["n_classes"]),
        width=config.get("base_channels", 64),
        blocks=config["n_blocks"],
        dilations=config["atrous_rates"],
        scales=config["scales"],
    )
    load(segmenter, case)
    for number, photo in enumerate(photos(case)):
        x = deeplab_v2.normalize(photo)
        ledger.compare(f"net_input{number}", x)
        with torch.no_grad():
            for scale in (1, *config["scales"]):
                key = f"logits_scale{scale:g}_{number}"
                if key in case.outputs:
                    scaled = x if scale == 1 else F.interpolate(x, scale_factor=scale, mode="bilinear")
                    ledger.compare(key, segmenter.base(scaled))
            ledger.compare(f"logits_msc{number}", segmenter(x))
        compare_labels(ledger, f"pred{number}", segmenter.predict(photo), segmenter.scores(photo))
    ledger.close()


def run_upernet(case: Case) -> None:
    ledger, config = Ledger(case), case.config
    sizes = Sizes(tuple(config["imgSizes"]), config["imgMaxSize"], config["padding_constant"])
    narrow = {}
    if "planes" in config:
        assert config["ppm_dim"] == upernet.Decoder.POOLED_WIDTH
        assert config["pool_scales"] == list(upernet.Decoder.REGIONS)
        narrow = {
            "stem": config["stem_channels"],
            "widths": config["planes"],
            "blocks": config["layers"],
            "pyramid_width": config["fpn_dim"],
        }
    segmenter = UPerNet(names(config["num_class"]), preprocessing="ade20k", sizes=sizes, **narrow)
    load(segmenter, case)
    for number, photo in enumerate(photos(case)):
        for index, size in enumerate(sizes.of(*photo.shape[2:])):
            x = segmenter.preprocess(photo, size)
            ledger.compare(f"net_input{number}_{index}", x)
            with torch.no_grad():
                ledger.compare(f"logsoftmax{number}_{index}", segmenter(x).log_softmax(1))
        scores = segmenter.scores(photo)
        if f"scores{number}" in case.outputs:
            ledger.compare(f"scores{number}", scores)
        else:
            ledger.compare(f"scores{number}_ds4", scores[:, :, ::4, ::4])
        compare_labels(ledger, f"pred{number}", segmenter.predict(photo), scores)
    ledger.close()


def run_drn(case: Case) -> None:
    ledger, config = Ledger(case), case.config
    assert (config["mean_rgb"], config["std_rgb"]) == (list(drn.MEAN), list(drn.STD))
    layout: str | Layout = "d-105"
    if "layers" in config:
        assert config["arch"] == "D" and not config["use_torch_up"]
        block = {"BasicBlock": BasicBlock, "Bottleneck": Bottleneck}[config["block"]]
        layout = Layout(block, tuple(config["layers"]), tuple(config["channels"]))
    segmenter = Drn(names(config["classes"]), layout)
    load(segmenter, case)
    for number, photo in enumerate(photos(case)):
        x = drn.normalize(photo)
        ledger.compare(f"net_input{number}", x)
        with torch.no_grad():
            ledger.compare(f"seg{number}", segmenter.seg(segmenter.base(x)))
        scores = segmenter.scores(photo)
        if f"logsoftmax{number}" in case.outputs:
            ledger.compare(f"logsoftmax{number}", scores)
        else:
            ledger.compare(f"logsoftmax{number}_ds4", scores[:, :, ::4, ::4])
        compare_labels(ledger, f"pred{number}", segmenter.predict(photo), scores)
        if "ms_scales" in config:
            segmenter.scales = tuple(config["ms_scales"])
            scores = segmenter.scores(photo)
            ledger.compare(f"ms_sum{number}", scores)
            compare_labels(ledger, f"ms_pred{number}", segmenter.predict(photo), scores)
            segmenter.scales = ()
    ledger.close()


def kinds(run: Callable[[Case], None]) -> dict[str, Callable[[Case], None]]:
    """Narrow networks come with weights, full ones with a recipe for them; otherwise cases are alike."""
    return {"narrow": run, "full_recipe": run}


KINDS: dict[str, dict[str, Callable[[Case], None]]] = {
    "deeplabv2_msc": kinds(run_deeplab),
    "upernet_csail": kinds(run_upernet),
    "drn_seg": kinds(run_drn),
}
