"""Segmenters by name or folder, and what is said when something does not fit."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from spadework.data.shipped import shipped_ontology
from spadework.segmenters.drn import LAYOUTS, SCALES, Drn
from spadework.segmenters.load import PUBLISHED, load_segmenter
from tests.goldens.fill import fill_network


@pytest.fixture(scope="module")
def drn_d_22(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("drn") / "drn-d-22_cityscapes.pth"
    torch.save(fill_network(Drn([f"class {number}" for number in range(19)], "d-22"), 0, skipped={"up.weight"}), path)
    return path


def test_the_papers_three_are_there_with_the_classes_of_their_data_sets() -> None:
    assert {"deeplab-v2", "upernet", "drn-d-105"} <= PUBLISHED.keys()
    assert len([name for name in PUBLISHED if name.startswith("drn-")]) == len(LAYOUTS)
    counts = {name: len(shipped_ontology(published.ontology).names) for name, published in PUBLISHED.items()}
    assert (counts["deeplab-v2"], counts["upernet"], counts["drn-d-105"]) == (183, 151, 20), "unlabelled included"


def test_a_published_one_has_names_for_its_classes(drn_d_22: Path) -> None:
    segmenter = load_segmenter("drn-d-22", weights=[drn_d_22])
    assert segmenter.classes[:2] == ("road", "sidewalk") and len(segmenter.classes) == 19
    assert "unlabelled" not in segmenter.classes and not segmenter.training
    description = segmenter.describe()
    assert description["name"] == "drn-d-22" and description["weights"][0]["name"] == "drn-d-22_cityscapes.pth"
    assert description["scales"] == [1.0]
    several = load_segmenter("drn-d-22", weights=str(drn_d_22), scales="multi")
    assert several.describe()["scales"] == [1.0, *SCALES]


def test_other_names_for_its_classes_may_be_given(drn_d_22: Path) -> None:
    names = [f"kind {number}" for number in range(19)]
    assert load_segmenter("drn-d-22", weights=[drn_d_22], classes=names).classes == tuple(names)
    with pytest.raises(ValueError, match=r"drn-d-22 of 3 classes.*of another shape"):
        load_segmenter("drn-d-22", weights=[drn_d_22], classes=names[:3])


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"source": "deeplab-v3"}, "did you mean 'deeplab-v2'"),
        ({"source": "deeplab-v2"}, r"its weights are needed, from local files: deeplabv2_resnet101_msc-cocostuff164k"),
        ({"source": "drn-d-22", "weights": ["a.pth", "b.pth"]}, r"a\.pth, b\.pth: .* weights are one file"),
        ({"source": "drn-d-22", "weights": ["none.pth"]}, r"none\.pth: there is no such file"),
        ({"source": "upernet", "weights": ["e.pth", "d.pth"]}, "say preprocessing 'ade20k'.* or 'baseline'"),
        (
            {"source": "upernet", "weights": ["e.pth", "d.pth"], "preprocessing": "ade20k", "sizes": "six"},
            "sizes 'six' is unknown; .*five, 450",
        ),
        ({"source": "drn-d-22", "weights": ["a.pth"], "scales": "all"}, "scales 'all' is unknown.*single, multi"),
        ({"source": "deeplab-v2", "weights": ["a.pth"], "sizes": "five"}, "sizes 'five' is no choice.*has no settings"),
        ({"source": "drn-d-22", "weights": ["a.pth"], "sizes": "five"}, "sizes 'five' is no choice.*it has scales"),
        ({"source": "./none"}, "there is no such folder"),
        ({"source": "someone/park"}, "Nothing is downloaded unasked"),
    ],
)
def test_what_does_not_fit_is_told_with_the_cure(
    arguments: dict, complaint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=complaint):
        load_segmenter(**arguments)


def test_a_folder_without_a_segmenter_is_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"there is no config\.json in it"):
        load_segmenter(tmp_path)
    (tmp_path / "config.json").write_text('{"system": "spade"}')
    with pytest.raises(ValueError, match=r"neither a segmenter that was trained here \(segmenter\.json\) nor one that"):
        load_segmenter(tmp_path)
    with pytest.raises(ValueError, match="a folder holds its own weights"):
        load_segmenter(tmp_path, weights=["x.pth"])
    with pytest.raises(ValueError, match="scales 'multi' is no choice"):
        load_segmenter(tmp_path, scales="multi")
    (tmp_path / "config.json").write_text("[]")
    with pytest.raises(ValueError, match="expected a JSON object"):
        load_segmenter(tmp_path)
