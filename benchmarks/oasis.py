"""OASIS: what distinct windows are worth under its noise, and what a new region of noise leaves as it was.

    python benchmarks/oasis.py speed --data DATA
    python benchmarks/oasis.py reroll --model RUN --data DATA

`speed`: the released network's size for COCO-Stuff with random weights, 256x256 maps from DATA/cocostuff-samples,
float32, one after the other in one process, so that whatever else the machine does falls on all of them. Times are of
the processor, which other processes disturb less than a clock's; reported are medians with quartiles, and the ratio to
`paper`. Variants: `paper`, one-hot maps and noise at every pixel, both convolutions of SPADE; `windows`, this library;
`other noise`, the same map again with another seed; `one region`, the same map with new noise in a sixteenth of it.

`reroll`: a trained model on the label maps of DATA (a data folder): mean difference of photos in 0..255 levels between
one noise everywhere and another one inside the region of the map's largest class, by the distance from it.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path

import torch
from torch import Tensor
from windows import Cell, as_in_the_paper, batches

import spadework
from spadework.data.open import open_data
from spadework.data.preprocess import Preprocess
from spadework.draw import Draw
from spadework.layers.inference import ready_for_inference
from spadework.sample import Batch
from spadework.systems import PRESETS
from spadework.systems.base import Style
from spadework.systems.oasis import Oasis

CELL = Cell("coco", 256, 256, maps=5)
BANDS = (1, 4, 8, 16, 32, 64, 128)
"""Pixels from the region: up to each, and beyond the last."""


def system(*, paper: bool = False) -> Oasis:
    torch.manual_seed(0)
    made = Oasis(PRESETS["oasis"]["coco"].config).eval().requires_grad_(False)
    ready = as_in_the_paper(made.generator) if paper else ready_for_inference(made.generator)
    made.generator = ready  # type: ignore[assignment]  # it is called in the same way
    return made


def noise(whole: Oasis, seed: int) -> Style:
    style = whole.random_style(Draw(seed, [0]))
    assert style is not None
    return style


@torch.inference_mode()
def speed(data: Path, maps: int) -> None:
    paper, ours = system(paper=True), system()
    seconds: dict[str, list[float]] = {}
    where = torch.zeros(1, CELL.height, CELL.width, dtype=torch.bool)
    where[:, 96:160, 96:160] = True

    def timed(name: str, whole: Oasis, batch: Batch, style: Style) -> Tensor:
        start = time.process_time()
        photo = whole.synthesize(batch, style)
        seconds.setdefault(name, []).append(time.process_time() - start)
        return photo

    for i, batch in enumerate([next(batches(CELL, data, "cpu")), *batches(CELL, data, "cpu")]):
        if i > maps:
            break
        first, second = noise(ours, 0), noise(ours, 1)
        dense = timed("paper", paper, Batch(batch.label_map), first)
        again = Batch(batch.label_map)
        found = timed("windows", ours, again, first)
        timed("other noise", ours, again, second)
        timed("one region", ours, again, second.within(where, first.vector))
        if i == 0:
            seconds.clear()  # that was to warm up
        worst = float((found - dense).abs().max() / dense.abs().max())
        print(f"map {i}: largest difference to paper, of the largest value: {worst:.1e}", flush=True)
    for name, measured in seconds.items():
        ratios = sorted(a / b for a, b in zip(seconds["paper"], measured, strict=True))
        lower, middle, upper = statistics.quantiles(measured, n=4) if len(measured) > 1 else measured * 3
        print(
            f"{name:12} {middle:6.2f} s ({lower:.2f} to {upper:.2f}), {statistics.median(ratios):4.2f} times as quick "
            f"({ratios[0]:.2f} to {ratios[-1]:.2f})"
        )


def reroll(model: str, data: Path, split: str, maps: int) -> None:
    synthesizer = spadework.load(model)
    whole = synthesizer.system
    assert isinstance(whole, Oasis)
    size = Preprocess("fixed", crop_size=whole.config.width, aspect_ratio=whole.config.width / whole.config.height)
    pairs = open_data([str(data)], split=split, settings=size, training=False)
    sums: dict[str, list[float]] = {}
    for i in range(maps):
        label_map = pairs[i * len(pairs) // maps].unpacked().label_map[None]
        where = label_map == label_map.flatten().mode().values
        everywhere = noise(whole, i)
        other = everywhere.within(where, noise(whole, 1000 + i).vector)
        photos = [synthesizer.batch(label_map, style=style) for style in (everywhere, other)]
        levels = (photos[1] - photos[0]).abs().mean(1)[0] * 127.5
        distance = distances(where[0])
        before = 0
        sums.setdefault("inside", []).append(float(levels[distance == 0].mean()))
        for band in (*BANDS, 10**6):
            here = (distance > before) & (distance <= band)
            if here.any():
                sums.setdefault(f"{before + 1} to {band}", []).append(float(levels[here].mean()))
            before = band
    for name, values in sums.items():
        spread = f"{min(values):.3f} to {max(values):.3f}, {len(values)} maps"
        print(f"{name:>16}: {statistics.mean(values):7.3f} levels ({spread})")


def distances(where: Tensor) -> Tensor:
    """[H, W]: steps (also diagonal ones) to the nearest marked pixel."""
    reached, found = where.float()[None, None], torch.zeros(where.shape)
    while not bool(reached.all()):
        found += 1 - reached[0, 0]
        reached = torch.nn.functional.max_pool2d(reached, 3, 1, 1)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=["speed", "reroll"])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", help="a run folder or model folder of OASIS, for reroll")
    parser.add_argument("--split", default="test", help="which part of DATA, for reroll")
    parser.add_argument("--maps", type=int, default=CELL.maps)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.part == "speed":
        speed(options.data, options.maps)
    else:
        reroll(options.model, options.data, options.split, options.maps)


if __name__ == "__main__":
    main()
