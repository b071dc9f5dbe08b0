"""The Fréchet distance against closed forms, the matrix square root, and torch-fidelity."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from spadework.evaluation.frechet import frechet_distance
from spadework.evaluation.moments import Gaussian, moments_of


def gaussian(n: int, features: int, seed: int, shift: float = 0.0) -> Gaussian:
    generator = torch.Generator().manual_seed(seed)
    mixing = torch.randn(features, features, generator=generator)
    return moments_of([torch.randn(n, features, generator=generator) @ mixing + shift]).gaussian


def by_scipy(a: Gaussian, b: Gaussian) -> float:
    """The formula as it is printed."""
    from scipy.linalg import sqrtm

    product = sqrtm(a.covariance.numpy() @ b.covariance.numpy())
    apart = (a.mean - b.mean).square().sum().item()
    return float(apart + a.covariance.trace() + b.covariance.trace() - 2 * np.trace(product).real)


@given(st.integers(0, 2**31), st.integers(1, 12))
def test_it_is_the_matrix_square_roots(seed: int, features: int) -> None:
    a, b = gaussian(40, features, seed), gaussian(50, features, seed + 1, shift=0.5)
    assert frechet_distance(a, b) == pytest.approx(by_scipy(a, b), rel=1e-7, abs=1e-7)


@given(st.integers(0, 2**31), st.integers(2, 60), st.integers(1, 30))
def test_equal_sets_are_at_distance_0(seed: int, n: int, features: int) -> None:
    a = gaussian(n, features, seed)
    assert 0 <= frechet_distance(a, a) <= 1e-12 * a.covariance.trace().item()


@given(st.integers(0, 2**31), st.integers(2, 20), st.integers(2, 20))
def test_it_is_symmetric_also_where_covariances_are_singular(seed: int, n: int, m: int) -> None:
    a, b = gaussian(n, 16, seed), gaussian(m, 16, seed + 1)
    scale = (a.covariance.trace() + b.covariance.trace()).item()
    assert frechet_distance(a, b) == pytest.approx(frechet_distance(b, a), abs=1e-12 * scale)


def test_closed_forms() -> None:
    eye, zero = torch.eye(3, dtype=torch.float64), torch.zeros(3, dtype=torch.float64)
    plain = Gaussian(zero, eye, 10)
    assert frechet_distance(plain, Gaussian(zero + 2, eye, 10)) == pytest.approx(12, abs=1e-12)
    assert frechet_distance(plain, Gaussian(zero, 4 * eye, 10)) == pytest.approx(3, abs=1e-12)
    assert frechet_distance(plain, Gaussian(zero, 0 * eye, 10)) == pytest.approx(3, abs=1e-12)
    # Sets without any spread: two points.
    assert frechet_distance(Gaussian(zero, 0 * eye, 10), Gaussian(zero + 1, 0 * eye, 10)) == 3


def test_it_is_torch_fidelitys() -> None:
    from torch_fidelity.metric_fid import fid_statistics_to_metric

    for n, features in ((300, 64), (40, 64)):
        a, b = gaussian(n, features, 1), gaussian(n + 3, features, 2, shift=1)
        statistics = [{"mu": each.mean.numpy(), "sigma": each.covariance.numpy()} for each in (a, b)]
        theirs = fid_statistics_to_metric(*statistics, False)["frechet_inception_distance"]
        assert frechet_distance(a, b) == pytest.approx(theirs, rel=1e-6)


def test_other_networks_are_refused() -> None:
    with pytest.raises(ValueError, match="3 features per photo and the other 2"):
        frechet_distance(gaussian(9, 3, 0), gaussian(9, 2, 0))
