"""What people do in the studio: the newcomer's path with the mouse and with keys alone, files, and what goes wrong."""

from __future__ import annotations

import io
import json
import socket
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import ZipFile

import numpy as np
import pytest
from PIL import Image

from spadework.data.shipped import shipped_ontology
from tests.studio.browser.studio_page import StudioPage, landscapes_model, studio_page
from tests.studio.served import Served

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.slow

MOUNTAIN, FLOWERS = 2, 6
"""Ids of the ontology `landscapes`; their keys are 3 and 7."""
SEEN = """globalThis.seen = [];
requestAnimationFrame(function look() {
    seen.push(Number(document.getElementById("time")?.value ?? 0));
    requestAnimationFrame(look);
});"""
"""Where a shared page's slider is at each frame."""


def change(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """[H, W]: by how much a photo changed."""
    return np.abs(after.astype(int) - before.astype(int)).mean(2)


def test_the_path_of_a_newcomer(browser: Browser, studio: Served, tmp_path: Path) -> None:
    with studio_page(browser, studio.url, welcomed=False, viewport={"width": 1280, "height": 800}) as page:
        # Three hints, each gone when it is done.
        hint = page.page.locator(".hint")
        assert hint.locator("h2").inner_text() == "Choose what to paint"
        page.keep("newcomer-1")
        page.page.get_by_role("option", name="mountain").click()
        page.until("document.querySelector('.hint h2').textContent === 'Paint it on the map'")

        # Drawn: the photo changes there above all.
        before, map_before = page.photo(), page.ids()
        page.stroke([(0.2, 0.65), (0.45, 0.65)])
        page.settled()
        painted = page.ids() != map_before
        assert painted.any()
        assert (page.ids()[painted] == MOUNTAIN).all()
        changed = change(before, page.photo())
        assert changed[painted].mean() > 3 * changed[~painted].mean() > 0
        page.until("document.querySelector('.hint h2').textContent === 'Choose a look'")
        page.keep("newcomer-2")

        # Undone: everything as before.
        page.page.get_by_role("button", name="Undo").click()
        page.settled()
        assert (page.ids() == map_before).all()
        assert (page.photo() == before).all()
        page.page.get_by_role("button", name="Redo").click()

        # Another style.
        page.page.get_by_role("button", name="Style Seed 3", exact=True).click()
        page.settled()
        assert change(before, page.photo()).mean() > 1
        page.until("!document.querySelector('.hint')")
        kept_photo, kept_map = page.photo(), page.ids()
        page.page.get_by_role("textbox", name="Name of the project").fill("My first")
        page.page.keyboard.press("Enter")

        # Saved, and opened where nobody has been before: the same pixels.
        saved = page.download("Save the project")
        assert saved.suggested_filename == "My first.spadework.json"
        saved.save_as(tmp_path / saved.suggested_filename)
        photo = page.download("Save the photo")
        photo.save_as(tmp_path / "photo.png")
        assert (np.asarray(Image.open(tmp_path / "photo.png").convert("RGB")) == kept_photo).all()
        assert page.errors == []
    with studio_page(browser, studio.url) as page:
        page.open_file(tmp_path / "My first.spadework.json")
        page.until("studio.name === 'My first'")
        page.settled()
        assert (page.ids() == kept_map).all()
        assert (page.photo() == kept_photo).all()
        assert page.errors == []


def test_nothing_is_asked_of_other_machines(opened: StudioPage) -> None:
    for _ in range(2):
        opened.menu("Figure 3")
        opened.until("document.querySelector('.figure3 tfoot')")
        opened.page.keyboard.press("Escape")
        opened.page.keyboard.press("y")
        opened.until("!!document.querySelector('.drawer select option')")
        opened.page.keyboard.press("y")
        opened.page.reload()
        opened.until("document.body.dataset.state === 'ready'")
    own = opened.url.rstrip("/")
    foreign = [url for url in opened.requested if not url.startswith((own, "data:", "blob:"))]
    assert foreign == []
    assert len(opened.requested) > 30
    assert opened.errors == []


def test_by_keyboard_alone(opened: StudioPage, tmp_path: Path) -> None:
    keys = opened.page.keyboard
    before, map_before = opened.photo(), opened.ids()

    # A class by search, the canvas by Tab, a stroke, undo and redo.
    keys.press("/")
    keys.type("flow")
    keys.press("Enter")
    assert opened.page.evaluate("studio.editor.class") == FLOWERS
    for _ in range(60):
        if opened.page.evaluate("document.activeElement.getAttribute('role') === 'application'"):
            break
        keys.press("Tab")
    else:
        raise AssertionError("the canvas cannot be reached by Tab")
    keys.press("ArrowUp")
    keys.press("Enter")
    for _ in range(4):
        keys.press("ArrowLeft")
    keys.press("Enter")
    opened.settled()
    painted = opened.ids() != map_before
    assert painted.sum() > 50 and (opened.ids()[painted] == FLOWERS).all()
    changed = change(before, opened.photo())
    assert changed[painted].mean() > 2 * changed[~painted].mean()
    keys.press("Control+z")
    assert (opened.ids() == map_before).all()
    keys.press("Control+Shift+z")
    assert (opened.ids() != map_before).any()

    # A style, the menu, a saved project.
    opened.settled()
    with_first = opened.photo()
    opened.page.get_by_role("button", name="Style Seed 0", exact=True).focus()
    keys.press("ArrowRight")
    keys.press("Enter")
    opened.settled()
    assert change(with_first, opened.photo()).mean() > 1
    with opened.page.expect_download() as coming:
        keys.press("Control+s")
    assert json.loads(Path(coming.value.path()).read_text())["format"] == "spadework project"
    opened.page.get_by_role("button", name="Menu", exact=True).focus()
    keys.press("Enter")
    keys.press("ArrowDown")
    keys.press("Enter")
    opened.until("document.querySelector('dialog h2')?.textContent === 'Begin with'")
    keys.press("Escape")
    opened.until("!document.querySelector('dialog')")
    assert opened.page.evaluate("document.activeElement.getAttribute('aria-label')") == "Menu"


def test_a_project_of_another_model_says_so(browser: Browser, opened: StudioPage, tmp_path: Path) -> None:
    opened.stroke([(0.2, 0.2), (0.8, 0.8)])
    for number in (1, 2):
        opened.page.get_by_role("button", name=f"Style Seed {number}", exact=True).click()
    file = tmp_path / "here.spadework.json"
    opened.download("Save the project").save_as(file)
    opened.page.reload()
    opened.until("globalThis.studio && document.body.dataset.state === 'ready'")
    opened.open_file(file)
    opened.page.locator(".message").get_by_text("is open").wait_for()
    pictures = [f"/v1/styles/Seed%20{number}/picture" for number in range(3)]
    assert opened.page.evaluate("studio.looks.history.map(({picture}) => picture)") == pictures
    model = landscapes_model(tmp_path / "other", seed=1)
    with Served("--model", model, cwd=tmp_path) as other, studio_page(browser, other.url) as page:
        page.open_file(file)
        page.page.get_by_text("made with another model").wait_for()
        assert (page.ids() == opened.ids()).all()

        # Those addresses show other pictures here.
        page.settled()
        kept = page.page.evaluate("studio.looks.history.map(({seed, picture}) => [seed, picture?.slice(0, 5)])")
        assert kept == [[0, None], [1, None], [2, "data:"]]


def test_what_is_no_project_is_refused_and_changes_nothing(opened: StudioPage) -> None:
    before = opened.ids()
    damaged = {
        "broken.json": b'{"format": "spadework project"',
        "other.json": b'{"format": "something"}',
        "newer.json": b'{"format": "spadework project", "version": 9}',
        "hollow.json": b'{"format": "spadework project", "version": 1, "painting": {"width": -3}}',
    }
    for name, content in damaged.items():
        opened.open_file({"name": name, "mimeType": "application/json", "buffer": content})
        opened.page.locator(".message.bad").get_by_text(name).first.wait_for()
    assert (opened.ids() == before).all()


def test_label_maps_in_colours_are_opened_and_the_snapped_share_is_told(opened: StudioPage) -> None:
    ontology = shipped_ontology("landscapes")
    colors = np.array([each.color for each in ontology.classes], np.uint8)
    wanted = np.repeat(np.repeat(np.arange(12).reshape(3, 4), 16, 0), 20, 1)  # [48, 80]
    picture = colors[wanted]
    picture[:4, :4] += 3  # Slightly off, as editors leave it.
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    opened.open_file({"name": "painted.png", "mimeType": "image/png", "buffer": file.getvalue()})
    opened.page.get_by_text("painted.png is open").wait_for()
    assert "0.4 % of its pixels" in opened.page.locator(".message").inner_text()
    assert (opened.ids() == wanted).all()
    opened.settled()
    assert opened.photo().shape == (48, 80, 3)


def test_saved_maps_hold_the_ids_and_the_colours(opened: StudioPage, tmp_path: Path) -> None:
    opened.stroke([(0.3, 0.7), (0.6, 0.4)])
    opened.download("Save the map as ids").save_as(tmp_path / "ids.png")
    opened.download("Save the map in colours").save_as(tmp_path / "colours.png")
    assert (np.asarray(Image.open(tmp_path / "ids.png")) == opened.ids()).all()
    colors = np.array([each.color for each in shipped_ontology("landscapes").classes])
    assert (np.asarray(Image.open(tmp_path / "colours.png").convert("RGB")) == colors[opened.ids()]).all()


def test_a_photo_gives_its_style(opened: StudioPage) -> None:
    before = opened.photo()
    file = io.BytesIO()
    Image.fromarray(np.full((40, 60, 3), (200, 60, 30), np.uint8)).save(file, "JPEG")
    opened.open_file({"name": "sunset.jpg", "mimeType": "image/jpeg", "buffer": file.getvalue()})
    opened.page.get_by_role("button", name="Use its style").click()
    opened.until("studio.looks.current.name === 'sunset'")
    opened.settled()
    assert change(before, opened.photo()).mean() > 0.1
    assert opened.page.get_by_role("button", name="Style sunset").get_attribute("aria-pressed") == "true"


def test_two_styles_are_mixed(opened: StudioPage) -> None:
    opened.page.get_by_role("button", name="Style Seed 1", exact=True).click()
    opened.settled()
    one = opened.photo()
    opened.page.get_by_role("button", name="Mix two styles").click()
    opened.page.get_by_role("button", name="Style Seed 2", exact=True).click()
    slider = opened.page.get_by_role("slider", name="From Seed 1 to Seed 2")
    photos = {}
    for share in ("0", "0.5", "1"):
        slider.fill(share)
        opened.settled()
        photos[share] = opened.photo()
    opened.page.get_by_role("button", name="Stop mixing").click()
    opened.page.get_by_role("button", name="Style Seed 2", exact=True).click()
    opened.settled()
    assert np.abs(photos["0"].astype(int) - one).max() <= 1
    assert np.abs(photos["1"].astype(int) - opened.photo()).max() <= 1
    assert change(photos["0"], photos["0.5"]).mean() > 0.5 < change(photos["0.5"], photos["1"]).mean()


def test_a_preview_comes_first_in_the_place_of_the_photo(opened: StudioPage) -> None:
    opened.page.evaluate(
        """() => {
            studio.live.socket.send(JSON.stringify({type: "preview", maximum_side: 32}));
            globalThis.seen = [];
            studio.live.addEventListener("picture", ({detail: {final, size}}) =>
                seen.push([final, size[1], studio.photo.canvas.width]));
        }"""
    )
    opened.page.keyboard.press("7")
    opened.stroke([(0.2, 0.3), (0.7, 0.3)])
    opened.settled()
    seen = opened.page.evaluate("seen")
    assert [False, 32, 64] in seen and seen[-1] == [True, 64, 64]
    assert {shown for *_, shown in seen} == {64}


def test_a_locked_style_stays(opened: StudioPage) -> None:
    opened.page.get_by_role("button", name="Lock the style").click()
    opened.page.keyboard.press("d")
    assert opened.page.evaluate("studio.looks.current.seed") == 0
    opened.page.get_by_role("button", name="Lock the style").click()
    opened.page.keyboard.press("d")
    drawn = opened.page.evaluate("studio.looks.current.seed")
    assert drawn != 0
    opened.page.get_by_role("button", name="Style before").click()
    assert opened.page.evaluate("studio.looks.current.seed") == 0
    opened.page.get_by_role("button", name="Style after").click()
    assert opened.page.evaluate("studio.looks.current.seed") == drawn


def test_a_batch_becomes_a_zip_of_photos(opened: StudioPage, tmp_path: Path) -> None:
    maps = {}
    for name in ("a.png", "b.png"):
        file = io.BytesIO()
        Image.fromarray(np.full((32, 48), len(maps), np.uint8)).save(file, "PNG")
        maps[name] = file.getvalue()
    wrong = {"name": "c.png", "mimeType": "image/png", "buffer": b"no picture"}
    opened.menu("Many maps")
    with opened.page.expect_download() as coming:
        opened.page.locator(".batch-zone input[accept]").set_input_files(
            [*({"name": name, "mimeType": "image/png", "buffer": content} for name, content in maps.items()), wrong]
        )
    with ZipFile(coming.value.path()) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["a.png", "b.png"]
        pictures = [np.asarray(Image.open(io.BytesIO(archive.read(name)))) for name in archive.namelist()]
    assert [picture.shape for picture in pictures] == [(32, 48, 3)] * 2
    assert (pictures[0] != pictures[1]).any()
    assert "c.png" in opened.page.locator(".failed").inner_text()


def test_everything_survives_a_reload(opened: StudioPage) -> None:
    opened.page.keyboard.press("7")
    opened.stroke([(0.2, 0.2), (0.7, 0.6)])
    opened.page.get_by_role("button", name="Style Seed 2", exact=True).click()
    opened.settled()
    before, map_before = opened.photo(), opened.ids()
    opened.page.wait_for_timeout(2500)
    opened.page.reload()
    opened.until("globalThis.studio && document.body.dataset.state === 'ready'")
    opened.settled()
    assert (opened.ids() == map_before).all()
    assert (opened.photo() == before).all()
    assert opened.page.evaluate("studio.editor.class") == FLOWERS
    opened.page.keyboard.press("Control+z")
    assert (opened.ids() != map_before).any()


def test_classes_that_mean_something_else_now_are_told(opened: StudioPage) -> None:
    opened.page.evaluate("studio.model.ontology.classes.find(({ id }) => id === 7).name = 'lagoon'")
    opened.stroke([(0.2, 0.2), (0.7, 0.6)])
    opened.page.wait_for_timeout(2500)
    opened.page.reload()
    opened.until("globalThis.studio && document.body.dataset.state === 'ready'")
    opened.page.get_by_text("The map was painted with other classes (7 was lagoon, here it is").wait_for()


def test_a_lost_connection_is_told_and_nothing_is_lost(browser: Browser, landscapes: Path, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    with Served("--model", landscapes, "--port", port, cwd=tmp_path) as served:
        context = browser.new_context()
        context.add_init_script("localStorage['spadework-studio'] ??= JSON.stringify({welcomed: true})")
        page = StudioPage(context.new_page(), served.url).open()
        before = page.photo()
    page.until("document.querySelector('.status').dataset.state === 'lost'")
    assert "Your map is kept" in page.page.locator(".status").inner_text()
    page.page.keyboard.press("7")
    page.stroke([(0.2, 0.2), (0.8, 0.4)])
    painted = page.ids()
    assert (painted == FLOWERS).any()
    page.menu("Save the photo")
    page.page.locator(".message.bad").get_by_text("does not answer").wait_for()
    with Served("--model", landscapes, "--port", port, cwd=tmp_path):
        page.settled()
        assert (page.ids() == painted).all()
        assert change(before, page.photo())[painted == FLOWERS].mean() > 1
    context.close()


def test_a_shared_page_plays_by_itself(browser: Browser, opened: StudioPage, tmp_path: Path) -> None:
    opened.page.keyboard.press("7")
    opened.stroke([(0.2, 0.2), (0.8, 0.4)])
    opened.page.keyboard.press("3")
    opened.stroke([(0.3, 0.8), (0.6, 0.8)])
    opened.page.get_by_role("button", name="Style Seed 2", exact=True).click()
    opened.settled()
    opened.page.get_by_role("button", name="Share").click()
    with opened.page.expect_download() as coming:
        opened.page.get_by_role("button", name="Make the page").click()
    file = tmp_path / "shared.html"
    coming.value.save_as(file)

    # From a file, without a server: the end shows the map as it is, and the styles that were tried.
    context = browser.new_context(offline=True)
    page = context.new_page()
    asked: list[str] = []
    wrong: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text))
    page.add_init_script(SEEN)
    page.goto(file.as_uri())
    playing = StudioPage(page, "")
    playing.until("Number(document.getElementById('time').value) === Number(document.getElementById('time').max)")
    seen = page.evaluate("seen")
    assert len({value for value in seen if 0 < value < seen[-1]}) >= 2
    colors = np.array([each.color for each in shipped_ontology("landscapes").classes])
    shown = page.evaluate("Array.from(document.getElementById('map').getContext('2d').getImageData(0, 0, 64, 64).data)")
    assert (np.array(shown).reshape(64, 64, 4)[..., :3] == colors[opened.ids()]).all()
    assert page.locator("#styles button").count() == 2
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert wrong == []
    context.close()


def test_what_the_server_refuses_is_said_with_its_cure(opened: StudioPage) -> None:
    opened.open_file({"name": "notes.txt", "mimeType": "text/plain", "buffer": b"hello"})
    message = opened.page.locator(".message.bad")
    message.wait_for()
    assert len(message.locator(".cure").inner_text()) > 10
    opened.page.get_by_role("button", name="Dismiss").click()
    assert message.count() == 0
