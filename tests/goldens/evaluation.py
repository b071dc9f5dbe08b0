"""Golden cases of evaluation: scores, distances and features as the public evaluators give them."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torchvision.models import vgg16

from spadework.evaluation.frechet import frechet_distance
from spadework.evaluation.inception import DEPTHS, FidInception, InceptionFeatures
from spadework.evaluation.moments import moments_of
from spadework.evaluation.perceptual_similarity import Lpips, packaged_weights
from spadework.evaluation.segmentation import (
    AbsentRule,
    SegmentationScores,
    confusion,
    ignored_pixels,
    percent,
    segmentation_scores,
)
from spadework.evaluation.structural_similarity import ms_ssim, ssim
from tests.goldens.case import Case, Ledger
from tests.goldens.fill import fill, fill_network

# Whose code made a case of metrics -> its rule about absent classes.
RULES: dict[str, AbsentRule] = {"kazuto1011": "truth", "fyu": "union", "CSAILVision": "zero"}

FLOAT32_STATISTICS = 1e-3
"""How far OASIS's Fréchet distance, which keeps means and covariances in float32, may be off."""


def run_metrics(case: Case) -> None:
    """Ground truth and prediction through our confusion matrix give everything that the codes report."""
    ledger, classes, ignore = Ledger(case), case.config["n_classes"], case.config["ignore"]
    truth, prediction = case.inputs["label_true"], case.inputs["label_pred"]
    matrix = torch.stack(
        [confusion(one, other, classes, ignore) for one, other in zip(truth, prediction, strict=True)]
    ).sum(0)
    rule = RULES[case.facts["upstream"].partition("/")[0]]
    scores = segmentation_scores(matrix, rule, ignored=ignored_pixels(truth, ignore))
    made = score_tensors(matrix, scores)
    assert scores.pixels + scores.ignored == truth.numel()
    for key in case.outputs:
        actual = made[key].nan_to_num(0) if (rule, key) == ("zero", "class_iou") else made[key]
        ledger.compare(key, actual, equal_nan=True)
    ledger.close()


def score_tensors(matrix: Tensor, scores: SegmentationScores) -> dict[str, Tensor]:
    """Everything that one of the codes reports, by the name that cases give it."""
    right = matrix.diagonal()
    shares = {
        "pixel_accuracy": scores.accuracy,
        "mean_accuracy": scores.mean_accuracy,
        "freq_weighted_iou": scores.frequency_weighted_iou,
        "mean_iou": scores.mean_iou,
    }
    class_iou = torch.tensor(scores.class_iou, dtype=torch.float64)
    return {
        "confusion": matrix,
        "intersection": right,
        "union": matrix.sum(0) + matrix.sum(1) - right,
        "class_iou": class_iou,
        "class_iou_percent": 100 * class_iou,
        "mean_iou_percent": torch.tensor(100 * scores.mean_iou, dtype=torch.float64),
        "mean_iou_percent_rounded": torch.tensor(percent(scores.mean_iou), dtype=torch.float64),
        "pixel_accuracy_percent": torch.tensor(100 * scores.accuracy, dtype=torch.float64),
        **{name: torch.tensor(share, dtype=torch.float64) for name, share in shares.items()},
    }


def run_distance(case: Case) -> None:
    """Means, covariances and the distance, beside what five public implementations make of them."""
    ledger = Ledger(case)
    a, b = (moments_of(case.inputs[name].split(7)).gaussian for name in ("features1", "features2"))
    distance = torch.tensor(frechet_distance(a, b), dtype=torch.float64)
    for key in case.outputs:
        if key.startswith("frechet_"):
            ledger.compare(key, distance, rtol=FLOAT32_STATISTICS if "float32" in key else None)
    if "mu1" in case.outputs:
        for number, gaussian in (("1", a), ("2", b)):
            ledger.compare(f"mu{number}", gaussian.mean, rtol=1e-12, atol=1e-12)
            ledger.compare(f"sigma{number}", gaussian.covariance, rtol=1e-12, atol=1e-12)
    ledger.close()


def run_features(case: Case) -> None:
    """Photos through the FID Inception at every depth, as pytorch-fid and torch-fidelity treat them."""
    ledger, config = Ledger(case), case.config
    network = FidInception()
    network.load_state_dict(fill_network(network, config["seed"], gain=config["gain"], shift=config["shift"]))
    for name, image in case.inputs.items():
        photo = image.permute(2, 0, 1)[None]
        number = name.removeprefix("image")
        for depth in DEPTHS:
            features = InceptionFeatures(network, "torch-fidelity", depth)(photo)
            ledger.compare(f"torch_fidelity_{depth}_{number}", features)
            if depth != "logits_unbiased":
                key = "pool3" if depth == "2048" else depth
                features = InceptionFeatures(network, "pytorch-fid", depth)(photo)
                ledger.compare(f"pytorch_fid_{key}_{number}", features)
    ledger.close()


def run_similarity(case: Case) -> None:
    """MS-SSIM and SSIM per pair as pytorch-msssim gives them; torchmetrics' default is another number."""
    ledger = Ledger(case)
    a, b = (case.inputs[name].permute(0, 3, 1, 2) for name in ("image_a", "image_b"))
    alike = ms_ssim(a, b)
    ledger.compare("ms_ssim_per_image", alike)
    ledger.compare("ssim_per_image", ssim(a, b))
    ledger.compare("ms_ssim_torchmetrics_default", alike, rtol=0, atol=0.01)
    ledger.close()


def run_lpips(case: Case) -> None:
    """LPIPS, layer by layer, on a trunk with the recipe's weights."""
    ledger, config = Ledger(case), case.config
    network = Lpips(config["net"])
    with torch.device("meta"):
        features = {f"features.{key}": value for key, value in vgg16().features.state_dict().items()}
    filled = fill(features, config["seed"])
    filled = {key: 1.5 * value if key.endswith("weight") else value for key, value in filled.items()}
    network.load_state_dict(filled, strict=False)
    network.read_linear(packaged_weights(config["net"]))
    a, b = (case.inputs[name].permute(0, 3, 1, 2) for name in ("image_a", "image_b"))

    # The distance, and what it would be for photos in 0..1, which nobody can pass by mistake.
    ledger.compare("lpips", network.distance(a, b))
    ledger.compare("lpips_torchmetrics", network.distance(a, b))
    ledger.compare("lpips_unnormalised_inputs_0_1", network(a / 255, b / 255))
    for number, (weight, of_both) in enumerate(
        zip(network.linear, network.layers(network.normalise(torch.cat([a, b]))), strict=True)
    ):
        of_a, of_b = of_both.chunk(2)
        ledger.compare(f"layer{number}", ((of_a - of_b) ** 2 * weight[:, None, None]).sum(1).mean((1, 2)))
    ledger.close()


KINDS: dict[str, dict[str, Callable[[Case], None]]] = {
    "seg_metrics": {"metrics": run_metrics},
    "frechet": {"distance": run_distance},
    "fid_inception": {"features": run_features},
    "ms_ssim": {"similarity": run_similarity},
    "lpips": {"distance": run_lpips},
}
