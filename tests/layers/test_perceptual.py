"""Perceptual distance, on a VGG-19 with random weights."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torchvision.models import vgg19

from spadework.layers.perceptual import VGG19_FILE, PerceptualDistance, vgg19_distance

RELU_NAMES = ["relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"]
WEIGHTS = [1 / 32, 1 / 16, 1 / 8, 1 / 4, 1.0]


@pytest.fixture(scope="module")
def weights() -> dict[str, Tensor]:
    """A state dict of VGG-19's form; the classifier, which plays no part, is one number seen many times."""
    with torch.device("meta"):
        shapes = {key: value.shape for key, value in vgg19(weights=None).state_dict().items()}
    generator = torch.Generator().manual_seed(0)
    return {
        key: torch.randn(shape, generator=generator) / max(1, shape[1:].numel() / 2) ** 0.5
        if key.startswith("features")
        else torch.zeros(1).expand(shape)
        for key, shape in shapes.items()
    }


@pytest.fixture(scope="module")
def distance(weights: dict[str, Tensor], tmp_path_factory: pytest.TempPathFactory) -> PerceptualDistance:
    path = tmp_path_factory.mktemp("vgg") / VGG19_FILE
    torch.save(weights, path)
    made = vgg19_distance(path)
    path.unlink()
    return made


def first_relus(weights: dict[str, Tensor], x: Tensor) -> dict[str, Tensor]:
    """The features after each ReLU, named as the VGG paper numbers them: reluBLOCK_NUMBER."""
    with torch.device("meta"):
        features = vgg19(weights=None).features
    features.load_state_dict({k[9:]: v for k, v in weights.items() if k.startswith("features.")}, assign=True)
    block, number, found = 1, 0, {}
    for module in features:
        x = module(x)
        if isinstance(module, nn.MaxPool2d):
            block, number = block + 1, 0
        elif isinstance(module, nn.ReLU):
            number += 1
            found[f"relu{block}_{number}"] = x.detach().clone()
    return found


def photos(*shape: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    return torch.rand(shape, generator=generator) * 2 - 1, torch.rand(shape, generator=generator) * 2 - 1


def test_layers_and_weights(weights: dict[str, Tensor], distance: PerceptualDistance) -> None:
    fake, real = photos(2, 3, 32, 32)
    a, b = first_relus(weights, fake), first_relus(weights, real)
    assert len(a) == 16
    parts = [weight * (a[name] - b[name]).abs().mean() for name, weight in zip(RELU_NAMES, WEIGHTS, strict=True)]
    assert all(part > 0.001 * sum(parts) for part in parts), "every layer should count in this test"
    torch.testing.assert_close(distance(fake, real), sum(parts), rtol=1e-5, atol=0)
    assert distance(real, real) == 0


def test_gradients_flow_into_the_fake_alone(distance: PerceptualDistance) -> None:
    fake, real = photos(1, 3, 32, 32)
    fake.requires_grad_()
    real.requires_grad_()
    distance(fake, real).backward()
    assert fake.grad is not None and fake.grad.any() and real.grad is None
    assert all(not parameter.requires_grad and parameter.grad is None for parameter in distance.parameters())


def test_it_stays_in_eval_mode() -> None:
    distance = PerceptualDistance([nn.Sequential(nn.BatchNorm2d(3))], [2.0])
    outer = nn.Sequential(distance).train()
    assert outer.training and not any(module.training for module in distance.modules())
    fake, real = photos(1, 3, 4, 4)
    distance(fake, real)
    assert distance.stages[0][0].num_batches_tracked == 0


def test_half_precision_is_compared_in_float32() -> None:
    fake, real = (photo.bfloat16() for photo in photos(1, 3, 16, 16))
    value = PerceptualDistance([nn.Identity()], [1.0])(fake, real)
    assert value.dtype == torch.float32 and torch.equal(value, (fake.float() - real.float()).abs().mean())


def test_a_missing_file(tmp_path: Path) -> None:
    path = tmp_path / "nowhere.pth"
    with pytest.raises(ValueError, match=r"nowhere\.pth: no such file; .*Download it .* or train without"):
        vgg19_distance(path)


@pytest.mark.parametrize("content", ["text", "other weights", "a list"])
def test_a_wrong_file(tmp_path: Path, content: str) -> None:
    path = tmp_path / "wrong.pth"
    if content == "text":
        path.write_text("not weights")
    else:
        torch.save({"weight": torch.ones(2)} if content == "other weights" else [1, 2], path)
    with pytest.raises(ValueError, match=r"wrong\.pth: these are not torchvision's VGG-19 weights"):
        vgg19_distance(path)
