"""Every golden case: tensors that the original implementations produced, reproduced by ours.

Cases lie in folders SYSTEM/CASE below $SPADEWORK_GOLDENS, which replaces the small selection beside this file.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.goldens import spade
from tests.goldens.case import Case

ROOT = Path(os.environ.get("SPADEWORK_GOLDENS") or Path(__file__).parent / "data")

# System -> kind -> how to run it. A kind that is missing from a system that is built fails.
BUILT: dict[str, dict[str, Callable[[Case], None]]] = {"spade": spade.KINDS}

CASES = [Case(path.parent) for path in sorted(ROOT.glob("*/*/case.json"))]


def test_there_are_cases() -> None:
    assert CASES, f"no case.json below {ROOT}: is SPADEWORK_GOLDENS right?"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_golden(case: Case) -> None:
    kinds = BUILT.get(case.system)
    if kinds is None:
        pytest.skip(f"not built yet: {case.system}")
    assert case.kind in kinds, f"{case.name}: no way to run cases of kind {case.kind!r}"
    kinds[case.kind](case)
