"""LPIPS and MS-SSIM against the packages that papers used, and what they refuse."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor

from spadework.evaluation import perceptual_similarity
from spadework.evaluation.perceptual_similarity import TRUNKS, Lpips, packaged_weights
from spadework.evaluation.structural_similarity import MsSsim, ms_ssim, ssim
from spadework.segmenters.weights import read_weights


def photos(n: int, height: int, width: int, seed: int = 0) -> Tensor:
    """Smooth pictures and some noise, so that pairs are neither equal nor unrelated."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(n, 3, 5, 5, generator=generator)
    smooth = torch.nn.functional.interpolate(coarse, (height, width), mode="bicubic").clamp(0, 1)
    return ((0.8 * smooth + 0.2 * torch.rand(n, 3, height, width, generator=generator)) * 255).to(torch.uint8)


def trunk_file(trunk: str, folder: Path) -> Path:
    """Random weights in a file like torchvision's."""
    torch.manual_seed(0)
    tensors = {key: value for key, value in Lpips(trunk).state_dict().items() if key.startswith("features.")}
    tensors["classifier.0.weight"] = torch.zeros(2, 2)
    torch.save(tensors, folder / f"{trunk}.pth")
    return folder / f"{trunk}.pth"


@pytest.mark.filterwarnings("ignore:.*weights.*:UserWarning")  # how that package calls torchvision
@pytest.mark.parametrize("trunk", TRUNKS)
def test_lpips_is_the_packages(trunk: str, tmp_path: Path) -> None:
    import lpips

    path = trunk_file(trunk, tmp_path)
    ours = Lpips.read(path, trunk)
    theirs = lpips.LPIPS(net=trunk, pnet_rand=True, verbose=False).eval()
    features = {key.removeprefix("features."): value for key, value in read_weights(path).items()}
    # Their slices keep torchvision's numbers.
    held = {key.split(".", 2)[-1]: key for key in theirs.state_dict() if key.startswith("net.")}
    theirs.load_state_dict({held[f"{key}"]: value for key, value in features.items() if key in held}, strict=False)
    for height, width in ((64, 64), (75, 90)):
        a, b = photos(3, height, width, 1), photos(3, height, width, 2)
        with torch.no_grad():
            expected = theirs(a / 127.5 - 1, b / 127.5 - 1).flatten()
        assert expected.min() > 0
        torch.testing.assert_close(ours.distance(a, b), expected, rtol=1e-4, atol=1e-7)
    assert ours.distance(a, a).tolist() == [0, 0, 0]


@pytest.mark.parametrize("trunk", TRUNKS)
def test_pairs_are_the_distances_in_order(trunk: str, tmp_path: Path) -> None:
    measure = Lpips.read(trunk_file(trunk, tmp_path), trunk)
    x = photos(4, 48, 56)
    i, j = torch.triu_indices(4, 4, 1)
    torch.testing.assert_close(measure.pairs(x), measure.distance(x[i], x[j]), rtol=1e-4, atol=1e-7)
    assert measure.pairs(x[:1]).shape == (0,)


def test_both_packages_hold_the_same_fitted_weights() -> None:
    import torchmetrics

    for trunk in TRUNKS:
        theirs = Path(torchmetrics.__file__).parent / "functional" / "image" / "lpips_models" / f"{trunk}.pth"
        ours, others = read_weights(packaged_weights(trunk)), read_weights(theirs)
        assert ours.keys() == others.keys() and all(torch.equal(ours[key], others[key]) for key in ours)


def test_lpips_tells_its_weights(tmp_path: Path) -> None:
    told = Lpips.read(trunk_file("alex", tmp_path), "alex").describe()
    assert (told["measure"], told["trunk"]) == ("LPIPS 0.1", "alex")
    assert [file["name"] for file in told["weights"]] == ["alex.pth", "alex.pth"]
    assert len({file["sha256"] for file in told["weights"]}) == 2


def test_wrong_files_are_named(tmp_path: Path) -> None:
    alex = trunk_file("alex", tmp_path)
    with pytest.raises(ValueError, match=r"vgg16-397923af\.pth \(528 MiB\)"):
        Lpips.read(tmp_path / "missing.pth")
    with pytest.raises(ValueError, match=r"alex\.pth: these are not the weights of torchvision's network"):
        Lpips.read(alex, "vgg")
    with pytest.raises(ValueError, match="fitted weights for the trunk alex"):
        Lpips.read(alex, "alex", linear=packaged_weights("vgg"))
    with pytest.raises(ValueError, match="trunk 'resnet' is unknown"):
        Lpips("resnet")


def test_without_the_packages_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(perceptual_similarity.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(ValueError, match=r"pip install 'spadework\[eval\]'"):
        packaged_weights("vgg")


def test_the_packages_are_not_imported() -> None:
    """Their weights are read, their code is not run."""
    before = set(sys.modules)
    packaged_weights("vgg")
    assert not {"lpips", "torchmetrics"} & (set(sys.modules) - before)


@pytest.mark.parametrize("size", [(176, 208), (161, 163), (177, 250), (300, 181)])
def test_ms_ssim_is_the_packages(size: tuple[int, int]) -> None:
    from pytorch_msssim import ms_ssim as theirs
    from pytorch_msssim import ssim as their_ssim

    a, b = photos(2, *size, seed=1), photos(2, *size, seed=2)
    b = (0.7 * a + 0.3 * b).to(torch.uint8)
    x, y = a.double() / 255, b.double() / 255
    expected = theirs(x, y, data_range=1, size_average=False)
    assert (expected < 0.99).all()
    torch.testing.assert_close(ms_ssim(a, b), expected.double(), rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(
        ssim(a, b), their_ssim(x, y, data_range=1, size_average=False).double(), rtol=1e-6, atol=1e-6
    )


def test_equal_photos_have_ms_ssim_1() -> None:
    x = photos(2, 161, 170)
    torch.testing.assert_close(ms_ssim(x, x), torch.ones(2, dtype=torch.float64))
    inverse = 255 - x
    assert (ms_ssim(x, inverse) >= 0).all() and not ms_ssim(x, inverse).isnan().any()


def test_ms_ssim_pairs_are_in_order() -> None:
    x = photos(3, 161, 161)
    i, j = torch.triu_indices(3, 3, 1)
    assert torch.equal(MsSsim().pairs(x), ms_ssim(x[i], x[j]))


def test_small_photos_and_wrong_types_are_refused(tmp_path: Path) -> None:
    small = photos(2, 160, 400)
    with pytest.raises(ValueError, match="short side over 160 pixels, but got 400x160: generate larger"):
        ms_ssim(small, small)
    with pytest.raises(ValueError, match="one size"):
        ms_ssim(photos(1, 161, 161), photos(1, 161, 162))
    network = Lpips("alex")
    for measure in (network.pairs, MsSsim().pairs):
        with pytest.raises(ValueError, match=r"uint8 \[B, 3, H, W\], RGB, 0..255, but got torch.float32"):
            measure(torch.rand(2, 3, 200, 200))
    with pytest.raises(ValueError, match="at least 31 pixels"):
        network.pairs(photos(2, 30, 64))
    with pytest.raises(ValueError, match="one size"):
        network.distance(photos(2, 40, 64), photos(2, 64, 40))
    assert network.pairs(photos(2, 31, 31)).shape == (1,)
    assert Lpips("vgg").pairs(photos(2, 16, 16)).shape == (1,)
