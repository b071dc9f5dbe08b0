"""Beginning and ending of the processes of a training: one or many, on one machine or several.

Fabric starts the processes of one machine, each of which runs the same command line; torchrun and SLURM start all of
them, and Fabric reads from the environment which is which.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.distributed as dist
from lightning_fabric import Fabric
from lightning_fabric.strategies.ddp import DDPStrategy
from lightning_fabric.utilities.rank_zero import rank_zero_only

from spadework.hardware import find_device
from spadework.layers.compiling import compile_networks
from spadework.layers.recompute import recompute_in_backward
from spadework.systems.base import System
from spadework.training.children import LOST, STARTER, Children, end_with_parent
from spadework.training.processes import PATIENCE, LostProcess, Processes
from spadework.training.settings import Settings

PRECISIONS = {"float32": "32-true", "bf16": "bf16-mixed", "float64": "64-true"}
"""Ours -> Fabric's."""
NUMBERS = {"float32": torch.float32, "bf16": torch.float32, "float64": torch.float64}
"""What weights are kept in."""


def is_first() -> bool:
    """Whether this is the first process of a training, or the only one."""
    rank: int = getattr(rank_zero_only, "rank", 0)
    return rank == 0


def launch(settings: Settings) -> tuple[Fabric, Children]:
    """Start the other processes, where nobody else does, and wait until all are there.

    Raises ValueError where there are not so many devices, or where settings contradict torchrun or SLURM.
    """
    devices, nodes = devices_and_nodes(settings)
    _check_devices(settings, devices)
    strategy: Any = DDPStrategy(timeout=PATIENCE) if devices * nodes > 1 else "auto"
    precision: Any = PRECISIONS[settings.precision]
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    fabric = Fabric(
        accelerator=settings.device, strategy=strategy, devices=devices, num_nodes=nodes, precision=precision
    )
    if devices * nodes > 1 and not _started_from_outside():
        if is_first():
            os.environ[STARTER] = str(os.getpid())
        else:
            end_with_parent()
    try:
        fabric.launch()
    except (dist.DistError, dist.DistStoreError, dist.DistNetworkError) as error:
        raise LostProcess(f"the processes of this training did not find each other: {error}") from error

    # Fabric's own watch would kill this process without a word: from here on, ours is on duty.
    started = getattr(fabric.strategy.launcher, "procs", [])
    children = Children(started)
    started.clear()
    return fabric, children


def prepare(system: System, settings: Settings) -> None:
    """Make the networks compute as the settings say."""
    if settings.precision == "bf16":
        system.to(memory_format=torch.channels_last)  # On a CPU 1.08 times as quick; float32 gains 1.02.
    if settings.recompute:
        recompute_in_backward(system)
    if settings.compile:
        compile_networks(system.networks.values())


@contextmanager
def ending_together(processes: Processes, children: Children) -> Iterator[None]:
    """A block that all processes leave together; one that is left alone says so instead of waiting."""
    try:
        yield
    except BaseException as error:
        if processes.stopped:
            _part(children)
        elif processes.count > 1:
            children.kill()
            if isinstance(error, RuntimeError) and _is_lost_connection(error):
                if processes.first:
                    raise LostProcess(LOST) from error
                raise SystemExit(1) from error
        raise
    _part(children)


def _part(children: Children) -> None:
    """All leave the group, and who started others sees them end."""
    if dist.is_available() and dist.is_initialized():
        dist.barrier()
        dist.destroy_process_group()
    children.wait()


def devices_and_nodes(settings: Settings) -> tuple[int, int]:
    """Processes on each machine, and machines: as asked for, else as torchrun or SLURM started them."""
    devices, nodes = 1, 1
    if dist.is_available() and dist.is_torchelastic_launched():
        devices = int(os.environ["LOCAL_WORLD_SIZE"])
        nodes = int(os.environ["WORLD_SIZE"]) // devices
    elif _started_from_outside():
        tasks, nodes = int(os.environ["SLURM_NTASKS"]), int(os.environ.get("SLURM_NNODES", "1"))
        if tasks > 1 and "SLURM_NTASKS_PER_NODE" not in os.environ:
            raise ValueError(f"SLURM started {tasks} tasks: say how many on each machine, with --ntasks-per-node")
        devices = tasks // nodes
    wanted = (
        devices if settings.devices is None else settings.devices,
        nodes if settings.nodes is None else settings.nodes,
    )
    if min(wanted) < 1:
        raise ValueError(f"--devices {wanted[0]} --nodes {wanted[1]}: expected at least 1 of each")
    if _started_from_outside() and wanted != (devices, nodes):
        raise ValueError(
            f"--devices {wanted[0]} --nodes {wanted[1]}, but {devices} processes on each of {nodes} machines were "
            "started: leave these options out, or start as many"
        )
    if wanted[1] > 1 and not _started_from_outside() and "MASTER_ADDR" not in os.environ:
        raise ValueError(
            f"--nodes {wanted[1]}: the machines must find each other. Start with torchrun or srun, or set MASTER_ADDR "
            "(the first machine), MASTER_PORT and NODE_RANK (0, 1, ...) on each of them"
        )
    return wanted


def _started_from_outside() -> bool:
    """By torchrun or SLURM, rather than by the first process of each machine."""
    elastic = dist.is_available() and dist.is_torchelastic_launched()
    interactive = os.environ.get("SLURM_JOB_NAME") in ("bash", "interactive")
    return elastic or ("SLURM_NTASKS" in os.environ and not interactive)


def _check_devices(settings: Settings, devices: int) -> None:
    gpus = torch.cuda.device_count()
    if settings.device == "cuda" and devices > gpus:
        raise ValueError(f"--devices {devices}, but this machine has {gpus} CUDA GPUs: take fewer, or --device cpu")
    if settings.device == "auto" and 0 < gpus < devices:
        raise ValueError(f"--devices {devices}, but this machine has {gpus} GPUs: take fewer, or --device cpu")
    if devices > 1 and (
        settings.device == "mps" or (settings.device == "auto" and not gpus and torch.backends.mps.is_available())
    ):
        raise ValueError(f"--devices {devices}: there is one MPS device; take --devices 1, or --device cpu")
    if settings.device == "mps":
        find_device(settings.device)


def _is_lost_connection(error: RuntimeError) -> bool:
    if isinstance(error, dist.DistError):
        return True
    return any(word in str(error) for word in ("gloo", "Connection closed by peer", "Connection reset", "NCCL"))
