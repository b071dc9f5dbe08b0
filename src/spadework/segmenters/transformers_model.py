"""Any semantic segmentation network of the library transformers: SegFormer, UperNet, BEiT, DPT, Mask2Former, ...

Its own processor treats the photos and makes scores of what the network returns, as the model's page shows it. Only
what would move the result against the photo, cropping and padding, is switched off.

Shapes: B batch, K classes, F features, H W height and width of the photos, h w of the result.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor

from spadework.segmenters.hub import find_folder, name_of, weights_files
from spadework.segmenters.segmenter import Segmenter, check_photos
from spadework.segmenters.weights import WeightsFile

QUERIES = {"mask2former": "Mask2FormerForUniversalSegmentation", "maskformer": "MaskFormerForInstanceSegmentation"}
"""Networks that answer with masks and their classes, by `model_type`; all others answer with a class per pixel."""

MOVING = ("do_center_crop", "do_pad")
"""Steps of processors after which the result would not lie over the photo."""

_SETTINGS = (
    *("do_resize", "size", "resample"),
    *("do_rescale", "rescale_factor", "do_normalize", "image_mean", "image_std"),
)


class TransformersSegmenter(Segmenter):
    """A network and the processor that belongs to it. `scores` are what the processor makes of the network's output."""

    packages: ClassVar[tuple[str, ...]] = ("torch", "torchvision", "transformers")

    def __init__(self, name: str, network: Any, processor: Any, classes: Sequence[str]) -> None:
        super().__init__()
        self.name = name
        self.classes = tuple(classes)
        self.network = network
        self.processor = processor
        self.switched_off = {step: False for step in MOVING if getattr(processor, step, None)}
        self.revision: str | None = None
        """Which state of a repository on the hub this is."""
        self.eval()

    @torch.no_grad()
    def scores(self, photos: Tensor, size: tuple[int, int] | None = None) -> Tensor:
        """uint8 [B, 3, H, W], RGB -> float [B, K, h, w] at `size`, by default that of the photos."""
        outputs = self._run(photos)
        height, width = size or photos.shape[2:]
        results = self.processor.post_process_semantic_segmentation(
            outputs, target_sizes=[(height, width)] * len(photos), return_segmentation_scores=True
        )
        return torch.stack([result["segmentation_scores"] for result in results])       # [B, K, h, w]

    @torch.no_grad()
    def features(self, photos: Tensor) -> Tensor:
        """uint8 [B, 3, H, W], RGB -> [B, F]: the mean of the encoder's last features over places or tokens."""
        outputs = self._run(photos, output_hidden_states=True)
        last = outputs.get("encoder_last_hidden_state")
        if last is None:
            last = outputs["hidden_states"][-1]
        return last.mean((2, 3)) if last.dim() == 4 else last.mean(1)

    def _run(self, photos: Tensor, **options: bool) -> Any:
        check_photos(photos)
        inputs = self.processor(images=list(photos), return_tensors="pt", **self.switched_off)
        return self.network(inputs["pixel_values"].to(self.network.device), **options)

    def protocol(self) -> dict[str, Any]:
        """How photos are treated: the processor's settings."""
        settings = self.processor.to_dict()
        return {
            "preprocessing": settings.get("image_processor_type", type(self.processor).__name__),
            "sizes": {key: settings[key] for key in _SETTINGS if key in settings},
            "switched_off": sorted(self.switched_off),
            "revision": self.revision,
        }


def from_transformers(
    source: Path | str, *, classes: Sequence[str] | None = None, fetch: bool = False
) -> TransformersSegmenter:
    """The network in a folder that `save_pretrained` wrote, or on the hub (`owner/name`, see `find_folder`).

    Names of classes are the model's (`id2label`) unless given. Nothing in the files is executed: neither pickles nor
    code that a repository brings along. Raises ValueError for a folder that holds no such network.
    """
    try:
        from transformers import AutoImageProcessor
    except ImportError as error:
        raise ValueError(
            "this segmenter needs the library transformers, which is not installed: pip install 'spadework[eval]'"
        ) from error

    folder = find_folder(source, fetch=fetch)
    config = read_config(folder)
    files = weights_files(folder)
    if not (folder / "preprocessor_config.json").is_file():
        raise ValueError(
            f"{folder}: there is no preprocessor_config.json, so nothing says how photos are to be treated: save the "
            "model's image processor into the folder (processor.save_pretrained)"
        )
    loader = _loader(config, folder)
    try:
        with _without_bars():
            network, told = loader.from_pretrained(
                folder, local_files_only=True, weights_only=True, output_loading_info=True
            )
            processor = AutoImageProcessor.from_pretrained(folder, local_files_only=True)
    except Exception as error:  # the library lets nearly every kind through
        raise ValueError(f"{folder}: transformers cannot read this model: {str(error).strip()}") from error
    if missing := sorted(told["missing_keys"]):
        raise ValueError(
            f"{files[0]}: {len(missing)} weights of the network are missing, {missing[0]} for one: it would answer by "
            "chance"
        )

    labels = network.config.id2label
    names = [str(labels[index]) for index in range(len(labels))] if classes is None else list(classes)
    if len(names) != len(labels):
        raise ValueError(f"{folder}: the network has {len(labels)} classes, and {len(names)} names are given")
    segmenter = TransformersSegmenter(name_of(source), network, processor, names)
    segmenter.weights = tuple(map(WeightsFile.of, files))
    segmenter.revision = folder.name if folder.parent.name == "snapshots" else None
    return segmenter


@contextmanager
def _without_bars() -> Iterator[None]:
    """The library draws a bar for each reading, also in worker processes."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


def read_config(folder: Path) -> dict[str, Any]:
    """The model's config.json; raises ValueError where there is none."""
    path = folder / "config.json"
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ValueError(f"{folder}: there is no config.json in it, so it holds no model") from None
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: cannot be read as JSON ({error})") from error
    if not isinstance(config, dict):
        raise ValueError(f"{path}: holds a {type(config).__name__}, expected a JSON object")
    return config


def _loader(config: dict[str, Any], folder: Path) -> Any:
    """The class that reads this kind of network."""
    import transformers
    from transformers.models.auto.modeling_auto import MODEL_FOR_SEMANTIC_SEGMENTATION_MAPPING_NAMES as by_pixel

    kind = config.get("model_type")
    if kind in QUERIES:
        return getattr(transformers, QUERIES[kind])
    if kind in by_pixel:
        return transformers.AutoModelForSemanticSegmentation
    raise ValueError(
        f"{folder / 'config.json'}: model_type {kind!r} is no semantic segmentation network that is supported; there "
        f"are {', '.join([*by_pixel, *QUERIES])}"
    )
