"""The kernel distance against sums over all pairs, and against torch-fidelity on the same features and subsets."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from spadework.evaluation import kernel
from spadework.evaluation.kernel import kernel_distance, squared_mmd


def features(n: int, f: int, seed: int, shift: float = 0.0) -> Tensor:
    return torch.randn(n, f, generator=torch.Generator().manual_seed(seed)).abs() + shift


def by_pairs(x: Tensor, y: Tensor) -> float:
    """The unbiased estimate, pair by pair."""

    def k(a: Tensor, b: Tensor) -> float:
        return (float(a.double() @ b.double()) / len(a) + 1) ** 3

    n, m = len(x), len(y)
    within_x = sum(k(x[i], x[j]) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
    within_y = sum(k(y[i], y[j]) for i in range(m) for j in range(m) if i != j) / (m * (m - 1))
    across = sum(k(x[i], y[j]) for i in range(n) for j in range(m)) / (n * m)
    return within_x + within_y - 2 * across


@given(st.integers(2, 12), st.integers(2, 12), st.integers(1, 7), st.integers(0, 2**31))
def test_it_is_the_sum_over_pairs(n: int, m: int, f: int, seed: int) -> None:
    x, y = features(n, f, seed), features(m, f, seed + 1, shift=0.2)
    assert squared_mmd(x, y) == pytest.approx(by_pairs(x, y), rel=1e-9, abs=1e-9)


def test_pieces_change_nothing_but_rounding(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = features(50, 8, 0), features(41, 8, 1)
    whole = squared_mmd(x, y)
    monkeypatch.setattr(kernel, "_ROWS", 7)
    assert squared_mmd(x, y) == pytest.approx(whole, rel=1e-9)


def test_it_is_torch_fidelitys_on_the_same_subsets() -> None:
    from torch_fidelity.metric_kid import kid_features_to_metric

    real, fake = features(300, 64, 1), features(250, 64, 2, shift=0.05)
    theirs = kid_features_to_metric(fake, real, kid_subsets=20, kid_subset_size=100, rng_seed=2020, verbose=False)
    ours = kernel_distance(real, fake, subsets=20, subset_size=100, seed=2020)
    assert ours.value == pytest.approx(theirs["kernel_inception_distance_mean"], rel=1e-3)
    assert ours.deviation == pytest.approx(theirs["kernel_inception_distance_std"], rel=1e-3)
    # In float64 their code gives our digits: what is between the two is its float32.
    theirs = kid_features_to_metric(fake.double(), real.double(), kid_subsets=20, kid_subset_size=100, verbose=False)
    assert ours.value == pytest.approx(theirs["kernel_inception_distance_mean"], rel=1e-9)


def test_sets_of_one_distribution_are_at_0_on_average() -> None:
    values = [squared_mmd(features(40, 16, 2 * i), features(40, 16, 2 * i + 1)) for i in range(200)]
    mean = sum(values) / len(values)
    error = torch.tensor(values).std().item() / len(values) ** 0.5
    assert abs(mean) < 4 * error
    assert min(values) < 0 < max(values)


def test_what_was_drawn_is_told() -> None:
    real, fake = features(30, 4, 0), features(20, 4, 1)
    default = kernel_distance(real, fake)
    assert (default.subsets, default.subset_size, default.seed) == (100, 20, 2020)
    assert default == kernel_distance(real, fake) != kernel_distance(real, fake, seed=1)
    # Where a subset is everything, nothing is drawn.
    alone = kernel_distance(fake, fake)
    assert (alone.subsets, alone.subset_size, alone.deviation) == (1, 20, None)
    assert alone.value == squared_mmd(fake, fake) < 0


@pytest.mark.parametrize(("subsets", "size"), [(10, 21), (10, 1), (0, 5)])
def test_impossible_subsets_are_refused(subsets: int, size: int) -> None:
    with pytest.raises(ValueError, match="2 to 20 photos"):
        kernel_distance(features(30, 4, 0), features(20, 4, 1), subsets=subsets, subset_size=size)


def test_other_networks_are_refused() -> None:
    with pytest.raises(ValueError, match="same network"):
        kernel_distance(features(5, 3, 0), features(5, 4, 0))
    with pytest.raises(ValueError, match="at least 2 photos"):
        squared_mmd(features(1, 3, 0), features(5, 3, 0))
