"""Measures how near the numbers of evaluation are to those of the public packages, on the same photos and weights.

    python benchmarks/evaluation_precision.py [--inception-weights FILE] [--repeats 5]

Photos and, unless a file is given, weights are random: differences between implementations need no trained network.
Wants the extra `dev`: torch-fidelity, pytorch-fid, clean-fid, lpips, pytorch-msssim.
"""

from __future__ import annotations

import argparse
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spadework.evaluation.frechet import frechet_distance
from spadework.evaluation.inception import DEPTHS, FidInception, InceptionFeatures, read_inception
from spadework.evaluation.inception_input import as_clean_fid
from spadework.evaluation.kernel import kernel_distance
from spadework.evaluation.moments import Gaussian, moments_of
from spadework.evaluation.perceptual_similarity import Lpips, packaged_weights
from spadework.evaluation.precision_recall import precision_recall
from spadework.evaluation.structural_similarity import ms_ssim

SIZES = ((256, 256), (256, 512), (299, 299), (97, 131))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--inception-weights", type=Path)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.manual_seed(0)
    network = read_inception(options.inception_weights) if options.inception_weights else random_inception()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "inception.pth"
        torch.save(network.state_dict(), file)
        measures: dict[str, Callable[[int], float]] = {
            "features, torch-fidelity's extractor": lambda seed: of_torch_fidelity(network, file, seed),
            "features, pytorch-fid's network": lambda seed: of_pytorch_fid(network, seed),
            "input, clean-fid's resizer": of_clean_fid,
            "Frechet, pytorch-fid (N > F)": lambda seed: of_frechet_pytorch_fid(300, seed),
            "Frechet, pytorch-fid (N < F)": lambda seed: of_frechet_pytorch_fid(40, seed),
            "Frechet, torch-fidelity (N > F)": lambda seed: of_frechet_torch_fidelity(300, seed),
            "Frechet, torch-fidelity (N < F)": lambda seed: of_frechet_torch_fidelity(40, seed),
            "kernel, torch-fidelity (float32)": lambda seed: of_kernel(seed, torch.float32),
            "kernel, torch-fidelity (float64)": lambda seed: of_kernel(seed, torch.float64),
            "precision and recall, torch-fidelity": of_precision_recall,
            "LPIPS (vgg), lpips": lambda seed: of_lpips("vgg", seed),
            "LPIPS (alex), lpips": lambda seed: of_lpips("alex", seed),
            "MS-SSIM, pytorch-msssim (float32)": of_ms_ssim,
            "features, mode pytorch-fid for torch-fidelity": lambda seed: of_modes(network, seed, "pytorch-fid"),
            "features, mode clean-fid for torch-fidelity": lambda seed: of_modes(network, seed, "clean-fid"),
        }
        print(f"largest relative difference over {options.repeats} seeds, and the smallest")
        for name, measure in measures.items():
            found = [measure(seed) for seed in range(options.repeats)]
            print(f"{name:48} {max(found):.1e}  {min(found):.1e}", flush=True)


def random_inception() -> FidInception:
    """Weights that keep features at one size through the depth."""
    network = FidInception()
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_uniform_(module.weight, nonlinearity="relu")
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.75, 1.25)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
    return network.requires_grad_(False)


def photos(n: int, size: tuple[int, int], seed: int) -> Tensor:
    """Smooth pictures with noise on them."""
    generator = torch.Generator().manual_seed(seed)
    coarse = F.interpolate(torch.rand(n, 3, 9, 9, generator=generator), size, mode="bicubic").clamp(0, 1)
    return ((0.85 * coarse + 0.15 * torch.rand(n, 3, *size, generator=generator)) * 255).to(torch.uint8)


def features(n: int, f: int, seed: int, shift: float = 0.0) -> Tensor:
    """float32 [N, F], non-negative and correlated, as pooled features are."""
    generator = torch.Generator().manual_seed(seed)
    mixing = torch.randn(f, f, generator=torch.Generator().manual_seed(99)) / f**0.5
    return (torch.randn(n, f, generator=generator) @ mixing).abs() + shift


def relative(ours: Tensor | float, theirs: Tensor | float) -> float:
    """The largest difference, relative to the largest value."""
    ours, theirs = (torch.as_tensor(value, dtype=torch.float64) for value in (ours, theirs))
    return float((ours - theirs).abs().max() / theirs.abs().max())


def of_torch_fidelity(network: FidInception, file: Path, seed: int) -> float:
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    x = photos(1, SIZES[seed % len(SIZES)], seed)
    theirs = FeatureExtractorInceptionV3("inception", list(DEPTHS), str(file))(x)
    ours = [InceptionFeatures(network, "torch-fidelity", depth)(x) for depth in DEPTHS]
    return max(map(relative, ours, theirs))


