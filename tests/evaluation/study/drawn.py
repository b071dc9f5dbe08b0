"""Drawn landscapes for studies: label maps, and two systems' results that anybody can tell apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from spadework.data.ontology import Ontology, SemanticClass

NAMES = ("sky", "mountain", "meadow", "water", "sand")
COLORS = ((96, 165, 220), (120, 110, 128), (88, 150, 84), (52, 96, 158), (214, 184, 120))


def drawn_study(root: Path, maps: int = 6, size: tuple[int, int] = (96, 64)) -> tuple[Path, Path, Path]:
    """A data folder of label maps, a folder of good results and one of poor results, below `root`."""
    data, good, poor = root / "land", root / "good", root / "poor"
    for folder in (data / "labels", good, poor):
        folder.mkdir(parents=True)
    classes = tuple(SemanticClass(id, *both) for id, both in enumerate(zip(NAMES, COLORS, strict=True)))
    Ontology("land", classes).write(data / "ontology.json")
    for number in range(maps):
        random = np.random.default_rng(number)
        label_map = landscape(random, *size)
        name = f"land-{number:02}"
        Image.fromarray(label_map).save(data / "labels" / f"{name}.png")
        rich(label_map, random).save(good / f"{name}.png")
        plain(label_map, random).save(poor / f"{name}.jpg", quality=92)
    return data, good, poor


def landscape(random: np.random.Generator, width: int, height: int) -> np.ndarray:
    """[H, W] uint8: sky, mountains, a meadow, water with a beach."""
    x = np.arange(width) / width
    y = np.arange(height)[:, None] / height
    label_map = np.zeros((height, width), np.uint8)
    label_map[y > 0.38 - 0.2 * _wave(random, x, 5)] = 1
    label_map[y > 0.56 - 0.08 * _wave(random, x, 3)] = 2
    shore = 0.74 - 0.12 * _wave(random, x, 2) + (x - 0.5) * random.uniform(-0.3, 0.3)
    label_map[y > shore] = 4
    label_map[y > shore + 0.07] = 3
    return label_map


def rich(label_map: np.ndarray, random: np.random.Generator) -> Image.Image:
    """Textures, light from one side, haze with distance, reflections."""
    height, width = label_map.shape
    y = np.linspace(0, 1, height)[:, None]
    base = np.array([(120, 175, 235), (96, 92, 110), (74, 118, 52), (46, 92, 132), (206, 182, 132)], float)[label_map]
    base[label_map == 0] += (np.array([70, 50, 20]) * (y * 2)[..., None] * np.ones((1, width, 1)))[label_map == 0]
    grain = {0: (5, 12), 1: (26, 6), 2: (24, 2), 3: (20, 9), 4: (9, 1)}
    for index, (strength, coarse) in grain.items():
        where = label_map == index
        noise = _noise(random, height, width, coarse, stretch=4 if index in (0, 3) else 1)
        base[where] += strength * noise[where][:, None]
    ridge = np.gradient(_noise(random, height, width, 9), axis=1) * 90
    base[label_map == 1] += ridge[label_map == 1][:, None] + (1 - y * np.ones((1, width)))[label_map == 1][:, None] * 60
    image = Image.fromarray(base.clip(0, 255).astype(np.uint8))
    return image.filter(ImageFilter.GaussianBlur(0.5))


def plain(label_map: np.ndarray, random: np.random.Generator) -> Image.Image:
    """Washed-out colours, smeared over the edges, with a grid as poor networks leave it."""
    height, width = label_map.shape
    colors = np.array([(150, 165, 190), (120, 120, 125), (112, 135, 104), (98, 120, 150), (170, 160, 135)], float)
    image = Image.fromarray(colors[label_map].astype(np.uint8)).filter(ImageFilter.GaussianBlur(width / 28))
    grid = 7 * (np.sin(np.arange(height) * 1.5)[:, None] * np.sin(np.arange(width) * 1.5))
    blotches = 16 * _noise(random, height, width, 10)
    return Image.fromarray((np.asarray(image, float) + (grid + blotches)[..., None]).clip(0, 255).astype(np.uint8))


def _wave(random: np.random.Generator, x: np.ndarray, waves: int) -> np.ndarray:
    """A curve between -1 and 1."""
    terms = [np.sin(2 * np.pi * (k * x * random.uniform(0.6, 1.2) + random.uniform())) / k for k in range(1, waves + 1)]
    return sum(terms) / sum(1 / k for k in range(1, waves + 1))


def _noise(random: np.random.Generator, height: int, width: int, coarse: int, stretch: int = 1) -> np.ndarray:
    """[H, W] smooth noise of deviation 1, patches of `coarse` pixels, wider by `stretch`."""
    rows, columns = max(height // coarse, 2), max(width // (coarse * stretch), 2)
    small = Image.fromarray(random.normal(size=(rows, columns)).astype(np.float32))
    noise = np.asarray(small.resize((width, height), Image.Resampling.BICUBIC))
    return (noise - noise.mean()) / max(noise.std(), 1e-6)
