"""Parts of the page on their own: files of ids, and styles by class with a model that has them."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from tests.studio.browser.studio_page import StudioPage, studio_page
from tests.studio.served import Served, pixels, png, text, tiny_oasis_model

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.slow

ENCODE = """async ([ids, width, height]) => {
    const {encodeIds} = await import("/static/app/png_ids.js");
    return btoa(String.fromCharCode(...await encodeIds(Uint16Array.from(ids), width, height)));
}"""
DECODE = """async (file) => {
    const {decodeIds} = await import("/static/app/png_ids.js");
    const {ids, width, height} = await decodeIds(Uint8Array.from(atob(file), (letter) => letter.charCodeAt(0)));
    return [Array.from(ids), width, height];
}"""


@pytest.mark.parametrize("most", [5, 255, 256, 65535])
def test_ids_survive_png_files(opened: StudioPage, most: int) -> None:
    random = np.random.default_rng(most)
    for height, width in ((1, 1), (3, 17), (40, 23)):
        ids = random.integers(0, most + 1, (height, width))
        ids[0, 0] = most
        written = opened.page.evaluate(ENCODE, [ids.ravel().tolist(), width, height])
        picture = Image.open(io.BytesIO(base64.b64decode(written)))
        picture.load()
        assert picture.mode == ("L" if most < 256 else "I;16")
        assert (np.asarray(picture) == ids).all()

        # Pillow filters rows as it likes; smooth maps make it use all kinds.
        smooth = np.add.outer(np.arange(height), np.arange(width)) * (1 if most < 256 else 700)
        for values in (ids, smooth % (most + 1)):
            file = io.BytesIO()
            Image.fromarray(values.astype(np.uint8 if most < 256 else np.uint16)).save(file, "PNG")
            read, *size = opened.page.evaluate(DECODE, base64.b64encode(file.getvalue()).decode())
            assert size == [width, height]
            assert (np.array(read).reshape(height, width) == values).all()


def test_a_class_takes_a_style_of_its_own(browser: Browser, tmp_path: Path) -> None:
    with (
        Served("--model", tiny_oasis_model(tmp_path / "oasis"), cwd=tmp_path) as served,
        studio_page(browser, served.url, viewport={"width": 1280, "height": 800}) as page,
    ):
        before, map_before = page.photo(), page.ids()
        mine = int(np.bincount(map_before.ravel()).argmax())
        page.page.evaluate("id => studio.palette.choose(id)", mine)
        page.page.get_by_role("radiogroup", name="Style of").get_by_text("Class").click()
        page.page.get_by_role("button", name="Style Seed 4", exact=True).click()
        page.settled()
        assert (page.ids() == map_before).all()

        # As the server draws it: what lies beside the class sees it through the network, and changes as well.
        label_map = text(png(map_before.astype(np.uint8)))
        as_json = {"Accept": "application/json"}
        vectors = [
            served.post("/v1/generate", {"label_map": label_map, "style": {"seed": seed}}, **as_json).json()
            for seed in (0, 4)
        ]
        regions = {
            "map": text(png((map_before == mine).astype(np.uint8))),
            "vectors": [each["style"]["vector"] for each in vectors],
        }
        expected = served.post("/v1/generate", {"label_map": label_map, "style": {"regions": regions}})
        assert np.abs(page.photo().astype(int) - pixels(expected.content)).max() <= 1
        assert (page.photo() != before)[map_before == mine].any()
        assert page.errors == []
