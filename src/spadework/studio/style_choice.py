"""A style as a client asks for it, read in two steps: files are decoded anywhere, vectors come from the model's thread.

Shapes: Z style size, R regions, H W the label map.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from PIL import Image
from torch import Tensor

from spadework.draw import Draw
from spadework.studio.messages import PlainStyle, StyleRequest
from spadework.studio.received import from_base64, instance_map, nearest, photo_for_style
from spadework.synthesizer import Synthesizer
from spadework.systems.base import Style

NO_STYLE = "this model has no style input: one label map gives one photo"


@dataclass(eq=False)
class _Plain:
    """A style of a whole photo, its file decoded."""

    seed: int | None
    vector: list[float] | None
    photo: Image.Image | None

    def resolve(self, synthesizer: Synthesizer, size: int) -> Tensor:
        """[Z]."""
        if self.vector is not None:
            if len(self.vector) != size:
                raise ValueError(f"a style of this model is {size} numbers; got {len(self.vector)}")
            return torch.tensor(self.vector, dtype=torch.float32)
        if self.photo is None:
            drawn = synthesizer.draw_style(self.seed or 0)
            assert drawn is not None
            return drawn.vector[0]
        style = synthesizer.encode(self.photo)
        if self.seed is not None:
            style = style.perturb(Draw(self.seed, [0]).normal("style", size))
        return style.vector[0].float().cpu()


@dataclass(eq=False)
class StyleChoice:
    """A style whose files are decoded. `resolve` is for the model's thread, and works once."""

    plain: tuple[_Plain, ...] = ()
    """One, or the two of a mix."""
    t: float = 0.0
    vectors: list[list[float]] | None = None
    region_map: bytes | None = None
    given: bool = True
    """Whether anybody chose it."""
    _resolved: Tensor | None = field(default=None, init=False)

    def resolve(self, synthesizer: Synthesizer, map_size: tuple[int, int], most_pixels: int) -> Style | None:
        """The style for a label map of that size; None for a model without style. Raises ValueError or Refusal."""
        size = style_size(synthesizer)
        if not size:
            return None
        if self._resolved is None:
            self._resolved = self._vector(synthesizer, size)
        if self.region_map is None:
            return Style(self._resolved)
        return Style(self._resolved, regions=instance_map(self.region_map, map_size, most_pixels))

    def _vector(self, synthesizer: Synthesizer, size: int) -> Tensor:
        if self.vectors is not None:
            if wrong := {len(vector) for vector in self.vectors} - {size}:
                raise ValueError(f"a style of this model is {size} numbers; the regions have {sorted(wrong)[0]}")
            return torch.tensor(self.vectors, dtype=torch.float32)                              # [R, Z]
        vectors = [plain.resolve(synthesizer, size) for plain in self.plain]
        return vectors[0] if len(vectors) == 1 else between(vectors[0], vectors[1], self.t)     # [Z]


def read_style(asked: StyleRequest | None, most_pixels: int) -> StyleChoice:
    """Decode the files of a style; raises Refusal or ValueError."""
    if asked is None:
        return StyleChoice((_Plain(None, None, None),), given=False)
    if asked.mix is not None:
        return StyleChoice((_decoded(asked.mix.a, most_pixels), _decoded(asked.mix.b, most_pixels)), asked.mix.t)
    if asked.regions is not None:
        return StyleChoice(
            vectors=asked.regions.vectors, region_map=from_base64(asked.regions.map, "the map of regions")
        )
    return StyleChoice((_decoded(asked, most_pixels),), given=asked.model_fields_set != set())


def between(a: Tensor, b: Tensor, t: float) -> Tensor:
    """A vector between two: its direction turns evenly from a's to b's, its length changes evenly.

    On a straight line between two random vectors the middle ones are shorter than any that a generator was trained on.
    """
    lengths = a.norm(), b.norm()
    if min(lengths) == 0:
        return a + t * (b - a)
    directions = a / lengths[0], b / lengths[1]
    angle = torch.dot(*directions).clamp(-1, 1).acos()
    if angle.sin() < 1e-3:
        return a + t * (b - a)
    turned = (((1 - t) * angle).sin() * directions[0] + (t * angle).sin() * directions[1]) / angle.sin()
    return turned * (lengths[0] + t * (lengths[1] - lengths[0]))


def style_size(synthesizer: Synthesizer) -> int:
    """Z; 0 for a model without style."""
    drawn = synthesizer.system.random_style(Draw(0, [0]))
    return 0 if drawn is None else drawn.vector.shape[-1]


def shrunk(style: Style | None, size: tuple[int, int]) -> Style | None:
    """The style for the label map in another size."""
    if style is None or style.regions is None:
        return style
    return Style(style.vector, regions=nearest(style.regions, size))


def _decoded(asked: PlainStyle, most_pixels: int) -> _Plain:
    photo = None if asked.photo is None else photo_for_style(from_base64(asked.photo, "the photo"), most_pixels)
    return _Plain(asked.seed, asked.vector, photo)
