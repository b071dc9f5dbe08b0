"""What the distinct windows of label maps are worth: time and memory against the dense form that papers draw.

    python benchmarks/windows.py inference --data DATA --out RESULTS
    python benchmarks/windows.py training --data DATA --out RESULTS
    python benchmarks/windows.py growth --data DATA --out RESULTS

and the same with `--device cuda`, which adds the dense form under torch.compile. DATA holds `cocostuff-samples/` and
`camvid/`. Everything is measured in one process and in turn: for each map every variant once, so that whatever else the
machine does falls on all of them; reported are medians with quartiles. Peak memory comes from a process of its own for
each variant. Networks are the released ones' size with random weights.

Variants. `paper`: one-hot maps, both convolutions of SPADE at every pixel, spectral norm computed anew at each forward,
eager mode, float32: what people run. `windows`: this library. `kept`: the same label map once more, with another style
or seed. `floor`: the generator's main convolutions alone, on nothing.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from spadework.draw import Draw
from spadework.layers.form import use_form
from spadework.layers.inference import ready_for_inference
from spadework.layers.spectral import SpectralConv2d
from spadework.sample import Batch
from spadework.semantics import Semantics, resize_nearest
from spadework.systems import PRESETS
from spadework.systems.base import Progress
from spadework.systems.spade import Spade
from spadework.training.iteration import iterate, make_optimizers


@dataclass(frozen=True)
class Cell:
    """One setting to measure."""

    data: str
    width: int
    height: int
    batch: int = 1
    edges: bool = False
    maps: int = 5
    """Batches of different maps, each measured once in every variant."""

    def __str__(self) -> str:
        return f"{self.data}{' + edges' if self.edges else ''} {self.width}x{self.height} batch {self.batch}"


INFERENCE = [
    Cell("coco", 128, 128, edges=True, maps=7),
    Cell("coco", 256, 256, edges=True, maps=9),
    Cell("coco", 256, 256, maps=9),
    Cell("coco", 256, 256, batch=8, edges=True, maps=1),
    Cell("coco", 512, 512, edges=True, maps=5),
    Cell("coco", 512, 512, maps=3),
    Cell("camvid", 256, 256, maps=5),
    Cell("camvid", 512, 256, maps=5),
    Cell("camvid", 1024, 512, maps=2),
    Cell("noise", 256, 256, maps=3),
]
TRAINING = [
    Cell("coco", 128, 128, edges=True, maps=3),
    Cell("coco", 256, 256, edges=True, maps=5),
    Cell("coco", 256, 256, batch=4, edges=True, maps=1),
    Cell("camvid", 512, 256, maps=2),
]
ALL = [
    Cell(data, width, height, batch, edges, maps=3)
    for width, height in ((128, 128), (256, 256), (512, 256), (512, 512), (1024, 512))
    for batch in (1, 8)
    for data, edges in (("coco", True), ("coco", False), ("camvid", False))
]
FOLDERS = {"coco": ("cocostuff-samples", "*_label/*.png", 183), "camvid": ("camvid", "test/labels/*.png", 12)}


# What is measured.


class PaperConv2d(SpectralConv2d):
    """A spectral-normed convolution that computes its normalized weight at each forward."""

    def forward(self, x: Tensor) -> Tensor:
        return self._conv_forward(x, self.normalized_weight(), self.bias)


def as_in_the_paper(network: nn.Module) -> nn.Module:
    for module in network.modules():
        if isinstance(module, SpectralConv2d):
            module.__class__ = PaperConv2d
    return use_form(network, "dense")


def system(cell: Cell, device: str) -> Spade:
    torch.manual_seed(0)
    classes = FOLDERS.get(cell.data, FOLDERS["coco"])[2]
    config = replace(PRESETS["spade"]["coco"].config, classes=classes, edges=cell.edges, perceptual_weight=0.0)
    return Spade(replace(config, height=cell.height, width=cell.width)).to(device)


def batches(cell: Cell, data: Path, device: str) -> Iterator[Batch]:
    """`cell.maps` batches of label maps with photos of noise."""
    generator = torch.Generator().manual_seed(0)
    size = (cell.height, cell.width)
    if cell.data == "noise":
        maps = [torch.randint(183, size, generator=generator) for _ in range(cell.maps * cell.batch)]
    else:
        folder, pattern, classes = FOLDERS[cell.data]
        files = sorted((data / folder).glob(pattern))
        files = files[:: max(1, len(files) // (cell.maps * cell.batch))]
        maps = []
        for i in range(cell.maps * cell.batch):
            ids = torch.from_numpy(np.array(Image.open(files[i % len(files)]))).long().clamp_max(classes - 1)
            maps.append(resize_nearest(ids, size))
    for i in range(cell.maps):
        photo = torch.rand(cell.batch, 3, *size, generator=generator) * 2 - 1
        yield Batch(torch.stack(maps[i * cell.batch : (i + 1) * cell.batch]), photo=photo).to(device)


def inference_variants(cell: Cell, device: str, only: str | None = None) -> dict[str, Callable[[Batch], object]]:
    """Name -> what takes a batch of label maps to photos; `only` builds one of them."""

    def network(dtype: torch.dtype | None) -> nn.Module:
        generator = system(cell, device).generator.eval().requires_grad_(False)
        return as_in_the_paper(generator) if dtype is None else ready_for_inference(generator, dtype)

    def photos(generator: nn.Module, autocast: bool, again: bool = False) -> Callable[[Batch], object]:
        @torch.inference_mode()
        def run(batch: Batch) -> object:
            if not (again and "semantics" in batch.kept):
                edges, classes = cell.edges, FOLDERS.get(cell.data, FOLDERS["coco"])[2]
                batch.kept["semantics"] = Semantics.from_label_map(batch.label_map, classes, edges=edges)
            with torch.autocast(device, torch.bfloat16) if autocast else nullcontext():
                return generator(batch.kept["semantics"], batch.size)

        return run

    variants: dict[str, Callable[[Batch], object]] = {}
    if only in (None, "paper"):
        paper = network(None)
        variants["paper"] = photos(paper, False)
    if only is None:
        variants["paper bf16"] = photos(paper, True)
    if device != "cpu" and only is None:
        compiled = torch.compile(network(None))
        variants["paper compiled"] = photos(compiled, False)  # type: ignore[arg-type]
        variants["paper compiled bf16"] = photos(compiled, True)  # type: ignore[arg-type]
    for name, dtype in (("", torch.float32), (" bf16", torch.bfloat16)):
        if only in (None, f"windows{name}"):
            generator = network(dtype)
            variants[f"windows{name}"] = photos(generator, dtype == torch.bfloat16)
            if only is None:
                variants[f"kept{name}"] = photos(generator, dtype == torch.bfloat16, again=True)
                variants[f"floor{name}"] = main_convolutions(system(cell, device), cell, dtype)
    return variants


def main_convolutions(whole: Spade, cell: Cell, dtype: torch.dtype) -> Callable[[Batch], object]:
    """The generator's convolutions but those of SPADE, channels last, on random features of the right sizes."""
    work = []

    def remember(module: nn.Conv2d, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        weight = module.normalized_weight() if isinstance(module, SpectralConv2d) else module.weight
        last = torch.channels_last
        features = torch.randn(inputs[0].shape, device=inputs[0].device).to(dtype, memory_format=last)
        bias = None if module.bias is None else module.bias.detach().to(dtype)
        work.append((features, weight.detach().to(dtype, memory_format=last), bias, module.padding))

    generator = whole.generator.eval()
    for name, module in generator.named_modules():
        if isinstance(module, nn.Conv2d) and "norm" not in name:
            module.register_forward_hook(remember)
    with torch.inference_mode():
        flat = torch.zeros(cell.batch, cell.height, cell.width, dtype=torch.int64)
        flat = flat.to(whole.generator.to_photo.weight.device)
        generator(Semantics.from_label_map(flat, whole.config.classes, edges=cell.edges), (cell.height, cell.width))

    @torch.inference_mode()
    def run(batch: Batch) -> None:
        for features, weight, bias, padding in work:
            F.conv2d(features, weight, bias, padding=padding)

    return run


def training_variants(cell: Cell, device: str, only: str | None = None) -> dict[str, Callable[[Batch], object]]:
    """Name -> one training step: generator and discriminator, adversarial and feature-matching loss."""

    def step(whole: Spade, autocast: bool) -> Callable[[Batch], object]:
        whole.train()
        progress = Progress(0, 1000)
        optimizers = make_optimizers(whole, progress)

        def run(batch: Batch) -> object:
            batch.kept.clear()
            draw = Draw(0, range(len(batch)))
            with torch.autocast(device, torch.bfloat16) if autocast else nullcontext():
                return iterate(whole, optimizers, batch, progress, draw)

        return run

    made = {
        "paper": lambda: step(as_in_the_paper(system(cell, device)), False),  # type: ignore[arg-type]
        "paper bf16": lambda: step(as_in_the_paper(system(cell, device)), True),  # type: ignore[arg-type]
        "windows": lambda: step(system(cell, device), False),
        "windows bf16": lambda: step(system(cell, device), True),
    }
    return {name: make() for name, make in made.items() if only in (None, name)}


VARIANTS = {"inference": inference_variants, "training": training_variants}
MEMORY = ("paper", "windows", "windows bf16")


# Measuring.


def measure(part: str, cell: Cell, data: Path, device: str) -> dict[str, list[float]]:
    """Variant -> seconds, one for each batch of maps; what comes first warms up."""
    variants = VARIANTS[part](cell, device)
    seconds: dict[str, list[float]] = {name: [] for name in variants}
    for i, batch in enumerate([next(batches(cell, data, device)), *batches(cell, data, device)]):
        for name, run in variants.items():
            elapsed = timed(run, batch)
            if i:
                seconds[name].append(elapsed)
    return seconds


def timed(run: Callable[[Batch], object], batch: Batch) -> float:
    start = time.perf_counter()
    run(batch)
    if batch.label_map.is_cuda:
        torch.cuda.synchronize()
    return time.perf_counter() - start


def windows_of(cell: Cell, data: Path) -> list[float]:
    """The share of distinct 5x5 windows among the pixels of each batch."""
    shares = []
    for batch in batches(cell, data, "cpu"):
        semantics = Semantics.from_label_map(batch.label_map, 183, edges=cell.edges)
        shares.append(len(semantics.windows(batch.size, (3, 1, 1), (3, 1, 1))) / batch.label_map.numel())
    return shares


def peak_memory(part: str, cell: Cell, variant: str, data: Path, device: str) -> tuple[float, float]:
    """(MiB at the peak, MiB before) of a process that does nothing else."""
    command = [sys.executable, __file__, part, "--data", str(data), "--threads", str(torch.get_num_threads())]
    command += ["--device", device]
    result = subprocess.run(
        [*command, "--cell", json.dumps(asdict(cell)), "--variant", variant], capture_output=True, text=True, check=True
    )
    peak, before = json.loads(result.stdout.splitlines()[-1])
    return peak, before


def run_alone(part: str, cell: Cell, variant: str, data: Path, device: str) -> None:
    """Print this process's peak and its memory before, in MiB, for two batches after one to warm up."""
    run = VARIANTS[part](cell, device, variant)[variant]
    all_batches = list(batches(replace(cell, maps=3), data, device))
    run(all_batches[0])
    if device != "cpu":
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated() / 2**20
    else:
        Path("/proc/self/clear_refs").write_text("5")
        before = resident("VmRSS")
    for batch in all_batches[1:]:
        run(batch)
    print(json.dumps([resident("VmHWM") if device == "cpu" else torch.cuda.max_memory_allocated() / 2**20, before]))


def resident(what: str) -> float:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(what))
    return int(line.split()[1]) / 1024


