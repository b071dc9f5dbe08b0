"""A repaired copy of a data folder; the original is only ever read."""

from __future__ import annotations

import os
import shutil
import struct
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from PIL import ExifTags, Image
from PIL.JpegImagePlugin import JpegImageFile, get_sampling

from spadework.atomic import write_atomic, write_json_atomic
from spadework.data.doctor.finding import Case, Finding, Repair
from spadework.data.doctor.report import Report
from spadework.data.doctor.stored import Stored, read_stored
from spadework.data.label_map import photo_size, read_label_map
from spadework.data.map_file import rotation
from spadework.data.ontology import Ontology
from spadework.data.pairs import Pair
from spadework.data.preprocess import Geometry

LISTING = "repairs.json"
"""The file of the copy that lists every change."""
START_OF_SCAN = 0xDA
"""The marker in a JPEG after which the picture itself follows."""


@dataclass(frozen=True)
class Change:
    """One thing that differs between the original and the copy."""

    path: Path
    """The file of the original."""
    finding: str
    """The name of the finding that it answers."""
    change: str
    """What was done, for people."""
    left_out: bool = False
    """The file, and those that belong to it, are not in the copy."""


def repaired_copy(report: Report, out: Path, progress: Callable[[int, int], None] | None = None) -> list[Change]:
    """Write a copy of the folder that `report` is about, with every repair that its findings know.

    The copy has the original's folders and names, `ontology.json` and `repairs.json`, which lists every change. It
    appears under its name when it is complete. Raises ValueError, before anything is written, for a quick report, for a
    place inside the original, one that holds something already, and where nothing would be left.
    """
    _check_place(report, out)
    repairs = _repairs_of(report)
    ontology = _ontology(report)
    building = out.with_name(f".{out.name}.unfinished")
    if building.exists():
        shutil.rmtree(building)
    building.mkdir(parents=True)

    # Pair by pair; what can't be repaired stays out.
    changes = [
        Change(case.path, finding.name, finding.repair.change, finding.repair.leave_out)
        for finding in report.findings
        for case in finding.cases
        if finding.repair is not None and case.pair is None
    ]
    changes += [
        Change(report.data, finding.name, finding.repair.change)
        for finding in report.findings
        if finding.repair is not None and finding.repair.unlabelled
    ]
    copied = 0
    for done, fact in enumerate(report.facts, 1):
        made = _copy_pair(fact.pair, repairs.get(fact.pair, []), report, ontology, building)
        copied += not any(change.left_out for change in made)
        changes += made
        if progress is not None:
            progress(done, len(report.facts))
    if not copied:
        shutil.rmtree(building)
        raise ValueError(f"{report.data}: none of its {report.checked} pairs can be repaired; nothing was written")
    ontology.write(building / "ontology.json")
    write_json_atomic(building / LISTING, _listing(report, changes, copied))
    if out.exists():
        out.rmdir()  # It is empty.
    os.replace(building, out)
    return changes


def _check_place(report: Report, out: Path) -> None:
    if report.quick:
        raise ValueError("a repaired copy wants all pairs looked at: leave --quick out")
    if report.data.suffix == ".json":
        raise ValueError(f"{report.data} merges several folders: repair each of them on its own")
    original, place = report.data.resolve(), out.resolve()
    if place == original or original in place.parents:
        raise ValueError(f"{out} lies inside the original {report.data}: choose a place outside of it for the copy")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ValueError(f"{out} is there already, and not empty: choose another place for the copy, or remove it")


def _repairs_of(report: Report) -> dict[Pair, list[tuple[Finding, Case]]]:
    """What each pair needs, in the order of the findings."""
    repairs: dict[Pair, list[tuple[Finding, Case]]] = {}
    for finding in report.findings:
        for case in finding.cases:
            if finding.repair is not None and case.pair is not None:
                repairs.setdefault(case.pair, []).append((finding, case))
    return repairs


def _ontology(report: Report) -> Ontology:
    """The copy's ontology, with what is declared anew."""
    found = [finding.repair.unlabelled for finding in report.findings if finding.repair is not None]
    added = tuple(id for ids in found for id in ids)
    return replace(report.ontology, unlabelled=tuple(dict.fromkeys([*report.ontology.unlabelled, *added])))


def _copy_pair(
    pair: Pair, repairs: list[tuple[Finding, Case]], report: Report, ontology: Ontology, out: Path
) -> list[Change]:
    """Write the files of one pair, or none of them; returns what was changed."""
    steps = [(finding.name, finding.repair) for finding, _ in repairs if finding.repair is not None]
    leave_out = [name for name, repair in steps if repair.leave_out]
    if leave_out:
        return [Change(pair.label, leave_out[0], "left out", True)]
    try:
        label = _repaired_label(pair, [repair for _, repair in steps], report.ontology, ontology)
    except ValueError as error:
        return [Change(pair.label, steps[0][0] if steps else "unusable-label", f"left out: {error}", True)]

    # Files that need no change keep their bytes.
    def place(path: Path, suffix: str | None = None) -> Path:
        target = out / path.relative_to(report.data)
        target.parent.mkdir(parents=True, exist_ok=True)
        return target if suffix is None else target.with_suffix(suffix)

    if label is None:
        _copy(pair.label, place(pair.label))
    else:
        write_atomic(place(pair.label, ".png"), partial(_write_ids, ids=label))
    if pair.photo is not None:
        if any(repair.as_stored for _, repair in steps):
            write_atomic(place(pair.photo), partial(_write_without_rotation, path=pair.photo))
        else:
            _copy(pair.photo, place(pair.photo))
    if pair.instance is not None:
        if any(repair.resize for _, repair in steps):
            _write_instances(place(pair.instance), pair)
        else:
            _copy(pair.instance, place(pair.instance))
    return [Change(case.path, finding.name, finding.repair.change) for finding, case in repairs if finding.repair]


