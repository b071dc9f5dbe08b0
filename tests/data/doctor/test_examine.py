"""The round: splits, processes, the quick form, the report's forms; and nothing on disk makes it crash."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spadework.data.doctor import look_at_all
from spadework.data.doctor.console import as_text
from spadework.data.doctor.edges import between, count_between, snap
from spadework.data.doctor.examine import examine
from spadework.data.doctor.fix import repaired_copy
from spadework.data.doctor.page import page
from spadework.data.folder import FolderDataset
from spadework.data.ontology import Ontology, SemanticClass
from tests.data.doctor import faults
from tests.data.doctor.packs import DATA, REAL, Pack, drawn_pack

KEYS = [
    *("version", "data", "ontology", "quick", "pairs", "checked", "splits", "errors", "warnings", "notes"),
    *("findings", "classes", "unlabelled_share", "sizes"),
]


@pytest.fixture
def pack(tmp_path: Path) -> Pack:
    return drawn_pack(tmp_path / "pack")


def test_counts(pack: Pack) -> None:
    report = examine(pack.root)
    assert [(group.name, group.pairs, group.checked) for group in report.groups] == [("train", 10, 10), ("val", 6, 6)]
    labels = np.stack([faults.ids_of(path) for path in pack.labels()])
    assert [one.id for one in report.classes] == [0, 1, 2, 3, 4, 5, 255]
    assert [one.pixels for one in report.classes] == [int((labels == one.id).sum()) for one in report.classes]
    assert [one.files for one in report.classes] == [
        int((labels == one.id).any((1, 2)).sum()) for one in report.classes
    ]
    assert report.sizes == [((96, 72), 16)]


def test_one_split(pack: Pack) -> None:
    faults.truncate("labels", 0.3)(pack)
    assert examine(pack.root).count("error") == 1
    report = examine(pack.root, split="val")
    assert report.pairs == 6 and report.count("error") == 0
    with pytest.raises(ValueError, match="no split 'test'"):
        examine(pack.root, split="test")


def test_training_pairs_at_the_top_beside_a_split_are_looked_at(pack: Pack) -> None:
    """Training reads them so: photos/ labels/ val/photos val/labels."""
    for kind in list((pack.root / "train").iterdir()):
        shutil.move(kind, pack.root / kind.name)
    (pack.root / "train").rmdir()
    assert [(group.name, group.pairs) for group in examine(pack.root).groups] == [("train", 10), ("val", 6)]


def test_a_folder_that_is_none(pack: Pack, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="there is no such folder"):
        examine(tmp_path / "nowhere")
    (pack.root / "ontology.json").unlink()
    with pytest.raises(ValueError, match="give the ontology"):
        examine(pack.root)


def test_processes_see_the_same(pack: Pack, monkeypatch: pytest.MonkeyPatch) -> None:
    faults.unknown(pack)
    alone = examine(pack.root)
    monkeypatch.setattr(look_at_all, "FEW", 2)
    monkeypatch.setattr(look_at_all, "CHUNK", 3)
    told: list[tuple[int, int]] = []
    together = examine(pack.root, workers=2, progress=lambda done, total: told.append((done, total)))
    assert together.to_json() == alone.to_json()
    assert told[-1] == (16, 16) and told == sorted(told)


def test_the_quick_form_spreads(pack: Pack) -> None:
    report = examine(pack.root, limit=4)
    assert report.quick and report.checked == 4 and report.pairs == 16
    assert [fact.pair.name for fact in report.facts] == ["train0", "train4", "train8", "val2"]


def test_json(pack: Pack) -> None:
    for number in range(25):
        (pack.root / f"train/photos/stray{number}.jpg").write_bytes(b"")
    data = json.loads(json.dumps(examine(pack.root).to_json(), allow_nan=False))
    assert list(data) == KEYS and data["version"] == 1
    (finding,) = data["findings"]
    assert list(finding) == ["name", "severity", "seen", "cure", "fix", "count", "files"]
    assert finding["count"] == 25 and len(finding["files"]) == 20 and finding["fix"] == "left out"
    assert sum(one["share"] for one in data["classes"]) == pytest.approx(1)


def test_text(pack: Pack) -> None:
    faults.unknown(pack)
    text = as_text(examine(pack.root), width=90)
    assert re.search(r"^error    unknown-ids: train: label 222 in 1 file \(260 pixels\)", text, re.MULTILINE)
    assert "cure: declare it as unlabelled" in text and text.endswith("1 error, 0 warnings, 0 notes")
    assert all(len(line) <= 90 or "/" in line for line in text.splitlines())


def test_page(pack: Pack) -> None:
    """One file that fetches nothing, with pictures of the offenders and nothing unescaped."""
    faults.unknown(pack)
    faults.truncate("photos", 0.5)(pack)
    classes = (*pack.ontology.classes, SemanticClass(9, "<b>bold</b>", (9, 9, 9)))
    faults.change_ontology(pack, classes=classes)
    text = page(examine(pack.root), [("memory", "1 GiB")])
    assert text.count("<img ") == 4 and text.count('class="unreadable"') == 1
    assert not re.search(r"(src|href)=\"(?!data:image/)", text) and "url(" not in text
    assert "&lt;b&gt;bold&lt;/b&gt;" in text and "<b>bold</b>" not in text
    assert "1 GiB" in text and "3.76% marked" in text


def test_training_is_stopped_by_errors_and_told_of_warnings(pack: Pack) -> None:
    faults.blank_photo(pack)
    dataset = FolderDataset(pack.root, split="train")
    with pytest.warns(UserWarning, match="blank-photo: 1 photo showing nothing"):
        check = dataset.check()
    assert (check.pairs, check.checked) == (10, 10) and sum(check.shares.values()) == pytest.approx(1)
    faults.unknown(pack)
    with pytest.raises(ValueError, match=r"1 kind of problems.*\n- unknown-ids: .*\n  cure: declare it"):
        dataset.check()


@pytest.mark.skipif(not REAL, reason="SPADEWORK_DATA names no folder with real packs")
@pytest.mark.parametrize(
    "name", [*(pytest.param(name, marks=pytest.mark.slow) for name in REAL[:3]), "cocostuff-samples", "ade20k-samples"]
)
def test_no_false_alarm(name: str) -> None:
    classes = tuple(SemanticClass(id, f"class {id}", (id, 0, 0)) for id in range(1, 151))
    report = examine(DATA / name, ontology=Ontology("ade", classes, (0,)) if name == "ade20k-samples" else None)
    assert [finding for finding in report.findings if finding.severity != "note"] == []


# Edges.


def test_bands_are_counted() -> None:
    sharp = np.array([[0] * 5 + [4] * 5 + [1] * 5])
    assert count_between(sharp) == (0, 2)
    assert count_between(np.array([[0] * 5 + [2] + [4] * 5 + [3, 2] + [1] * 5])) == (2, 2)
    assert count_between(np.array([[0] * 5 + [9] + [4] * 5])) == (0, 1)  # A thin pole, not between.
    assert count_between(np.array([[0] * 5 + [1] * 5])) == (0, 0)  # No id fits between.
    assert count_between(np.array([[7]])) == (0, 0)


def test_bands_are_marked_and_snapped_both_ways() -> None:
    ids = np.array([[0] * 5 + [1, 3] + [4] * 5] * 4)
    expected = np.array([[0] * 6 + [4] * 6] * 4)
    for turn in (lambda x: x, np.transpose):
        marked = between(turn(ids))
        assert np.array_equal(marked, turn((ids == 1) | (ids == 3)))
        assert np.array_equal(snap(turn(ids), marked), turn(expected))
    assert np.array_equal(snap(ids, np.ones_like(ids, bool)), ids)


# Whatever lies on disk.


DAMAGE = st.lists(
    st.tuples(
        st.integers(0, 47), st.sampled_from(["cut", "flip", "noise", "empty", "swap"]), st.integers(0, 2**32 - 1)
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(DAMAGE)
def test_damage_never_crashes_it(pack: Pack, tmp_path: Path, damage: list[tuple[int, str, int]]) -> None:
    check_damaged(pack, tmp_path / "damaged", damage)


@pytest.mark.soak
@settings(max_examples=500, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(DAMAGE)
def test_much_damage_never_crashes_it(pack: Pack, tmp_path: Path, damage: list[tuple[int, str, int]]) -> None:
    check_damaged(pack, tmp_path / "damaged", damage)


def check_damaged(pack: Pack, root: Path, damage: list[tuple[int, str, int]]) -> None:
    """Check a copy with some files damaged; a repaired copy of it, where one can be made, is clean."""
    shutil.rmtree(root, ignore_errors=True)
    shutil.rmtree(root.with_name("copy"), ignore_errors=True)
    shutil.copytree(pack.root, root)
    files = [path for path in sorted(root.rglob("*")) if path.is_file() and path.name != "ontology.json"]
    for number, kind, seed in damage:
        path, random = files[number], np.random.default_rng(seed)
        data = bytearray(path.read_bytes())
        if kind == "cut":
            data = data[: int(random.integers(0, len(data) + 1))]
        elif kind == "flip" and data:
            for place in random.integers(0, len(data), 8):
                data[place] ^= 1 << int(random.integers(0, 8))
        elif kind == "noise":
            data = bytearray(random.bytes(int(random.integers(0, 2000))))
        elif kind == "swap":
            data = bytearray(files[int(random.integers(0, len(files)))].read_bytes())
        path.write_bytes(b"" if kind == "empty" else bytes(data))
    report = examine(root)
    json.dumps(report.to_json(), allow_nan=False)
    assert as_text(report) and page(report)
    repaired_copy(report, root.with_name("copy"))
    again = examine(root.with_name("copy"))
    assert [finding.name for finding in again.findings if finding.severity == "error"] == []
