"""The studio's web server: the page, and the API under /v1 that the page and other programs speak to.

Every address is documented by OpenAPI at /openapi.json; docs/studio-api.md explains them, and the live connection.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

from fastapi import FastAPI, Header, Query, Request, WebSocket
from fastapi import Path as InPath
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.websockets import WebSocketDisconnect

from spadework.studio import messages, received
from spadework.studio.admission import Admission
from spadework.studio.api_document import GENERATE, a_picture, describe_api, one_file
from spadework.studio.body import read_file
from spadework.studio.figure3 import figure3
from spadework.studio.generating import answer, photo_of, read_request
from spadework.studio.guard import Guard, client_address
from spadework.studio.live import TRY_LATER, Live
from spadework.studio.looks import Look, show
from spadework.studio.page_files import PageFiles, page, revalidated
from spadework.studio.refusal import Refusal, refusal_of
from spadework.studio.studio import Studio
from spadework.studio.turns import NotWanted
from spadework.studio.why import why

FILE, PHOTO = one_file("file"), one_file("photo")
CLIENT_GONE = 499
"""What nobody reads any more."""

Name = Annotated[str, InPath(max_length=200)]
Client = Annotated[
    str | None,
    Header(
        alias="X-Spadework-Client", max_length=64,
        description="Whose turn it is: programs on one machine share its turns unless each has a name here.",
    ),
]


def make_app(studio: Studio, admission: Admission, static: Path) -> FastAPI:
    """The server of a studio whose model is loaded; `static` holds the page."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        studio.turns.start()
        yield
        await studio.turns.stop()

    app = FastAPI(title="spadework studio", docs_url=None, redoc_url=None, lifespan=lifespan, redirect_slashes=False)
    app.add_middleware(Guard, admission=admission, limits=studio.limits)
    numbers = itertools.count()
    limits, ontology, model = studio.limits, studio.ontology, studio.model

    # The page.

    @app.get("/", include_in_schema=False)
    def start(request: Request) -> Response:
        return page(static, request.headers.get("if-none-match"))

    app.mount("/static", PageFiles(static))

    # The model.

    @app.get("/v1/model", response_model=messages.ModelAnswer, tags=["model"])
    def the_model() -> dict[str, Any]:
        """The model: its classes and colours, what styles it takes, limits, examples."""
        return studio.about

    @app.get("/v1/examples/{name}", response_class=Response, responses=a_picture("image/png"), tags=["model"])
    def example(name: Name) -> Response:
        """An example label map: a gray PNG of ids."""
        found = studio.examples.get(name.removesuffix(".png"))
        if found is None:
            raise Refusal(404, "not_found", "there is no such example", "/v1/model lists them")
        return Response(received.ids_png(found.index, ontology), media_type="image/png")

    @app.get("/v1/styles/{name}/picture", response_class=Response, responses=a_picture("image/jpeg"), tags=["model"])
    async def style_picture(name: Name, request: Request) -> Response:
        """A small photo of an example map in this style; another model has another one at the same address."""
        look = _look(studio, name)
        if look.picture is None:
            first = next(iter(studio.examples.values()))
            await studio.turns.take_in_background(lambda: show(look, model, first))
        assert look.picture is not None
        content, kind = look.picture
        return revalidated(content, kind, request.headers.get("if-none-match"))

    @app.get("/v1/styles/{name}/vector", response_model=messages.EncodedStyle, tags=["model"])
    def style_vector(name: Name) -> dict[str, Any]:
        """The vector of one of the model's own styles."""
        look = _look(studio, name)
        if look.vector is None:
            raise Refusal(404, "not_found", "this style is a seed", f"ask with the style {{'seed': {look.seed}}}")
        return {"vector": look.vector.tolist()}

    # Photos.

    @app.post(
        "/v1/generate", response_class=Response, openapi_extra=GENERATE, tags=["photos"],
        responses=a_picture("image/png", "image/jpeg", also=messages.Generated),
    )
    async def generate(request: Request, client: Client = None) -> Response:
        """A label map -> a photo.

        The answer is the picture; with `Accept: application/json` it is JSON that holds it. As a form, `label_map` and
        `instance_map` are files and `style` is JSON text. A request whose client has gone before its turn is dropped.
        """
        asked = await read_request(request)
        made = await photo_of(studio, asked, _client(request, client), wanted=_still_there(request))
        return await answer(made, as_json="application/json" in request.headers.get("accept", ""))

    @app.post("/v1/style/encode", response_model=messages.EncodedStyle, openapi_extra=PHOTO, tags=["photos"])
    async def encode(request: Request, client: Client = None) -> dict[str, Any]:
        """A photo -> its style."""
        if not studio.about["style"]["encoder"]:
            raise Refusal(404, "no_encoder", "this model takes no style from photos", "use seeds or vectors")
        content = await read_file(request, "photo", "file")
        photo = await asyncio.to_thread(received.photo_for_style, content, limits.max_photo_pixels)
        style = await studio.turns.take(
            _client(request, client), lambda: model.synthesizer.encode(photo), wanted=_still_there(request)
        )
        return {"vector": style.vector[0].float().cpu().tolist()}

    # Label maps.

    @app.post("/v1/label-map", response_model=messages.LabelMapAnswer, openapi_extra=FILE, tags=["label maps"])
    async def label_map(request: Request) -> dict[str, Any]:
        """A label map in any form (ids, palette, colours; PNG, TIFF, BMP, JPEG, WebP, NPY) -> ids."""
        content = await read_file(request, "file", "label_map")
        found = await asyncio.to_thread(received.label_map, content, ontology, limits.max_photo_pixels)
        return await asyncio.to_thread(studio.as_answer, found)

    @app.post("/v1/segment", response_model=messages.LabelMapAnswer, openapi_extra=PHOTO, tags=["label maps"])
    async def segment(
        request: Request,
        client: Client = None,
        maximum_side: Annotated[int | None, Query(ge=16, le=4096, description="Longer side of the label map.")] = None,
    ) -> dict[str, Any]:
        """A photo -> the label map that the studio's segmenter gives it."""
        if studio.segmenting is None:
            raise Refusal(404, "no_segmenter", "this studio has no segmenter", "start it with --segmenter DIR")
        segmenting = studio.segmenting
        content = await read_file(request, "photo", "file")
        photo = await asyncio.to_thread(received.photo, content, limits.max_photo_pixels)
        side = maximum_side or max(model.size)
        photo.thumbnail((side, side))
        found = await studio.turns.take(
            _client(request, client), lambda: segmenting(photo), wanted=_still_there(request)
        )
        return await asyncio.to_thread(studio.as_answer, found)

    # Understanding.

    @app.post("/v1/why", response_model=messages.WhyAnswer, tags=["understanding"])
    async def the_why(asked: messages.WhyRequest, request: Request, client: Client = None) -> Any:
        """What a layer's modulation makes of a label map: gamma and beta as pictures, and the window under a pixel."""
        content = received.from_base64(asked.label_map, "label_map")
        found = await asyncio.to_thread(received.label_map, content, ontology, limits.max_pixels)
        return await studio.turns.take(
            _client(request, client), lambda: why(model, found.index, asked), wanted=_still_there(request)
        )

    @app.get("/v1/figure3", tags=["understanding"])
    async def the_figure3() -> dict[str, Any]:
        """Figure 3 of the SPADE paper: uniform maps through SPADE and through a generator whose norms wash them away.

        Tiny networks with random weights; computed once.
        """
        if studio.figure3 is None:
            studio.figure3 = await studio.turns.take_in_background(lambda: figure3(ontology))
        return studio.figure3

    # Painting.

    @app.websocket("/v1/live")
    async def live(socket: WebSocket) -> None:
        await socket.accept()
        if studio.connections >= limits.connections:
            await socket.close(TRY_LATER, f"{limits.connections} connections are open already")
            return
        studio.connections += 1
        try:
            name = f"live {next(numbers)} {client_address(socket.scope)}"
            await Live(socket, name, model, studio.turns, limits, ontology).run()
        except (WebSocketDisconnect, RuntimeError, OSError):
            pass  # It has gone.
        finally:
            studio.connections -= 1

    # Errors: what was wrong, in one form.

    @app.exception_handler(RequestValidationError)
    def not_understood(request: Request, error: RequestValidationError) -> Response:
        refusal = Refusal(422, "wrong_request", messages.what_is_wrong(error.errors()), "see /openapi.json")
        return _refused(refusal)

    @app.exception_handler(HTTPException)
    def not_found(request: Request, error: HTTPException) -> Response:
        code = {404: "not_found", 405: "wrong_method"}.get(error.status_code, "refused")
        return _refused(Refusal(error.status_code, code, str(error.detail), "see /openapi.json", error.headers))

    @app.exception_handler(ValueError)
    @app.exception_handler(Refusal)
    def refused(request: Request, error: Exception) -> Response:
        return _refused(refusal_of(error))

    @app.exception_handler(NotWanted)
    def gone(request: Request, error: NotWanted) -> Response:
        return Response(status_code=CLIENT_GONE)

    @app.exception_handler(Exception)
    def failed(request: Request, error: Exception) -> Response:
        return _refused(refusal_of(error))

    describe_api(app, messages.Generated)
    return app


def _look(studio: Studio, name: str) -> Look:
    look = studio.looks.get(name)
    if look is None:
        raise Refusal(404, "not_found", "there is no such style", "/v1/model lists them")
    return look


def _client(request: Request, name: str | None) -> str:
    return f"{client_address(request.scope)} {name or ''}"


def _still_there(request: Request) -> Callable[[], Awaitable[bool]]:
    async def still_there() -> bool:
        return not await request.is_disconnected()

    return still_there


def _refused(refusal: Refusal) -> Response:
    return JSONResponse(refusal.to_json(), refusal.status, refusal.heads)
