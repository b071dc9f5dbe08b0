"""What computes, in words: for logs, cards and tables."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import torch


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
