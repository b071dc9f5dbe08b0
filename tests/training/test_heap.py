"""Freed memory goes back to the system."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

# Tensors of many sizes with small ones between them that stay: freed, they leave holes that only trimming gives back.
HOLES = """
from pathlib import Path
import torch
from spadework.training.heap import give_back_freed

def resident() -> int:
    return int(Path("/proc/self/status").read_text().partition("VmRSS:")[2].split()[0]) // 1024

generator, kept = torch.Generator().manual_seed(0), []
for step in range(200):
    large = [torch.ones(int(torch.randint(10_000, 4_000_000, (), generator=generator))) for _ in range(12)]
    kept = [*kept[-60:], torch.ones(50_000)]
used = sum(each.numel() for each in kept) * 4 // 2**20
del large
before = resident()
give_back_freed()
print(before, resident(), used, all(bool((each == 1).all()) for each in kept))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries are not asked")
def test_what_was_freed_goes_back() -> None:
    result = subprocess.run([sys.executable, "-c", HOLES], capture_output=True, text=True, check=True)
    before, after, used, whole = result.stdout.split()
    assert whole == "True" and int(used) < 20
    assert int(before) - int(after) > 100, result.stdout


def test_elsewhere_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    from spadework.training import heap

    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(heap.ctypes, "CDLL", None)
    heap.give_back_freed()
