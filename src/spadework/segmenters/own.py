"""A segmenter for classes of one's own: a small network of segmentation-models-pytorch, in a folder of its own.

    segmenter.json      the network: architecture, encoder, classes and their ids, size; and what it was trained on
    ontology.json       the classes, as the data have them
    model.safetensors   the weights
    report.json         what it scores on real photos that it never saw
    photos.sha256       the photos that it was trained on, one `SHA-256  NAME` a line

`segmenter.json` is written last and holds the checksum of the weights: a folder with it is a whole segmenter.

Shapes: B batch, K classes, F features, H W the photos, h w the result.
"""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from spadework.atomic import write_atomic, write_json_atomic, write_text_atomic
from spadework.segmenters.own_network import MEAN, STD, STRIDE, OwnConfig, build_network, encoder_tensors, fitted
from spadework.segmenters.resizing import resize_photos
from spadework.segmenters.segmenter import Segmenter, check_photos
from spadework.segmenters.weights import WeightsFile, fill

SEGMENTER, ONTOLOGY, WEIGHTS = "segmenter.json", "ontology.json", "model.safetensors"
REPORT, PHOTOS = "report.json", "photos.sha256"

_AT_ONCE = 8
_LAST_LAYER = "segmentation_head."


class Writable(Protocol):
    """An ontology, as far as a segmenter's folder needs it."""

    def write(self, path: Path, /) -> object:
        """Write itself to a JSON file."""


class OwnSegmenter(Segmenter):
    """A network for one's own classes; fresh weights until some are loaded."""

    name = "own"
    packages = ("torch", "segmentation-models-pytorch")
    ids: Tensor
    """[K]: the id of each class in label maps."""

    def __init__(self, config: OwnConfig) -> None:
        super().__init__()
        self.config = config
        self.classes = config.classes
        self.training_record: dict[str, Any] = {}
        """What `segmenter.json` says about the training: seed, fold, settings, number of photos."""
        self.network: Any = build_network(config)
        self.register_buffer("ids", torch.tensor(config.ids), persistent=False)

    # Photos -> classes.

    def forward(self, photos: Tensor) -> Tensor:
        """uint8 or float [B, 3, H, W] in 0..255, H and W multiples of STRIDE -> logits [B, K, H, W]."""
        return self.network(self._normalised(photos))

    def scores(self, photos: Tensor, size: tuple[int, int] | None = None) -> Tensor:
        """uint8 [B, 3, H, W] -> logits [B, K, h, w], at the trained scale and from there bilinear."""
        return _resized(self._logits(photos), size or _size(photos))

    @torch.no_grad()
    def predict(self, photos: Tensor, size: tuple[int, int] | None = None) -> Tensor:
        """uint8 [B, 3, H, W] -> int64 [B, h, w]; a few classes at a time, so large photos need little memory."""
        logits, size = self._logits(photos), size or _size(photos)
        best = torch.full((len(photos), *size), -torch.inf, device=photos.device)
        winner = torch.zeros(best.shape, dtype=torch.int64, device=photos.device)
        for first in range(0, logits.shape[1], _AT_ONCE):
            score, index = _resized(logits[:, first : first + _AT_ONCE], size).max(1)
            winner = torch.where(score > best, index + first, winner)
            best = torch.maximum(score, best)
        return winner

    @torch.no_grad()
    def features(self, photos: Tensor) -> Tensor:
        """uint8 [B, 3, H, W] -> [B, F]: the spatial mean of the encoder's last features."""
        padded, _ = self._at_trained_scale(photos)
        return self.network.encoder(self._normalised(padded))[-1].float().mean((2, 3))

    def label(self, photo: Image.Image) -> Tensor:
        """An RGB photo -> [H, W] int64 ids: what data preparation wants of a segmenter."""
        pixels = torch.from_numpy(np.array(photo.convert("RGB"))).permute(2, 0, 1)[None]
        return self.ids[self.predict(pixels.to(self.ids.device))[0]].cpu()

    def protocol(self) -> dict[str, Any]:
        """Network, size and normalisation."""
        return {
            "preprocessing": "own",
            "architecture": self.config.architecture,
            "encoder": self.config.encoder,
            "size": f"short side {self._short_side} pixels, bicubic by Pillow; padded to multiples of {STRIDE}",
            "mean": list(MEAN),
            "std": list(STD),
            "training": self.training_record,
        }

    @property
    def _short_side(self) -> int:
        return min(self.config.height, self.config.width)

    def _normalised(self, photos: Tensor) -> Tensor:
        mean, std = (torch.tensor(values, device=photos.device)[:, None, None] for values in (MEAN, STD))
        return ((photos.float() / 255 - mean) / std).contiguous(memory_format=torch.channels_last)

    def _at_trained_scale(self, photos: Tensor) -> tuple[Tensor, tuple[int, int]]:
        """Photos resized and padded, and their height and width before the padding."""
        check_photos(photos)
        size = fitted(_size(photos), self._short_side)
        below, right = (-side % STRIDE for side in size)
        resized = resize_photos(photos, size, "bicubic").float()
        return F.pad(resized, (0, right, 0, below), mode="replicate"), size

    def _logits(self, photos: Tensor) -> Tensor:
        """[B, K, h', w'] at the trained scale."""
        padded, (height, width) = self._at_trained_scale(photos)
        return self(padded).float()[..., :height, :width]

    def start_encoder(self, path: Path) -> WeightsFile:
        """Take the encoder's weights from a local file (torchvision's, timm's); ValueError where they do not fit."""
        fill(self.network.encoder, encoder_tensors(path), path, f"the encoder {self.config.encoder}")
        return WeightsFile.of(path)

    def start_from(self, earlier: OwnSegmenter, path: Path | str) -> bool:
        """Take the weights of another segmenter; whether those of the last layer, too: its classes must be the same.

        `path` is its folder, for ValueError where architecture or encoder differ.
        """
        kinds = [f"{config.architecture} with encoder {config.encoder}" for config in (self.config, earlier.config)]
        if kinds[0] != kinds[1]:
            raise ValueError(f"{path} is a {kinds[1]}, but this one a {kinds[0]}: give the same ones")
        same_classes = (self.classes, self.config.ids) == (earlier.classes, earlier.config.ids)
        taken = {
            key: tensor
            for key, tensor in earlier.network.state_dict().items()
            if same_classes or not key.startswith(_LAST_LAYER)
        }
        self.network.load_state_dict(taken, strict=same_classes)
        return same_classes

    # Folders.

    @classmethod
    def read(cls, folder: Path | str) -> OwnSegmenter:
        """Read a segmenter's folder; it is in eval mode. Raises ValueError that names the file and what is wrong."""
        folder = Path(folder)
        description = _read_description(folder)
        segmenter = cls(_config_of(description, folder / SEGMENTER))
        try:
            content = (folder / WEIGHTS).read_bytes()
            state = load(content)
        except FileNotFoundError:
            raise ValueError(f"{folder / WEIGHTS}: no such file; copy the whole folder of the segmenter") from None
        except SafetensorError as error:
            raise ValueError(f"{folder / WEIGHTS}: damaged or no safetensors file ({error})") from None
        file = WeightsFile.of(folder / WEIGHTS)
        if file.sha256 != description["weights_sha256"]:
            raise ValueError(
                f"{folder / WEIGHTS}: its SHA-256 {file.sha256[:12]} is not the {description['weights_sha256'][:12]} "
                f"that {SEGMENTER} names: these files belong to different segmenters, or one was altered"
            )
        try:
            segmenter.network.load_state_dict(state)
        except RuntimeError as error:
            raise ValueError(f"{folder / WEIGHTS}: does not fit the network in {SEGMENTER}: {error}") from None
        segmenter.training_record = description.get("training", {})
        segmenter.weights = (file,)
        return segmenter.eval().requires_grad_(False)

    @staticmethod
    def read_report(folder: Path | str) -> dict[str, Any]:
        """What the segmenter in a folder scored on real photos that it never saw."""
        report: dict[str, Any] = json.loads((Path(folder) / REPORT).read_text(encoding="utf-8"))
        return report

    def write(self, folder: Path | str, ontology: Writable, report: dict[str, Any], photos: str) -> None:
        """Write a segmenter's folder; `photos` is the text of `photos.sha256`. Raises DiskFullError for want of room.

        Killed at any moment, the folder holds the segmenter from before, this one, or one that `read` refuses.
        """
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        state = {key: tensor.detach().cpu().contiguous() for key, tensor in self.network.state_dict().items()}
        content = save(state)
        write_atomic(folder / WEIGHTS, lambda file: file.write(content))
        ontology.write(folder / ONTOLOGY)
        write_text_atomic(folder / PHOTOS, photos)
        write_json_atomic(folder / REPORT, report)
        self.weights = (WeightsFile.of(folder / WEIGHTS),)
        description = {
            **asdict(self.config),
            "weights_sha256": self.weights[0].sha256,
            "training": self.training_record,
        }
        write_json_atomic(folder / SEGMENTER, description)


