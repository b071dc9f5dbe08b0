"""Measures what each form of SPADE costs on this machine, and fits the numbers that `layers/form.py` chooses by.

    python benchmarks/form_costs.py [--device cuda] [--threads 2]

Maps range from blobs to noise, layers from 64 to 1024 channels at 8 to 256 pixels. Each form is timed in turn with the
other, several times; the medians are fitted by least squares without negative coefficients, relative to their size.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from scipy.optimize import nnls
from torch import Tensor

from spadework.layers.form import Costs, Work
from spadework.layers.inference import FoldedSPADE
from spadework.layers.modulation import SPADE
from spadework.semantics import Semantics

SHAPES = [(8, 1024), (16, 1024), (32, 512), (64, 256), (64, 512), (128, 128), (128, 256), (256, 64), (256, 128)]
BLOBS = (1, 2, 4, 16)
CLASSES, HIDDEN, KERNEL = 60, 128, 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)

    for dtype in (torch.float32, torch.bfloat16):
        for training in (False, True) if dtype == torch.float32 else (False,):
            windows, hidden = [], []
            for size, channels in SHAPES:
                for blob in BLOBS:
                    if training and size == 256 and blob == 1:
                        continue  # Gigabytes, and no question which form is cheaper.
                    measured = measure(size, channels, blob, dtype, training, options.device, options.repeats)
                    windows.append(measured[0])
                    hidden.append(measured[1])
            product, sum_, look_up = fit(windows)
            convolution, modulate = fit(hidden)
            print(f'    ("{options.device}", {dtype}, {training}): '
                  f"Costs({product:.2g}, {sum_:.2g}, {look_up:.2g}, {convolution:.2g}, {modulate:.2g}),", flush=True)


def measure(
    size: int, channels: int, blob: int, dtype: torch.dtype, training: bool, device: str, repeats: int
) -> tuple[tuple[list[float], float], tuple[list[float], float]]:
    """(Amounts of work, nanoseconds) by windows and by hidden, for one layer and one map."""
    generator = torch.Generator().manual_seed(size + channels + blob)
    small = torch.randint(CLASSES, (1, -(-size // blob), -(-size // blob)), generator=generator)
    codes = small.repeat_interleave(blob, 1).repeat_interleave(blob, 2)[:, :size, :size].to(device)
    layer = SPADE(channels, CLASSES, hidden=HIDDEN, kernel_size=KERNEL).to(device)
    x = torch.randn(1, channels, size, size, device=device).contiguous(memory_format=torch.channels_last)

    semantics = Semantics.from_label_map(codes, CLASSES)
    run = training_step(layer, x, semantics) if training else inference(layer.eval(), x.to(dtype), semantics, dtype)
    for form in ("windows", "hidden"):
        run(form)
    times: dict[str, list[float]] = {"windows": [], "hidden": []}
    for _ in range(repeats):
        for form in times:
            start = time.perf_counter()
            run(form)
            if device != "cpu":
                torch.cuda.synchronize()
            times[form].append((time.perf_counter() - start) * 1e9)

    first = len(semantics.windows((size, size), layer.layer))
    second = len(semantics.windows((size, size), layer.layer, layer.layer))
    work = Work(size * size, channels, HIDDEN, KERNEL)
    unit = [Costs(*[float(i == j) for j in range(5)]) for i in range(5)]
    return (
        ([work.windows(costs, first, second) for costs in unit[:3]], statistics.median(times["windows"])),
        ([work.by_hidden(costs) for costs in unit[3:]], statistics.median(times["hidden"])),
    )


def inference(layer: SPADE, x: Tensor, semantics: Semantics, dtype: torch.dtype) -> Callable[[str], None]:
    folded = FoldedSPADE(layer, dtype)

    @torch.inference_mode()
    def run(form: str) -> None:
        folded.form = form  # type: ignore[assignment]
        semantics._kept.clear()  # tables are made anew, windows stay
        folded(x, semantics, slope=0.2)

    return run


def training_step(layer: SPADE, x: Tensor, semantics: Semantics) -> Callable[[str], None]:
    x.requires_grad_()

    def run(form: str) -> None:
        layer.form = form  # type: ignore[assignment]
        torch.autograd.grad(layer(x, semantics).sum(), [x, *layer.parameters()])

    return run


def fit(measured: list[tuple[list[float], float]]) -> list[float]:
    """Coefficients >= 0 with the least relative error."""
    amounts, times = (np.array(column, dtype=float) for column in zip(*measured, strict=True))
    coefficients, _ = nnls(amounts / times[:, None], np.ones(len(times)))
    error = np.abs(amounts @ coefficients / times - 1)
    print(f"# relative error: median {np.median(error):.2f}, largest {error.max():.2f}, {len(times)} measurements")
    return list(coefficients)


if __name__ == "__main__":
    main()
