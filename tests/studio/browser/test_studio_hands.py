"""The studio by fingers, pen, clipboard, files that are dropped, and the window of labels under the pointer."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from tests.studio.browser.studio_page import PHONE, StudioPage, studio_page
from tests.studio.served import Served

if TYPE_CHECKING:
    from playwright.sync_api import Browser, CDPSession

pytestmark = pytest.mark.slow

DROP = """([place, name, kind, content]) => {
    const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
    const carried = new DataTransfer();
    carried.items.add(new File([bytes], name, {type: kind}));
    const tell = (on, name) => on.dispatchEvent(
        new DragEvent(name, {dataTransfer: carried, bubbles: true, cancelable: true}));
    tell(document.body, "dragenter");
    const target = document.querySelector(place);
    const seen = !document.querySelector(".drop").hidden;
    tell(target, "dragover");
    tell(target, "drop");
    return seen;
}"""
"""Drops a file on a place; whether the page had shown where files may be dropped."""
CLIPBOARD = """async () => {
    const [item] = await navigator.clipboard.read();
    const bytes = new Uint8Array(await (await item.getType("image/png")).arrayBuffer());
    return btoa(String.fromCharCode(...bytes));
}"""


def fingers(cdp: CDPSession, kind: str, *points: tuple[float, float]) -> None:
    """Fingers on a phone's screen, in CSS pixels; those that are not named are lifted."""
    touches = [{"x": x, "y": y, "id": number, "force": 0.5} for number, (x, y) in enumerate(points)]
    cdp.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})
    frame = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
    cdp.send("Runtime.evaluate", {"expression": frame, "awaitPromise": True})


def dropped(page: StudioPage, place: str, name: str, kind: str, picture: Image.Image) -> bool:
    """Drop a picture on a place of the page."""
    file = io.BytesIO()
    picture.save(file, kind.removeprefix("image/").upper())
    seen: bool = page.page.evaluate(DROP, [place, name, kind, base64.b64encode(file.getvalue()).decode()])
    return seen


def test_fingers_paint_zoom_and_move_and_the_photo_follows(browser: Browser, studio: Served) -> None:
    with studio_page(browser, studio.url, **PHONE) as page:
        cdp = page.page.context.new_cdp_session(page.page)
        page.page.locator(".dock button").first.tap()
        page.page.get_by_role("option", name="flowers").tap()
        box = page.page.locator("#map").bounding_box()
        assert box is not None
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        page.until(f"document.elementFromPoint({x}, {y}).closest('#map')")  # The sheet of classes is gone.
        before, map_before = page.photo(), page.ids()

        # One finger paints, and the photo changes.
        fingers(cdp, "touchStart", (x - 40, y))
        for step in range(1, 5):
            fingers(cdp, "touchMove", (x - 40 + 20 * step, y))
        fingers(cdp, "touchEnd")
        page.settled()
        painted = page.ids() != map_before
        assert painted.any()
        assert (page.photo() != before)[painted].any()

        # Two zoom and move, and paint nothing; the photo shows the same part.
        after, width = page.ids(), "document.querySelector('.photo-holder').getBoundingClientRect().width"
        small = page.page.evaluate(width)
        fingers(cdp, "touchStart", (x - 20, y))
        fingers(cdp, "touchStart", (x - 20, y), (x + 20, y))
        for spread in (30, 45, 60):
            fingers(cdp, "touchMove", (x - spread, y), (x + spread, y))
        fingers(cdp, "touchEnd")
        assert page.page.evaluate("studio.editor.view.scale / studio.editor.view.fitting") == pytest.approx(3, rel=0.1)
        assert page.page.evaluate(width) == pytest.approx(3 * small, rel=0.1)
        assert (page.ids() == after).all()
        page.page.get_by_role("button", name="Undo").tap()
        assert (page.ids() == map_before).all()
        assert page.errors == []


def test_the_photo_is_copied(browser: Browser, studio: Served) -> None:
    with studio_page(browser, studio.url, permissions=["clipboard-read", "clipboard-write"]) as page:
        page.page.bring_to_front()
        page.page.keyboard.press("Control+Shift+c")
        page.page.locator(".message.good").wait_for()
        copied = Image.open(io.BytesIO(base64.b64decode(page.page.evaluate(CLIPBOARD))))
        assert (np.asarray(copied.convert("RGB")) == page.photo()).all()


def test_dropped_files_are_opened_and_photos_give_their_style(opened: StudioPage) -> None:
    wanted = np.repeat(np.arange(4, dtype=np.uint8), 12)[None].repeat(32, 0)  # [32, 48]
    assert dropped(opened, "#map", "four.png", "image/png", Image.fromarray(wanted))
    opened.page.get_by_text("four.png is open").wait_for()
    assert (opened.ids() == wanted).all()
    opened.settled()
    before = opened.photo()
    sunset = Image.fromarray(np.full((40, 60, 3), (220, 90, 20), np.uint8))
    assert dropped(opened, ".styles", "sunset.jpg", "image/jpeg", sunset)
    opened.until("studio.looks.current.name === 'sunset'")
    opened.settled()
    assert (opened.ids() == wanted).all()
    assert (opened.photo() != before).any()
    assert opened.page.locator(".drop").is_hidden()


def test_what_is_dropped_on_the_batch_sheet_leaves_no_veil(opened: StudioPage) -> None:
    before = opened.ids()
    opened.menu("Many maps")
    opened.page.locator(".batch-zone").wait_for()
    with opened.page.expect_download() as coming:
        plain = Image.fromarray(np.zeros((32, 48), np.uint8))
        assert not dropped(opened, ".batch-zone", "a.png", "image/png", plain)
    assert coming.value.suggested_filename.endswith("-photos.zip")
    opened.page.keyboard.press("Escape")
    opened.until("!document.querySelector('dialog')")
    assert opened.page.locator(".drop").is_hidden()
    assert (opened.ids() == before).all()
    assert dropped(opened, "#map", "a.png", "image/png", plain)
    opened.until("studio.name === 'a'")


def test_why_shows_the_window_under_the_pointer(opened: StudioPage) -> None:
    opened.page.keyboard.press("y")
    opened.until("!!document.querySelector('.drawer select option')")
    box = opened.page.locator("#map").bounding_box()
    assert box is not None
    for share, name in ((0.2, "sky"), (0.9, "grass")):
        place = opened.page.evaluate(
            "share => [studio.editor.view.toScreenX(studio.painting.width / 4), "
            "studio.editor.view.toScreenY(share * studio.painting.height)]",
            share,
        )
        opened.page.mouse.move(box["x"] + place[0], box["y"] + place[1])
        opened.until(f"document.querySelector('.drawer').innerText.includes('{name}: the same window')")
        assert opened.page.locator(".why-window .swatch").count() == 25
    heat = opened.page.evaluate("[...document.querySelectorAll('.heat')].map(({hidden, width}) => [hidden, width])")
    assert heat == [[False, 64]]
    opened.page.keyboard.press("y")
    assert opened.page.evaluate("document.querySelector('.heat').hidden")
