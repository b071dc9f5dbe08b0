"""What holds for every request: admission, pace, size, patience, and heads that keep browsers careful."""

from __future__ import annotations

import asyncio
import time
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from spadework.studio.admission import Admission
from spadework.studio.limits import Limits
from spadework.studio.rate import Rates
from spadework.studio.refusal import Refusal

HEADS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
        "worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",  # An address may hold the token.
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "X-Frame-Options": "DENY",
}
YEAR = 365 * 24 * 3600
BODIES = 8
"""Largest bodies that may lie in memory at once."""
DRAIN_SECONDS, DRAIN_PAUSE = 10.0, 2.0
"""For so long the rest of a body that is too large is read and thrown away, so that its sender gets to hear of it; and
how long a pause may be."""


class Guard:
    """Middleware around the whole server."""

    def __init__(self, app: ASGIApp, admission: Admission, limits: Limits) -> None:
        self.app = app
        self.admission = admission
        self.limits = limits
        self.rates = Rates(limits.requests_per_second)
        self._held = 0
        """Bytes of bodies in memory."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request or live connection."""
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def careful(message: Message) -> None:
            if message["type"] == "http.response.start":
                heads = MutableHeaders(scope=message)
                for name, value in HEADS.items():
                    heads[name] = value
                heads.setdefault("Cache-Control", "no-store")
            try:
                await asyncio.wait_for(send(message), self.limits.patience)
            except TimeoutError:
                raise OSError("the client does not take its answer") from None

        held = 0
        try:
            to_cookie = self._admit(scope)
            body = await self._body(scope, receive)
            if body is None:
                return
            held = len(body)
        except Refusal as refusal:
            await _refused(refusal, scope)(scope, receive, careful)
            return
        if to_cookie:
            await self._welcome(scope)(scope, receive, careful)
            return

        # The body was read; after it only the end of the connection can come.
        pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]
        del body

        async def whole() -> Message:
            return pending.pop() if pending else await receive()

        self._held += held
        try:
            await self.app(scope, whole, careful)
        finally:
            self._held -= held

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            self._admit(scope)
        except Refusal as refusal:
            await receive()
            if "websocket.http.response" in scope.get("extensions", {}):
                heads = [(name.lower().encode(), value.encode()) for name, value in refusal.heads.items()]
                answer = JSONResponse(refusal.to_json())
                await send(
                    {
                        "type": "websocket.http.response.start",
                        "status": refusal.status,
                        "headers": [*answer.raw_headers, *heads],
                    }
                )
                await send({"type": "websocket.http.response.body", "body": answer.body})
            else:
                await send({"type": "websocket.close", "code": 1008})
            return
        await self.app(scope, receive, send)

    def _admit(self, scope: Scope) -> bool:
        """Whether the token in the address belongs into a cookie; raises Refusal."""
        heads = Headers(scope=scope)
        wait = self.rates.take(client_address(scope))
        if wait:
            raise Refusal(
                429, "too_fast", f"more than {self.limits.requests_per_second:g} requests a second",
                "slow down, or paint over the live connection", {"Retry-After": str(max(1, round(wait)))},
            )
        if len(heads.getlist("host")) > 1 or len(heads.getlist("origin")) > 1:
            raise Refusal(400, "bad_heads", "a request has one Host and one Origin head")
        self.admission.check_place(scope.get("method", "GET"), scope["path"], heads)
        asked = parse_qs(scope["query_string"].decode("latin-1"), max_num_fields=50).get("token", [None])[0] \
            if b"token=" in scope["query_string"] else None
        return self.admission.check_token(heads, _cookies(heads), asked)

    def _welcome(self, scope: Scope) -> Response:
        """Back to the same address without the token, which a cookie holds now."""
        response = RedirectResponse(scope["path"] if scope["path"].startswith("/v1") else "/", 303)
        response.set_cookie(
            self.admission.cookie, self.admission.cookie_value,
            max_age=YEAR, httponly=True, samesite="lax", secure=self.admission.secure,
        )
        return response

    async def _body(self, scope: Scope, receive: Receive) -> bytes | None:
        """The whole body; None when the client left. Raises Refusal for one that is too large or too slow."""
        largest = self.limits.max_request_bytes
        length = Headers(scope=scope).get("content-length", "0")
        too_large = not length.isdecimal() or len(length) > 20 or int(length) > largest
        pieces: list[bytes] = []
        size = 0
        end = time.monotonic() + 10 * self.limits.patience
        try:
            while True:
                patience = min(self.limits.patience, end - time.monotonic())
                message = await asyncio.wait_for(receive(), DRAIN_PAUSE if too_large else patience)
                if message["type"] == "http.disconnect":
                    return None
                piece = message.get("body", b"")
                size += len(piece)
                if size > largest and not too_large:
                    too_large, end = True, time.monotonic() + DRAIN_SECONDS
                    self._held -= sum(map(len, pieces))
                    pieces.clear()
                if not too_large:
                    pieces.append(piece)
                    self._held += len(piece)
                if self._held > BODIES * largest:
                    raise Refusal(429, "busy", "too many large requests at once", "try again", {"Retry-After": "2"})
                if not message.get("more_body", False) or (too_large and time.monotonic() > end):
                    break
        except TimeoutError:
            if not too_large:
                raise Refusal(408, "too_slow", "the request's body did not come", "send it without pauses") from None
        finally:
            self._held -= sum(map(len, pieces))
        if too_large:
            raise Refusal(
                413, "too_large", f"a request has {largest} bytes at most", "send a smaller picture",
                {"Connection": "close"},
            )
        return b"".join(pieces)


def client_address(scope: Scope) -> str:
    """Whose pace a request counts for."""
    client = scope.get("client")
    return client[0] if client else "?"


def _refused(refusal: Refusal, scope: Scope) -> Response:
    """JSON for programs, words for people who opened an address."""
    if refusal.status == 401 and not scope["path"].startswith("/v1"):
        return PlainTextResponse(f"{refusal.message}: {refusal.cure}\n", 401, refusal.heads)
    return JSONResponse(refusal.to_json(), refusal.status, refusal.heads)


def _cookies(heads: Headers) -> dict[str, str]:
    try:
        return {name: morsel.value for name, morsel in SimpleCookie(heads.get("cookie", "")).items()}
    except CookieError:
        return {}
