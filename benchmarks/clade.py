"""CLADE against SPADE on the same label maps: time per picture and per training step, and parameters.

    python benchmarks/clade.py inference --data DATA
    python benchmarks/clade.py training --data DATA

DATA holds `cocostuff-samples/`. Everything is measured in one process and in turn, as in `windows.py`: for each map
every variant once; reported are medians with quartiles, and medians of the ratios to SPADE on the same map. Networks
are the released ones' size (256x256, COCO-Stuff's classes and edges) with random weights, float32.

With `--processor-time`, seconds of this process on a processor are counted, and one thread is used: for a machine that
others use at the same time.

Variants. `spade`, `clade`, `clade icpe`: this library; the positions of ICPE are part of a picture, but not of a
training step, whose loader computes them. For pictures also `spade, paper`, both convolutions of SPADE at every pixel,
and `floor`, the main convolutions of SPADE's generator alone, on nothing.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from windows import Cell, as_in_the_paper, batches, main_convolutions, spread

from spadework.draw import Draw
from spadework.layers.inference import ready_for_inference
from spadework.sample import Batch, Sample
from spadework.systems import PRESETS, SYSTEMS, VARIANTS
from spadework.systems.base import Progress
from spadework.systems.spade import Spade
from spadework.training.iteration import iterate, make_optimizers

CELL = Cell("coco", 256, 256, edges=True, maps=9)
Run = Callable[[Batch], object]


def system(name: str, **changes: object) -> Spade:
    torch.manual_seed(0)
    made = SYSTEMS[name](replace(PRESETS[name]["coco"].config, perceptual_weight=0.0, **changes))  # type: ignore[call-arg]
    assert isinstance(made, Spade)
    return made


def completed(whole: Spade, batch: Batch) -> Batch:
    """A new batch with what the system derives: nothing that was worked out before is used again."""
    photos = batch.photo
    assert photos is not None
    samples = [Sample(one, "", photo) for one, photo in zip(batch.label_map, photos, strict=True)]
    return Batch.collate([whole.complete(sample, Draw(0, [0])) for sample in samples])


def picture(whole: Spade, *, paper: bool = False) -> Run:
    whole.eval().requires_grad_(False)
    ready = as_in_the_paper(whole.generator) if paper else ready_for_inference(whole.generator)
    whole.generator = ready  # type: ignore[assignment]  # it is called in the same way

    @torch.inference_mode()
    def run(batch: Batch) -> object:
        return whole.synthesize(completed(whole, batch), None)

    return run


def step(whole: Spade) -> Run:
    progress = Progress(0, 1000)
    optimizers = make_optimizers(whole.train(), progress)
    return lambda batch: iterate(whole, optimizers, batch, progress, Draw(0, range(len(batch))))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=["inference", "training"])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--maps", type=int, default=CELL.maps)
    parser.add_argument("--processor-time", action="store_true")
    options = parser.parse_args()
    clock = time.process_time if options.processor_time else time.perf_counter
    if options.processor_time:
        torch.set_num_threads(1)
    systems = {
        "spade": lambda: system("spade"),
        "clade": lambda: system("clade"),
        "clade icpe": lambda: system("clade", **VARIANTS["clade"]["icpe"]),
    }
    made = {name: make() for name, make in systems.items()}
    for name, whole in made.items():
        numbers = sum(parameter.numel() for parameter in whole.generator.parameters())
        print(f"  {name:13} {numbers:,} parameters in the generator", flush=True)

    # A training step is handed a batch whose positions are derived already.
    cell = replace(CELL, maps=options.maps)
    if options.part == "training":
        runs = {name: step(whole) for name, whole in made.items()}
    else:
        runs = {"spade, paper": picture(system("spade"), paper=True)}
        runs |= {name: picture(whole) for name, whole in made.items()}
        runs["floor"] = main_convolutions(system("spade"), cell, torch.float32)

    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for i, batch in enumerate([next(batches(cell, options.data, "cpu")), *batches(cell, options.data, "cpu")]):
        for name, run in runs.items():
            given = completed(made[name], batch) if options.part == "training" else batch
            began = clock()
            run(given)
            if i:
                seconds[name].append(clock() - began)
    for name, times in seconds.items():
        ratio = statistics.median(spade / mine for spade, mine in zip(seconds["spade"], times, strict=True))
        print(f"  {name:13} {spread(times)}   {ratio:5.2f} x spade")


if __name__ == "__main__":
    main()
