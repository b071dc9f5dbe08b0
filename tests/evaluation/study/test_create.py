"""A study folder: which questions it holds, what its pictures are, and what is refused."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from spadework.data.folder import FolderDataset
from spadework.data.label_map import read_label_map
from spadework.draw import Draw
from spadework.evaluation.study.create import Created, Settings, create, legend_of
from spadework.evaluation.study.plan import Study
from spadework.evaluation.study.spoil import spoil
from tests.evaluation.study.drawn import drawn_study


@pytest.fixture
def results(tmp_path: Path) -> tuple[Path, Path, Path]:
    return drawn_study(tmp_path, maps=8)


def made(
    results: tuple[Path, Path, Path], out: Path, theirs: dict[str, Path] | None = None, **settings: object
) -> Created:
    data, good, poor = results
    dataset = FolderDataset(data, training=False, photos_required=False)
    return create(out, dataset, "land", good, theirs or {"poor": poor}, Settings(**settings))  # type: ignore[arg-type]


def test_questions_and_their_pictures(results: tuple[Path, Path, Path], tmp_path: Path) -> None:
    data, good, poor = results
    created = made(results, tmp_path / "study", questions=5, per_worker=4, checks=0.5)
    study = Study.read(tmp_path / "study")
    assert study == created.study and not created.notes
    assert len(study.real) == 5 and len(study.check_numbers) == study.checks == 2 and study.wanted == 25
    names = [study.questions[number].name for number in study.real]
    assert len(set(names)) == 5
    ontology = FolderDataset(data, photos_required=False).ontology
    for number, question in enumerate(study.questions):
        layout, ours, theirs = (
            np.asarray(Image.open(Study.picture(tmp_path / "study", number, kind)))
            for kind in ("layout", "ours", "theirs")
        )
        label_map = read_label_map(data / "labels" / f"{question.name}.png", ontology)
        assert np.array_equal(layout, ontology.colorize(label_map).numpy())
        assert question.legend == legend_of(label_map, ontology) and ("meadow", "#589654") in question.legend
        sources = {name: np.asarray(Image.open(path)) for name, path in results_of(good, poor, question.name).items()}
        if question.is_check:
            assert any(np.array_equal(ours, source) for source in sources.values()) and not np.array_equal(ours, theirs)
        else:
            assert np.array_equal(ours, sources["good"]) and np.array_equal(theirs, sources["poor"])


def results_of(good: Path, poor: Path, name: str) -> dict[str, Path]:
    return {"good": good / f"{name}.png", "poor": poor / f"{name}.jpg"}


def test_the_seed_draws_the_questions(results: tuple[Path, Path, Path], tmp_path: Path) -> None:
    studies = [made(results, tmp_path / f"s{n}", questions=4, seed=seed).study for n, seed in enumerate((1, 1, 2))]
    assert studies[0].questions == studies[1].questions != studies[2].questions
    assert len({study.id for study in studies}) == 3


def test_checks_show_other_label_maps_where_there_are_some(results: tuple[Path, Path, Path], tmp_path: Path) -> None:
    study = made(results, tmp_path / "study", questions=4, checks=0.5).study
    shown = {study.questions[number].name for number in study.real}
    assert len(study.check_numbers) == 2
    assert not shown & {study.questions[number].name for number in study.check_numbers}


def test_several_competitors_and_fewer_maps_than_questions(results: tuple[Path, Path, Path], tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(results[2], other)
    for name in ("land-00.jpg", "land-03.jpg"):
        (other / name).unlink()
    created = made(results, tmp_path / "study", {"poor": results[2], "other": other}, checks=0)
    counts = [sum(q.competitor == name for q in created.study.questions) for name in ("poor", "other")]
    assert counts == [8, 6] and created.study.checks == 0
    assert created.notes == (
        "other has no picture for 2 of 8 label maps (land-00, land-03)",
        "poor: 8 questions instead of 500, one for each label map",
        "other: 6 questions instead of 500, one for each label map",
    )


def test_sizes_are_made_alike_and_metadata_is_gone(results: tuple[Path, Path, Path], tmp_path: Path) -> None:
    _, good, _ = results
    for path in good.iterdir():
        image = Image.open(path).resize((192, 128))
        exif = image.getexif()
        exif[0x010E] = "made by ours"
        image.save(path, exif=exif, icc_profile=b"no profile")
    created = made(results, tmp_path / "study", checks=0.2)
    assert "poor: the larger picture of a pair was reduced to the smaller one's size (8 questions)" in created.notes
    for number, question in enumerate(created.study.questions):
        images = [Image.open(Study.picture(tmp_path / "study", number, kind)) for kind in ("layout", "ours", "theirs")]
        assert len({image.size for image in images}) == 1 and (question.is_check or images[0].size == (96, 64))
        assert all(not image.info and not image.getexif() for image in images)


def test_equal_pictures_are_told(results: tuple[Path, Path, Path], tmp_path: Path) -> None:
    same = tmp_path / "same"
    shutil.copytree(results[1], same)
    assert "same: both pictures are the same (8 questions)" in made(results, tmp_path / "study", {"same": same}).notes


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"questions": 0}, "--questions 0"),
        ({"answers": 0}, "--answers 0"),
        ({"per_worker": 0}, "--per-worker 0"),
        ({"per_worker": -2}, "--per-worker -2"),
        ({"checks": 0.7}, "--checks 0.7"),
        ({"misses": -1}, "--misses -1"),
        ({"our_name": "POOR"}, "two systems are called"),
        ({"our_name": " "}, "expected a name"),
    ],
)
def test_settings_that_make_no_sense(
    results: tuple[Path, Path, Path], tmp_path: Path, settings: dict[str, object], complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        made(results, tmp_path / "study", **settings)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["good", "land", "poor"]


def test_results_that_fit_nothing(results: tuple[Path, Path, Path], tmp_path: Path) -> None:
    good = results[1]
    (tmp_path / "empty").mkdir()
    (tmp_path / "odd").mkdir()
    shutil.copy(good / "land-00.png", tmp_path / "odd" / "something.png")
    (tmp_path / "twice" / "a").mkdir(parents=True)
    for place in (".", "a"):
        shutil.copy(good / "land-00.png", tmp_path / "twice" / place)
    for folder, complaint in [
        ("nowhere", "there is no such folder"),
        ("empty", "no pictures in it"),
        ("odd", "none of its pictures has the name of a label map; it holds something"),
        ("twice", "have one name"),
        ("good", "are the same folder"),
    ]:
        with pytest.raises(ValueError, match=complaint):
            made(results, tmp_path / "study", {"crn": tmp_path / folder})
    with pytest.raises(ValueError, match="no competitor given"):
        create(tmp_path / "study", FolderDataset(results[0], photos_required=False), "land", good, {})
    assert not (tmp_path / "study").exists() and not list(tmp_path.glob(".study*"))


def test_pictures_of_another_shape_leave_nothing_behind(results: tuple[Path, Path, Path], tmp_path: Path) -> None:
    Image.new("RGB", (64, 64)).save(results[2] / "land-04.jpg")
    with pytest.raises(ValueError, match=r"land-04.png is 96x64, .*land-04.jpg is 64x64.*same proportions"):
        made(results, tmp_path / "study")
    (results[2] / "land-04.jpg").write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"land-04\.jpg"):
        made(results, tmp_path / "study")
    assert not (tmp_path / "study").exists() and not list(tmp_path.glob(".study*"))


def test_a_study_is_never_overwritten(results: tuple[Path, Path, Path], tmp_path: Path) -> None:
    first = made(results, tmp_path / "study").study
    with pytest.raises(ValueError, match="is there already, and not empty"):
        made(results, tmp_path / "study", seed=5)
    assert Study.read(tmp_path / "study") == first
    with pytest.raises(ValueError, match="lies inside"):
        made(results, results[1] / "study")


def test_what_a_killed_creation_left_is_no_part_of_the_next(results: tuple[Path, Path, Path], tmp_path: Path) -> None:
    left = tmp_path / ".study.unfinished"
    (left / "pictures").mkdir(parents=True)
    (left / "pictures" / "99999-ours.png").write_bytes(b"half")
    (left / "votes.sqlite").write_bytes(b"half")
    made(results, tmp_path / "study")
    assert not left.exists() and not (tmp_path / "study" / "pictures" / "99999-ours.png").exists()
    assert sorted(path.name for path in (tmp_path / "study").iterdir()) == ["pictures", "study.json", "votes.sqlite"]


def test_a_damaged_plan_is_told(results: tuple[Path, Path, Path], tmp_path: Path) -> None:
    made(results, tmp_path / "study")
    file = tmp_path / "study" / "study.json"
    text = file.read_text()
    for damaged, complaint in [
        (text[:100], "is damaged"),
        (text.replace('"version": 1', '"version": 7'), "version 7 of a study"),
        (text.replace('"answers"', '"answres"'), "is damaged"),
        ("[]", "version None"),
    ]:
        file.write_text(damaged)
        with pytest.raises(ValueError, match=complaint):
            Study.read(tmp_path / "study")
    with pytest.raises(ValueError, match="is no study"):
        Study.read(tmp_path)


@pytest.mark.parametrize("size", [(96, 64), (64, 64), (5, 3), (1, 1), (97, 61)])
def test_spoiled_pictures_keep_their_size_and_little_else(size: tuple[int, int]) -> None:
    image = Image.effect_noise(size, 20).convert("RGB")
    spoiled = spoil(image, Draw(0, [1]))
    assert spoiled.size == size and spoiled.mode == "RGB"
    difference = np.abs(np.asarray(spoiled, float) - np.asarray(image, float)).mean()
    assert difference > 15
