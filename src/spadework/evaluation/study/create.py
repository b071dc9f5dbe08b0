"""Creating a study: label maps and folders of results -> a folder that holds all the questions and their pictures."""

from __future__ import annotations

import os
import shutil
import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from torch import Tensor

from spadework.atomic import explain_disk_full
from spadework.data.label_map import read_photo
from spadework.data.ontology import Ontology
from spadework.data.pair_dataset import PairDataset
from spadework.draw import Draw
from spadework.evaluation.study.pairing import Pairing, check_names, pair_results
from spadework.evaluation.study.plan import PICTURES, Picture, Question, Study
from spadework.evaluation.study.spoil import spoil
from spadework.evaluation.study.store import Store
from spadework.lock import FolderLock

LARGEST = 5
"""Classes in the legend of a label map."""
VISIBLE = 0.02
"""Classes with a smaller share of the pixels are not in the legend."""
PROPORTIONS = 0.02
"""Pictures whose proportions differ by more are not compared."""


@dataclass(frozen=True)
class Settings:
    """What a study is to be like; the defaults are the paper's where it says something."""

    our_name: str = "ours"
    """What our system is called in reports."""
    questions: int = 500
    """Random questions per competitor, without repeats; fewer where there are fewer label maps."""
    answers: int = 5
    """Workers that answer each question."""
    per_worker: int | None = 50
    """Questions for one worker at most; None: all."""
    checks: float = 0.1
    """Attention checks per question, 0 to 0.5."""
    misses: int = 1
    """Attention checks that a worker may miss."""
    legend: bool = True
    """Name the largest classes below each label map."""
    contact: str = ""
    """Whom workers can ask: a name, an address."""
    seed: int = 0
    """Draws the questions, and later their sides and order."""

    def check(self) -> None:
        """Raise ValueError for what makes no sense."""
        least = {"questions": self.questions, "answers": self.answers, "per-worker": self.per_worker or 1}
        for name, value in least.items():
            if value < 1:
                raise ValueError(f"--{name} {value}: expected 1 or more")
        if self.per_worker == 0:
            raise ValueError("--per-worker 0: expected 1 or more, or None for all questions")
        if not 0 <= self.checks <= 0.5:
            raise ValueError(f"--checks {self.checks}: expected attention checks per question, from 0 to 0.5")
        if self.misses < 0:
            raise ValueError(f"--misses {self.misses}: expected 0 or more")


@dataclass(frozen=True)
class Created:
    """A new study, and what its maker ought to know."""

    study: Study
    notes: tuple[str, ...]


