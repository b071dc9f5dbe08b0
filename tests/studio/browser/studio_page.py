"""The studio's page in a real browser, for its tests: what people do in it, and what they see."""

from __future__ import annotations

import base64
import io
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image

from spadework.data.shipped import shipped_ontology
from spadework.model_folder import write_model
from spadework.systems.spade import Spade
from tests import tiny

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Download, Page

PATIENCE = 180
"""Seconds."""

PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}
WELCOMED = "localStorage['spadework-studio'] ??= JSON.stringify({welcomed: true})"

Points = Sequence[tuple[float, float]]


def landscapes_model(folder: Path, seed: int = 0) -> Path:
    """A tiny model of the classes that newcomers meet, with lively weights: 64x64, with a style encoder."""
    torch.manual_seed(0)
    ontology = shipped_ontology("landscapes")
    config = tiny.config(stem="style", encoder=True, classes=ontology.channels)
    write_model(folder, "spade", tiny.lively(Spade(config), seed), ontology)
    return folder
SETTLED = "!studio.photo.empty && !studio.live.waiting && document.querySelector('.status').dataset.state === 'live'"


class StudioPage:
    """A page with the studio in it."""

    def __init__(self, page: Page, url: str) -> None:
        self.page, self.url = page, url
        self.requested: list[str] = []
        self.errors: list[str] = []
        page.on("request", lambda request: self.requested.append(request.url))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda said: self.errors.append(said.text) if said.type == "error" else None)
        page.set_default_timeout(1000 * PATIENCE)

    def open(self) -> StudioPage:
        """Go there, and wait for the first photo."""
        self.page.goto(self.url, wait_until="domcontentloaded")
        self.until("document.body.dataset.state === 'ready'")
        self.settled()
        return self

    def until(self, condition: str, argument: Any = None) -> None:
        """Wait until an expression holds; `wait_for_function` needs eval, which the page's policy forbids."""
        end = time.monotonic() + PATIENCE
        while not self.page.evaluate(condition, argument):
            assert time.monotonic() < end, f"it never came to be that {condition}"
            self.page.wait_for_timeout(50)

    def settled(self) -> None:
        """Wait for the photo of what was painted last."""
        self.until(SETTLED)
        self.page.wait_for_timeout(150)
        self.until(SETTLED)

    def photo(self) -> np.ndarray:
        """[H, W, 3] uint8: the photo on the screen."""
        address = self.page.evaluate("studio.photo.canvas.toDataURL()")
        picture = Image.open(io.BytesIO(base64.b64decode(address.split(",")[1])))
        return np.asarray(picture.convert("RGB"))

    def ids(self) -> np.ndarray:
        """[H, W]: the label map."""
        width, values = self.page.evaluate("[studio.painting.width, Array.from(studio.painting.composite())]")
        return np.array(values).reshape(-1, width)

    def stroke(self, points: Points) -> None:
        """Draw with the mouse; points in shares of the map."""
        corner = self.page.locator("#map").bounding_box()
        assert corner is not None
        places = self.page.evaluate(
            "points => points.map(([x, y]) => [studio.editor.view.toScreenX(x * studio.painting.width), "
            "studio.editor.view.toScreenY(y * studio.painting.height)])",
            [list(point) for point in points],
        )
        for number, (x, y) in enumerate(places):
            self.page.mouse.move(corner["x"] + x, corner["y"] + y, steps=6)
            if number == 0:
                self.page.mouse.down()
        self.page.mouse.up()

    def download(self, action: str) -> Download:
        """What an entry of the menu gives."""
        with self.page.expect_download() as coming:
            self.menu(action)
        return coming.value

    def menu(self, entry: str) -> None:
        """Choose from the menu."""
        self.page.get_by_role("button", name="Menu", exact=True).click()
        self.page.get_by_role("menuitem", name=entry).click()

    def open_file(self, file: Path | dict[str, Any]) -> None:
        """Open a file as the file dialog does."""
        self.page.locator("body > input[type=file]").set_input_files(file)

    def keep(self, name: str) -> None:
        """A screenshot, where somebody wants to look at them: $SPADEWORK_SCREENSHOTS."""
        if folder := os.environ.get("SPADEWORK_SCREENSHOTS"):
            Path(folder).mkdir(parents=True, exist_ok=True)
            self.page.screenshot(path=Path(folder) / f"{name}.png")


@contextmanager
def studio_page(browser: Browser, url: str, *, welcomed: bool = True, **options: Any) -> Iterator[StudioPage]:
    """The studio, opened in a browser that never saw it before."""
    context = browser.new_context(accept_downloads=True, **options)
    if welcomed:
        context.add_init_script(WELCOMED)
    try:
        yield StudioPage(context.new_page(), url).open()
    finally:
        context.close()
