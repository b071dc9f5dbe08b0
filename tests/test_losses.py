"""The losses against their formulas."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor

from spadework.losses import (
    GAN_LOSSES,
    class_cross_entropy,
    class_weights,
    fake_cross_entropy,
    feature_matching,
    kl_divergence,
    label_mix_consistency,
    over_scales,
)
from spadework.precision import at_least_float32


def numbers(*shape: int, seed: int = 0) -> Tensor:
    return 2 * torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def mean_of(formula: object, logits: Tensor) -> float:
    assert callable(formula)
    values = [formula(value) for value in logits.flatten().tolist()]
    return sum(values) / len(values)


def log_sigmoid(x: float) -> float:
    return -math.log1p(math.exp(-x))


FORMULAS = {
    "hinge": (lambda x: max(0, 1 + x), lambda x: max(0, 1 - x), lambda x: -x),
    "least_squares": (lambda x: x**2, lambda x: (x - 1) ** 2, lambda x: (x - 1) ** 2),
    "original": (lambda x: -log_sigmoid(-x), lambda x: -log_sigmoid(x), lambda x: -log_sigmoid(x)),
    "wasserstein": (lambda x: x, lambda x: -x, lambda x: -x),
}


def test_every_loss_has_its_formula_here() -> None:
    assert FORMULAS.keys() == GAN_LOSSES.keys()


@pytest.mark.parametrize("name", FORMULAS)
def test_gan_losses(name: str) -> None:
    logits = numbers(3, 1, 4, 5)
    assert logits.min() < -1 and logits.max() > 1, "both sides of the hinge should occur"
    loss, (fake, real, generator) = GAN_LOSSES[name], FORMULAS[name]
    assert loss.fake(logits).item() == pytest.approx(mean_of(fake, logits), rel=1e-12)
    assert loss.real(logits).item() == pytest.approx(mean_of(real, logits), rel=1e-12)
    assert loss.generator(logits).item() == pytest.approx(mean_of(generator, logits), rel=1e-12)


def test_scales_count_alike_whatever_their_size() -> None:
    features = [[numbers(2, 8, 4, 4), numbers(2, 1, 9, 9, seed=1)], [numbers(2, 8, 2, 2), numbers(2, 1, 3, 3, seed=2)]]
    for loss in GAN_LOSSES.values():
        expected = (loss.fake(features[0][1]) + loss.fake(features[1][1])) / 2
        torch.testing.assert_close(over_scales(loss.fake, features), expected, rtol=1e-14, atol=0)


def feature_pair() -> tuple[list[list[Tensor]], list[list[Tensor]]]:
    shapes = [[(2, 4, 9, 9), (2, 8, 5, 5), (2, 1, 6, 6)], [(2, 4, 5, 5), (2, 8, 3, 3), (2, 1, 4, 4)]]
    fake = [[numbers(*shape, seed=1).requires_grad_() for shape in scale] for scale in shapes]
    real = [[numbers(*shape, seed=2).requires_grad_() for shape in scale] for scale in shapes]
    return fake, real


def test_feature_matching() -> None:
    fake, real = feature_pair()
    by_hand = sum((fake[s][j] - real[s][j]).abs().mean() for s in range(2) for j in range(2)) / 2
    loss = feature_matching(fake, real)
    torch.testing.assert_close(loss, by_hand, rtol=1e-14, atol=0)

    # The logits play no part, and the real side is a fixed target.
    loss.backward()
    assert all(output.grad is None for scale in real for output in scale)
    assert all(scale[-1].grad is None for scale in fake)
    assert all(output.grad is not None and output.grad.any() for scale in fake for output in scale[:-1])


def test_feature_matching_wants_the_same_layers() -> None:
    fake, real = feature_pair()
    with pytest.raises(ValueError, match="zip"):
        feature_matching(fake, real[:1])


def test_kl_divergence() -> None:
    mean, log_variance = numbers(3, 8, seed=1), numbers(3, 8, seed=2) / 4
    by_torch = torch.distributions.kl_divergence(
        torch.distributions.Normal(mean, (log_variance / 2).exp()),
        torch.distributions.Normal(torch.zeros(3, 8).double(), torch.ones(3, 8).double()),
    ).sum()
    torch.testing.assert_close(kl_divergence(mean, log_variance), by_torch, rtol=1e-12, atol=0)
    assert kl_divergence(torch.zeros(2, 4), torch.zeros(2, 4)) == 0


@pytest.mark.parametrize("half", [torch.float16, torch.bfloat16])
def test_half_precision_goes_to_float32(half: torch.dtype) -> None:
    logits = numbers(2, 1, 32, 32).to(half)
    for loss in GAN_LOSSES.values():
        for side in (loss.fake, loss.real, loss.generator):
            total = over_scales(side, [[logits]])
            assert total.dtype == torch.float32 and torch.equal(total, side(logits.float()))

    fake, real = numbers(2, 4, 9, 9, seed=1).to(half), numbers(2, 4, 9, 9, seed=2).to(half)
    matching = feature_matching([[fake, logits]], [[real, logits]])
    assert matching.dtype == torch.float32 and torch.equal(matching, (fake.float() - real.float()).abs().mean())


def test_at_least_float32() -> None:
    for dtype in (torch.float32, torch.float64):
        x = torch.ones(2, dtype=dtype)
        assert at_least_float32(x) is x


# OASIS's losses.


@pytest.mark.parametrize("unlabelled", [-1, 0, 2, 4])
def test_class_weights(unlabelled: int) -> None:
    """Every class that occurs has the same share in a mean over pixels; class 3 does not occur."""
    label_map = torch.tensor([0, 1, 2, 4])[torch.randint(4, (2, 9, 7), generator=torch.Generator().manual_seed(0))]
    weights = class_weights(label_map, 5, unlabelled=unlabelled)
    shares = torch.stack([weights[label_map][label_map == c].sum() for c in range(5)]) / label_map.numel()
    counted = [c for c in (0, 1, 2, 4) if c != unlabelled]
    expected = torch.tensor([1 / len(counted) if c in counted else 0.0 for c in range(5)])
    torch.testing.assert_close(shares, expected)
    assert weights[3] == 0


def test_a_batch_without_labels_costs_nothing() -> None:
    label_map = torch.full((1, 3, 3), 2)
    weights = class_weights(label_map, 4, unlabelled=2)
    assert not weights.any()
    loss = class_cross_entropy(numbers(1, 5, 3, 3).requires_grad_(), label_map, weights)
    assert loss == 0
    loss.backward()


def test_cross_entropies() -> None:
    logits, label_map = numbers(2, 5, 3, 4), torch.randint(4, (2, 3, 4), generator=torch.Generator().manual_seed(1))
    weights = torch.tensor([0.5, 2.0, 0.0, 1.0])
    terms, fakes = [], []
    for b, y, x in ((b, y, x) for b in range(2) for y in range(3) for x in range(4)):
        values = logits[b, :, y, x].tolist()
        total = math.log(sum(math.exp(value) for value in values))
        label = int(label_map[b, y, x])
        terms.append(weights[label].item() * (total - values[1 + label]))
        fakes.append(total - values[0])
    assert class_cross_entropy(logits, label_map, weights).item() == pytest.approx(sum(terms) / 24, rel=1e-12)
    assert fake_cross_entropy(logits).item() == pytest.approx(sum(fakes) / 24, rel=1e-12)


def test_label_mix_consistency() -> None:
    mixed, real, fake = (numbers(2, 5, 3, 4, seed=seed) for seed in range(3))
    mask = torch.rand(2, 1, 3, 4, generator=torch.Generator().manual_seed(0)) < 0.5
    m = mask.double()
    expected = (m * real + (1 - m) * fake - mixed).square().mean()
    torch.testing.assert_close(label_mix_consistency(mixed, real, fake, mask), expected)
    assert label_mix_consistency(real, real, fake, torch.ones_like(mask)) == 0


ONE_OF_TWO = """
import sys, torch, torch.distributed as dist
from spadework.losses import class_weights
dist.init_process_group("gloo", init_method=f"file://{sys.argv[2]}", rank=int(sys.argv[1]), world_size=2)
parts = torch.tensor([[0, 0, 0, 1, 4, 4], [1, 1, 1, 2, 2, 0]])[:, None]
mine = parts[dist.get_rank()][None]
print([class_weights(mine, 5, unlabelled=4, over_processes=each).tolist() for each in (True, False)])
"""


def test_class_weights_over_two_processes(tmp_path: Path) -> None:
    """Those of the whole batch; or, as the original has them, of each process's part."""
    parts = torch.tensor([[0, 0, 0, 1, 4, 4], [1, 1, 1, 2, 2, 0]])[:, None]
    commands = [[sys.executable, "-c", ONE_OF_TWO, str(rank), str(tmp_path / "meeting")] for rank in range(2)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    processes = [subprocess.Popen(each, env=environment, stdout=subprocess.PIPE, text=True) for each in commands]
    try:
        outputs = [process.communicate(timeout=400)[0] for process in processes]
    finally:
        for process in processes:
            process.kill()
    whole = class_weights(parts, 5, unlabelled=4).tolist()
    for rank, output in enumerate(outputs):
        assert json.loads(output) == [whole, class_weights(parts[rank], 5, unlabelled=4).tolist()]
