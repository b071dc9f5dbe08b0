"""Forest: the nearest plant wins at every pixel, however many fragments are looked at in one go."""

from __future__ import annotations

import pytest
import torch

from spadework.terrain import forest
from spadework.terrain.camera import Camera
from spadework.terrain.forest import Drawn, Plants, draw_plants
from spadework.terrain.plants import SPECIES
from spadework.terrain.sprites import SIZES, TALL, sprites

CPU = torch.device("cpu")
VIEW = Camera(64, 64, 70.0, 30.0, 2.0, CPU)


def stand(count: int = 60) -> Plants:
    generator = torch.Generator().manual_seed(1)
    z = (8 + 60 * torch.rand(count, generator=generator)).sort().values
    x = z * (torch.rand(count, generator=generator) - 0.5)
    which = torch.randint(len(sprites(CPU).aspect), (count,), generator=generator)
    ones = torch.ones(count)
    odd = torch.arange(count) % 2 == 1
    return Plants(which, x, z, 0 * ones, 3 + 5 * torch.rand(count, generator=generator), odd, ones, ones, odd, odd)


def drawn(plants: Plants, ground: torch.Tensor) -> Drawn:
    return draw_plants(plants, sprites(CPU), ground, 1.7, VIEW, torch.full_like(ground, 0.5))


def test_portions_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    ground = torch.full((64, 64), torch.inf)
    whole = drawn(stand(), ground)
    monkeypatch.setattr(forest, "FRAGMENTS", 500)
    parts = drawn(stand(), ground)
    assert torch.equal(whole.plant, parts.plant)
    assert torch.equal(whole.texel, parts.texel)
    assert len(whole.plant.unique()) > 10


def test_the_nearest_plant_is_seen() -> None:
    ground = torch.full((64, 64), torch.inf)
    plants = stand(12)
    together = drawn(plants, ground)
    alone = [drawn(Plants(*(v[i : i + 1] for v in vars(plants).values())), ground).plant >= 0 for i in range(12)]
    expected = torch.full((64, 64), -1)
    for i in reversed(range(12)):
        expected[alone[i]] = i
    assert torch.equal(together.plant, expected)
    there = expected >= 0
    assert torch.equal(together.z[there], plants.z[expected[there]])
    assert bool(together.z[~there].isinf().all())


def test_the_ground_hides_what_is_behind_it() -> None:
    plants = stand()
    near = drawn(plants, torch.full((64, 64), 5.0))
    assert bool((near.plant == -1).all())


def test_sprites() -> None:
    all_ = sprites(CPU)
    assert {name: len(numbers) for name, numbers in all_.of.items()} == {name: n for name, (n, _) in SPECIES.items()}
    for sprite in range(len(all_.aspect)):
        for size in range(SIZES):
            wide, high = int(all_.width[sprite, size]), TALL // 2**size
            start = int(all_.start[sprite, size])
            texels = all_.texels[start : start + wide * high]
            assert len(texels) == wide * high
            covered = texels[:, 0].float().mean() / 255
            assert 0.02 < float(covered) < 0.8, "a plant, neither nothing nor a block"

        # The crown's own shade: more light from above than from below its top, on average.
        start, wide = int(all_.start[sprite, 0]), int(all_.width[sprite, 0])
        rows = all_.texels[start : start + wide * TALL].reshape(TALL, wide, 8).float()
        weight = rows[..., 0] / 255
        light = (rows[..., 3] * weight).sum(1) / weight.sum(1).clamp(min=1)
        assert float(light[: TALL // 3].max()) > float(light[TALL // 2 :].mean())
