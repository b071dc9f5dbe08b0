"""Parts of the page on their own: files of ids, and styles by class with a model that has them."""

from __future__ import annotations

import base64
import io
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from PIL import Image

from spadework.data.ontology import Ontology
from spadework.model_folder import write_model
from spadework.systems.spade import Spade
from tests import tiny
from tests.studio.browser.studio_page import WELCOMED, StudioPage, studio_page
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


def park_model(folder: Path, *more: str) -> Path:
    """A tiny model of a park, all of whose ids are classes: 0 is sky, 4 is path, then `more`."""
    torch.manual_seed(0)
    names = ("sky", "tree", "grass", "pond", "path", *more)
    ontology = Ontology.from_json({"name": "park", "classes": [{"id": id, "name": n} for id, n in enumerate(names)]})
    config = tiny.config(stem="style", encoder=True, classes=ontology.channels)
    write_model(folder, "spade", tiny.lively(Spade(config)), ontology)
    return folder


def test_without_an_unlabelled_id_all_classes_have_their_colours(browser: Browser, tmp_path: Path) -> None:
    with (
        Served("--model", park_model(tmp_path / "park"), cwd=tmp_path) as served,
        studio_page(browser, served.url, viewport={"width": 1280, "height": 800}) as page,
    ):
        page.page.evaluate("studio.painting.replaceWith(new Uint16Array(64 * 64), 64, 64)")
        page.settled()
        shown = page.page.evaluate(
            """() => {
              const canvas = document.querySelector("#map canvas");
              const {view} = studio.editor;
              const ratio = canvas.width / canvas.clientWidth;
              const [left, top] = [view.toScreenX(1) * ratio, view.toScreenY(1) * ratio];
              const side = Math.floor(62 * view.scale * ratio);
              const {data} = canvas.getContext("2d").getImageData(left, top, side, side);
              const words = [...new Set(new Uint32Array(data.buffer))];
              return words.map((word) => [word & 255, (word >> 8) & 255, (word >> 16) & 255]);
            }"""
        )
        assert shown == [page.page.evaluate("studio.colors[0]")]
        assert page.page.evaluate("studio.editor.nameOf(0)") == "sky"
        assert page.errors == []


def test_classes_that_the_model_has_no_more_become_empty(browser: Browser, tmp_path: Path) -> None:
    swan, port = 5, free_port()
    context = browser.new_context(accept_downloads=True)
    context.add_init_script(WELCOMED)
    with Served("--model", park_model(tmp_path / "before", "swan"), "--port", port, cwd=tmp_path) as served:
        page = StudioPage(context.new_page(), served.url).open()
        before = page.ids()
        page.page.get_by_role("option", name="swan").click()
        page.stroke([(0.2, 0.3), (0.7, 0.6)])
        painted = page.ids()
        count = int((painted == swan).sum())
        assert count
        page.settled()
        page.download("Save the project").save_as(tmp_path / "swan.spadework.json")
        page.page.evaluate("new Promise((done) => setTimeout(done, 2500))")  # Kept by the browser.
    page.errors.clear()  # The studio was gone.

    # Taken up by itself, with a model that has no swans: painting goes on.
    with Served("--model", park_model(tmp_path / "after"), "--port", port, cwd=tmp_path):
        page.open()
        told = f"{count} of its pixels had classes that this model does not have"
        page.page.locator(".message").get_by_text(told).wait_for()
        assert (page.ids() == before).all()
        assert page.page.evaluate("studio.editor.class") != swan
        page.page.get_by_role("option", name="pond").click()
        page.stroke([(0.2, 0.3), (0.7, 0.6)])
        page.settled()
        assert (page.ids() == 3)[painted == swan].mean() > 0.9  # Strokes are smoothed, in time.
        assert page.page.locator(".message.bad").count() == 0

        # One step, like any other.
        for _ in range(2):
            page.page.keyboard.press("Control+z")
        assert (page.ids() == painted).all()
        page.page.keyboard.press("Control+Shift+z")
        assert (page.ids() == before).all()

        # A project file alike.
        page.page.reload()
        page.until("globalThis.studio && document.body.dataset.state === 'ready'")
        page.page.evaluate("document.querySelector('.messages').replaceChildren()")
        page.open_file(tmp_path / "swan.spadework.json")
        page.page.locator(".message").get_by_text(told).wait_for()
        assert (page.ids() == before).all()
        page.settled()
        page.page.keyboard.press("Control+z")
        assert (page.ids() == painted).all()
    context.close()


def free_port() -> str:
    """A port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return str(free.getsockname()[1])


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