def of_pytorch_fid(network: FidInception, seed: int) -> float:
    from pytorch_fid import inception as theirs

    theirs.load_state_dict_from_url = lambda *_, **__: network.state_dict()
    x = photos(1, SIZES[seed % len(SIZES)], seed)
    with torch.no_grad():
        expected = theirs.InceptionV3([0, 1, 2, 3]).eval()(x.float() / 255)
    ours = [InceptionFeatures(network, "pytorch-fid", depth)(x) for depth in DEPTHS[:4]]
    return max(relative(one, other.mean((2, 3))) for one, other in zip(ours, expected, strict=True))


def of_clean_fid(seed: int) -> float:
    from cleanfid.resize import build_resizer

    x = photos(1, SIZES[seed % len(SIZES)], seed)
    theirs = torch.from_numpy(build_resizer("clean")(x[0].permute(1, 2, 0).numpy())).permute(2, 0, 1)[None]
    return relative(as_clean_fid(x), (theirs - 128) / 128)


def gaussians(n: int, seed: int) -> tuple[Gaussian, Gaussian]:
    return moments_of([features(n, 128, seed)]).gaussian, moments_of([features(n, 128, seed + 50, 0.05)]).gaussian


def of_frechet_pytorch_fid(n: int, seed: int) -> float:
    from pytorch_fid.fid_score import calculate_frechet_distance

    a, b = gaussians(n, seed)
    arrays = [tensor.numpy() for each in (a, b) for tensor in (each.mean, each.covariance)]
    return relative(frechet_distance(a, b), float(calculate_frechet_distance(*arrays)))


def of_frechet_torch_fidelity(n: int, seed: int) -> float:
    """From features, as they keep them: their mean is float32."""
    from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric

    x, y = features(n, 128, seed), features(n, 128, seed + 50, 0.05)
    theirs = fid_statistics_to_metric(fid_features_to_statistics(x), fid_features_to_statistics(y), False)
    ours = frechet_distance(moments_of([x]).gaussian, moments_of([y]).gaussian)
    return relative(ours, theirs["frechet_inception_distance"])


def of_kernel(seed: int, dtype: torch.dtype) -> float:
    from torch_fidelity.metric_kid import kid_features_to_metric

    real, fake = features(400, 512, seed), features(400, 512, seed + 50, 0.02)
    options = {"kid_subsets": 10, "kid_subset_size": 200, "rng_seed": 2020, "verbose": False}
    theirs = kid_features_to_metric(fake.to(dtype), real.to(dtype), **options)
    ours = kernel_distance(real, fake, subsets=10, subset_size=200, seed=2020)
    return relative(ours.value, theirs["kernel_inception_distance_mean"])


def of_precision_recall(seed: int) -> float:
    from torch_fidelity.metric_prc import prc_features_to_metric

    real, fake = features(500, 128, seed), features(400, 128, seed + 50, 0.02)
    options = {"prc_neighborhood": 3, "prc_batch_size": 200, "save_cpu_ram": False, "verbose": False}
    theirs = prc_features_to_metric(fake, real, **options)
    ours = precision_recall(real, fake)
    return relative(torch.tensor([ours.precision, ours.recall]), torch.tensor([theirs["precision"], theirs["recall"]]))


def of_lpips(trunk: str, seed: int) -> float:
    import lpips

    ours = Lpips(trunk)
    ours.read_linear(packaged_weights(trunk))
    theirs = lpips.LPIPS(net=trunk, pnet_rand=True, verbose=False).eval()
    held = {key.split(".", 2)[-1]: key for key in theirs.state_dict() if key.startswith("net.")}
    theirs.load_state_dict({held[key]: value for key, value in ours.features.state_dict().items()}, strict=False)
    a, b = photos(1, (128, 160), seed), photos(1, (128, 160), seed + 50)
    with torch.no_grad():
        return relative(ours.distance(a, b), theirs(a / 127.5 - 1, b / 127.5 - 1).flatten())


def of_ms_ssim(seed: int) -> float:
    import pytorch_msssim

    a, b = photos(1, (177, 250), seed), photos(1, (177, 250), seed + 50)
    b = (0.6 * a + 0.4 * b).to(torch.uint8)
    return relative(ms_ssim(a, b), pytorch_msssim.ms_ssim(a / 255, b / 255, data_range=1, size_average=False))


def of_modes(network: FidInception, seed: int, mode: str) -> float:
    """No two of our own modes are equal: how far apart their features are, by length."""
    x = photos(1, (256, 256), seed)
    other, base = (InceptionFeatures(network, name)(x) for name in (mode, "torch-fidelity"))
    return float((other - base).norm() / base.norm())


if __name__ == "__main__":
    main()
