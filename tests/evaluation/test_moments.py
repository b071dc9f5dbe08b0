"""Mean and covariance: the same numbers however rows come in, and the files that pytorch-fid exchanges."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from spadework.evaluation import moments as moments_file
from spadework.evaluation.moments import (
    BLOCK,
    Gaussian,
    Moments,
    MomentStream,
    merge,
    moments_of,
    read_npz,
    write_npz,
)


def rows(n: int, features: int, seed: int = 0) -> torch.Tensor:
    """Correlated float32 features away from 0, as those of networks are."""
    generator = torch.Generator().manual_seed(seed)
    mixed = torch.randn(n, features, generator=generator) @ torch.randn(features, features, generator=generator)
    return mixed + 100


@given(st.data())
def test_any_split_gives_the_same_bits(data: st.DataObject) -> None:
    n = data.draw(st.integers(1, 3 * BLOCK + 5))
    cuts = sorted(data.draw(st.lists(st.integers(0, n), max_size=6)))
    x = rows(n, 5)
    parts = [x[start:end] for start, end in zip([0, *cuts], [*cuts, n], strict=True) if end > start]
    split, whole = moments_of(parts), moments_of([x])
    assert split.n == whole.n == n
    assert torch.equal(split.mean, whole.mean) and torch.equal(split.scatter, whole.scatter)


def test_blocks_of_several_processes_merge_to_the_same_bits() -> None:
    x = rows(4 * BLOCK + 17, 6)
    streamed, blocks = moments_of([x]), [Moments.of(block) for block in x.split(BLOCK)]
    merged = merge(blocks)
    assert torch.equal(merged.mean, streamed.mean) and torch.equal(merged.scatter, streamed.scatter)


@given(st.integers(2, 600), st.integers(1, 8), st.integers(0, 2**31))
def test_they_are_numpys(n: int, features: int, seed: int) -> None:
    x = rows(n, features, seed)
    gaussian = moments_of(x.split(37)).gaussian
    expected = np.cov(x.double().numpy(), rowvar=False).reshape(features, features)
    np.testing.assert_allclose(gaussian.mean.numpy(), x.double().numpy().mean(0), rtol=1e-13)
    np.testing.assert_allclose(gaussian.covariance.numpy(), expected, rtol=1e-9, atol=1e-11 * np.abs(expected).max())
    assert torch.equal(gaussian.covariance, gaussian.covariance.T)


def test_a_large_mean_loses_no_digits() -> None:
    x = torch.tensor([[1e8 + 1.0], [1e8 + 3.0], [1e8 + 5.0]], dtype=torch.float64)
    assert moments_of(x.split(1)).gaussian.covariance.item() == 4.0


def test_memory_does_not_grow_with_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moments_file, "BLOCK", 8)
    stream = MomentStream()
    for batch in rows(1000, 3).split(5):
        stream.add(batch)
        assert stream._waiting is None or (
            len(stream._waiting) < 8 and stream._waiting.untyped_storage().nbytes() < 8 * 3 * 8
        )
    assert stream.moments.n == 1000


@pytest.mark.parametrize(
    ("features", "complaint"),
    [
        (torch.zeros(3), "\\[N, F\\]"),
        (torch.zeros(2, 2, dtype=torch.int64), "int64"),
        (torch.zeros(0, 2), "at least one"),
        (torch.tensor([[1.0], [float("nan")]]), "first in row 1"),
    ],
)
def test_what_are_no_features_is_refused(features: torch.Tensor, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        MomentStream().add(features)


def test_too_few_rows_are_told() -> None:
    with pytest.raises(ValueError, match="at least 2"):
        _ = moments_of([torch.ones(1, 3)]).gaussian
    with pytest.raises(ValueError, match="empty set"):
        moments_of([])
    with pytest.raises(ValueError, match="empty set"):
        merge([])
    with pytest.raises(ValueError, match="3 and of 2"):
        Moments.of(torch.ones(2, 3)).merged(Moments.of(torch.ones(2, 2)))


def test_npz_there_and_back(tmp_path: Path) -> None:
    gaussian = moments_of([rows(20, 4)]).gaussian
    write_npz(tmp_path / "real.npz", gaussian)
    back = read_npz(tmp_path / "real.npz")
    assert back.n == 20
    assert torch.equal(back.mean, gaussian.mean) and torch.equal(back.covariance, gaussian.covariance)


def test_npz_of_pytorch_fid(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "theirs.npz", mu=np.arange(3.0), sigma=np.eye(3))
    gaussian = read_npz(tmp_path / "theirs.npz")
    assert gaussian.n is None and gaussian.mean.tolist() == [0, 1, 2] and gaussian.mean.dtype == torch.float64
    write_npz(tmp_path / "ours.npz", Gaussian(gaussian.mean, gaussian.covariance, 7))
    with np.load(tmp_path / "ours.npz") as file:  # as pytorch-fid reads it
        mu, sigma = file["mu"][:], file["sigma"][:]
    assert mu.tolist() == [0, 1, 2] and sigma.tolist() == np.eye(3).tolist()


class Harmful:
    """Says on being unpickled that it was."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (pytest.fail, ("a file was executed",))


def test_wrong_files_are_named(tmp_path: Path) -> None:
    np.savez(tmp_path / "names.npz", mean=np.zeros(2))
    np.savez(tmp_path / "shapes.npz", mu=np.zeros(2), sigma=np.zeros((3, 3)))
    np.savez(tmp_path / "nan.npz", mu=np.full(2, np.nan), sigma=np.zeros((2, 2)))
    np.savez(tmp_path / "whole.npz", mu=np.zeros(200), sigma=np.zeros((200, 200)))
    (tmp_path / "cut.npz").write_bytes((tmp_path / "whole.npz").read_bytes()[:1000])
    (tmp_path / "pickle.npz").write_bytes(pickle.dumps(Harmful()))
    np.savez(tmp_path / "object.npz", allow_pickle=True, mu=np.array([Harmful()], object), sigma=np.zeros((1, 1)))
    complaints = {
        "names": "`mu` and `sigma`",
        "shapes": "do not belong together",
        "nan": "not finite",
        "cut": "damaged",
        "pickle": "no npz file",
        "object": "no npz file",
        "missing": "no such file",
    }
    for name, complaint in complaints.items():
        with pytest.raises(ValueError, match=complaint) as error:
            read_npz(tmp_path / f"{name}.npz")
        assert f"{name}.npz" in str(error.value)
