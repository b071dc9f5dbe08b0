"""Every planted fault is found, with its cure; a repaired copy is clean and the original untouched."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from spadework.data.doctor.examine import examine
from spadework.data.doctor.finding import Finding
from spadework.data.doctor.fix import repaired_copy
from spadework.data.folder import FolderDataset
from tests.data.doctor.faults import FAULTS, Fault
from tests.data.doctor.packs import REAL, Pack, make_pack

BASES = ["drawn", *(pytest.param(name, marks=pytest.mark.slow) for name in REAL)]
WITH_INSTANCES = ("drawn", "cocostuff-samples")
PLANTED = [
    pytest.param(name, fault, id=f"{name}-{fault.name}", marks=[] if name == "drawn" else pytest.mark.slow)
    for name in ("drawn", *REAL)
    for fault in FAULTS
    if name in WITH_INSTANCES or not fault.instances
]


@pytest.fixture
def pack(request: pytest.FixtureRequest, tmp_path: Path) -> Pack:
    return make_pack(request.param, tmp_path / "pack")


def named(findings: tuple[Finding, ...], name: str) -> Finding:
    return next(finding for finding in findings if finding.name == name)


@pytest.mark.parametrize("pack", BASES, indirect=True)
def test_nothing_planted_nothing_found(pack: Pack) -> None:
    report = examine(pack.root)
    assert [finding.name for finding in report.findings if finding.severity != "note"] == []


@pytest.mark.parametrize(("pack", "fault"), PLANTED, indirect=["pack"])
def test_a_fault(pack: Pack, fault: Fault, tmp_path: Path) -> None:
    fault.plant(pack)
    before = pack.bytes()

    # Found, and nothing else is called an error.
    report = examine(pack.root)
    assert fault.finding in [finding.name for finding in report.findings], [f.name for f in report.findings]
    finding = named(report.findings, fault.finding)
    assert finding.severity in ({fault.severity, "warning"} if fault.softer else {fault.severity})
    assert fault.cure in finding.cure
    assert {f.name for f in report.findings if f.severity == "error"} <= {fault.finding, *fault.companions}
    json.dumps(report.to_json(), allow_nan=False)

    # A copy without it; what was only a guess, or can't be helped, may stay as it is.
    repaired_copy(report, tmp_path / "copy")
    assert pack.bytes() == before
    again = examine(tmp_path / "copy")
    left = {f.name for f in again.findings if f.severity != "note"}
    assert left <= ({fault.finding} if finding.repair is None else set())
    FolderDataset(tmp_path / "copy").check()
