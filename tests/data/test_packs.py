"""Real packs of photos, in the folder that the environment variable SPADEWORK_DATA names."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from spadework.data.folder import FolderDataset
from spadework.data.ontology import Ontology, SemanticClass
from spadework.data.preprocess import Preprocess
from spadework.data.stream import SampleStream, batches

DATA = Path(os.environ.get("SPADEWORK_DATA", ""))
pytestmark = pytest.mark.skipif(
    "SPADEWORK_DATA" not in os.environ, reason="SPADEWORK_DATA names no folder with real packs"
)

# Pack, split, pairs, class indices, index of unlabelled, whether there are instance maps.
PACKS = [
    ("camvid", None, 367, 12, 11, False),
    ("camvid", "val", 101, 12, 11, False),
    ("camvid", "test", 186, 12, 11, False),
    ("offroad", "train", 731, 9, 0, False),
    ("offroad", "val", 50, 9, 0, False),
    ("labelmefacade", "train", 745, 9, 0, False),
    ("labelmefacade", "test", 120, 9, 0, False),
    ("cocostuff-samples", "train", 13, 183, 182, True),
    ("cocostuff-samples", "val", 8, 183, 182, True),
    ("outdoor_classes.json", "train", 1843, 20, 0, False),
]


@pytest.mark.parametrize(("name", "split", "pairs", "channels", "unlabelled", "instances"), PACKS)
def test_packs(name: str, split: str | None, pairs: int, channels: int, unlabelled: int, instances: bool) -> None:
    dataset = FolderDataset(DATA / name, split=split, settings=Preprocess(load_size=72, crop_size=64))
    assert len(dataset) == pairs
    assert (dataset.ontology.channels, dataset.ontology.unlabelled_index) == (channels, unlabelled)
    report = dataset.check(limit=60)
    assert sum(report.shares.values()) == pytest.approx(1)
    (_, batch), *_ = batches(SampleStream(dataset, 0), 0, 4, 0, stop=4)
    assert batch.photo is not None and batch.photo.shape == (4, 3, 64, 64)
    assert batch.label_map.min() >= 0 and batch.label_map.max() < channels
    assert (batch.instance_map is not None) == instances


def test_all_of_camvid_is_checked_and_counted() -> None:
    report = FolderDataset(DATA / "camvid").check()
    assert report.checked == 367
    assert report.shares["road"] == pytest.approx(0.3166, abs=2e-4)
    assert report.shares["unlabelled"] == pytest.approx(0.0395, abs=2e-4)


def test_a_pack_without_ontology() -> None:
    classes = tuple(SemanticClass(id, f"class {id}", (id, 0, 0)) for id in range(1, 151))
    dataset = FolderDataset(DATA / "ade20k-samples", ontology=Ontology("ade", classes, unlabelled=(0,)))
    assert len(dataset) == 3 and dataset.ontology.channels == 151
    assert dataset.check().shares["unlabelled"] > 0
    with pytest.raises(ValueError, match="give the ontology"):
        FolderDataset(DATA / "ade20k-samples")
