"""Folders as data sets: samples, ontologies, merged packs, wrong files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from spadework.data.folder import FolderDataset
from spadework.data.ontology import Ontology, SemanticClass
from spadework.data.preprocess import Preprocess
from spadework.draw import Draw
from tests.data.pictures import ids, painted

Make = Callable[..., Path]
SETTINGS = Preprocess(load_size=20, crop_size=16)


def test_samples(make_folder: Make, ontology: Ontology) -> None:
    dataset = FolderDataset(make_folder(instances=True), settings=SETTINGS)
    assert len(dataset) == 5 and dataset.ontology == ontology
    packed = dataset.sample(3, Draw(0, [7]))
    assert packed.label_map.dtype == torch.uint8 and packed.photo is not None and packed.photo.dtype == torch.uint8
    sample = packed.unpacked()
    assert sample.name == "p3"
    assert sample.label_map.shape == (16, 16) and sample.label_map.dtype == torch.int64
    assert sample.photo is not None and sample.photo.shape == (3, 16, 16) and sample.photo.dtype == torch.float32
    assert sample.instance_map is not None
    assert torch.equal(sample.instance_map, dataset.ontology.to_ids(sample.label_map) * 200)


def test_only_the_draw_decides(make_folder: Make) -> None:
    dataset = FolderDataset(make_folder(), settings=SETTINGS)
    photos = [dataset.sample(1, Draw(0, [position])).photo for position in (4, 4, 5, 6)]
    assert torch.equal(photos[0], photos[1])  # type: ignore[arg-type]
    assert any(not torch.equal(photos[0], other) for other in photos[2:])  # type: ignore[arg-type]


def test_without_training_samples_are_fixed(make_folder: Make) -> None:
    dataset = FolderDataset(make_folder(), settings=SETTINGS, training=False)
    maps = [dataset.sample(1, Draw(0, [position])).label_map for position in range(6)]
    assert all(torch.equal(maps[0], other) for other in maps)


@pytest.mark.parametrize(("parity", "fill"), [(False, 4), (True, 0)])
def test_what_lies_beyond_the_edge(make_folder: Make, parity: bool, fill: int) -> None:
    settings = Preprocess(mode="crop", crop_size=40, parity=parity)
    sample = FolderDataset(make_folder(), settings=settings)[0]
    assert set(sample.label_map[24:].flatten().tolist()) == {fill}
    assert sample.photo is not None and sample.photo[:, 24:].max() == -1


def test_read_gives_files_as_they_are(make_folder: Make) -> None:
    photo, label_map, instance_map = FolderDataset(make_folder()).read(2)
    assert photo is not None and np.array_equal(np.asarray(photo), np.asarray(painted(ids(2))))
    assert torch.equal(label_map == 4, torch.from_numpy(ids(2) == 255)) and instance_map is None


def test_sizes_that_differ(make_folder: Make) -> None:
    root = make_folder()
    painted(ids(1)).resize((16, 12)).save(root / "photos" / "p1.png")
    with pytest.raises(ValueError, match=r"photos/p1\.png is 16x12, but .*labels/p1\.png is 32x24 \(width x height\)"):
        FolderDataset(root).read(1)
    painted(ids(1).T.copy()).save(root / "photos" / "p1.png")
    with pytest.raises(ValueError, match="turned by a quarter"):
        FolderDataset(root).read(1)


def test_exif_is_applied_before_sizes_are_compared(make_folder: Make) -> None:
    root = make_folder()
    exif = Image.Exif()
    exif[0x0112] = 6
    painted(np.rot90(ids(1)).copy()).save(root / "photos" / "p1.png", exif=exif)
    photo, _, _ = FolderDataset(root).read(1)
    assert photo is not None and np.array_equal(np.asarray(photo), np.asarray(painted(ids(1))))


def test_label_maps_alone(make_folder: Make) -> None:
    root = make_folder()
    for path in (root / "photos").iterdir():
        path.unlink()
    with pytest.raises(ValueError, match="5 label maps without photo"):
        FolderDataset(root)
    assert FolderDataset(root, photos_required=False, settings=SETTINGS).sample(0, Draw(0, [0])).photo is None


# Ontologies.


def test_ontology_of_a_split_lies_above(make_folder: Make, ontology: Ontology) -> None:
    assert FolderDataset(make_folder(inside="val") / "val").ontology == ontology


def test_no_ontology(make_folder: Make, ontology: Ontology) -> None:
    root = make_folder()
    (root / "ontology.json").unlink()
    with pytest.raises(ValueError, match=r"no ontology\.json or classes\.json in it; add one, or give the ontology"):
        FolderDataset(root)
    assert FolderDataset(root, ontology=ontology).ontology is ontology
    ontology.write(root / "classes.json")
    assert FolderDataset(root).ontology == ontology


def merged(ontology: Ontology) -> Ontology:
    """Ids of pack "a" as they are, of pack "b" backwards."""
    forwards, backwards = {0: 0, 1: 1, 2: 2, 3: 3, 255: 255}, {0: 3, 1: 2, 2: 1, 3: 0, 255: 255}
    return Ontology("merged", ontology.classes, ontology.unlabelled, {"a": forwards, "b": backwards})


def test_merged_packs(make_folder: Make, ontology: Ontology, tmp_path: Path) -> None:
    for name in ("a", "b"):
        Ontology(name, ontology.classes, ontology.unlabelled).write(make_folder(name) / "ontology.json")
    merged(ontology).write(tmp_path / "merged.json")
    dataset = FolderDataset(tmp_path / "merged.json")
    assert [pair.name for pair in dataset.pairs] == [f"{pack}_p{n}" for pack in "ab" for n in range(5)]
    one, other = dataset.read(2)[1], dataset.read(7)[1]
    assert torch.equal(torch.where(one == 4, 4, 3 - one), other)
    assert dataset.check().pairs == 10

    # The same from a list of folders, and for one pack alone.
    several = FolderDataset([tmp_path / "a", tmp_path / "b"], ontology=merged(ontology))
    assert several.pairs == dataset.pairs
    alone = FolderDataset(tmp_path / "b", ontology=merged(ontology))
    assert [pair.name for pair in alone.pairs] == [f"p{n}" for n in range(5)]
    assert torch.equal(alone.read(2)[1], other)


def test_merged_packs_that_do_not_fit(make_folder: Make, ontology: Ontology, tmp_path: Path) -> None:
    make_folder("a")
    merged(ontology).write(tmp_path / "merged.json")
    with pytest.raises(ValueError, match=r"merged\.json: from_pack names b, but there is no such folder"):
        FolderDataset(tmp_path / "merged.json")
    Ontology("stranger", ontology.classes).write(make_folder("c") / "ontology.json")
    with pytest.raises(ValueError, match="'merged' maps the ids of a, b, not of 'stranger'"):
        FolderDataset(tmp_path / "c", ontology=merged(ontology))
    ontology.write(tmp_path / "plain.json")
    with pytest.raises(ValueError, match=r"plain\.json: it has no 'from_pack'"):
        FolderDataset(tmp_path / "plain.json")


def test_several_folders_need_one_ontology(make_folder: Make, ontology: Ontology) -> None:
    roots = [make_folder("a"), make_folder("b")]
    assert [pair.name for pair in FolderDataset(roots).pairs[4:6]] == ["a_p4", "b_p0"]
    Ontology("other", (SemanticClass(0, "all", (1, 1, 1)),)).write(roots[1] / "ontology.json")
    with pytest.raises(ValueError, match=r"a/ontology\.json and .*b/ontology\.json differ"):
        FolderDataset(roots)


def test_names_are_unique(make_folder: Make) -> None:
    with pytest.raises(ValueError, match="would both be called 'park_p0'"):
        FolderDataset([make_folder("x/park"), make_folder("y/park")])


def test_no_roots() -> None:
    with pytest.raises(ValueError, match="no data folder given"):
        FolderDataset([])


# A look at everything.


def test_check(make_folder: Make) -> None:
    report = FolderDataset(make_folder(count=7, instances=True)).check()
    assert (report.pairs, report.checked) == (7, 7)
    pixels = np.concatenate([ids(number).ravel() for number in range(7)])
    expected = [(pixels == id).mean() for id in (0, 1, 2, 3, 255)]
    assert list(report.shares) == ["sky", "grass", "house", "road", "unlabelled"]
    assert list(report.shares.values()) == pytest.approx(expected)


def test_check_of_a_few(make_folder: Make) -> None:
    root = make_folder(count=9)
    (root / "photos" / "p8.png").write_bytes(b"")
    dataset = FolderDataset(root)
    assert dataset.check(limit=4).checked == 4
    with pytest.raises(ValueError, match="9 of 9 pairs looked at"):
        dataset.check(limit=9)
    with pytest.raises(ValueError, match="limit 0"):
        dataset.check(limit=0)


def test_check_gathers_all_kinds(make_folder: Make) -> None:
    root = make_folder(count=12, instances=True)
    for number in range(4):
        Image.fromarray(np.full((24, 32), 9, np.uint8)).save(root / "labels" / f"p{number}.png")
    (root / "photos" / "p5.png").write_bytes(b"")
    painted(ids(6)).resize((16, 12)).save(root / "photos" / "p6.png")
    painted(ids(7)).resize((64, 50)).resize((32, 24)).save(root / "labels" / "p7.png")
    (root / "instances" / "p8.png").unlink()
    painted(ids(8)).save(root / "instances" / "p8.png")
    with pytest.raises(ValueError) as caught:
        FolderDataset(root).check()
    text = str(caught.value)
    assert text.startswith("5 kinds of problems in the data (12 of 12 pairs looked at):\n- ")
    assert "label 9 in 4 files (3072 pixels); ontology 'park' has ids 0..3, 255\n  cure: " in text
    assert "p0.png" in text and "p2.png" in text and "... and 1 more" in text and "p3.png" not in text
    for name in ("unreadable-photo: 1 photo ", "sizes-differ: 1 ", "smoothed-colours: 1 ", "unusable-instance: 1 "):
        assert f"\n- {name}" in text


def test_check_recognises_a_mask_over_many_files(make_folder: Make) -> None:
    root = make_folder(count=3)
    ontology = json.loads((root / "ontology.json").read_text())
    (root / "ontology.json").write_text(json.dumps({**ontology, "unlabelled": []}))
    for number, value in enumerate((0, 255, 0)):
        Image.fromarray(np.full((24, 32), value, np.uint8)).save(root / "labels" / f"p{number}.png")
    with pytest.raises(ValueError, match=r"mask-0-255: 1 label map with only 0 and 255"):
        FolderDataset(root).check()


def test_splits_are_those_of_every_folder(make_folder: Make) -> None:
    root = make_folder("a", inside="train")
    assert FolderDataset(root).splits == {"train"}
    for kind in ("photos", "labels"):
        (root / "val" / kind).mkdir(parents=True)
    assert FolderDataset(root).splits == {"train", "val"}
    assert FolderDataset([root, make_folder("b", inside="train")]).splits == {"train"}
    assert FolderDataset(make_folder("c")).splits == set()
