"""The study's web server: the page, the pictures, and an interface in JSON that the page speaks to.

Addresses hold a worker's token, question numbers and sides; nothing in an address or in a head tells a system.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import Cookie, Depends, FastAPI, HTTPException
from fastapi import Path as InPath
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse, RedirectResponse, Response
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request

from spadework.evaluation.study.guard import Guard
from spadework.evaluation.study.plan import Picture, Side, Study
from spadework.evaluation.study.store import NotGiven, Store
from spadework.evaluation.study.vote import Worker

STATIC = Path(__file__).with_name("static")
COOKIE = "spadework-worker"
YEAR = 365 * 24 * 3600
"""Seconds."""
DAY = 24 * 3600 * 1000
"""Milliseconds: longer answers are given without time."""

Number = Annotated[int, InPath(ge=0, lt=2**31)]


def find_worker(request: Request, token: Annotated[str, InPath(max_length=64)]) -> Worker:
    """Whose token an address holds; 404 for nobody's."""
    worker = request.app.state.store.worker(token)
    if worker is None:
        raise HTTPException(404, "there is no such link in this study")
    return worker


TheWorker = Annotated[Worker, Depends(find_worker)]


class Join(BaseModel):
    """Somebody comes by the open link."""

    model_config = ConfigDict(extra="forbid", strict=True)
    name: str | None = Field(None, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")
    """What another platform calls them."""


class Answer(BaseModel):
    """A choice."""

    model_config = ConfigDict(extra="forbid", strict=True)
    question: int = Field(ge=0, lt=2**31)
    side: Side
    milliseconds: int | None = Field(None, ge=0, lt=2**53)
    """From the pictures' appearance to the choice."""


def make_app(folder: Path, study: Study, store: Store, *, open_link: bool = True, secure: bool = False) -> FastAPI:
    """The server of a study; `open_link` lets anybody join, `secure` keeps the cookie to https."""
    app = FastAPI(title="spadework study", openapi_url=None)
    app.add_middleware(Guard)
    app.state.store = store

    def state(worker: Worker) -> dict[str, Any]:
        """Where the worker stands, and what comes next."""
        upcoming = store.upcoming(worker.number)
        shown = [shown_question(worker, number) for number in upcoming]
        return {**progress(worker), "upcoming": shown, "code": None if upcoming else worker.code}

    def progress(worker: Worker) -> dict[str, Any]:
        total = study.quota + study.checks
        return {"answered": len(store.votes_of(worker.number)), "total": total, "name": worker.name, **about}

    def shown_question(worker: Worker, number: int) -> dict[str, Any]:
        base = f"/api/workers/{worker.token}/questions/{number}"
        pictures = {picture: f"{base}/{picture}" for picture in ("layout", "A", "B")}
        return {"question": number, **pictures, "legend": study.questions[number].legend}

    about = {"contact": study.contact}

    # The page: by the open link, and by a worker's own.

    @app.get("/")
    def start(id: str | None = None, token: Annotated[str | None, Cookie(alias=COOKIE)] = None) -> Response:
        if id is None and token and store.worker(token):
            return RedirectResponse(f"/w/{token}", 303)
        return _page()

    @app.get("/w/{token}")
    def own(token: str) -> Response:
        return _page(200 if store.worker(token) else 404)

    app.mount("/static", StaticFiles(directory=STATIC))

    # What the page asks for.

    @app.get("/api/study")
    def the_study() -> dict[str, Any]:
        return {"open": open_link, "total": study.quota + study.checks, **about}

    @app.post("/api/join")
    def join(who: Join) -> Response:
        if not open_link:
            raise HTTPException(403, "this study is by personal links only")
        worker = store.join(who.name)
        response = JSONResponse({"token": worker.token})
        response.set_cookie(COOKIE, worker.token, max_age=YEAR, httponly=True, samesite="lax", secure=secure)
        return response

    @app.get("/api/workers/{token}")
    def welcome(worker: TheWorker) -> dict[str, Any]:
        return progress(worker)

    @app.post("/api/workers/{token}/questions")
    def questions(worker: TheWorker) -> dict[str, Any]:
        return state(worker)

    @app.post("/api/workers/{token}/votes")
    def vote(worker: TheWorker, answer: Answer) -> dict[str, Any]:
        milliseconds = None if answer.milliseconds is None or answer.milliseconds > DAY else answer.milliseconds
        try:
            kept, new = store.vote(worker.number, answer.question, answer.side, milliseconds)
        except NotGiven:
            raise HTTPException(409, "this question was not given to this worker") from None
        return {"vote": {"position": kept.position, "side": kept.side, "new": new}, **state(worker)}

    @app.get("/api/workers/{token}/votes/{position}")
    def answered(worker: TheWorker, position: Number) -> dict[str, Any]:
        for kept in store.votes_of(worker.number):
            if kept.position == position:
                return {"position": position, "side": kept.side, **shown_question(worker, kept.question)}
        raise HTTPException(404, "there is no such answer")

    @app.get("/api/workers/{token}/questions/{number}/{picture}")
    def picture(worker: TheWorker, number: Number, picture: Literal["layout", "A", "B"]) -> Response:
        if not store.was_given(worker.number, number):
            raise HTTPException(404, "this question was not given to this worker")
        kind: Picture = "layout"
        if picture != "layout":
            kind = "ours" if store.assignment.ours(worker.number, number) == picture else "theirs"
        content = Study.picture(folder, number, kind).read_bytes()
        return Response(
            content, media_type="image/png", headers={"Cache-Control": f"private, max-age={YEAR}, immutable"}
        )

    @app.exception_handler(RequestValidationError)
    def not_understood(request: Request, error: RequestValidationError) -> Response:
        # Without what was sent: it may be nothing that JSON can say.
        wrong = "; ".join(f"{one['loc'][-1]}: {one['msg']}" for one in error.errors())
        return JSONResponse({"detail": wrong}, 422)

    @app.exception_handler(sqlite3.OperationalError)
    def cannot_write(request: Request, error: Exception) -> Response:
        return JSONResponse(
            {"detail": f"votes cannot be kept right now ({error}); nothing that was confirmed is lost"}, 503
        )

    return app


def _page(status: int = 200) -> Response:
    return FileResponse(STATIC / "index.html", status, headers={"Cache-Control": "no-cache"})
