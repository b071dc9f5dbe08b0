"""The pictures of the studio that its page in the documentation shows, taken in a real Chromium.

    python examples/studio_pictures.py                      # of the shipped model
    python examples/studio_pictures.py --model runs/mine    # of another model of landscapes

A lake below mountains is opened, bushes are painted on it, and looks are chosen. Times in the pictures are those of
this machine: let it rest meanwhile.
"""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tyro
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

SIDE = 256
WIDE = {"viewport": {"width": 1280, "height": 800}}
LARGE = {"viewport": {"width": 2560, "height": 1440}}
PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}
QUIET = "localStorage['spadework-studio'] ??= JSON.stringify({welcomed: true})"
SETTLED = "globalThis.studio && document.body.dataset.state === 'ready' && !studio.photo.empty && !studio.live.waiting"


@dataclass(frozen=True)
class Options:
    """Take the documentation's pictures of the studio."""

    model: str = "landscapes"
    """A model folder, a run folder, or a model's name; its classes are those of landscapes."""
    out: Path = Path("docs/images")
    """Where the pictures go."""


@contextmanager
def studio(model: str) -> Iterator[str]:
    """The address of a studio with the model."""
    command = [sys.executable, "-m", "spadework", "studio", "--no-browser", "--port", "0", "--model", model]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            for line in process.stdout:
                if found := re.search(r"studio: (http://\S+)", line):
                    yield found[1]
                    return
            raise SystemExit("the studio did not start")
        finally:
            process.terminate()


def lake(ids: dict[str, int]) -> bytes:
    """A PNG of ids: a lake between a meadow with a path and mountains with snow and woods."""
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE
    far = 0.36 + 0.1 * np.sin(9 * x + 1.2) + 0.035 * np.sin(23 * x + 0.4) + 0.015 * np.sin(57 * x + 2)
    wood = 0.54 + 0.03 * np.sin(7 * x + 3) + 0.008 * np.sin(61 * x) + 0.008 * np.sin(97 * x + 1)
    shore, meadow = 0.62 + 0.006 * np.sin(11 * x), 0.77 + 0.06 * np.sin(4 * x + 2.2) + 0.012 * np.sin(17 * x + 1)
    clouds = [(0.27, 0.12, 0.13, 0.03), (0.36, 0.145, 0.12, 0.025), (0.74, 0.2, 0.13, 0.022), (0.8, 0.185, 0.08, 0.025)]
    areas = [
        ("sky", y >= 0),
        *(("cloud", ((x - left) / width) ** 2 + ((y - top) / height) ** 2 < 1) for left, top, width, height in clouds),
        ("mountain", y > far),
        ("snow", (y > far) & (y < far + 0.5 * (0.34 - far) + 0.012 * np.sin(70 * x))),
        ("tree", y > wood),
        ("water", y > shore),
        ("grass", y > meadow),
        ("path", (y > meadow + 0.06) & (np.abs(x - 0.62 - 0.5 * (y - 0.85)) < 0.015 + 0.3 * (y - 0.8).clip(0))),
    ]
    label_map = np.zeros((SIDE, SIDE), np.uint8)
    for name, area in areas:
        label_map[area] = ids[name]
    file = io.BytesIO()
    Image.fromarray(label_map).save(file, "PNG")
    return file.getvalue()


def settle(page: Page) -> None:
    """Wait for the photo, and for what moves; the page's policy forbids wait_for_function."""
    end = time.monotonic() + 120
    while not page.evaluate(SETTLED):
        if time.monotonic() > end:
            raise SystemExit("the photo did not come")
        page.wait_for_timeout(50)
    page.wait_for_timeout(700)


def painted(browser: Browser, address: str, label_map: bytes, look: int, **options: Any) -> Page:
    """A page with the lake, on which bushes were painted, in one of the model's looks."""
    context = browser.new_context(accept_downloads=True, **options)
    context.add_init_script(QUIET)
    page = context.new_page()
    page.goto(address)
    settle(page)
    page.locator("body > input[type=file]").set_input_files(
        {"name": "A lake.png", "mimeType": "image/png", "buffer": label_map}
    )
    page.locator(".message").get_by_role("button", name="Dismiss").click()
    settle(page)
    page.evaluate("studio.palette.choose(studio.model.ontology.classes.find(({name}) => name === 'bush').id)")
    page.evaluate("number => document.querySelectorAll('.thumb:not(.from-photo)')[number].click()", look)
    corner = page.locator("#map").bounding_box()
    assert corner is not None
    for points in ([(0.08, 0.92), (0.13, 0.9), (0.2, 0.91)], [(0.3, 0.96), (0.36, 0.95)]):
        for number, (x, y) in enumerate(points):
            at = page.evaluate(
                f"[studio.editor.view.toScreenX({x} * {SIDE}), studio.editor.view.toScreenY({y} * {SIDE})]"
            )
            page.mouse.move(corner["x"] + at[0], corner["y"] + at[1], steps=8)
            if number == 0:
                page.mouse.down()
        page.mouse.up()
        settle(page)
    return page


def save(picture: Image.Image, path: Path) -> None:
    """A PNG, at most 1280 pixels wide."""
    picture = picture.convert("RGB")
    picture.thumbnail((1280, 1280), Image.Resampling.LANCZOS)
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path, optimize=True)


def main(options: Options) -> None:
    """Take all pictures."""
    chromium = next(found for name in ("chromium", "google-chrome") if (found := shutil.which(name)))
    with studio(options.model) as address, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        classes = json.load(urllib.request.urlopen(f"{address}v1/model"))["ontology"]["classes"]
        label_map = lake({each["name"]: each["id"] for each in classes})

        def keep(page: Page, name: str) -> None:
            save(Image.open(io.BytesIO(page.screenshot())), options.out / f"studio-{name}.png")

        # Wide: beside each other, why, the shared page.
        page = painted(browser, address, label_map, 9, **WIDE, color_scheme="light")
        keep(page, "1280-light")
        page.keyboard.press("y")
        page.locator(".bar-row").first.wait_for()
        settle(page)
        keep(page, "why")
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Share").click()
        with page.expect_download() as coming:
            page.get_by_role("button", name="Make the page").click()
        shared = browser.new_page(viewport={"width": 1280, "height": 860}, color_scheme="light")
        shared.goto(Path(coming.value.path()).rename(Path(coming.value.path()).with_suffix(".html")).as_uri())
        shared.wait_for_timeout(1300)
        keep(shared, "shared")

        # Dark: the photo over the map, and a large screen.
        page = painted(browser, address, label_map, 4, **WIDE, color_scheme="dark")
        page.keyboard.press("v")
        settle(page)
        keep(page, "1280-dark")
        keep(painted(browser, address, label_map, 11, **LARGE, color_scheme="dark"), "2560-dark")

        # A phone, with two of its sheets.
        page = painted(browser, address, label_map, 9, **PHONE, color_scheme="light")
        views = [page.screenshot()]
        for sheet in (0, 2):
            page.locator(".dock button").nth(sheet).tap()
            page.wait_for_timeout(500)
            views.append(page.screenshot())
        pictures = [Image.open(io.BytesIO(view)).convert("RGB").resize((432, 888)) for view in views]
        phones = Image.new("RGB", (3 * 432 + 2 * 24, 888), "white")
        for number, picture in enumerate(pictures):
            phones.paste(picture, (number * 456, 0))
        save(phones, options.out / "studio-phone.png")
        browser.close()


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
