"""How much faster two processes train than one, how much of it they talk, and two ways of sharing gradients.

    python benchmarks/processes.py --repeats 5 --iterations 5

Trains SPADE with synchronised batch norm on drawn pictures, a thread for each process, over gloo: `alone` is one
process; `averaged` are two that average each player's gradients after its backward pass, as the training loop does;
`wrapped` are two whose networks are wrapped in DistributedDataParallel by Fabric. All processes live for the whole
benchmark; the three take turns in every repeat. It prints images per second, median and spread, the ratios to `alone`
within each repeat, and the share of the time that `averaged` spent in collectives, in the process that waited less for
the other.

Wrapped networks must be told, before their forward pass, whether their gradients are to be shared: here this is done by
the order of the players, which the training loop does not know.
"""

from __future__ import annotations

import argparse
import multiprocessing
import queue
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel

from spadework.draw import Draw
from spadework.sample import Batch
from spadework.systems.base import Progress
from spadework.systems.spade import Spade, SpadeConfig
from spadework.training.iteration import iterate_in_parts, make_optimizers
from spadework.training.processes import Processes

ORDER = ("generator", "discriminator")
TOGETHER = ("averaged", "wrapped")


def system(options: argparse.Namespace) -> Spade:
    """The released architecture, narrower."""
    torch.manual_seed(0)
    return Spade(
        SpadeConfig(
            classes=20,
            height=options.size,
            width=options.size,
            generator_width=options.width,
            discriminator_width=options.width,
            perceptual_weight=0.0,
        )
    ).train()


def batch(options: argparse.Namespace, pictures: int, parts: int) -> Batch:
    """Patches of 16 pixels, and noise."""
    patches = torch.randint(20, (pictures, options.size // 16, options.size // 16))
    label_map = patches.repeat_interleave(16, 1).repeat_interleave(16, 2)
    photo = torch.rand(pictures, 3, options.size, options.size) * 2 - 1
    return Batch(label_map, [""] * pictures, photo, parts=parts)


class Timed:
    """Collectives, with the seconds that were spent in them."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._all_reduce: Callable[..., Any] = dist.all_reduce
        dist.all_reduce = self  # type: ignore[assignment]

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        began = time.perf_counter()
        try:
            return self._all_reduce(*arguments, **options)
        finally:
            self.seconds += time.perf_counter() - began


def wrapped_iteration(model: Spade, optimizers: dict[str, torch.optim.Optimizer], data: Batch, draw: Draw) -> None:
    """As `iterate`, for wrapped networks: only the player's own shares gradients."""
    turns = model.turns(data, Progress(0, 1), draw)
    for player in ORDER:
        for name in ORDER:
            network: Any = getattr(model, name)
            network.require_backward_grad_sync = name == player
        _, losses = next(turns)
        optimizers[player].zero_grad(set_to_none=True)
        parameters = [parameter for group in optimizers[player].param_groups for parameter in group["params"]]
        torch.stack(list(losses.values())).sum().backward(inputs=parameters)
        optimizers[player].step()


class Wrapper(DistributedDataParallel):
    """Attributes of the network inside, which systems use."""

    def _passing_sync_batchnorm_handle(self, module: Any) -> None:
        """PyTorch's check, which refuses synchronised norms on CPUs; ours compute there."""

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(self.module, name)


def work(rank: int, options: argparse.Namespace, folder: Path, orders: Any, answers: Any) -> None:
    """One of two processes: takes orders (a way, how many iterations) and answers with seconds, and seconds of talk."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=(folder / "meet").as_uri(), rank=rank, world_size=2)
    models = {way: system(options) for way in TOGETHER}
    optimizers = {way: make_optimizers(model, Progress(0, 1)) for way, model in models.items()}
    for name in ORDER:
        setattr(models["wrapped"], name, Wrapper(getattr(models["wrapped"], name), broadcast_buffers=False))
    talk, processes = Timed(), Processes()
    data = batch(options, options.batch // 2, 2)
    draw = Draw(0, range(rank * options.batch // 2, (rank + 1) * options.batch // 2))
    while (order := orders.get()) is not None:
        way, iterations = order
        dist.barrier()
        talk.seconds, began = 0.0, time.perf_counter()
        for _ in range(iterations):
            if way == "averaged":
                iterate_in_parts(models[way], optimizers[way], [(data, draw)], Progress(0, 1), processes)
            else:
                wrapped_iteration(models[way], optimizers[way], data, draw)
        answers.put((time.perf_counter() - began, talk.seconds))
    dist.destroy_process_group()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", type=int, default=128, help="pixels")
    parser.add_argument("--width", type=int, default=16, help="channels of the networks at full resolution")
    parser.add_argument("--batch", type=int, default=4, help="pictures in an iteration, of all processes together")
    parser.add_argument("--iterations", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()

    torch.set_num_threads(1)
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        orders, answers = [context.Queue() for _ in range(2)], [context.Queue() for _ in range(2)]
        others = [
            context.Process(target=work, args=(rank, options, Path(folder), orders[rank], answers[rank]))
            for rank in range(2)
        ]
        for other in others:
            other.start()

        def answer(rank: int) -> tuple[float, float]:
            while others[rank].is_alive():
                with suppress(queue.Empty):
                    return answers[rank].get(timeout=1)
            for other in others:
                other.kill()
            raise SystemExit("one of the two processes has ended: see above")

        def together(way: str, iterations: int) -> tuple[float, float]:
            for order in orders:
                order.put((way, iterations))
            measured = [answer(rank) for rank in range(2)]
            return max(seconds for seconds, _ in measured), min(talk for _, talk in measured)

        model = system(options)
        optimizers, data = make_optimizers(model, Progress(0, 1)), batch(options, options.batch, 1)

        def alone(iterations: int) -> float:
            began = time.perf_counter()
            for _ in range(iterations):
                whole = [(data, Draw(0, range(options.batch)))]
                iterate_in_parts(model, optimizers, whole, Progress(0, 1), Processes())
            return time.perf_counter() - began

        speeds: dict[str, list[float]] = {way: [] for way in ("alone", *TOGETHER)}
        shares = []
        for repeat in range(options.repeats + 1):
            measured = {"alone": (alone(options.iterations), 0.0)}
            measured |= {way: together(way, options.iterations) for way in TOGETHER}
            if repeat:  # The first one warms up.
                for way, (seconds, _) in measured.items():
                    speeds[way].append(options.iterations * options.batch / seconds)
                shares.append(measured["averaged"][1] / measured["averaged"][0])
        for order in orders:
            order.put(None)
        for other in others:
            other.join()

    print(f"batch of {options.batch}, {options.size}x{options.size}, {options.repeats} repeats")
    for way, values in speeds.items():
        ratios = [value / one for value, one in zip(values, speeds["alone"], strict=True)]
        print(
            f"{way:10} {statistics.median(values):6.2f} images/s ({min(values):.2f} to {max(values):.2f}); "
            f"{statistics.median(ratios):.2f} times alone ({min(ratios):.2f} to {max(ratios):.2f})"
        )
    spread = f"{min(shares):.1%} to {max(shares):.1%}"
    print(f"averaged: {statistics.median(shares):.1%} of the time in collectives ({spread})")


if __name__ == "__main__":
    main()
