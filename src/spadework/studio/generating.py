"""/v1/generate: a request in JSON or as a form -> the photo, as a picture or in JSON."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal

from fastapi.responses import JSONResponse, Response
from pydantic import ValidationError
from starlette.requests import Request
from torch import Tensor

from spadework.studio import received
from spadework.studio.body import is_json, read_form
from spadework.studio.messages import GenerateRequest, StyleRequest, what_is_wrong
from spadework.studio.received import ReceivedMap
from spadework.studio.refusal import Refusal
from spadework.studio.shared_model import Made
from spadework.studio.studio import Studio
from spadework.studio.style_choice import NO_STYLE, read_style
from spadework.systems.base import Style

FIELDS = {"label_map", "style", "instance_map", "format", "size"}


@dataclass(frozen=True)
class Asked:
    """A request whose files are bytes."""

    label_map: bytes
    instance_map: bytes | None
    style: StyleRequest | None
    format: Literal["png", "jpeg"]
    size: tuple[int, int] | None


@dataclass(frozen=True)
class Photo:
    """What came of it."""

    made: Made
    format: Literal["png", "jpeg"]
    style: Style | None
    notes: list[str]


async def read_request(request: Request) -> Asked:
    """The request, from JSON or a multipart form; raises Refusal."""
    if is_json(request):
        asked = _validated(await request.body())
        maps = asked.label_map, asked.instance_map
        label_map, instance_map = (
            None if text is None else received.from_base64(text, what)
            for text, what in zip(maps, ("label_map", "instance_map"), strict=True)
        )
        return Asked(label_map or b"", instance_map, asked.style, asked.format, asked.size)
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        raise Refusal(415, "body_type", "the body is neither JSON nor a multipart form", "set its Content-Type")

    # A form: files as files, the style as JSON, the size as "height,width".
    form = await read_form(request)
    if unknown := sorted((form.files.keys() | form.fields.keys()) - FIELDS):
        raise Refusal(422, "wrong_form", f"the form has a field {unknown[0][:100]!r}", f"fields are {sorted(FIELDS)}")
    if "label_map" not in form.files:
        raise Refusal(422, "no_file", "the form has no file 'label_map'", "send the file as field 'label_map'")
    style = form.fields.get("style", form.files.get("style", b"").decode(errors="replace")) or "null"
    numbers = form.fields.get("size", "").replace(",", " ").split()
    size = f"[{', '.join(numbers)}]" if numbers and all(part.isdecimal() for part in numbers) else "null"
    if numbers and size == "null":
        raise Refusal(422, "wrong_form", "size is not two whole numbers", "send it as 'height,width'")
    kind = '"jpeg"' if form.fields.get("format") == "jpeg" else '"png"'
    if form.fields.get("format", "png") not in ("png", "jpeg"):
        raise Refusal(422, "wrong_form", "the format is neither png nor jpeg", "send png or jpeg")
    asked = _validated(f'{{"label_map": "", "style": {style}, "size": {size}, "format": {kind}}}'.encode())
    return Asked(form.files["label_map"], form.files.get("instance_map"), asked.style, asked.format, asked.size)


async def photo_of(studio: Studio, asked: Asked, client: str, wanted: Callable[[], Awaitable[bool]]) -> Photo:
    """The photo, when it is the client's turn."""
    label_map, instances, choice = await asyncio.to_thread(_decoded, studio, asked)

    def work() -> tuple[Made, Style | None]:
        style = choice.resolve(studio.model.synthesizer, label_map.size, studio.limits.max_photo_pixels)
        return studio.model.generate(client, label_map.index, style, instances), style

    made, style = await studio.turns.take(client, work, wanted=wanted)
    notes = [*label_map.notes, *([NO_STYLE] if choice.given and style is None else [])]
    return Photo(made, asked.format, style, notes)


async def answer(photo: Photo, *, as_json: bool) -> Response:
    """The answer: a picture with what is to be said in its heads, or JSON with the picture."""
    content = await asyncio.to_thread(received.picture_bytes, photo.made.photo, photo.format)
    milliseconds = round(1000 * photo.made.seconds, 1)
    if not as_json:
        heads = {"X-Spadework-Milliseconds": str(milliseconds)}
        if photo.notes:
            heads["X-Spadework-Note"] = "; ".join(photo.notes).encode("ascii", "replace").decode()[:1000]
        return Response(content, media_type=f"image/{photo.format}", headers=heads)
    width, height = photo.made.photo.size
    body: dict[str, Any] = {
        "picture": received.to_base64(content),
        "format": photo.format,
        "size": [height, width],
        "milliseconds": milliseconds,
        "style": {"vector": None if photo.style is None else photo.style.vector.tolist()},
        "notes": photo.notes,
    }
    return JSONResponse(body, headers={"X-Spadework-Milliseconds": str(milliseconds)})


def _decoded(studio: Studio, asked: Asked) -> tuple[ReceivedMap, Tensor | None, Any]:
    """Label map, instance map and style, their files decoded and resized."""
    limits = studio.limits
    label_map = received.label_map(asked.label_map, studio.ontology, limits.max_photo_pixels)
    instances = None
    if asked.instance_map is not None:
        instances = received.instance_map(asked.instance_map, label_map.size, limits.max_photo_pixels)
    size = asked.size or label_map.size
    if size[0] * size[1] > limits.max_pixels:
        raise Refusal(
            413, "too_many_pixels", f"a photo of {size[1]}x{size[0]} pixels, {limits.max_pixels} are allowed",
            "ask for a smaller size",
        )
    if instances is not None:
        instances = received.nearest(instances, size)
    return label_map.resized(size), instances, read_style(asked.style, limits.max_photo_pixels)


def _validated(body: bytes) -> GenerateRequest:
    try:
        return GenerateRequest.model_validate_json(body)
    except ValidationError as error:
        raise Refusal(422, "wrong_request", what_is_wrong(error.errors()), "see /openapi.json") from None
