"""What FastAPI cannot tell OpenAPI by itself: bodies of several kinds, pictures, the form of errors, the token."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from spadework.studio.messages import ErrorAnswer, GenerateRequest

TEXT = """\
Label maps in, photographs out. A label map is a picture whose pixels hold ids of the model's classes (`/v1/model`).

Errors are `{"error": {"code", "message", "cure"}}`. Programs that paint use the live connection, a WebSocket at
`/v1/live`: JSON messages `map`, `style` and `preview` go in, pictures come out; the page *The studio's API* of the
documentation has its messages. Where the studio was started for other machines, requests carry its token:
`Authorization: Bearer TOKEN`.
"""
REF = "#/components/schemas/{model}"
BINARY = {"type": "string", "format": "binary"}
COMMON = {
    400: "The request's heads make no sense.",
    401: "The token is missing.",
    403: "Another host's or another site's name.",
    408: "The body came too slowly.",
    413: "Too many bytes or pixels.",
    415: "A kind of file or body that is not read here.",
    422: "What came does not fit; the message says what was expected.",
    429: "Too fast, or too much at once; see Retry-After.",
}
GENERATE: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": {"$ref": REF.format(model="GenerateRequest")}},
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["label_map"],
                    "additionalProperties": False,
                    "properties": {
                        "label_map": BINARY,
                        "instance_map": BINARY,
                        "style": {"type": "string", "description": "JSON of a style.", "example": '{"seed": 3}'},
                        "format": {"type": "string", "enum": ["png", "jpeg"]},
                        "size": {"type": "string", "pattern": "^[0-9]{1,5},[0-9]{1,5}$", "example": "256,256"},
                    },
                }
            },
        },
    }
}


def one_file(field: str) -> dict[str, Any]:
    """The body of an address that takes one file."""
    form = {"type": "object", "required": [field], "properties": {field: BINARY}}
    content = {"multipart/form-data": {"schema": form}, "application/octet-stream": {"schema": BINARY}}
    return {"requestBody": {"required": True, "content": content}}


def a_picture(*kinds: str, also: type[BaseModel] | None = None) -> dict[int | str, dict[str, Any]]:
    """The answers of an address that gives pictures."""
    content: dict[str, Any] = {kind: {"schema": BINARY} for kind in kinds}
    if also is not None:
        content["application/json"] = {"schema": {"$ref": REF.format(model=also.__name__)}}
    head = {"schema": {"type": "string"}, "description": "Milliseconds that computing the photo took."}
    heads = {"X-Spadework-Milliseconds": head} if also is not None else {}
    return {200: {"description": "The picture.", "content": content, "headers": heads}}


def describe_api(app: FastAPI, *models: type[BaseModel]) -> None:
    """Let the application's OpenAPI document tell all of it; `models` are answers that no address declares."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app, models)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]


def _document(app: FastAPI, models: tuple[type[BaseModel], ...]) -> dict[str, Any]:
    document = get_openapi(title=app.title, version=version("spadework"), description=TEXT, routes=app.routes)
    more = [(model, "validation") for model in (ErrorAnswer, GenerateRequest, *models)]
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas |= models_json_schema(more, ref_template=REF)[1]["$defs"]  # type: ignore[arg-type]
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)

    # Every address may refuse, and all refusals look alike.
    error = {"application/json": {"schema": {"$ref": REF.format(model="ErrorAnswer")}}}
    for path in document["paths"].values():
        for operation in path.values():
            answers = operation["responses"]
            answers |= {str(status): {"description": text, "content": error} for status, text in COMMON.items()}
            answers["404"] = {"description": "There is no such thing here.", "content": error}
    document["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    return document
