"""What a preparation has done: a journal while it works, `manifest.json` when all is there.

The journal gets a line per finished file, so that a preparation that was killed at any moment goes on where it was. The
manifest says of every file its size and SHA-256, and those of the source file it was made from.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from spadework.atomic import explain_disk_full, write_text_atomic
from spadework.data.ontology import Ontology
from spadework.data.prepare.plan import DataSet, Output

MANIFEST = "manifest.json"
JOURNAL = ".prepare.jsonl"

_HINT = "choose another folder to write to, or delete this one first"


@dataclass(frozen=True)
class Record:
    """One finished file."""

    target: str
    bytes: int
    sha256: str
    size: tuple[int, int]
    """Width and height, upright."""
    source: str
    source_bytes: int
    source_sha256: str
    remark: str | None = None
    """What users should know about it, such as colours that were not exactly the ontology's."""

    def to_json(self) -> dict[str, Any]:
        """As JSON; without remark where there is none."""
        return {key: value for key, value in asdict(self).items() if value is not None}

    @property
    def key(self) -> tuple[str, str]:
        """Split and name of its pair."""
        return key_of(self.target)


def key_of(target: str) -> tuple[str, str]:
    """Split and name of the pair that a target, such as "train/photos/a.jpg", belongs to."""
    path = Path(target)
    return path.parts[0], path.stem


@dataclass(frozen=True)
class History:
    """What was done before in a prepared folder."""

    records: dict[str, Record]
    """Target -> its record."""
    left_out: dict[str, str]
    """"SPLIT/NAME" of a faulty pair -> what is wrong with it."""
    complete: bool
    """Whether the manifest is there and no journal goes beyond it."""
    other_classes: bool
    """Whether some of it was done with another ontology; label maps made with that are not among the records."""


def read_history(folder: Path, data_set: DataSet, ontology: Ontology) -> History | None:
    """What was done in a folder; None for an empty one.

    Raises ValueError for a folder that something else, or other options, made.
    """
    manifest, journal, other_classes = folder / MANIFEST, folder / JOURNAL, False
    records: dict[str, Record] = {}
    left_out: dict[str, str] = {}
    if manifest.is_file():
        data = _parse(manifest, manifest.read_text(encoding="utf-8"))
        _check_header(manifest, data, data_set)
        listed = {
            target: Record(target, **{**entry, "size": tuple(entry["size"])}) for target, entry in data["files"].items()
        }
        if other_classes := _has_other_classes(data, ontology):
            listed = _without_label_maps(listed)
        else:
            left_out = data["left_out"]
        records |= listed
    if journal.is_file():
        first, *lines = journal.read_bytes().split(b"\n")
        data = _parse(journal, first.decode(errors="replace"))
        _check_header(journal, data, data_set)
        finished = {record.target: record for line in lines if (record := _parse_record(line)) is not None}
        if _has_other_classes(data, ontology):
            finished, other_classes = _without_label_maps(finished), True
        records |= finished
    if manifest.is_file() or journal.is_file():
        return History(records, left_out, not journal.is_file(), other_classes)
    others = [entry.name for entry in folder.iterdir() if not entry.name.startswith(".")]
    if others:
        shown = ", ".join(sorted(others)[:3])
        raise ValueError(f"{folder}: it holds files that no preparation made ({shown}); choose an empty folder")
    return None


def is_intact(folder: Path, record: Record, *, thorough: bool) -> bool:
    """Whether a recorded file is there with its size and, if thorough, its SHA-256."""
    path = folder / record.target
    try:
        if path.stat().st_size != record.bytes:
            return False
        return not thorough or sha256(path.read_bytes()) == record.sha256
    except OSError:
        return False


def fits(record: Record, output: Output) -> bool:
    """Whether a record is about the output: made from a source file of the same size."""
    return record.source_bytes == output.source.bytes


def forget_other_classes(folder: Path, data_set: DataSet, ontology: Ontology, records: dict[str, Record]) -> None:
    """Keep these records alone, before label maps are made anew for this ontology: a journal instead of a manifest."""
    _write_journal(folder, data_set, ontology, records)
    (folder / MANIFEST).unlink(missing_ok=True)


