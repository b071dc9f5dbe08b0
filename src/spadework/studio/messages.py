"""What clients send and get, as it stands in the OpenAPI document."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Number = Annotated[float, Field(allow_inf_nan=False, ge=-1e6, le=1e6)]
Vector = Annotated[list[Number], Field(min_length=1, max_length=65536)]
Seed = Annotated[int, Field(ge=0, lt=2**53)]
Side = Annotated[int, Field(ge=1, le=65536)]
Base64 = Annotated[str, Field(description="A picture file (PNG, JPEG, WebP, TIFF), base64.")]
PNG_4X4 = (
    "iVBORw0KGgoAAAANSUhEUgAAAAQAAAAECAAAAACMmsGiAAAADklEQVR4nGNgAAEmGAEAACYABZ1hIpkAAAAASUVORK5CYII="
)


class Strict(BaseModel):
    """No unknown fields: a misspelt one would be ignored."""

    model_config = ConfigDict(extra="forbid")


class PlainStyle(Strict):
    """The look of a whole photo: drawn by a seed, given as a vector, or taken from a photo (a seed beside a photo draws
    from the encoder's distribution around it)."""

    seed: Seed | None = None
    vector: Vector | None = None
    photo: Base64 | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> PlainStyle:
        if self.vector is not None and (self.photo is not None or self.seed is not None):
            raise ValueError("a style is a seed, a vector or a photo: give one of them")
        return self


class Mix(Strict):
    """Between two styles: t = 0 is a, t = 1 is b."""

    a: PlainStyle
    b: PlainStyle
    t: float = Field(ge=0, le=1)


class Regions(Strict):
    """A style for each region of the label map."""

    map: Base64 = Field(description="PNG, base64: the region number 0..R-1 of each pixel, of the label map's size.")
    vectors: list[Vector] = Field(min_length=1, max_length=4096, description="[R, Z]: a style vector for each region.")


class StyleRequest(PlainStyle):
    """What sets the look: one of seed, vector, photo, mix and regions. Nothing means seed 0."""

    mix: Mix | None = None
    regions: Regions | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> StyleRequest:
        plain = any(value is not None for value in (self.seed, self.vector, self.photo))
        if plain + (self.mix is not None) + (self.regions is not None) > 1:
            raise ValueError("a style is one of: seed, vector, photo, mix, regions")
        return self


class GenerateRequest(Strict):
    """A label map and a style."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"label_map": PNG_4X4, "style": {"seed": 3}, "format": "png"}}
    )
    label_map: Base64 = Field(
        description="The label map, base64: PNG of ids (8 or 16 bits), or whatever /v1/label-map takes."
    )
    style: StyleRequest | None = None
    instance_map: Base64 | None = Field(None, description="PNG of object ids, base64, of the label map's size.")
    format: Literal["png", "jpeg"] = "png"
    size: tuple[Side, Side] | None = Field(
        None, description="[height, width] of the photo; the label map's own unless given."
    )


class WhyRequest(Strict):
    """What modulation makes of a label map."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"label_map": PNG_4X4, "at": [1, 2]}})
    label_map: Base64
    style: StyleRequest | None = None
    layer: str | None = Field(None, max_length=200, description="One of the answer's layers; the last unless given.")
    channel: Annotated[int, Field(ge=0, lt=2**31)] | None = Field(
        None, description="One channel's gamma and beta; unless given, the mean of their absolute values."
    )
    at: tuple[Annotated[int, Field(ge=0, le=65536)], Annotated[int, Field(ge=0, le=65536)]] | None = Field(
        None, description="[x, y]: the pixel whose window is asked for."
    )


class ErrorBody(BaseModel):
    """What was wrong."""

    code: str = Field(description="One word for programs.")
    message: str = Field(description="What came and what was expected.")
    cure: str | None = Field(None, description="What to do.")


class ErrorAnswer(BaseModel):
    """Any answer from 400 on."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {"error": {"code": "empty", "message": "the photo is empty", "cure": "send the file's bytes"}}
        }
    )
    error: ErrorBody


class UsedStyle(BaseModel):
    """The style that was used."""

    vector: list[float] | list[list[float]] | None = Field(
        description="[Z]; [R, Z] for styles by region; null for a model without style."
    )


class Generated(BaseModel):
    """A photo, for those who accept application/json."""

    picture: str = Field(description="The photo, base64, in the format asked for.")
    format: Literal["png", "jpeg"]
    size: tuple[int, int] = Field(description="[height, width]")
    milliseconds: float = Field(description="What computing it took.")
    style: UsedStyle
    notes: list[str] = Field(description="What a person ought to know, such as colours that became the nearest class.")


class EncodedStyle(BaseModel):
    """A photo's style."""

    vector: list[float]


class LabelMapAnswer(BaseModel):
    """A label map as ids."""

    label_map: str = Field(description="Gray PNG of ids (8 bits, or 16 where ids exceed 255), base64.")
    size: tuple[int, int] = Field(description="[height, width]")
    form: Literal["ids", "palette", "colors", "npy", "segmented"] = Field(description="What the file held.")
    snapped: float = Field(ge=0, le=1, description="Share of the pixels whose colour became the nearest class.")
    notes: list[str]


class Heat(BaseModel):
    """A heat map."""

    picture: str = Field(description="Gray PNG of 8 bits, of the label map's size, base64: 0 is min, 255 is max.")
    min: float
    max: float


class LayerOfWindow(BaseModel):
    """One layer's gamma and beta for a window."""

    name: str
    size: tuple[int, int] = Field(description="[height, width] at which the layer works.")
    gamma: float = Field(description="Mean absolute value over the channels.")
    beta: float = Field(description="Mean absolute value over the channels.")
    share: float = Field(description="Share of the layer's pixels that have this same window.")


class WindowAnswer(BaseModel):
    """The window under a pixel."""

    labels: list[list[int | None]] = Field(description="Ids of the window's pixels; null beyond the picture's border.")
    share: float = Field(description="Share of the pixels of the chosen layer that have this same window.")
    gamma: float
    beta: float
    layers: list[LayerOfWindow]


class WhyAnswer(BaseModel):
    """gamma and beta of one layer."""

    layers: list[str]
    layer: str
    channels: int
    size: tuple[int, int] = Field(description="[height, width] at which the layer works.")
    gamma: Heat
    beta: Heat
    window: WindowAnswer | None = None


class ModelAnswer(BaseModel):
    """What the page needs to know about the model."""

    name: str
    system: str
    size: tuple[int, int] = Field(description="[height, width] that it was trained at.")
    ontology: dict[str, Any]
    palettes: dict[str, dict[str, tuple[int, int, int]]]
    style: dict[str, Any] = Field(description="size (0: no style), encoder, regional")
    instances: bool
    precision: str
    limits: dict[str, int | float]
    hash: str | None = Field(description="SHA-256 of model.safetensors.")
    segmenter: str | None
    thumbnails: list[dict[str, Any]]
    examples: list[dict[str, Any]]
    milliseconds: float = Field(description="What a photo of the trained size took when the studio started.")
    preview_side: int | None = Field(description="Longer side of quick previews; null where full size is quick enough.")
    version: str


# Live.


class MapMessage(Strict):
    """Pixels of the label map; the first one, and one with another size, must cover everything."""

    type: Literal["map"]
    sequence: Annotated[int, Field(ge=0, lt=2**53)]
    size: tuple[Side, Side]
    rect: tuple[Annotated[int, Field(ge=0)], Annotated[int, Field(ge=0)], Side, Side]
    label_map: str | None = None
    type16: bool = False


class StyleMessage(Strict):
    """Another style."""

    type: Literal["style"]
    sequence: Annotated[int, Field(ge=0, lt=2**53)]
    style: StyleRequest | None = None


class PreviewMessage(Strict):
    """How large previews may be: pixels of the longer side; 0: no previews; null: as the server thinks best."""

    type: Literal["preview"]
    maximum_side: Annotated[int, Field(ge=0, le=65536)] | None = None


def what_is_wrong(errors: Any) -> str:
    """Where a message is wrong, and how; without what was sent, which may be nothing that JSON can say."""
    return "; ".join(f"{'.'.join(map(str, one['loc'][-4:])) or 'message'}: {one['msg']}" for one in list(errors)[:5])
