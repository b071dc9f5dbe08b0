"""The FID Inception: the same bits as torch-fidelity's, its weights in every wrapping, and wrong files."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from spadework.evaluation.feature_distances import feature_distances
from spadework.evaluation.inception import DEPTHS, FidInception, InceptionFeatures, read_inception
from spadework.evaluation.inception_input import MODES, as_clean_fid, as_pytorch_fid
from tests.goldens.fill import fill_network


@pytest.fixture(scope="module")
def weights() -> dict[str, Tensor]:
    """Random ones that keep features at the size of real ones."""
    return fill_network(FidInception(), 3, gain=math.sqrt(2), shift=0.2)


@pytest.fixture(scope="module")
def network(weights: dict[str, Tensor]) -> FidInception:
    network = FidInception()
    network.load_state_dict(weights)
    return network


@pytest.fixture(scope="module")
def file(weights: dict[str, Tensor], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("inception") / "pt_inception.pth"
    torch.save(weights, path)
    return path


def photos(n: int, height: int, width: int, seed: int = 0) -> Tensor:
    return torch.randint(
        0, 256, (n, 3, height, width), generator=torch.Generator().manual_seed(seed), dtype=torch.uint8
    )


def test_it_has_as_many_parameters_as_published() -> None:
    with torch.device("meta"):
        network = FidInception()
    assert sum(parameter.numel() for parameter in network.parameters()) == 23_850_960
    assert len(network.state_dict()) == 566


@pytest.mark.parametrize("size", [(40, 56), (320, 301)])
def test_features_are_torch_fidelitys_bit_for_bit(file: Path, network: FidInception, size: tuple[int, int]) -> None:
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    theirs = FeatureExtractorInceptionV3("inception", list(DEPTHS), str(file))
    x = photos(1, *size)
    for depth, expected in zip(DEPTHS, theirs(x), strict=True):
        assert torch.equal(InceptionFeatures(network, "torch-fidelity", depth)(x), expected)


def test_distances_are_torch_fidelitys(file: Path, network: FidInception, tmp_path: Path) -> None:
    """Their command on folders of photos gives what our features and distances give."""
    from PIL import Image
    from torch_fidelity import calculate_metrics

    sets = {"fake": photos(5, 32, 48, 1), "real": photos(6, 32, 48, 2) // 2 + 60}
    for name, of_set in sets.items():
        (tmp_path / name).mkdir()
        for i, photo in enumerate(of_set):
            Image.fromarray(photo.permute(1, 2, 0).numpy()).save(tmp_path / name / f"{i:02}.png")
    theirs = calculate_metrics(
        input1=str(tmp_path / "fake"),
        input2=str(tmp_path / "real"),
        feature_extractor_weights_path=str(file),
        feature_extractor="inception-v3-compat",
        **{"cuda": False, "fid": True, "kid": True, "prc": True, "kid_subset_size": 4, "kid_subsets": 10},
        **{"verbose": False, "cache": False, "batch_size": 4, "save_cpu_ram": True},
    )
    extractor = InceptionFeatures(network, "torch-fidelity")
    features = {name: torch.cat([extractor(some) for some in of_set.split(4)]) for name, of_set in sets.items()}
    ours = feature_distances(features["real"], features["fake"], extractor, subsets=10, subset_size=4)
    assert (ours.names.frechet, ours.names.kernel) == ("fid", "kid")
    assert ours.frechet == pytest.approx(theirs["frechet_inception_distance"], rel=1e-5)
    assert ours.kernel.value == pytest.approx(theirs["kernel_inception_distance_mean"], rel=1e-3)
    assert ours.precision_recall is not None
    assert ours.precision_recall.precision == pytest.approx(theirs["precision"], abs=1e-6)
    assert ours.precision_recall.recall == pytest.approx(theirs["recall"], abs=1e-6)


def test_the_clean_mode_resizes_as_clean_fid_does() -> None:
    from cleanfid.resize import build_resizer

    resize = build_resizer("clean")
    for size in ((40, 56), (299, 299), (400, 350)):
        x = photos(2, *size)
        theirs = np.stack([resize(photo.permute(1, 2, 0).numpy()) for photo in x])
        assert torch.equal(as_clean_fid(x), (torch.from_numpy(theirs).permute(0, 3, 1, 2) - 128) / 128)


def test_modes_differ_and_keep_the_range(network: FidInception) -> None:
    x = photos(1, 64, 48)
    made = {mode: prepare(x) for mode, prepare in MODES.items()}
    assert all(each.shape == (1, 3, 299, 299) and each.abs().max() <= 1 for each in made.values())
    features = torch.cat([InceptionFeatures(network, mode)(x) for mode in MODES])
    assert torch.cdist(features, features).fill_diagonal_(1).min() > 1e-3
    flat = torch.full((1, 3, 20, 30), 200, dtype=torch.uint8)
    for mode, prepare in MODES.items():
        expected = 200 / 255 * 2 - 1 if mode == "pytorch-fid" else 72 / 128
        torch.testing.assert_close(prepare(flat), torch.full((1, 3, 299, 299), expected), rtol=0, atol=1e-6)


def test_pytorch_fids_own_network_gives_the_same_features(
    file: Path, network: FidInception, weights: dict[str, Tensor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pytorch_fid import inception as theirs

    monkeypatch.setattr(theirs, "load_state_dict_from_url", lambda *_, **__: weights)
    judge = theirs.InceptionV3([0, 1, 2, 3]).eval()
    x = photos(1, 50, 70)
    expected = judge(x.float() / 255)
    for depth, of_depth in zip(("64", "192", "768", "2048"), expected, strict=True):
        ours = InceptionFeatures(network, "pytorch-fid", depth)(x)
        torch.testing.assert_close(ours, of_depth.mean((2, 3)), rtol=1e-5, atol=1e-5)

    # A state dict saved from it has other names, and no last layer.
    torch.save(judge.state_dict(), tmp_path / "blocks.pth")
    assert torch.equal(InceptionFeatures.read(tmp_path / "blocks.pth", "pytorch-fid")(x), ours)
    with pytest.raises(ValueError, match="have no logits"):
        InceptionFeatures.read(tmp_path / "blocks.pth", "pytorch-fid", "logits_unbiased")


def test_a_file_without_counters_or_as_safetensors_is_read(
    network: FidInception, weights: dict[str, Tensor], tmp_path: Path
) -> None:
    from safetensors.torch import save_file

    old = {key: tensor for key, tensor in weights.items() if not key.endswith("num_batches_tracked")}
    save_file(old, tmp_path / "inception.safetensors")
    x = as_pytorch_fid(photos(1, 30, 30))
    assert torch.equal(read_inception(tmp_path / "inception.safetensors")(x), network(x))


def test_the_report_names_the_weights(file: Path) -> None:
    extractor = InceptionFeatures.read(file, "clean-fid", "768")
    told = extractor.describe()
    assert told["weights"] == [{"name": file.name, "sha256": hashlib.sha256(file.read_bytes()).hexdigest()}]
    assert (told["mode"], told["depth"], told["weights_as_published"]) == ("clean-fid", "768", False)
    # Only depth 2048 gives an FID.
    assert (extractor.names.frechet, extractor.names.kernel) == ("inception_768_frechet", "inception_768_kernel")


@pytest.mark.filterwarnings("ignore:.*torch.jit:FutureWarning")  # old programs are what is refused here
def test_wrong_files_are_named(tmp_path: Path, weights: dict[str, Tensor]) -> None:
    torch.save({"conv.weight": torch.zeros(2)}, tmp_path / "other.pth")
    torch.save({**weights, "fc.weight": torch.zeros(1000, 2048)}, tmp_path / "imagenet.pth")
    program = torch.jit.trace(torch.nn.Linear(2, 2), torch.zeros(1, 2))
    torch.jit.save(program, tmp_path / "inception-2015-12-05.pt")
    complaints = {
        "other.pth": "not the weights of the FID Inception",
        "imagenet.pth": r"fc.weight \[1000, 2048\] instead of \[1008, 2048\]",
        "inception-2015-12-05.pt": "TorchScript program .* have to be executed .* give pt_inception-2015",
        "missing.pth": "no such file; FID wants",
    }
    for name, complaint in complaints.items():
        with pytest.raises(ValueError, match=complaint) as error:
            InceptionFeatures.read(tmp_path / name, "pytorch-fid")
        assert name in str(error.value)


@pytest.mark.parametrize(
    "wrong",
    [torch.zeros(1, 3, 8, 8), torch.zeros(3, 8, 8, dtype=torch.uint8), torch.zeros(1, 8, 8, 3, dtype=torch.uint8)],
)
def test_what_are_no_photos_is_refused(network: FidInception, wrong: Tensor) -> None:
    with pytest.raises(ValueError, match=r"uint8 \[B, 3, H, W\]"):
        InceptionFeatures(network, "pytorch-fid")(wrong)


def test_wrong_modes_and_depths_are_named(network: FidInception) -> None:
    with pytest.raises(ValueError, match="did you mean 'clean-fid'"):
        InceptionFeatures(network, "clean")
    with pytest.raises(ValueError, match="depth '1024' is unknown"):
        InceptionFeatures(network, "clean-fid", "1024")
