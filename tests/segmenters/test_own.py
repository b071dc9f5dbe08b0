"""A segmenter of one's own: its folder, sizes, and what it refuses."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from spadework.segmenters import own
from spadework.segmenters.own import OwnSegmenter
from spadework.segmenters.own_network import OwnConfig, build_network, fitted
from tests.drawn_segmenter import ENCODER, ONTOLOGY, fresh_segmenter


def photos(*shape: int, seed: int = 0) -> Tensor:
    return torch.randint(256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))


def written(folder: Path, seed: int = 0, **changes: Any) -> OwnSegmenter:
    torch.manual_seed(seed)
    segmenter = fresh_segmenter(**changes)
    segmenter.training_record = {"fold": "judge", "seed": seed, "encoder_weights": None}
    segmenter.write(folder, ONTOLOGY, {"ceiling": {}}, "")
    return segmenter


def test_what_is_written_is_read(tmp_path: Path) -> None:
    before = written(tmp_path / "judge")
    after = OwnSegmenter.read(tmp_path / "judge")
    picture = photos(2, 3, 48, 80)
    assert torch.equal(before.scores(picture), after.scores(picture))
    assert (after.classes, after.config, after.training) == (before.classes, before.config, False)
    assert not any(parameter.requires_grad for parameter in after.parameters())
    told = json.loads(json.dumps(after.describe()))
    assert told["weights"][0]["sha256"] == json.loads((tmp_path / "judge/segmenter.json").read_text())["weights_sha256"]
    assert told["training"]["fold"] == "judge" and "segmentation-models-pytorch" in told["versions"]


@pytest.mark.parametrize("size", [(32, 64), (64, 32), (33, 70), (7, 200), (1, 1), (300, 400)])
def test_any_size_comes_back_in_its_size(size: tuple[int, int]) -> None:
    segmenter = fresh_segmenter(classes=11)
    picture = photos(2, 3, *size)
    scores, prediction = segmenter.scores(picture), segmenter.predict(picture)
    assert scores.shape == (2, 11, *size) and prediction.shape == (2, *size) and prediction.dtype == torch.int64
    assert torch.equal(prediction, scores.argmax(1))  # a few classes at a time, or all at once
    assert segmenter.predict(picture, (5, 9)).shape == (2, 5, 9)
    assert segmenter.features(picture).shape == (2, segmenter.network.encoder.out_channels[-1])


def test_photos_at_the_trained_scale_go_in_as_they_are() -> None:
    segmenter = fresh_segmenter()
    picture = photos(1, 3, 32, 96)
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    normal = (picture / 255 - mean[:, None, None]) / std[:, None, None]
    torch.testing.assert_close(segmenter.scores(picture), segmenter.network(normal))
    last = segmenter.network.encoder(normal)[-1]
    torch.testing.assert_close(segmenter.features(picture), last.mean((2, 3)))


def test_photos_of_other_scales_are_resized_as_pillow_does() -> None:
    segmenter = fresh_segmenter()
    smooth = Image.fromarray(photos(3, 5, 3).numpy()).resize((130, 96), Image.Resampling.BICUBIC)
    resized = smooth.resize((43, 32), Image.Resampling.BICUBIC)
    large, small = (torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None] for picture in (smooth, resized))
    seen, size = segmenter._at_trained_scale(large)
    assert size == (32, 43) and seen.shape == (1, 3, 32, 64)
    assert torch.equal(seen[..., :43], small.float())
    assert torch.equal(seen[..., 43:], seen[..., 42:43].expand(-1, -1, -1, 21))  # padding repeats the edge


def test_fitted_keeps_the_shape() -> None:
    assert fitted((360, 480), 96) == (96, 128) and fitted((480, 360), 96) == (128, 96)
    assert fitted((1, 1000), 32) == (32, 32000) and fitted((500, 333), 32) == (48, 32)


def test_labels_of_a_photo_are_ids() -> None:
    segmenter = OwnSegmenter(OwnConfig(("a", "b", "c"), (7, 300, 20), "fpn", ENCODER, 32, 32)).eval()
    ids = segmenter.label(Image.fromarray(photos(40, 50, 3).numpy()))
    assert ids.shape == (40, 50) and set(ids.unique().tolist()) <= {7, 300, 20}
    prediction = segmenter.predict(photos(40, 50, 3).permute(2, 0, 1)[None])[0]
    assert torch.equal(ids, torch.tensor([7, 300, 20])[prediction])


def test_only_8_bit_photos_are_taken() -> None:
    segmenter = fresh_segmenter()
    for wrong in (torch.zeros(1, 3, 32, 32), photos(3, 32, 32), photos(1, 1, 32, 32)):
        for method in (segmenter.scores, segmenter.predict, segmenter.features):
            with pytest.raises(ValueError, match=r"uint8 \[B, 3, H, W\]"):
                method(wrong)


def test_damage_and_mixtures_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "judge"
    with pytest.raises(ValueError, match=r"judge is no segmenter: it has no segmenter\.json"):
        OwnSegmenter.read(folder)
    (folder / "checkpoints").mkdir(parents=True)
    with pytest.raises(ValueError, match=r"its training has not ended: go on with --resume"):
        OwnSegmenter.read(folder)

    # A second segmenter over the first, killed before its last file: never half of each.
    written(folder)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(own, "write_json_atomic", interrupted)
        written(folder, seed=1)
    with pytest.raises(ValueError, match=r"model\.safetensors: its SHA-256 .* belong to different segmenters"):
        OwnSegmenter.read(folder)

    written(folder)
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(ValueError, match=r"model\.safetensors: damaged or no safetensors file"):
        OwnSegmenter.read(folder)
    weights.unlink()
    with pytest.raises(ValueError, match=r"model\.safetensors: no such file; copy the whole folder"):
        OwnSegmenter.read(folder)
    (folder / "segmenter.json").write_text('{"weights_sha256": "x", "classes": ["a"]}')
    with pytest.raises(ValueError, match=r"segmenter\.json: ids, architecture, encoder, height, width are missing"):
        OwnSegmenter.read(folder)
    (folder / "segmenter.json").write_text("[]")
    with pytest.raises(ValueError, match=r"does not describe a segmenter"):
        OwnSegmenter.read(folder)


def interrupted(*rest: Any) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"architecture": "unt"}, "architecture 'unt' is unknown; did you mean 'unet'?"),
        ({"encoder": "resnet19"}, r"encoder 'resnet19' is unknown; did you mean 'resnet1?8'?"),
        ({"encoder": "tu-nothing"}, "encoder 'tu-nothing' with architecture 'fpn': .*nothing"),
        ({"height": 40}, "height 40 and width 64: expected multiples of 32 pixels"),
        ({"width": 0}, "height 32 and width 0: expected multiples of 32"),
    ],
)
def test_networks_that_there_are_not(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fresh_segmenter(**changes)


@pytest.mark.parametrize("names", [("unet", "resnet18"), ("segformer", "mit_b0"), ("upernet", "tu-resnet10t")])
def test_nothing_is_downloaded(names: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*rest: Any) -> None:
        raise AssertionError("the network asked for a connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    network = build_network(OwnConfig(("a", "b"), (0, 1), *names))
    assert sum(parameter.numel() for parameter in network.parameters()) > 1e6


def test_the_encoder_starts_from_a_local_file(tmp_path: Path) -> None:
    from torchvision.models import resnet18, resnet34

    torch.manual_seed(3)
    classifier = resnet18(weights=None)
    torch.save(classifier.state_dict(), tmp_path / "resnet18.pth")
    torch.save(resnet34(weights=None).state_dict(), tmp_path / "resnet34.pth")
    segmenter = fresh_segmenter(encoder="resnet18")
    file = segmenter.start_encoder(tmp_path / "resnet18.pth")
    assert file.name == "resnet18.pth" and len(file.sha256) == 64
    assert torch.equal(segmenter.network.encoder.conv1.weight, classifier.conv1.weight)
    assert torch.equal(segmenter.network.encoder.layer4[1].conv2.weight, classifier.layer4[1].conv2.weight)
    with pytest.raises(ValueError, match=r"resnet34\.pth: these are not the weights of the encoder resnet18"):
        segmenter.start_encoder(tmp_path / "resnet34.pth")
    assert torch.equal(segmenter.network.encoder.conv1.weight, classifier.conv1.weight)
