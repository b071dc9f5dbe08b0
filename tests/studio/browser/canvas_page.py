"""A page with nothing but the canvas, for its tests: served with the studio's Content-Security-Policy."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PATIENCE = 120_000
"""Milliseconds."""

STATIC = Path(__file__).resolve().parents[3] / "src" / "spadework" / "studio" / "static"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "worker-src 'self'"
)
FILES = {
    "/": (
        "text/html; charset=utf-8",
        "<!doctype html><html lang=en><title>Canvas</title><link rel=icon href=data:,>"
        "<link rel=stylesheet href=/page.css>"
        "<script type=module src=/page.js></script><main id=canvas></main></html>",
    ),
    "/page.css": ("text/css", "html, body { margin: 0; height: 100% } #canvas { position: fixed; inset: 0 }"),
    "/page.js": (
        "text/javascript",
        """
        import { Painting, NOTHING } from "/canvas/painting.js";
        import { Editor } from "/canvas/editor.js";
        const COLORS = [[90, 150, 220], [120, 110, 100], [60, 140, 70], [200, 190, 120], [40, 90, 160]];
        const names = ["sky", "mountain", "grass", "sand", "water"];
        const classes = names.map((name, id) => ({ id, name, color: COLORS[id] }));
        window.start = (width, height, options = {}) => {
          window.editor?.destroy();
          window.painting = new Painting({ width, height, classes, unlabelled: 255, ...options });
          window.editor = new Editor(document.getElementById("canvas"), painting, { classes });
          window.notices = [];
          editor.addEventListener("notice", ({ detail }) => notices.push(detail.message));
          return true;
        };
        Object.assign(window, { Painting, Editor, NOTHING, classes });
        window.ids = () => Array.from(painting.composite());
        window.screenOf = (x, y) => [editor.view.toScreenX(x), editor.view.toScreenY(y)];
        window.nextFrame = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
        """,
    ),
}
TYPES = {".js": "text/javascript", ".css": "text/css", ".html": "text/html"}


class Handler(BaseHTTPRequestHandler):
    """The page, and the files of the studio."""

    def do_GET(self) -> None:
        path = self.path.split("?")[0]
        kind, text = FILES.get(path) or (TYPES.get(Path(path).suffix, ""), None)
        file = STATIC / path.lstrip("/")
        if text is None and not (file.is_file() and STATIC in file.resolve().parents):
            self.send_error(404)
            return
        body = text.encode() if text is not None else file.read_bytes()
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", POLICY)
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the tests say what went wrong."""


@contextmanager
def served() -> Iterator[str]:
    """The page's address, while its server runs."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def canvas(browser: Browser, url: str, width: int = 96, height: int = 64, **options: Any) -> Iterator[Page]:
    """A page with an empty painting of this size; anything that it complains about fails the test."""
    context = browser.new_context(**{"viewport": {"width": 900, "height": 700}, **options})
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    open_canvas(page, url, width, height)
    yield page
    assert complaints == []
    context.close()


def open_canvas(page: Page, url: str, width: int, height: int) -> None:
    page.goto(url)
    page.wait_for_function("() => 'start' in window")
    page.evaluate("([width, height]) => start(width, height)", [width, height])


def seen(page: Page) -> np.ndarray:
    """What is seen of the painting: ids [H, W]."""
    data = page.evaluate("({ ids: ids(), width: painting.width })")
    return np.array(data["ids"]).reshape(-1, data["width"])


def on_screen(page: Page, x: float, y: float) -> tuple[float, float]:
    """Where a point of the map is in the window, in CSS pixels."""
    left, top = page.evaluate("([x, y]) => screenOf(x, y)", [x, y])
    return left, top


def drag(page: Page, *points: tuple[float, float], steps: int = 4) -> None:
    """Press the mouse at the first point of the map, go to the others, and let go."""
    places = [on_screen(page, *point) for point in points]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=steps)
    page.mouse.up()