def growth(device: str) -> list[dict[str, object]]:
    """Time against the number of distinct windows: one size, maps from a single class to noise."""
    points = []
    cell = Cell("noise", 256, 256)
    variants = inference_variants(cell, device)
    for patch in (256, 64, 32, 16, 8, 4, 2, 1):
        generator = torch.Generator().manual_seed(patch)
        small = torch.randint(183, (1, 256 // patch, 256 // patch), generator=generator)
        label_map = small.repeat_interleave(patch, 1).repeat_interleave(patch, 2)
        names = ("paper", "windows", "windows bf16", "floor", "floor bf16")
        seconds: dict[str, list[float]] = {name: [] for name in names}
        for i in range(4):
            for name in seconds:
                elapsed = timed(variants[name], Batch(label_map.to(device)))
                if i:
                    seconds[name].append(elapsed)
        semantics = Semantics.from_label_map(label_map, 183)
        distinct = len(semantics.windows((256, 256), (3, 1, 1), (3, 1, 1)))
        points.append({"windows": distinct, "seconds": {name: statistics.median(s) for name, s in seconds.items()}})
        print(json.dumps(points[-1]), flush=True)
    return points


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=["inference", "training", "growth"])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("results"))
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--all", action="store_true", help="every size with batch 1 and 8: hours, and much memory")
    parser.add_argument("--only", help="measure only cells whose name contains this")
    parser.add_argument("--cell", type=json.loads, help=argparse.SUPPRESS)
    parser.add_argument("--variant", help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.cell:
        run_alone(options.part, Cell(**options.cell), options.variant, options.data, options.device)
        return

    options.out.mkdir(parents=True, exist_ok=True)
    name = processor() if options.device == "cpu" else torch.cuda.get_device_name()
    machine = {"processor": name, "threads": options.threads, "torch": torch.__version__}
    if options.part == "growth":
        write(options.out / "growth.json", {**machine, "points": growth(options.device)})
        return
    chosen = INFERENCE if options.part == "inference" else TRAINING
    for cell in ALL if options.all else chosen:
        if options.only and options.only not in str(cell):
            continue
        seconds = measure(options.part, cell, options.data, options.device)
        memory = {name: peak_memory(options.part, cell, name, options.data, options.device) for name in MEMORY}
        result = {"cell": asdict(cell), "seconds": seconds, "memory": memory, "shares": windows_of(cell, options.data)}
        write(options.out / f"{options.part} {cell}.json", {**machine, **result})
        print(report(str(cell), seconds, memory), flush=True)


def report(name: str, seconds: dict[str, list[float]], memory: dict[str, tuple[float, float]]) -> str:
    paper = statistics.median(seconds["paper"])
    lines = [name]
    for variant, times in seconds.items():
        ratio = statistics.median(p / t for p, t in zip(seconds["paper"], times, strict=True))
        peak = f"   peak {memory[variant][0]:.0f} MiB" if variant in memory else ""
        lines.append(f"  {variant:13} {spread(times)}   {ratio:5.2f} x{peak}")
    return "\n".join(lines) + f"\n  (paper: {paper:.2f} s)"


def spread(times: list[float]) -> str:
    low, middle, high = np.quantile(times, [0.25, 0.5, 0.75])
    return f"{middle:7.3f} s ({low:.3f} to {high:.3f})"


def processor() -> str:
    info = Path("/proc/cpuinfo")
    names = [line for line in info.read_text().splitlines() if "model name" in line] if info.exists() else []
    return f"{names[0].split(':')[1].strip()}, {len(names)} threads" if names else platform.processor()


def write(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=1) + "\n")


if __name__ == "__main__":
    main()