def _size(photos: Tensor) -> tuple[int, int]:
    return photos.shape[-2], photos.shape[-1]


def _resized(logits: Tensor, size: tuple[int, int]) -> Tensor:
    return F.interpolate(logits, size, mode="bilinear", align_corners=False)


def _read_description(folder: Path) -> dict[str, Any]:
    path = folder / SEGMENTER
    try:
        description = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        unfinished = (folder / "checkpoints").is_dir()
        why = "its training has not ended: go on with --resume" if unfinished else f"it has no {SEGMENTER}"
        raise ValueError(f"{folder} is no segmenter: {why}") from None
    except ValueError as error:
        raise ValueError(f"{path}: not a JSON file ({error})") from None
    if not isinstance(description, dict) or "weights_sha256" not in description:
        raise ValueError(f"{path}: it does not describe a segmenter of `spadework train-segmenter`")
    return description


def _config_of(description: dict[str, Any], path: Path) -> OwnConfig:
    names = [field.name for field in fields(OwnConfig)]
    if missing := [name for name in names if name not in description]:
        raise ValueError(f"{path}: {', '.join(missing)} are missing; was it written by another version of spadework?")
    values = {name: description[name] for name in names}
    classes, ids = tuple(map(str, values.pop("classes"))), tuple(map(int, values.pop("ids")))
    if len(classes) != len(ids):
        raise ValueError(f"{path}: {len(classes)} classes but {len(ids)} ids")
    return OwnConfig(classes, ids, **values)
