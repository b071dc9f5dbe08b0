"""Serving the studio: a model, an address, a browser, and a server until it is interrupted."""

from __future__ import annotations

import os
import secrets
import sys
import threading
import webbrowser
from collections.abc import Callable
from pathlib import Path
from socket import socket

from spadework.model_folder import find_model, read_system
from spadework.studio.limits import Limits
from spadework.synthesizer import Precision, load
from spadework.web_server import address, is_loopback, is_private, listen

STATIC = Path(__file__).with_name("static")
PORT, TRIED = 8200, 50
"""The first port that is tried, and how many."""


def serve(
    model: str | Path,
    host: str = "127.0.0.1",
    port: int | None = None,
    *,
    device: str = "cpu",
    precision: Precision = "float32",
    segmenter: str | Path | None = None,
    token: str | None = None,
    url: str | None = None,
    browser: bool = True,
    limits: Limits | None = None,
    say: Callable[[str], None] = print,
) -> None:
    """Serve the studio until Ctrl-C (KeyboardInterrupt) or SIGTERM.

    Without `port` the first free one from PORT on; `url` is what people type where that is another address than the
    server's own. Where others than this machine can come, a token is needed; one is made unless it is given.
    Raises ValueError for a model that can't be loaded, an address that cannot be had, and without FastAPI and uvicorn.
    """
    try:
        import uvicorn
        import websockets  # noqa: F401 - uvicorn speaks WebSocket by it

        from spadework.studio.admission import Admission
        from spadework.studio.segmenting import Segmenting
        from spadework.studio.server import make_app
        from spadework.studio.studio import open_studio
    except ModuleNotFoundError as error:
        raise ValueError(f"the studio needs {error.name}: pip install 'spadework[studio]'") from None

    limits = limits or Limits()
    limits.check()
    if token is None and not (is_loopback(host) and url is None):
        token = secrets.token_urlsafe(18)
    admission = Admission.to(host, token=token, url=url)
    listening = _listen(host, port)
    try:
        # The model, and what it shall be good for.
        folder = find_model(model)
        synthesizer = load(model, device=device, precision=precision)
        segmenting = None
        if segmenter is not None:
            from spadework.segmenters.load import load_segmenter

            segmenting = Segmenting(load_segmenter(segmenter), Path(segmenter).name, synthesizer.ontology)
        studio = open_studio(synthesizer, read_system(folder)[0], folder, limits, segmenting)

        # The address.
        base = (url or address(host, listening.getsockname()[1])).rstrip("/")
        link = f"{base}/?token={token}" if token else f"{base}/"
        name, (height, width) = studio.about["name"], studio.model.size
        say(f"{name}: {studio.about['system']}, {width}x{height}, {1000 * studio.model.seconds:.0f} ms a stroke")
        say(f"studio: {link}")
        if not is_private(base):
            say("note: without https others on the way can read along; put a proxy with https before it")
        say("Ctrl-C stops it")
        if browser and _has_screen():
            threading.Thread(target=webbrowser.open, args=[link], daemon=True).start()
        config = uvicorn.Config(
            make_app(studio, admission, STATIC),
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=url is not None,
            ws_max_size=2 * limits.max_request_bytes,
            ws_per_message_deflate=False,  # pictures are compressed already
            timeout_graceful_shutdown=2,
        )
        uvicorn.Server(config).run(sockets=[listening])
    finally:
        listening.close()


def _listen(host: str, port: int | None) -> socket:
    """A socket at the port, or at the next free one where none was asked for."""
    if port is not None:
        return listen(host, port)
    for candidate in range(PORT, PORT + TRIED):
        try:
            return listen(host, candidate)
        except ValueError:
            continue
    return listen(host, 0)


def _has_screen() -> bool:
    """Whether a browser would open in a window; elsewhere it would take over the terminal."""
    return sys.platform in ("darwin", "win32") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
