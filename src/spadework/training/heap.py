"""Memory that was freed, given back to the system.

The tables of every label map have a size of their own, so each iteration leaves other holes among what the C library
holds for the next one, and glibc gives nothing back but from the end. Unless asked.
"""

from __future__ import annotations

import ctypes
import sys


def give_back_freed() -> None:
    """Return what nobody uses; does nothing where the C library cannot (anything but glibc)."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)
