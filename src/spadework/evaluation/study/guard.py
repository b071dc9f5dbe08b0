"""What holds for every answer of the study's server: small requests, and heads that keep browsers careful."""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LARGEST = 4096
"""Bytes of a request's body."""
HEADS = {
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",  # Links are secrets.
    "X-Robots-Tag": "noindex",
}


class Guard:
    """Middleware: refuses bodies over LARGEST bytes with 413 and adds HEADS."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def careful(message: Message) -> None:
            if message["type"] == "http.response.start":
                heads = MutableHeaders(scope=message)
                for name, value in HEADS.items():
                    heads[name] = value
                heads.setdefault("Cache-Control", "no-store")
            await send(message)

        # The whole body first: it is small, or refused.
        length = Headers(scope=scope).get("content-length", "0")
        body, more = b"", True
        too_large = not length.isdecimal() or int(length[:20]) > LARGEST
        while more and not too_large:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message.get("body", b"")
            more = message.get("more_body", False)
            too_large = len(body) > LARGEST
        if too_large:
            await JSONResponse({"detail": f"a request has {LARGEST} bytes at most"}, 413)(scope, receive, careful)
            return

        pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def whole() -> Message:
            return pending.pop() if pending else await receive()

        await self.app(scope, whole, careful)
