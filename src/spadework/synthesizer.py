"""The synthesizer: load a model once, then turn label maps into photos.

Scripts, the command line, previews during training and the studio all go this way, so they all show the same.

Shapes: B batch, H W the label map's size, Z style size.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from operator import index
from os import PathLike
from pathlib import Path
from tokenize import TokenError
from typing import Literal

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from spadework.data.label_map import photo_to_tensor, read_instance_map, read_label_map, read_photo
from spadework.data.ontology import Ontology
from spadework.draw import Draw
from spadework.hardware import find_device
from spadework.layers.inference import ready_for_inference
from spadework.model_folder import read_model
from spadework.regions import nearest_labelled
from spadework.sample import Batch, Sample
from spadework.seen_styles import SeenStyles
from spadework.systems.base import Style, System

Picture = str | PathLike[str] | Image.Image | np.ndarray | Tensor
Precision = Literal["float32", "bf16"]


def load(
    model: str | Path,
    *,
    device: str = "cpu",
    precision: Precision = "float32",
    compile: bool = False,
    fill_unlabelled: bool | None = None,
) -> Synthesizer:
    """Load a model: a model folder, a run folder, or the name of one that was shipped or fetched (`spadework models`).

    `precision`: float32 is exact; bf16 is quicker on processors and GPUs that compute in it. `compile` fuses the
    modulation by torch.compile, which needs a C++ compiler on a CPU; the first picture then takes some seconds longer.
    `fill_unlabelled`: see `Synthesizer`; None does as the model's folder says.
    """
    loaded = read_model(model)
    dtype = _dtype(precision)
    for name, network in loaded.system.networks.items():
        setattr(loaded.system, name, ready_for_inference(network, dtype, compile=compile))
    return Synthesizer(
        loaded.system,
        loaded.ontology,
        device=device,
        precision=precision,
        seen_styles=loaded.seen_styles,
        fill_unlabelled=loaded.fill_unlabelled if fill_unlabelled is None else fill_unlabelled,
    )


class Synthesizer:
    """Turns label maps into photos with `system`, which must be in eval mode and is moved to `device`.

    Any height and width will do: what the networks cannot take is padded, by repeating the map's edge, and cropped.
    What was worked out about the last label maps is kept: other styles and seeds for the same maps come quicker, and so
    does a map on which something was painted since.

    `seen_styles` is what seeds draw styles from, instead of the system's prior. With `fill_unlabelled`, unlabelled
    pixels take the class of the nearest labelled one, so that a few strokes are a whole map; without, they are a class
    of their own, as in training. A map with no label at all stays as it is.
    """

    def __init__(
        self,
        system: System,
        ontology: Ontology,
        *,
        device: str = "cpu",
        precision: Precision = "float32",
        seen_styles: SeenStyles | None = None,
        fill_unlabelled: bool = False,
    ) -> None:
        _dtype(precision)
        self.device = find_device(device)
        self.system = system.to(self.device)
        self.ontology = ontology
        self.precision = precision
        self.seen_styles = seen_styles
        self.fill_unlabelled = fill_unlabelled
        self._last: tuple[Tensor, Tensor | None, Batch, bool] | None = None

    def __call__(
        self,
        label_map: Picture,
        *,
        instance_map: Picture | None = None,
        style: Style | Picture | Sequence[float] | None = None,
        seed: int | None = None,
    ) -> Image.Image:
        """The photo for one label map, of the map's size.

        `label_map` and `instance_map`: a file (PNG with ids, a palette or the ontology's colours, NPY, TIFF), a PIL
        image, an array or a tensor [H, W] of the ontology's ids. `style`: whatever `read_style` takes; without one,
        `seed` (0 unless given) draws it. A seed beside a photo draws from the encoder's distribution around that photo;
        beside a vector it changes nothing.
        """
        labels = read_label_map(label_map, self.ontology)[None]
        instances = None if instance_map is None else read_instance_map(instance_map)[None]
        return to_image(self.batch(labels, instance_map=instances, style=self.read_style(style), seed=seed)[0])

    @torch.inference_mode()
    def batch(
        self,
        label_map: Tensor,
        *,
        instance_map: Tensor | None = None,
        style: Style | Tensor | None = None,
        seed: int | Sequence[int] | None = None,
    ) -> Tensor:
        """Photos [B, 3, H, W] in [-1, 1] for label maps [B, H, W] of class indices (`Ontology.to_index`).

        `style`: a `Style` or vectors [Z] or [B, Z]; `seed`: one for all, or one per picture. Models with styles by
        region take `Style(vector=[R, Z] or [B, R, Z], regions=[H, W] or [B, H, W])`.
        """
        self._check(label_map, instance_map)
        height, width = label_map.shape[-2:]
        batch = self._batch(label_map, instance_map)
        chosen = self._style(style, seed, label_map.shape)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == "bf16"):
            photos = self.system.synthesize(batch, chosen)
        return photos[..., :height, :width].float().cpu()

    @torch.inference_mode()
    def encode(self, photo: Picture) -> Style:
        """The style of a photo; raises ValueError for a model without a style encoder."""
        if isinstance(photo, Tensor):
            raise ValueError("a photo as a tensor is ambiguous here: give a file, a PIL image or an array [H, W, 3]")
        pixels = photo_to_tensor(read_photo(photo))[None].to(self.device)
        return self.system.encode_style(Batch(torch.zeros_like(pixels[:, 0], dtype=torch.long), photo=pixels))

    def read_style(self, style: Style | Picture | Sequence[float] | None) -> Style | Tensor | None:
        """A style from whatever names one; None stays None.

        A photo (a file, a PIL image or an array [H, W, 3]) is encoded; a vector of Z numbers comes as a sequence, a
        tensor, an array or a .npy file. Raises ValueError, naming the file, for anything else.
        """
        if style is None or isinstance(style, Style):
            return style
        if isinstance(style, str | PathLike) and Path(style).suffix.lower() == ".npy":
            return _read_vector(Path(style))
        if isinstance(style, str | PathLike | Image.Image) or (isinstance(style, np.ndarray) and style.ndim == 3):
            return self.encode(style)
        return torch.as_tensor(style)

    def draw_style(self, seed: int) -> Style | None:
        """The style [1, Z] that a seed draws; None for a model without style input."""
        drawn = self.system.random_style(Draw(seed, [0]))
        return drawn if drawn is None or self.seen_styles is None else self.seen_styles.draw(seed)

    def fresh(self) -> Synthesizer:
        """The same model, without memory of earlier label maps."""
        return Synthesizer(
            self.system,
            self.ontology,
            device=str(self.device),
            precision=self.precision,
            seen_styles=self.seen_styles,
            fill_unlabelled=self.fill_unlabelled,
        )

    def _check(self, label_map: Tensor, instance_map: Tensor | None) -> None:
        classes = self.ontology.channels
        if label_map.ndim != 3 or label_map.is_floating_point() or not label_map.numel():
            raise ValueError(f"label maps must be integers [B, H, W]; got {label_map.dtype} {list(label_map.shape)}")
        if int(label_map.min()) < 0 or int(label_map.max()) >= classes:
            raise ValueError(
                f"class indices {int(label_map.min())}..{int(label_map.max())} in the label map; this model has 0.."
                f"{classes - 1}: read it with read_label_map, or map ids with synthesizer.ontology.to_index"
            )
        if instance_map is not None and instance_map.shape != label_map.shape:
            raise ValueError(
                f"the instance map's size {list(instance_map.shape)} is not the label map's {list(label_map.shape)}"
            )

    def _batch(self, label_map: Tensor, instance_map: Tensor | None) -> Batch:
        last = self._last
        filled = self.fill_unlabelled
        if last is not None and last[3] == filled and _same(last[0], label_map) and _same(last[1], instance_map):
            return last[2]

        # Filled and padded, with what the system derives from it.
        multiple = self.system.size_multiple
        labels, objects = self._filled(label_map.long(), instance_map)
        labels = _pad(labels, multiple)
        instances = None if objects is None else _pad(objects, multiple)
        samples = [
            self.system.complete(
                Sample(one, str(i), instance_map=None if instances is None else instances[i]), Draw(0, [i])
            )
            for i, one in enumerate(labels)
        ]
        batch = Batch.collate(samples).to(self.device)
        batch.before = None if last is None else last[2]
        self._last = label_map.clone(), None if instance_map is None else instance_map.clone(), batch, filled
        return batch

    def _filled(self, label_map: Tensor, instance_map: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Both [B, H, W], without unlabelled pixels where these are to be filled."""
        unlabelled = self.ontology.unlabelled_index
        if not self.fill_unlabelled or unlabelled is None:
            return label_map, instance_map
        nearest = [nearest_labelled(one, unlabelled) for one in label_map]
        labels = torch.stack([one.take(where) for one, where in zip(label_map, nearest, strict=True)])
        if instance_map is None:
            return labels, None
        return labels, torch.stack([one.take(where) for one, where in zip(instance_map, nearest, strict=True)])

    def _style(self, style: Style | Tensor | None, seed: int | Sequence[int] | None, shape: torch.Size) -> Style | None:
        count = shape[0]
        seeds = _seeds(seed, count)

        # Styles that the seeds draw.
        drawn = [one.vector for one in map(self.draw_style, seeds) if one is not None]
        if not drawn:
            if style is not None or seed is not None:
                warnings.warn(
                    "this model has no style input: one label map gives one photo, seed and style change nothing",
                    stacklevel=4,
                )
            return None
        size = drawn[0].shape[-1]
        if style is None:
            return Style(torch.cat(drawn).to(self.device))

        # A given style; an encoded one is a distribution that seeds draw from.
        style = style if isinstance(style, Style) else Style(style)
        if style.regions is not None:
            return self._regional(style, size, shape)
        if seed is not None:
            noise = [Draw(each, [0]).normal("style", size) for each in seeds]
            style = style.perturb(torch.cat(noise).to(self.device))
        vector = torch.atleast_2d(style.vector).to(self.device, torch.float32)
        if vector.ndim != 2 or vector.shape[1] != size or vector.shape[0] not in (1, count):
            raise ValueError(f"a style of this model is {size} numbers; got a vector of {list(style.vector.shape)}")
        return Style(vector.expand(count, size))

    def _regional(self, style: Style, size: int, shape: torch.Size) -> Style:
        """A style that differs from region to region, padded as the label maps [B, H, W] of this shape are."""
        assert style.regions is not None
        if not self.system.regional_styles:
            raise ValueError("this model has one style for the whole photo: give a style without regions")
        count = shape[0]
        vectors, regions = style.vector, style.regions
        vectors = vectors[None] if vectors.ndim == 2 else vectors
        regions = regions[None] if regions.ndim == 2 else regions
        if vectors.ndim != 3 or vectors.shape[2] != size or vectors.shape[0] not in (1, count):
            raise ValueError(
                f"a style by region of this model is {size} numbers for each region, [R, {size}] or [B, R, {size}]; "
                f"got {list(style.vector.shape)}"
            )
        if regions.shape[1:] != shape[1:] or regions.shape[0] not in (1, count) or regions.is_floating_point():
            raise ValueError(
                f"regions must be integers of the label map's size {list(shape[1:])}; got {regions.dtype} "
                f"{list(style.regions.shape)}"
            )
        if int(regions.min()) < 0 or int(regions.max()) >= vectors.shape[1]:
            raise ValueError(
                f"the regions {int(regions.min())}..{int(regions.max())} want a vector each; the style has "
                f"{vectors.shape[1]}, for regions 0..{vectors.shape[1] - 1}"
            )
        padded = _pad(regions.long().expand(count, -1, -1), self.system.size_multiple)
        vectors = vectors.to(self.device, torch.float32).expand(count, -1, -1)
        return Style(vectors, regions=padded.to(self.device))


def to_image(photo: Tensor) -> Image.Image:
    """A photo [3, H, W] in [-1, 1] as an 8-bit picture, rounded to the nearest value."""
    pixels = ((photo.detach().float().cpu().clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
    return Image.fromarray(pixels.permute(1, 2, 0).contiguous().numpy())


def _read_vector(path: Path) -> Tensor:
    try:
        vector = np.load(path, allow_pickle=False)
    except (OSError, EOFError, ValueError, SyntaxError, TokenError) as error:
        raise ValueError(f"{path}: can't read a style vector ({error}); save one with numpy.save") from error
    if not isinstance(vector, np.ndarray) or vector.ndim not in (1, 2) or vector.dtype.kind not in "fiu":
        what = f"{vector.dtype} {list(vector.shape)}" if isinstance(vector, np.ndarray) else "an archive of arrays"
        raise ValueError(f"{path}: a style vector is numbers [Z]; this file holds {what}")
    return torch.from_numpy(vector.astype(np.float32))


def _seeds(seed: int | Sequence[int] | None, count: int) -> list[int]:
    """One for each of `count` pictures; 0 where none is given."""
    seed = 0 if seed is None else seed
    try:
        each = [index(one) for one in seed] if isinstance(seed, Iterable) else [index(seed)] * count
    except TypeError:
        raise ValueError(f"seed {seed!r}: expected an integer, or one for each label map") from None
    if len(each) != count:
        raise ValueError(f"{len(each)} seeds for {count} label maps: give one seed, or one for each")
    return each


def _dtype(precision: Precision) -> torch.dtype:
    if precision not in ("float32", "bf16"):
        raise ValueError(f"precision {precision!r} is unknown; there are float32 and bf16")
    return torch.float32 if precision == "float32" else torch.bfloat16


def _same(a: Tensor | None, b: Tensor | None) -> bool:
    return a is b is None or (a is not None and b is not None and torch.equal(a, b))


def _pad(maps: Tensor, multiple: int) -> Tensor:
    """[B, H, W] -> [B, H', W'] with sides that are multiples, by repeating the last row and column."""
    rows, columns = (torch.arange(-(-side // multiple) * multiple).clamp_max(side - 1) for side in maps.shape[-2:])
    return maps[:, rows[:, None], columns]
