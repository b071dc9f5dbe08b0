"""Networks of segmentation-models-pytorch, saved by it and read from there."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from spadework.data.ontology import Ontology, SemanticClass
from spadework.segmenters.load import load_segmenter
from spadework.segmenters.smp_model import from_smp
from tests.segmenters.narrow import CLASSES, photos

smp = pytest.importorskip("segmentation_models_pytorch", reason="not installed here; it comes with the extra `eval`")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    network = smp.FPN("resnet18", encoder_weights=None, classes=len(CLASSES)).eval()
    network.save_pretrained(tmp_path / "fpn")
    return tmp_path / "fpn"


def test_a_saved_network_is_read_and_segments(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    capfd.readouterr()
    segmenter = load_segmenter(folder, classes=CLASSES)
    assert capfd.readouterr().out == "", "standard output belongs to the commands"
    given = photos(2, 50, 70)
    scores = segmenter.scores(given)
    assert scores.shape == (2, len(CLASSES), 50, 70) and not scores.requires_grad
    assert segmenter.predict(given, (20, 30)).shape == (2, 20, 30)
    assert segmenter.features(given).shape == (2, 512)
    description = json.loads(json.dumps(segmenter.describe()))
    assert description["name"] == "fpn"
    assert [file["name"] for file in description["weights"]] == ["model.safetensors"]
    assert description["versions"]["segmentation-models-pytorch"] == smp.__version__
    with pytest.raises(ValueError, match="takes photos as uint8"):
        segmenter.scores(given.float())


def test_scores_are_the_networks_logits(folder: Path) -> None:
    """Within the photo; what lies in the padding is cut off."""
    network, given = smp.from_pretrained(folder), photos(1, 50, 70)
    x = (given / 255 - 0.5) / 0.25
    with torch.no_grad():
        expected = network(F.pad(x, (0, 26, 0, 14), mode="replicate"))[:, :, :50, :70]
    segmenter = from_smp(folder, CLASSES, mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25))
    torch.testing.assert_close(segmenter.scores(given), expected)
    assert segmenter.describe()["preprocessing"] == {"mean": [0.5] * 3, "std": [0.25] * 3}


def test_the_encoders_own_weights_are_not_downloaded_first(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "encoder_weights": "imagenet"}))
    asked = []

    def refuse(*arguments: Any, **options: Any) -> Any:
        asked.append(arguments)
        raise OSError("the test allows no network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    expected = smp.FPN("resnet18", encoder_weights=None, classes=len(CLASSES)).state_dict().keys()
    assert from_smp(folder, CLASSES).network.state_dict().keys() == expected
    assert not asked


def test_an_ontology_in_the_folder_names_the_classes(folder: Path, ontology: Ontology) -> None:
    """Its unlabelled id is no output."""
    classes = (*ontology.classes, SemanticClass(7, "lake", (0, 0, 255)))
    Ontology("park", classes, ontology.unlabelled).write(folder / "ontology.json")
    assert load_segmenter(folder).classes == ("sky", "grass", "house", "road", "lake")
    assert load_segmenter(folder, classes="abcde").classes == tuple("abcde")


def test_folders_and_classes_that_do_not_do_are_told(folder: Path) -> None:
    with pytest.raises(ValueError, match=r"saves no names of classes: give 5 of them"):
        load_segmenter(folder)
    with pytest.raises(ValueError, match="the network has 5 classes, and 2 names are given"):
        from_smp(folder, CLASSES[:2])
    content = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(content[:1000])
    with pytest.raises(ValueError, match="cannot read this model"):
        from_smp(folder, CLASSES)
    (folder / "model.safetensors").unlink()
    with pytest.raises(ValueError, match="there are no weights in it"):
        from_smp(folder, CLASSES)
    (folder / "config.json").write_text('{"_model_class": "Nothing"}')
    with pytest.raises(ValueError, match="_model_class is 'Nothing', no network"):
        from_smp(folder, CLASSES)
