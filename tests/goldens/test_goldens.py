"""Every golden case: tensors that the original implementations produced, reproduced by ours.

Cases lie in folders SYSTEM/CASE below $SPADEWORK_GOLDENS, which replaces the small selection beside this file.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from spadework.layers.modulation import SPADE
from spadework.layers.semantic_convolution import SemanticConv2d
from tests.goldens import clade, encoding, evaluation, oasis, preprocess, segmenters, spade
from tests.goldens.case import Case

ROOT = Path(os.environ.get("SPADEWORK_GOLDENS") or Path(__file__).parent / "data")

# System -> kind -> how to run it. A kind that is missing from a system that is built fails.
BUILT: dict[str, dict[str, Callable[[Case], None]]] = {"oasis": oasis.KINDS, "spade": spade.KINDS, "clade": clade.KINDS}

# The same for what judges photos: no label map enters it, so there are no forms of it.
JUDGES: dict[str, dict[str, Callable[[Case], None]]] = {
    **segmenters.KINDS,
    **evaluation.KINDS,
}

# The kinds that are about data alone: they run whether the system's networks are built or not.
DATA_KINDS: dict[str, dict[str, Callable[[Case], None]]] = {
    "oasis": {"preprocess": preprocess.run},
    "ccfpse": {"preprocess": preprocess.run},
    "pix2pixhd": {"encoding": encoding.run_pix2pixhd},
}

CASES = [Case(path.parent) for path in sorted(ROOT.glob("*/*/case.json"))]


def test_there_are_cases() -> None:
    assert CASES, f"no case.json below {ROOT}: is SPADEWORK_GOLDENS right?"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_golden(case: Case) -> None:
    kinds = DATA_KINDS.get(case.system, {}) | BUILT.get(case.system, {}) | JUDGES.get(case.system, {})
    if case.kind not in kinds and case.system not in BUILT | JUDGES:
        pytest.skip(f"not built yet: {case.system}")
    assert case.kind in kinds, f"{case.name}: no way to run cases of kind {case.kind!r}"
    kinds[case.kind](case)


@pytest.mark.parametrize("form", ["dense", "hidden", "windows"])
@pytest.mark.parametrize("case", [case for case in CASES if case.system in BUILT], ids=lambda case: case.name)
def test_golden_in_every_form(form: str, case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """However layers compute what they make of a label map, they reproduce the original's numbers."""
    for layer in (SPADE, SemanticConv2d):
        monkeypatch.setattr(layer, "form", form)
    test_golden(case)
