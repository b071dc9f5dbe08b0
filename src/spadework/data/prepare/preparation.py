"""Preparing a data set: what is missing is made, what is there stays, whatever happened before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from spadework.atomic import readable_bytes, sweep_partial
from spadework.data.prepare.plan import DataSet, Output, Plan
from spadework.data.prepare.record import (
    JOURNAL,
    MANIFEST,
    History,
    Journal,
    Record,
    fits,
    forget_other_classes,
    is_intact,
    key_of,
    read_history,
    write_manifest,
)
from spadework.data.prepare.source import SourceTree
from spadework.data.prepare.work import Fault, make_all, room_needed
from spadework.lock import FolderLock

Progress = Callable[[str, int, int], object]
"""Told what is going on, how many files are done, and of how many."""


@dataclass(frozen=True)
class Prepared:
    """A folder that is ready."""

    pairs: dict[str, int]
    """Split -> pairs."""
    files: int
    """Files in it, ontology and manifest not counted."""
    bytes: int
    """Their size; hard links count as if they were copies."""
    made: int
    """Files that this preparation made; the others were there."""
    left_out: dict[str, str]
    """"SPLIT/NAME" of a faulty pair -> what is wrong with it."""
    notes: list[str]
    """What else users should know."""


def prepare(
    data_set: DataSet,
    source: Path,
    target: Path,
    *,
    copy: bool = False,
    verify: bool = False,
    skip_faulty: bool = False,
    workers: int = 1,
    progress: Progress = lambda what, done, total: None,
) -> Prepared:
    """Bring a data set as its owners publish it into a data folder, with ontology and manifest.

    Photos and maps that need no change are hard links where the file system can do that, unless `copy`; nothing in the
    source is changed. Interrupted at any moment, the same call goes on, with the same result; once complete, it looks
    at sizes only or, with `verify`, at every byte, and makes anew what is missing or damaged, and all label maps when
    the classes have changed. Faulty pairs raise ValueError after all others are done; with `skip_faulty` they are left
    out and listed. With several `workers`, a script must guard its main code with `if __name__ == "__main__"`.
    """
    source, target = Path(source), Path(target)
    if target.exists() and not target.is_dir():
        raise ValueError(f"{target}: it is a file, expected a folder to write to; choose another")
    if source.exists() and target.exists() and source.samefile(target):
        raise ValueError(f"{target}: source and target are the same folder; choose another one to write to")
    tree = SourceTree(source, data_set.archives, exclude=target)
    try:
        plan = data_set.plan(tree)
        target.mkdir(parents=True, exist_ok=True)
        lock = FolderLock(target, "preparation", "folder to write to")
        try:
            return _prepare(data_set, tree, plan, target, copy, verify, skip_faulty, workers, progress)
        finally:
            lock.release()
    finally:
        tree.close()


def _prepare(
    data_set: DataSet,
    tree: SourceTree,
    plan: Plan,
    target: Path,
    copy: bool,
    verify: bool,
    skip_faulty: bool,
    workers: int,
    progress: Progress,
) -> Prepared:
    # What is there already, and what remains to be done.
    history = read_history(target, data_set, plan.ontology)
    other_classes = history is not None and history.other_classes
    for folder in {(target / output.target).parent for output in plan.outputs} | {target}:
        if folder.is_dir():
            sweep_partial(folder)
    left_out = {} if history is None else dict(history.left_out)
    outputs = [output for output in plan.outputs if "/".join(key_of(output.target)) not in left_out]
    done = _still_good(history, outputs, target, verify, progress)
    todo = [output for output in outputs if output.target not in done]

    # Make it, with a note of each file that is finished.
    made: dict[str, Record] = {}
    if todo or history is None or not history.complete:
        _check_room(todo, target, copy)
        if other_classes:
            forget_other_classes(target, data_set, plan.ontology, done)
        journal = Journal(target, data_set, plan.ontology)
        try:
            made, faults = _make(todo, tree, target, copy, 1 if plan.one_process else workers, journal, progress)
        finally:
            journal.close()
        records = done | made
        faulty = _faulty_pairs(faults, records)
        if faulty and not skip_faulty:
            raise ValueError(_describe(faulty, len(outputs) - len(todo) + len(made), tree))
        for record in [record for record in records.values() if "/".join(record.key) in faulty]:
            (target / record.target).unlink(missing_ok=True)
            del records[record.target]
        left_out |= faulty

        # All is there: say so, then forget the notes.
        if not records:
            raise ValueError(f"{tree.root}: nothing is left of it: {_describe(left_out, 0, tree)}")
        if not ((target / MANIFEST).is_file() and (target / "ontology.json").is_file()):
            plan.ontology.write(target / "ontology.json")
        write_manifest(target, data_set, plan.ontology, records, left_out, _sources(tree, plan))
        (target / JOURNAL).unlink()
    else:
        records = done
    splits = sorted({record.key[0] for record in records.values()}, key=["train", "val", "test"].index)
    pairs = {split: sum(target.startswith(f"{split}/labels/") for target in records) for split in splits}
    size, made_now = sum(record.bytes for record in records.values()), len(made.keys() & records.keys())
    return Prepared(pairs, len(records), size, made_now, left_out, plan.notes + _remarks(records))


def _still_good(
    history: History | None, outputs: Sequence[Output], target: Path, verify: bool, progress: Progress
) -> dict[str, Record]:
    """The outputs that need not be made again; raises ValueError when the source has lost some."""
    if history is None:
        return {}
    planned = {output.target: output for output in outputs}
    lost = sorted(history.records.keys() - planned.keys())
    if lost:
        shown = ", ".join(lost[:3]) + (", ..." if len(lost) > 3 else "")
        raise ValueError(
            f"{target}: {len(lost)} of the {len(history.records)} files that were prepared there are no longer in the "
            f"source ({shown}). Bring the source back to what it was, or choose another folder to write to"
        )
    good = {}
    for number, (name, record) in enumerate(history.records.items()):
        progress("verifying" if verify else "looking", number + 1, len(history.records))
        if fits(record, planned[name]) and is_intact(target, record, thorough=verify):
            good[name] = record
    return good


def _check_room(todo: Sequence[Output], target: Path, copy: bool) -> None:
    needed, free = room_needed(todo, target, copy)
    if needed > free:
        raise ValueError(
            f"{target}: about {readable_bytes(needed)} are to be written, {readable_bytes(free)} are free there: "
            "free some space, or choose a folder on another disk"
        )


def _make(
    todo: Sequence[Output],
    tree: SourceTree,
    target: Path,
    copy: bool,
    workers: int,
    journal: Journal,
    progress: Progress,
) -> tuple[dict[str, Record], list[Fault]]:
    made: dict[str, Record] = {}
    faults: list[Fault] = []
    for number, result in enumerate(make_all(todo, tree, target, copy=copy, workers=workers)):
        if isinstance(result, Record):
            journal.add(result)
            made[result.target] = result
        else:
            faults.append(result)
        progress("preparing", number + 1, len(todo))
    return made, faults


def _faulty_pairs(faults: Sequence[Fault], records: dict[str, Record]) -> dict[str, str]:
    """ "SPLIT/NAME" -> what is wrong: files that could not be used, and sizes that differ within a pair."""
    faulty = {"/".join(key_of(fault.target)): fault.message for fault in sorted(faults, key=lambda fault: fault.target)}
    first: dict[tuple[str, str], Record] = {}
    for _, record in sorted(records.items()):
        other = first.setdefault(record.key, record)
        if other.size != record.size:
            faulty.setdefault(
                "/".join(record.key),
                f"{other.source} is {other.size[0]}x{other.size[1]}, but {record.source} is "
                f"{record.size[0]}x{record.size[1]} (width x height, turned upright)",
            )
    return faulty


def _describe(faulty: dict[str, str], finished: int, tree: SourceTree) -> str:
    shown = "".join(f"\n- {message}" for message in list(faulty.values())[:5])
    more = f"\n  ... and {len(faulty) - 5} more" if len(faulty) > 5 else ""
    pairs = "pair" if len(faulty) == 1 else "pairs"
    return (
        f"{len(faulty)} faulty {pairs} in {tree.root}; {finished} good files are finished and kept:{shown}{more}\n"
        "Repair these and run the same command again, or leave them out with --skip-faulty"
    )


def _remarks(records: dict[str, Record]) -> list[str]:
    """The first few remarks on single files."""
    remarks = [record.remark for _, record in sorted(records.items()) if record.remark is not None]
    more = [f"such remarks on {len(remarks) - 3:,} more files stand in {MANIFEST}"] if len(remarks) > 3 else []
    return remarks[:3] + more


def _sources(tree: SourceTree, plan: Plan) -> dict[str, int]:
    """Where the files came from: archives by name with their sizes in bytes, the folder with the bytes used of it."""
    used = {output.source.location: output.source for output in plan.outputs}
    archives = {archive.name: archive.stat().st_size for archive in tree.archives if archive in used}
    apart = sum(file.bytes for file in used.values() if file.offset is None)
    return archives | ({tree.root.resolve().name: apart} if apart else {})
