"""Draw: every random number is a function of seed, sample and purpose."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from spadework.draw import Draw

seeds = st.integers(0, 2**40)
indices = st.lists(st.integers(0, 2**40), min_size=1, max_size=5)


@settings(max_examples=25)
@given(seed=seeds, indices=indices)
def test_a_sample_alone_draws_what_it_draws_in_company(seed: int, indices: list[int]) -> None:
    together = Draw(seed, indices).normal("style", 4)
    alone = [Draw(seed, [index]).normal("style", 4) for index in indices]
    assert torch.equal(together, torch.cat(alone))


@settings(max_examples=25)
@given(seed=seeds, indices=indices)
def test_the_order_of_draws_does_not_matter(seed: int, indices: list[int]) -> None:
    first, second = Draw(seed, indices), Draw(seed, indices)
    a, b = first.normal("a", 3), first.uniform("b", 3)
    assert torch.equal(second.uniform("b", 3), b) and torch.equal(second.normal("a", 3), a)
    assert torch.equal(first.normal("a", 3), a)


def test_seed_sample_and_purpose_all_count() -> None:
    drawn = {
        tuple(Draw(seed, [index]).normal(purpose, 2)[0].tolist())
        for seed in range(4)
        for index in range(4)
        for purpose in ("style", "crop")
    }
    assert len(drawn) == 32


def test_neighbouring_fields_do_not_run_together() -> None:
    assert not torch.equal(Draw(1, [11]).normal("x", 2), Draw(11, [1]).normal("x", 2))


@pytest.mark.parametrize("seed", [-1, -(2**70), 2**70])
def test_any_seed_will_do(seed: int) -> None:
    assert Draw(seed, [0]).normal("style", 2).isfinite().all()


def test_shapes_and_types() -> None:
    draw = Draw(3, [5, 6, 7])
    for tensor, shape, dtype in (
        (draw.normal("x", 2, 3), (3, 2, 3), torch.float32),
        (draw.normal("x"), (3,), torch.float32),
        (draw.uniform("x", 4), (3, 4), torch.float32),
        (draw.integer("x", 9), (3,), torch.int64),
        (draw.permutation("x", 6), (3, 6), torch.int64),
    ):
        assert (tensor.shape, tensor.dtype) == (shape, dtype)


def test_ranges_and_moments() -> None:
    draw = Draw(0, [0])
    normal, uniform = draw.normal("n", 20000)[0], draw.uniform("u", 20000)[0]
    assert abs(normal.mean()) < 0.03 and abs(normal.std() - 1) < 0.03
    assert uniform.min() >= 0 and uniform.max() < 1 and abs(uniform.mean() - 0.5) < 0.02


def test_integers_cover_their_range() -> None:
    assert set(Draw(0, range(200)).integer("i", 5).tolist()) == {0, 1, 2, 3, 4}


def test_permutations_are_permutations() -> None:
    orders = Draw(0, range(20)).permutation("epoch", 7)
    assert torch.equal(orders.sort(1).values, torch.arange(7).expand(20, 7))
    assert len({tuple(order.tolist()) for order in orders}) > 1


def test_the_numbers_stay_what_they_are() -> None:
    """Runs are resumed and styles are shared by their seed: these values must not change from version to version."""
    assert Draw(0, [0]).integer("style", 2**31).tolist() == [1447821459]
    expected = pytest.approx([0.09656906, -1.88168585, -0.70231688], abs=1e-6)
    assert Draw(0, [0]).normal("style", 3)[0].tolist() == expected