def _repaired_label(pair: Pair, repairs: list[Repair], before: Ontology, after: Ontology) -> np.ndarray | None:
    """[H, W] ids, or None when the label map stays as it is; raises ValueError where it would be no good."""
    if not any(repair.label or repair.resize for repair in repairs):
        return None
    stored: Stored = read_stored(pair.label)
    for repair in repairs:
        if repair.label is not None:
            stored = repair.label(stored, before)
    values = stored.values
    if any(repair.resize for repair in repairs) and pair.photo is not None:
        values = _resized(values, photo_size(pair.photo))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            read_label_map(values, after)
        except Warning as warning:
            raise ValueError(str(warning)) from None
    return values


def _resized(values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """[H, W] or [H, W, 3] by nearest neighbour."""
    bands = values[..., None] if values.ndim == 2 else values
    maps = [Geometry(size).map(torch.from_numpy(bands[..., i].astype(np.int64)), 0) for i in range(bands.shape[2])]
    result = torch.stack(maps, -1).numpy().astype(values.dtype)
    return result[..., 0] if values.ndim == 2 else result


def _write_ids(file: BinaryIO, ids: np.ndarray) -> None:
    small = ids.astype(np.uint8) if ids.max() < 256 else ids.astype(np.uint16)
    Image.fromarray(small).save(file, "PNG")


def _write_instances(target: Path, pair: Pair) -> None:
    assert pair.instance is not None and pair.photo is not None
    values = _resized(read_stored(pair.instance).values, photo_size(pair.photo))
    if values.max() < 65536:
        write_atomic(target.with_suffix(".png"), partial(_write_ids, ids=values))
    else:
        write_atomic(target.with_suffix(".npy"), lambda file: np.save(file, values))


def _write_without_rotation(file: BinaryIO, path: Path) -> None:
    """The photo's pixels as they lie, every one of them kept; but for a JPEG that is encoded anew, as finely as before.

    That happens where its EXIF is no plain one, or where something else in it (XMP) asks for the rotation.
    """
    with Image.open(path) as image:
        exif, format, options = image.getexif(), image.format, dict[str, Any]()
        exif.pop(ExifTags.Base.Orientation, None)
        if isinstance(image, JpegImageFile):
            with suppress(struct.error, IndexError):
                unturned = _as_it_lies(path.read_bytes())
                if rotation(Image.open(BytesIO(unturned))) == 1:
                    file.write(unturned)
                    return
            format, options = "JPEG", {"qtables": image.quantization, "subsampling": get_sampling(image)}
        elif format == "WEBP":
            options = {"lossless": True, "exact": True}
        image.save(file, format, exif=exif, **options)


def _as_it_lies(jpeg: bytes) -> bytes:
    """The same JPEG, whose EXIF asks for no rotation: one number in it becomes 1, the picture stays as encoded."""
    changed, segment = bytearray(jpeg), 2
    while changed[segment] == 0xFF and changed[segment + 1] != START_OF_SCAN:
        (length,) = struct.unpack_from(">H", changed, segment + 2)
        if changed[segment + 4 : segment + 10] == b"Exif\0\0":
            # The TIFF structure in it: byte order, offset of the first directory, its entries of 12 bytes.
            start = segment + 10
            order = "<" if changed[start : start + 2] == b"II" else ">"
            directory = start + struct.unpack_from(f"{order}I", changed, start + 4)[0]
            (entries,) = struct.unpack_from(f"{order}H", changed, directory)
            for entry in range(directory + 2, directory + 2 + 12 * entries, 12):
                if struct.unpack_from(f"{order}H", changed, entry)[0] == ExifTags.Base.Orientation:
                    struct.pack_into(f"{order}H", changed, entry + 8, 1)
        segment += 2 + length
    return bytes(changed)


def _copy(source: Path, target: Path) -> None:
    def write(file: BinaryIO) -> None:
        with source.open("rb") as original:
            shutil.copyfileobj(original, file)

    write_atomic(target, write)


def _listing(report: Report, changes: list[Change], copied: int) -> dict[str, Any]:
    return {
        "original": str(report.data),
        "pairs": report.checked,
        "copied": copied,
        "changes": [
            {"path": str(change.path), "finding": change.finding, "change": change.change} for change in changes
        ],
    }


def summed_up(changes: list[Change]) -> Iterator[tuple[str, str, int]]:
    """(finding, change, number of files), each kind once."""
    kinds = Counter((change.finding, "left out" if change.left_out else change.change) for change in changes)
    for (finding, change), number in kinds.items():
        yield finding, change, number
