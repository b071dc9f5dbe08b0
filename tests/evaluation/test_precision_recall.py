"""Improved precision and recall against their definition, photo by photo, and against torch-fidelity."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from spadework.evaluation import precision_recall as file
from spadework.evaluation.precision_recall import precision_recall


def features(n: int, f: int, seed: int, shift: float = 0.0) -> Tensor:
    return torch.randn(n, f, generator=torch.Generator().manual_seed(seed)) + shift


def inside(x: Tensor, manifold: Tensor, k: int) -> float:
    """The share of x in the balls of the manifold, by the definition."""
    count = 0
    for photo in x.double():
        for centre in manifold.double():
            radius = sorted((centre - other).norm().item() for other in manifold.double())[k]
            if (photo - centre).norm().item() <= radius:
                count += 1
                break
    return count / len(x)


@given(st.integers(5, 14), st.integers(5, 14), st.integers(1, 4), st.integers(1, 4), st.integers(0, 2**31))
def test_it_is_the_definition(n: int, m: int, f: int, k: int, seed: int) -> None:
    real, fake = features(n, f, seed), features(m, f, seed + 1, shift=0.5)
    found = precision_recall(real, fake, neighbours=k)
    assert (found.precision, found.recall) == (inside(fake, real, k), inside(real, fake, k))
    assert (found.neighbours, found.real, found.fake) == (k, n, m)


def test_it_is_torch_fidelitys() -> None:
    from torch_fidelity.metric_prc import prc_features_to_metric

    for shift in (0.0, 0.3, 1.0):
        real, fake = features(400, 32, 1), features(350, 32, 2, shift=shift) * 0.8
        options = {"prc_neighborhood": 3, "prc_batch_size": 100, "save_cpu_ram": False, "verbose": False}
        theirs = prc_features_to_metric(fake, real, **options)
        ours = precision_recall(real, fake)
        assert 0 < ours.precision <= 1
        assert (ours.precision, ours.recall) == (
            pytest.approx(theirs["precision"], abs=1e-6),
            pytest.approx(theirs["recall"], abs=1e-6),
        )


def test_equal_sets_and_sets_apart() -> None:
    x = features(60, 300, 0)
    same = precision_recall(x, x[torch.randperm(60, generator=torch.Generator().manual_seed(0))])
    assert (same.precision, same.recall) == (1, 1)
    apart = precision_recall(x, x + 1000)
    assert (apart.precision, apart.recall) == (0, 0)
    # A generator that always makes one real photo: precise, and nothing else is there.
    collapsed = precision_recall(x, x[:1].expand(60, -1))
    assert (collapsed.precision, collapsed.recall) == (1, 1 / 60)


@pytest.mark.parametrize("side", [1, 7, 64])
def test_pieces_change_nothing(monkeypatch: pytest.MonkeyPatch, side: int) -> None:
    real, fake = features(90, 12, 1), features(80, 12, 2)
    whole = precision_recall(real, fake)
    monkeypatch.setattr(file, "_SIDE", side)
    assert precision_recall(real, fake) == whole


def test_too_few_photos_are_told() -> None:
    with pytest.raises(ValueError, match="neighbours=3 cannot be found among 3 real and 9 generated"):
        precision_recall(features(3, 2, 0), features(9, 2, 0))
    with pytest.raises(ValueError, match="same network"):
        precision_recall(features(9, 2, 0), features(9, 3, 0))
