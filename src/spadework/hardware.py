"""What computes: a device by name, and its hardware in words, for logs, cards and tables."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import torch


def find_device(name: str) -> torch.device:
    """The device `cpu`, `cuda`, `cuda:1`, `mps`, ...; raises ValueError where PyTorch sees none of that name."""
    try:
        device = torch.device(name)
    except RuntimeError:
        raise ValueError(f"device {name!r} is unknown; there are cpu, cuda, cuda:1 and so on, and mps") from None
    count = torch.cuda.device_count()
    if device.type == "cuda" and (device.index or 0) >= count:
        seen = "no such GPU" if count == 0 else f"{count} of them"
        raise ValueError(
            f"device {name}: PyTorch sees {seen} here. Take another one (cpu), or look after the driver and the build "
            "of PyTorch: python -m torch.utils.collect_env"
        )
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise ValueError(f"device {name}: PyTorch sees no Apple GPU here; take cpu")
    return device


def hardware(device: torch.device | str) -> str:
    """The GPU's name, or the processor's with the number of cores that this process may use."""
    device = torch.device(device)
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return f"{_processor()}, {cores} {'core' if cores == 1 else 'cores'}{' (mps)' if device.type == 'mps' else ''}"


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