def create(
    out: Path,
    data: PairDataset,
    data_name: str,
    ours: Path,
    theirs: Mapping[str, Path],
    settings: Settings | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Created:
    """Write the study folder `out`: ours against each of `theirs` (name -> folder of results) on the maps of `data`.

    Results and label maps pair by name. The folder holds copies of all pictures (RGB PNG, without metadata) and appears
    under its name when it is complete. Raises ValueError, leaving nothing behind, for settings that make no sense,
    results that fit no label map, pictures of different proportions, and a place that holds something already.
    """
    settings = settings or Settings()
    settings.check()
    check_names(settings.our_name, theirs)
    _check_place(out, [ours, *theirs.values()])
    pairings = {name: pair_results(data, settings.our_name, ours, name, folder) for name, folder in theirs.items()}
    notes = [note for pairing in pairings.values() for note in pairing.notes]
    asked = _draw_questions(pairings, settings, notes)
    study = Study(
        id=uuid.uuid4().hex,
        data=data_name,
        ours=settings.our_name,
        competitors=tuple(theirs),
        answers=settings.answers,
        per_worker=settings.per_worker,
        checks=sum(one.competitor is None for one in asked),
        misses=settings.misses,
        seed=settings.seed,
        contact=settings.contact,
        questions=(),
    )

    # Everything into a folder beside the place, which then gets its name at once.
    building = out.with_name(f".{out.name}.unfinished")
    building.mkdir(parents=True, exist_ok=True)
    lock = FolderLock(building, "creation of a study")
    try:
        with explain_disk_full(building, "nothing else was touched"):
            questions, made = _write_pictures(building, asked, data, settings, progress)
            study = Study(**{**study.__dict__, "questions": questions})
            study.write(building)
        Store(building, study).close()
        (building / ".lock").unlink()
        if out.exists():
            out.rmdir()  # It is empty.
        os.replace(building, out)
    except BaseException:
        shutil.rmtree(building, ignore_errors=True)
        raise
    finally:
        lock.release()
    return Created(study, (*notes, *made))


@dataclass(frozen=True)
class _Asked:
    """A question before its pictures are made."""

    index: int
    """The label map's index among the data."""
    competitor: str | None
    pictures: tuple[Path, ...]
    """Ours and theirs; for an attention check the one to be spoiled."""


def _draw_questions(pairings: Mapping[str, Pairing], settings: Settings, notes: list[str]) -> list[_Asked]:
    """Random questions for each competitor and the attention checks, in random order."""
    draw = Draw(settings.seed, [0])
    asked = []
    for name, pairing in pairings.items():
        order = draw.permutation(f"questions about {name}", len(pairing.results))[0].tolist()
        asked += [
            _Asked(index, name, paths) for index, paths in (pairing.results[i] for i in order[: settings.questions])
        ]
        if len(order) < settings.questions:
            notes.append(f"{name}: {len(order)} questions instead of {settings.questions}, one for each label map")

    # Attention checks show label maps that no question shows, where there are such.
    quota = min(settings.per_worker or len(asked), len(asked))
    number = max(round(settings.checks * quota), 1) if settings.checks else 0
    used = {one.index for one in asked}
    candidates = [
        _Asked(index, None, (path,))
        for pairing in pairings.values()
        for index, paths in pairing.results
        for path in paths
    ]
    order = draw.permutation("attention checks", len(candidates))[0].tolist()
    chosen: dict[int, _Asked] = {}
    for one in sorted((candidates[i] for i in order), key=lambda one: one.index in used):
        if len(chosen) < number:
            chosen.setdefault(one.index, one)
    asked += chosen.values()
    if chosen and settings.misses >= len(chosen):
        notes.append(
            f"attention checks for each worker: {len(chosen)}, of which {settings.misses} may be missed: none can fail"
        )
    return [asked[i] for i in draw.permutation("numbers", len(asked))[0].tolist()]


def _write_pictures(
    folder: Path,
    asked: Sequence[_Asked],
    data: PairDataset,
    settings: Settings,
    progress: Callable[[int, int], None] | None,
) -> tuple[tuple[Question, ...], list[str]]:
    """The pictures of all questions, each under its question's number."""
    for entry in folder.iterdir():  # What a killed creation left.
        if entry.name != ".lock":
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    (folder / PICTURES).mkdir()
    questions, seen = [], Counter[str]()
    for number, one in enumerate(asked):
        label_map = data.read(one.index)[1]
        name = data.name(one.index)
        pictures = [Image.fromarray(np.asarray(read_photo(path))) for path in one.pictures]  # Pixels, no metadata.
        if one.competitor is None:
            pictures.append(spoil(pictures[0], Draw(settings.seed, [number])))
        else:
            pictures, changed = _alike(pictures, one.pictures)
            seen[f"{one.competitor}: the larger picture of a pair was reduced to the smaller one's size"] += changed
            same = np.array_equal(np.asarray(pictures[0]), np.asarray(pictures[1]))
            seen[f"{one.competitor}: both pictures are the same"] += same
        layout = Image.fromarray(data.ontology.colorize(label_map).numpy())
        layout = layout.resize(pictures[0].size, Image.Resampling.NEAREST)
        kinds: dict[Picture, Image.Image] = {"layout": layout, "ours": pictures[0], "theirs": pictures[1]}
        for kind, image in kinds.items():
            image.save(Study.picture(folder, number, kind), "PNG")
        legend = legend_of(label_map, data.ontology) if settings.legend else ()
        questions.append(Question(name, one.competitor, legend))
        if progress is not None:
            progress(number + 1, len(asked))
    return tuple(questions), [f"{what} ({count} questions)" for what, count in seen.items() if count]


def _alike(pictures: list[Image.Image], paths: Sequence[Path]) -> tuple[list[Image.Image], bool]:
    """Two pictures of one size, which must tell nobody whose they are; and whether one of them was reduced."""
    (width, height), (other_width, other_height) = sizes = [picture.size for picture in pictures]
    if abs(width * other_height / (height * other_width) - 1) > PROPORTIONS:
        raise ValueError(
            f"{paths[0]} is {width}x{height}, {paths[1]} is {other_width}x{other_height}: workers would tell them "
            "apart by their shape; bring both results to the same proportions"
        )
    smaller = min(sizes)
    alike = [one if one.size == smaller else one.resize(smaller, Image.Resampling.LANCZOS) for one in pictures]
    return alike, sizes[0] != sizes[1]


def legend_of(label_map: Tensor, ontology: Ontology) -> tuple[tuple[str, str], ...]:
    """(name, #rrggbb) of the largest classes of a label map, the largest first."""
    counts = label_map.flatten().bincount(minlength=ontology.channels).double() / label_map.numel()
    largest = counts.argsort(descending=True, stable=True)[:LARGEST].tolist()
    colors = ontology.colors().tolist()
    return tuple(
        (ontology.names[index], "#{:02x}{:02x}{:02x}".format(*colors[index]))
        for index in largest
        if counts[index] >= VISIBLE and index != ontology.unlabelled_index
    )


def _check_place(out: Path, inputs: Sequence[Path]) -> None:
    place = out.resolve()
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ValueError(f"{out} is there already, and not empty: choose another --out, so that no vote is lost")
    for folder in inputs:
        if place == folder.resolve() or folder.resolve() in place.parents:
            raise ValueError(f"{out} lies inside {folder}: choose another --out")
