"""Networks of the library transformers, made from a config at random weights, saved, and read from there."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from spadework.segmenters.load import load_segmenter
from spadework.segmenters.transformers_model import from_transformers
from tests.goldens.fill import fill_network
from tests.segmenters.narrow import CLASSES, photos

transformers = pytest.importorskip(
    "transformers", reason="transformers is not installed here; it comes with the extra `eval`"
)

LABELS = {"id2label": dict(enumerate(CLASSES)), "label2id": {name: index for index, name in enumerate(CLASSES)}}


def segformer() -> tuple[Any, Any]:
    config = transformers.SegformerConfig(
        depths=[1] * 4, hidden_sizes=[8, 8, 16, 16], num_attention_heads=[1, 1, 2, 2], decoder_hidden_size=16, **LABELS
    )
    processor = transformers.SegformerImageProcessor(size={"height": 64, "width": 64})
    return transformers.SegformerForSemanticSegmentation(config), processor


def upernet() -> tuple[Any, Any]:
    stages = ["stage1", "stage2", "stage3", "stage4"]
    backbone = transformers.ConvNextConfig(depths=[1] * 4, hidden_sizes=[8, 8, 16, 16], out_features=stages)
    config = transformers.UperNetConfig(backbone_config=backbone, hidden_size=16, use_auxiliary_head=False, **LABELS)
    processor = transformers.SegformerImageProcessor(size={"height": 64, "width": 96})
    return transformers.UperNetForSemanticSegmentation(config), processor


def dpt() -> tuple[Any, Any]:
    config = transformers.DPTConfig(
        hidden_size=16,
        num_hidden_layers=4,
        num_attention_heads=2,
        intermediate_size=16,
        image_size=64,
        backbone_out_indices=[0, 1, 2, 3],
        neck_hidden_sizes=[8, 8, 8, 8],
        fusion_hidden_size=8,
        use_auxiliary_head=False,
        **LABELS,
    )
    processor = transformers.DPTImageProcessor(size={"height": 64, "width": 64}, do_pad=True, size_divisor=32)
    return transformers.DPTForSemanticSegmentation(config), processor


def mask2former() -> tuple[Any, Any]:
    stages = ["stage1", "stage2", "stage3", "stage4"]
    backbone = transformers.SwinConfig(
        embed_dim=8, depths=[1] * 4, num_heads=[1, 1, 2, 2], window_size=4, image_size=64, out_features=stages
    )
    config = transformers.Mask2FormerConfig(
        backbone_config=backbone,
        feature_size=32,
        mask_feature_size=32,
        hidden_dim=32,
        num_queries=7,
        num_attention_heads=2,
        encoder_feedforward_dim=16,
        dim_feedforward=16,
        encoder_layers=1,
        decoder_layers=2,
        **LABELS,
    )
    processor = transformers.Mask2FormerImageProcessor(size={"height": 64, "width": 64})
    return transformers.Mask2FormerForUniversalSegmentation(config), processor


def mobilevit() -> tuple[Any, Any]:
    config = transformers.MobileViTConfig(
        hidden_sizes=[16, 16, 16],
        neck_hidden_sizes=[8, 8, 8, 8, 8, 8, 16],
        num_attention_heads=2,
        aspp_out_channels=8,
        **LABELS,
    )
    size = {"shortest_edge": 64}
    processor = transformers.MobileViTImageProcessor(size=size, crop_size={"height": 32, "width": 32})
    return transformers.MobileViTForSemanticSegmentation(config), processor


MODELS: dict[str, Callable[[], tuple[Any, Any]]] = {
    "segformer": segformer,
    "upernet": upernet,
    "dpt": dpt,
    "mask2former": mask2former,
    "mobilevit": mobilevit,
}


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whoever asks the network for anything fails, and is noticed even where the failure is swallowed."""
    asked = []

    def refuse(*arguments: Any, **options: Any) -> Any:
        asked.append(arguments)
        raise OSError("the test allows no network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    yield
    assert not asked


def save(folder: Path, network: Any, processor: Any) -> Path:
    network.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


@pytest.mark.parametrize("kind", MODELS)
def test_a_saved_network_is_read_and_segments(tmp_path: Path, kind: str, capfd: pytest.CaptureFixture[str]) -> None:
    network, processor = MODELS[kind]()
    network.load_state_dict(fill_network(network, 0))
    folder = save(tmp_path / kind, network, processor)
    capfd.readouterr()
    segmenter = load_segmenter(folder)
    assert capfd.readouterr() == ("", ""), "no bars of the library"
    assert segmenter.classes == CLASSES and segmenter.name == kind and not segmenter.training

    given = photos(2, 50, 70)
    scores = segmenter.scores(given)
    assert scores.shape == (2, len(CLASSES), 50, 70) and scores.isfinite().all() and not scores.requires_grad
    assert segmenter.scores(given, (21, 30)).shape == (2, len(CLASSES), 21, 30)
    assert torch.equal(segmenter.predict(given), scores.argmax(1))
    torch.testing.assert_close(segmenter.scores(given[1:]), scores[1:], rtol=1e-4, atol=1e-4)

    features = segmenter.features(given)
    assert features.dim() == 2 and len(features) == 2 and features.shape[1] in (8, 16, 64)
    assert not torch.equal(features[0], features[1])

    description = json.loads(json.dumps(segmenter.describe()))
    assert [file["name"] for file in description["weights"]] == ["model.safetensors"]
    assert description["versions"]["transformers"] == transformers.__version__
    assert description["sizes"]["size"] and description["preprocessing"].endswith("ImageProcessor")


def test_scores_are_the_networks_logits_resized(tmp_path: Path) -> None:
    network, processor = segformer()
    segmenter = from_transformers(save(tmp_path / "x", network, processor))
    given = photos(1, 64, 64)
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    x = (given / 255 - mean[:, None, None]) / std[:, None, None]
    with torch.no_grad():
        logits = network.eval()(x).logits
    expected = F.interpolate(logits, (64, 64), mode="bilinear")
    torch.testing.assert_close(segmenter.scores(given), expected, rtol=1e-4, atol=1e-4)


def test_cropping_and_padding_are_switched_off(tmp_path: Path) -> None:
    for kind, step in (("mobilevit", "do_center_crop"), ("dpt", "do_pad")):
        segmenter = load_segmenter(save(tmp_path / kind, *MODELS[kind]()))
        assert segmenter.describe()["switched_off"] == [step]


def test_other_names_of_classes_may_be_given(tmp_path: Path) -> None:
    folder = save(tmp_path / "x", *segformer())
    assert from_transformers(folder, classes="abcde").classes == tuple("abcde")
    with pytest.raises(ValueError, match="the network has 5 classes, and 3 names are given"):
        from_transformers(folder, classes="abc")


def test_folders_that_do_not_do_are_told(tmp_path: Path) -> None:
    folder = save(tmp_path / "x", *segformer())
    (folder / "preprocessor_config.json").rename(tmp_path / "kept.json")
    with pytest.raises(ValueError, match=r"no preprocessor_config\.json, so nothing says how photos are to be treated"):
        load_segmenter(folder)
    os.replace(tmp_path / "kept.json", folder / "preprocessor_config.json")

    weights = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(weights[: len(weights) // 2])
    with pytest.raises(ValueError, match=r"x: transformers cannot read this model"):
        load_segmenter(folder)
    (folder / "model.safetensors").unlink()
    with pytest.raises(ValueError, match="there are no weights in it"):
        load_segmenter(folder)

    (folder / "model.safetensors").write_bytes(weights)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "model_type": "bert"}))
    with pytest.raises(ValueError, match="model_type 'bert' is no semantic segmentation network that is supported"):
        load_segmenter(folder)


def test_missing_weights_are_not_made_up(tmp_path: Path) -> None:
    """transformers fills gaps with random numbers and a note; here they are an error."""
    from safetensors.torch import load_file, save_file

    folder = save(tmp_path / "x", *segformer())
    tensors = load_file(folder / "model.safetensors")
    del tensors["decode_head.classifier.weight"]
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ValueError, match=r"1 weights of the network are missing, decode_head\.classifier\.weight"):
        load_segmenter(folder)


def test_code_of_a_repository_is_never_run(tmp_path: Path) -> None:
    folder = save(tmp_path / "x", *segformer())
    config = json.loads((folder / "config.json").read_text())
    config["auto_map"] = {"AutoModelForSemanticSegmentation": "run.Harmful", "AutoConfig": "run.Harmful"}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "run.py").write_text("raise SystemExit('executed')")
    assert load_segmenter(folder).classes == CLASSES