def _write_journal(folder: Path, data_set: DataSet, ontology: Ontology, records: dict[str, Record]) -> None:
    lines = [_header(data_set, ontology), *(record.to_json() for record in records.values())]
    write_text_atomic(folder / JOURNAL, "".join(json.dumps(line) + "\n" for line in lines))


class Journal:
    """The file that grows by a line per finished file."""

    def __init__(self, folder: Path, data_set: DataSet, ontology: Ontology) -> None:
        self.path = folder / JOURNAL
        if not self.path.is_file():
            _write_journal(folder, data_set, ontology, {})
        self._descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND)

        # A kill may have cut the last line short: what follows begins on a line of its own.
        size = os.fstat(self._descriptor).st_size
        if size and os.pread(self._descriptor, 1, size - 1) != b"\n":
            self._write(b"\n")

    def add(self, record: Record) -> None:
        """Note that a file is there."""
        self._write(json.dumps(record.to_json()).encode() + b"\n")

    def close(self) -> None:
        """Close the file; it stays for a preparation that goes on."""
        os.close(self._descriptor)

    def _write(self, line: bytes) -> None:
        with explain_disk_full(self.path, "all finished files are kept, and the same command goes on from there"):
            while line:
                line = line[os.write(self._descriptor, line) :]


def write_manifest(
    folder: Path,
    data_set: DataSet,
    ontology: Ontology,
    records: dict[str, Record],
    left_out: dict[str, str],
    sources: dict[str, int],
) -> None:
    """Write manifest.json, a line per file; it is the same however often the preparation was interrupted."""
    pairs: dict[str, int] = {}
    for target in records:
        split, kind, _ = target.split("/")
        pairs[split] = pairs.get(split, 0) + (kind == "labels")
    head = {**_header(data_set, ontology), "sources": sources, "pairs": pairs, "left_out": left_out}
    lines = [f"  {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in head.items()]
    files = []
    for target in sorted(records):
        entry = records[target].to_json()
        del entry["target"]
        files.append(f"    {json.dumps(target, ensure_ascii=False)}: {json.dumps(entry, ensure_ascii=False)}")
    listed = ",\n".join(files)
    write_text_atomic(folder / MANIFEST, "{\n" + ",\n".join(lines) + ',\n  "files": {\n' + listed + "\n  }\n}\n")


def sha256(content: bytes) -> str:
    """The SHA-256 of some bytes, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def _header(data_set: DataSet, ontology: Ontology) -> dict[str, Any]:
    return {
        "data_set": data_set.name,
        "options": data_set.options(),
        "ontology_sha256": ontology.sha256,
        "spadework": version("spadework"),
    }


def _has_other_classes(header: dict[str, Any], ontology: Ontology) -> bool:
    return header.get("ontology_sha256", ontology.sha256) != ontology.sha256


def _without_label_maps(records: dict[str, Record]) -> dict[str, Record]:
    return {target: record for target, record in records.items() if target.split("/")[1] != "labels"}


def _check_header(file: Path, data: Any, data_set: DataSet) -> None:
    """Raise ValueError unless a manifest or journal is about the same data set and options."""
    if not isinstance(data, dict) or not {"data_set", "options"} <= data.keys():
        raise ValueError(f"{file}: it is not what `prepare` writes; {_HINT}")
    if data["data_set"] != data_set.name:
        raise ValueError(
            f"{file.parent}: {data['data_set']} was prepared there, now {data_set.name} is asked for; {_HINT}"
        )
    before, now = data["options"], json.loads(json.dumps(data_set.options()))
    for key in sorted(before.keys() | now.keys()):
        if before.get(key) != now.get(key):
            raise ValueError(
                f"{file.parent}: it was prepared with {key} {_shown(before.get(key))}, "
                f"now {_shown(now.get(key))} is asked for; {_HINT}"
            )


def _shown(value: Any) -> str:
    return ", ".join(map(str, value)) or "none" if isinstance(value, list) else str(value)


def _parse(file: Path, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise ValueError(f"{file}: not JSON ({error}); {_HINT}") from None


def _parse_record(line: bytes) -> Record | None:
    """The record in a line of the journal; None for a line that was cut short."""
    try:
        entry = json.loads(line)
        return Record(**{**entry, "size": tuple(entry["size"])})
    except (ValueError, TypeError, KeyError):
        return None
