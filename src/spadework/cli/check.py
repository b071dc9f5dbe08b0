"""`spadework check`: what is wrong with a data set, and the cure."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import tyro
from tqdm import tqdm
from tyro.conf import Positional

from spadework.atomic import write_json_atomic, write_text_atomic
from spadework.choose import choose
from spadework.data.doctor.console import as_text
from spadework.data.doctor.examine import examine
from spadework.data.doctor.fix import LISTING, repaired_copy, summed_up
from spadework.data.doctor.look_at_all import QUICK
from spadework.data.doctor.page import page
from spadework.data.doctor.report import Report
from spadework.data.label_map import read_label_map
from spadework.data.shipped import find_ontology
from spadework.systems import PRESETS, SYSTEMS
from spadework.systems.base import Preset
from spadework.training.forecast import Forecast, forecast


@dataclass(frozen=True)
class Check:
    """Say what is wrong with a data set, and the cure. Exit code 0: no errors; 1: errors found; 2: nothing to check."""

    data: Positional[Path]
    """A data folder (photos, labels, ontology.json), or the JSON file of an ontology that merges several."""
    split: str | None = None
    """Only this split: train, val or test. All of them unless given."""
    ontology: Path | None = None
    """The classes: a file, or the name of a shipped one such as coco-stuff, where the data folder does not say them."""
    quick: bool = False
    """Look at 500 evenly spread pairs only, as before each training."""
    json: Path | None = None
    """Write the report to this file, as JSON."""
    html: Path | None = None
    """Write the report to this file, as a page with pictures of the offenders."""
    fix: Path | None = None
    """Write a repaired copy of the data into this new folder; the original stays as it is."""
    preset: str | None = None
    """Forecast the memory and disk space of a training with this preset."""
    system: str = "spade"
    """Whose preset it is."""
    workers: int = field(default_factory=lambda: max(2, os.cpu_count() or 1))
    """Processes that look at files."""


def check(arguments: Sequence[str]) -> int:
    """Look, print the report, write what was asked for; returns the exit code."""
    options = tyro.cli(Check, prog="spadework check", args=list(arguments))
    if options.fix is not None and options.quick:
        raise ValueError("--fix wants all pairs looked at: leave --quick out")
    ontology = None if options.ontology is None else find_ontology(options.ontology)
    preset = None
    if options.preset is not None:
        choose(SYSTEMS, options.system, "system")
        preset = choose(PRESETS[options.system], options.preset, "preset")

    with _Bar() as bar:
        report = examine(
            options.data,
            split=options.split,
            ontology=ontology,
            limit=QUICK if options.quick else None,
            workers=0 if options.quick else options.workers,
            progress=bar.update,
        )
    needs = None if preset is None else _forecast(report, options, preset)
    print(as_text(report))
    _write(report, options, needs)
    if needs is not None:
        for what, how_much in needs.rows():
            print(f"{what:32} {how_much}")
    if options.fix is not None:
        _fix(report, options.fix)
    return 1 if report.count("error") else 0


def _forecast(report: Report, options: Check, preset: Preset) -> Forecast | None:
    """For the label map in the middle; None where none can be read."""
    readable = [fact.pair for fact in report.facts if fact.label.pixels is not None]
    if not readable:
        return None
    pair = readable[len(readable) // 2]
    label_map = read_label_map(pair.label, report.ontology, pack=pair.pack)
    return forecast(options.system, options.preset or "", preset, label_map, report.ontology.channels)


def _write(report: Report, options: Check, needs: Forecast | None) -> None:
    if options.json is not None:
        data = {**report.to_json(), "forecast": None if needs is None else needs.to_json()}
        write_json_atomic(options.json, data)
        print(options.json)
    if options.html is not None:
        write_text_atomic(options.html, page(report, None if needs is None else needs.rows()))
        print(options.html)


def _fix(report: Report, out: Path) -> None:
    """The copy, and what differs in it."""
    with _Bar() as bar:
        changes = repaired_copy(report, out, bar.update)
    for finding, change, number in summed_up(changes):
        print(f"{number:6} x {change} ({finding})")
    print(f"{out}: the repaired copy; {out / LISTING} lists every change")


class _Bar:
    """A bar on standard error, where that is a terminal."""

    def __init__(self) -> None:
        self.bar = tqdm(unit=" pairs", leave=False, disable=None)

    def update(self, done: int, total: int) -> None:
        """Of `total` pairs, `done` are done."""
        self.bar.total = total
        self.bar.update(done - self.bar.n)

    def __enter__(self) -> _Bar:
        return self

    def __exit__(self, *error: object) -> None:
        self.bar.close()
