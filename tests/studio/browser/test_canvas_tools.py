"""The canvas under real input in a real browser: mouse, wheel, keys, fingers and pen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.browser import chromium
from tests.studio.browser.canvas_page import canvas, drag, on_screen, seen, served

if TYPE_CHECKING:
    from playwright.sync_api import Browser, CDPSession, Page

pytestmark = pytest.mark.slow

WIDTH, HEIGHT = 96, 64
NOTHING = 65535
REPLAY = """async () => {
  const { replay } = await import("/canvas/replay.js");
  let last;
  for ({ painting: last } of replay(JSON.parse(JSON.stringify(painting))));
  return Array.from(last.composite());
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with served() as url:
        yield url


@pytest.fixture(scope="module")
def shared_page(browser: Browser, address: str) -> Iterator[Page]:
    with canvas(browser, address, WIDTH, HEIGHT) as page:
        yield page


@pytest.fixture
def page(shared_page: Page) -> Page:
    """The same page with a new painting: 96 x 64, class 1."""
    shared_page.mouse.move(1, 1)
    shared_page.evaluate("([width, height]) => start(width, height)", [WIDTH, HEIGHT])
    use(shared_page, **{"class": 1})
    return shared_page


def use(page: Page, **settings: Any) -> None:
    page.evaluate("(settings) => Object.assign(editor, settings)", settings)


def looks_painted(page: Page, x: float, y: float) -> list[int]:
    """The colour on screen at a point of the map."""
    left, top = on_screen(page, x, y)
    page.evaluate("nextFrame()")
    return page.evaluate(
        """([x, y]) => {
          const made = document.querySelector("canvas");
          const ratio = made.width / made.clientWidth;
          return Array.from(made.getContext("2d").getImageData(x * ratio, y * ratio, 1, 1).data);
        }""",
        [left, top],
    )


def test_a_stroke_is_painted_seen_and_logged(page: Page) -> None:
    use(page, tool="brush", size=9, smoothing=0)
    drag(page, (20.5, 30.5), (60.5, 30.5))
    after = seen(page)
    rows, columns = np.nonzero(after == 1)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (26, 34, 16, 64)
    assert set(np.unique(after)) == {1, 255}
    assert looks_painted(page, 40.5, 30.5) == [120, 110, 100, 255]
    begun, stroke = page.evaluate("painting.toJSON().strokes")
    assert begun["tool"] == "open" and stroke["tool"] == "brush"
    assert (stroke["class"], stroke["size"], stroke["layer"]) == (1, 9, "near") and stroke["duration"] >= 0
    assert stroke["points"][:2] == [20.5, 30.5] and stroke["points"][-2:] == [60.5, 30.5]
    assert (np.array(page.evaluate(REPLAY)).reshape(HEIGHT, WIDTH) == after).all()


@pytest.mark.parametrize("smoothing", [0, 0.5, 1])
@pytest.mark.parametrize("mirror", ["", "x", "y", "xy"])
def test_what_is_logged_gives_the_same_pixels(page: Page, smoothing: float, mirror: str) -> None:
    use(page, tool="brush", size=5, smoothing=smoothing, mirror=mirror)
    drag(page, (10, 10), (80, 20), (15, 40), (70, 60), steps=3)
    use(page, tool="lasso", **{"class": 2})
    drag(page, (30, 10), (60, 12), (55, 30), (33, 28))
    use(page, tool="eraser", size=7)
    drag(page, (5, 5), (50, 50))
    after = seen(page)
    assert (np.array(page.evaluate(REPLAY)).reshape(HEIGHT, WIDTH) == after).all()
    if "x" in mirror:
        assert (after == after[:, ::-1]).all()
    if "y" in mirror:
        assert (after == after[::-1]).all()


def test_a_line_and_a_rectangle_are_exact_at_any_zoom(page: Page) -> None:
    maps = []
    for zoom in (0.7, 1, 3.3, 11):
        page.evaluate("start(96, 64)")
        use(page, tool="rectangle", **{"class": 2})
        page.evaluate("(zoom) => editor.zoomTo(zoom)", zoom)
        page.evaluate("editor.pan(450 - screenOf(48, 0)[0], 350 - screenOf(0, 32)[1])")
        drag(page, (40.5, 28.5), (55.5, 36.5))
        use(page, tool="line", size=3, **{"class": 3})
        drag(page, (42.5, 35.5), (54.5, 29.5))
        maps.append(seen(page))
    assert (maps[0][28:37, 40:56] != 255).all() and (maps[0] != 255).sum() == 9 * 16
    assert all((other == maps[0]).all() for other in maps)


def test_shift_makes_squares_and_straight_lines(page: Page) -> None:
    use(page, tool="rectangle")
    page.keyboard.down("Shift")
    drag(page, (10.5, 10.5), (30.5, 15.5))
    use(page, tool="line", size=1)
    drag(page, (40.5, 40.5), (80.5, 42.5))
    page.keyboard.up("Shift")
    after = seen(page) == 1
    assert after[10:31, 10:31].all() and after[40, 40:80].all() and after[:, 40:].sum() == after[40].sum()


def test_a_polygon_by_clicks_double_click_and_keys(page: Page) -> None:
    corners = [(10, 10), (40, 12), (38, 40), (12, 38)]

    def click(points: list[tuple[float, float]], **options: Any) -> None:
        for point in points:
            page.mouse.click(*on_screen(page, *point), **options)

    use(page, tool="polygon")
    click([*corners, corners[0]])
    by_clicks = seen(page)
    assert by_clicks[25, 25] == 1 and by_clicks[5, 5] == 255
    page.evaluate("start(96, 64)")
    use(page, tool="polygon", **{"class": 1})
    click(corners[:3])
    page.mouse.dblclick(*on_screen(page, *corners[3]))
    assert (seen(page) == by_clicks).all()
    page.evaluate("start(96, 64)")
    use(page, tool="polygon", **{"class": 1})
    click([*corners[:2], (90, 60)])
    page.keyboard.press("Backspace")
    click(corners[2:])
    page.keyboard.press("Enter")
    assert (seen(page) == by_clicks).all()

    # Escape gives it up; so does another tool. Backspace takes all back.
    click(corners[:3])
    page.keyboard.press("Escape")
    click(corners[:3])
    page.keyboard.press("b")
    assert page.evaluate("editor.tool") == "brush"
    use(page, tool="polygon", **{"class": 4})
    click(corners[:2])
    for _ in range(3):
        page.keyboard.press("Backspace")
    page.keyboard.press("Enter")
    assert (seen(page) == by_clicks).all() and page.evaluate("painting.history.done") == 1


def test_bucket_fill_takes_what_is_seen(page: Page) -> None:
    use(page, tool="rectangle")
    drag(page, (0.5, 20.5), (95.5, 22.5))  # a bar across
    page.evaluate("painting.activate('sky')")
    use(page, tool="fill", **{"class": 2})
    page.mouse.click(*on_screen(page, 50, 10))
    after = seen(page)
    assert (after[:20] == 2).all() and (after[20:23] == 1).all() and (after[23:] == 255).all()
    page.keyboard.down("Shift")
    use(page, **{"class": 3})
    page.mouse.click(*on_screen(page, 50, 50))
    use(page, **{"class": 4}, mirror="y")
    page.keyboard.up("Shift")
    page.mouse.click(*on_screen(page, 50, 10))
    assert (np.delete(seen(page), [20, 21, 22], 0) == 4).all()
    assert page.evaluate("painting.history.done") == 4
    for _ in range(3):
        page.keyboard.press("Control+z")
    assert (seen(page)[:20] == 255).all()


def test_erasing_to_nothing_or_to_a_class(page: Page) -> None:
    page.evaluate("painting.replaceWith(new Uint16Array(96 * 64).fill(3), 96, 64)")
    page.evaluate("painting.activate('near')")
    use(page, tool="brush", size=20, smoothing=0)
    drag(page, (20, 30), (70, 30))
    use(page, tool="eraser", size=8, smoothing=0)
    drag(page, (30, 30), (40, 30))
    use(page, eraseTo=2)
    drag(page, (55, 30), (60, 30))
    after = seen(page)
    assert (after[30, [25, 35, 45, 57]] == [1, 3, 1, 2]).all()
    use(page, eraseTo=None)
    drag(page, (5, 5), (8, 5))
    assert "nothing" in page.evaluate("notices.at(-1)").lower()


def test_the_eyedropper_and_alt(page: Page) -> None:
    page.evaluate(
        "painting.replaceWith(Uint16Array.from({ length: 96 * 64 }, (_, at) => (at % 96 < 48 ? 2 : 4)), 96, 64)"
    )
    use(page, tool="brush")
    page.keyboard.down("Alt")
    page.mouse.click(*on_screen(page, 10, 10))
    page.keyboard.up("Alt")
    assert page.evaluate("[editor.class, editor.tool]") == [2, "brush"]
    page.keyboard.press("i")
    page.mouse.click(*on_screen(page, 60, 10))
    assert page.evaluate("[editor.class, editor.tool, painting.history.done]") == [4, "brush", 1]


def test_locked_and_hidden_layers_are_not_painted_on(page: Page) -> None:
    use(page, tool="brush")
    for attributes, word in (({"locked": True}, "locked"), ({"locked": False, "visible": False}, "hidden")):
        page.evaluate("(given) => painting.setLayer('near', given)", attributes)
        drag(page, (20, 20), (40, 40))
        assert word in page.evaluate("notices.at(-1)")
    assert (seen(page) == 255).all() and not page.evaluate("painting.canUndo")

    # What disappears below another layer is told.
    page.evaluate("painting.setLayer('near', { visible: true })")
    use(page, tool="rectangle")
    drag(page, (0, 0), (95, 63))
    page.evaluate("painting.activate('sky')")
    drag(page, (10, 10), (20, 20))
    assert "other layers lie over “sky”" in page.evaluate("notices.at(-1)")


LEAVE = """async () => {
  const { Autosave } = await import("/canvas/autosave.js");
  const autosave = new Autosave(painting, "left");
  await autosave.restore();
  Object.defineProperty(document, "hidden", { value: true, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
  delete document.hidden;
  autosave.stop();
}"""
"""As when another tab is chosen while something is drawn: it is kept at once."""
ENDINGS = {
    "hidden": "painting.setLayer('near', { visible: false })",
    "locked": "painting.setLayer('near', { locked: true })",
    "rearranged": "painting.addLayer('birds', 0)",
    "left": f"({LEAVE})()",
}


@pytest.mark.parametrize("how", ENDINGS)
def test_the_keyboards_brush_is_lifted_when_its_edit_ends(page: Page, how: str) -> None:
    use(page, tool="pencil", size=1)
    page.evaluate("editor.element.focus()")
    page.keyboard.press("ArrowRight")  # calls the cursor, in the middle
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowRight")
    page.evaluate(ENDINGS[how])
    begun = page.evaluate("painting.layer('near').ids.filter((id) => id === 1).length")
    for _ in range(2):
        page.keyboard.press("ArrowRight")
    assert page.evaluate("painting.layer('near').ids.filter((id) => id === 1).length") == begun == 2
    assert page.evaluate("editor.keyboardCursor") == {"x": 51.5, "y": 32.5}

    # Enter paints anew, where it may.
    page.keyboard.press("Enter")
    if how in ("hidden", "locked"):
        assert how in page.evaluate("notices.at(-1)")
        page.evaluate("painting.setLayer('near', { visible: true, locked: false })")
        page.keyboard.press("Enter")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    assert (seen(page)[32, 48:54] == [1, 1, 255, 1, 1, 255]).all()
    page.keyboard.press("Control+z")
    assert (seen(page)[32, 48:54] == [1, 1, 255, 255, 255, 255]).all()


@pytest.mark.parametrize("tool", ["brush", "rectangle"])
@pytest.mark.parametrize("how", ENDINGS)
def test_a_mouse_that_is_held_paints_no_further_when_its_edit_ends(page: Page, tool: str, how: str) -> None:
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    use(page, tool=tool, size=5, smoothing=0.5)
    page.mouse.move(*on_screen(page, 10, 10))
    page.mouse.down()
    page.mouse.move(*on_screen(page, 30, 30), steps=4)
    page.evaluate("nextFrame()")
    page.evaluate(ENDINGS[how])
    begun = page.evaluate("painting.layer('near').ids.join()")
    page.mouse.move(*on_screen(page, 60, 40), steps=4)
    page.evaluate("nextFrame()")
    page.mouse.up()
    assert page.evaluate("painting.layer('near').ids.join()") == begun
    assert page.evaluate("painting.layer('near').ids.includes(1)") and page.evaluate("painting.canUndo")
    assert wrong == []

    # The canvas goes on showing what happens, and what is drawn next is painted.
    page.evaluate("painting.setLayer('near', { visible: true, locked: false })")
    drag(page, (70, 50), (80, 60))
    assert seen(page)[55, 75] == 1 and looks_painted(page, 75, 55) == [120, 110, 100, 255]


def test_a_polygon_waits_for_a_layer_that_was_locked_meanwhile(page: Page) -> None:
    corners = [(10, 10), (40, 12), (38, 40), (12, 38)]

    def click() -> None:
        use(page, tool="polygon", **{"class": 1})
        for corner in corners:
            page.mouse.click(*on_screen(page, *corner))

    click()
    page.keyboard.press("Enter")
    unhindered = seen(page)
    page.evaluate("start(96, 64)")
    click()
    for number, attributes in enumerate(({"locked": True}, {"locked": False, "visible": False}), 1):
        page.evaluate("(given) => painting.setLayer('near', given)", attributes)
        page.keyboard.press("Enter")
        page.mouse.click(*on_screen(page, *corners[0]))
        word = "locked" if "visible" not in attributes else "hidden"
        assert page.evaluate("notices.length") == 2 * number and word in page.evaluate("notices.at(-1)")
    page.evaluate("painting.setLayer('near', { visible: true })")
    page.keyboard.press("Enter")
    assert (seen(page) == unhindered).all() and page.evaluate("painting.history.done") == 1

    # A lasso is given up, and that is told.
    page.evaluate("start(96, 64)")
    use(page, tool="lasso", **{"class": 1})
    page.mouse.move(*on_screen(page, 10, 10))
    page.mouse.down()
    for corner in corners[1:]:
        page.mouse.move(*on_screen(page, *corner))
    page.evaluate("painting.setLayer('near', { locked: true })")
    page.mouse.up()
    assert "locked" in page.evaluate("notices.at(-1)")
    page.evaluate("painting.setLayer('near', { locked: false })")
    page.mouse.move(*on_screen(page, 50, 50))
    page.keyboard.press("Enter")
    assert (seen(page) == 255).all()


def test_wheel_keys_and_drags_move_the_view(page: Page) -> None:
    use(page, tool="brush", size=10)
    view = "({ scale: editor.view.scale, x: editor.view.x, y: editor.view.y, size: editor.size })"
    fitted = page.evaluate(view)
    x, y = on_screen(page, 30, 20)
    page.mouse.move(x, y)
    page.mouse.wheel(0, -200)
    page.wait_for_function("(before) => editor.view.scale > before", arg=fitted["scale"])
    assert np.allclose(on_screen(page, 30, 20), (x, y), atol=1)  # what is under the pointer stays there

    # With alt the wheel sets the size and nothing else; with control it zooms, as touchpads pinch.
    zoomed = page.evaluate(view)
    page.keyboard.down("Alt")
    page.mouse.wheel(0, -100)
    page.wait_for_function("() => editor.size === 11")
    page.keyboard.up("Alt")
    assert page.evaluate(view) == {**zoomed, "size": 11}
    page.keyboard.down("Control")
    page.mouse.wheel(0, 20)
    page.wait_for_function("(before) => editor.view.scale < before", arg=zoomed["scale"])
    page.keyboard.up("Control")
    page.keyboard.down("Shift")
    at = page.evaluate(view)
    page.mouse.wheel(0, 60)
    page.wait_for_function("(before) => editor.view.x < before", arg=at["x"])
    page.keyboard.up("Shift")

    # The middle button, and space with the pointer; nothing is painted.
    at = page.evaluate(view)
    page.mouse.down(button="middle")
    page.mouse.move(x + 30, y + 40)
    page.mouse.up(button="middle")
    moved = page.evaluate(view)
    assert (moved["x"] - at["x"], moved["y"] - at["y"]) == (30, 40)
    page.evaluate("editor.element.focus()")
    page.keyboard.down("Space")
    page.mouse.down()
    page.mouse.move(x, y)
    page.mouse.up()
    page.keyboard.up("Space")
    back = page.evaluate(view)
    assert (back["x"], back["y"]) == (at["x"], at["y"]) and not page.evaluate("painting.canUndo")
    page.keyboard.press("+")
    page.keyboard.press("0")
    assert page.evaluate(view) == {**fitted, "size": 11}
    for key, size in (("]", 12), ("[", 11), ("}", 16), ("{", 6)):
        page.keyboard.press(key)
        assert page.evaluate("editor.size") == size


def test_by_keyboard_alone(page: Page) -> None:
    use(page, tool="pencil", size=1)
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('role')") == "application"
    page.keyboard.press("ArrowRight")  # calls the cursor, in the middle
    assert page.evaluate("editor.keyboardCursor") == {"x": 48.5, "y": 32.5}
    page.keyboard.press("Shift+ArrowUp")
    page.keyboard.down("Space")
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    page.keyboard.up("Space")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")  # holds the pencil down
    for _ in range(3):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    after = seen(page) == 1
    assert after[24, 48:54].all() and after[25:29, 53].all() and after.sum() == 10
    page.wait_for_function("() => document.querySelector('[role=status]').textContent === 'pencil: mountain'")
    page.keyboard.press("ArrowLeft")
    page.wait_for_function("() => document.querySelector('[role=status]').textContent === '52, 28: unlabelled'")

    # A polygon, a fill and undo.
    page.keyboard.press("g")
    for keys in (["Space"], ["ArrowRight"] * 3 + ["Space"], ["ArrowDown"] * 3 + ["Space"], ["Enter"]):
        for key in keys:
            page.keyboard.press(key)
    assert (seen(page) == 1).sum() > 11
    page.keyboard.press("Control+z")
    page.wait_for_function("() => document.querySelector('[role=status]').textContent === 'Undone: polygon'")
    use(page, **{"class": 2})
    page.keyboard.press("f")
    page.keyboard.press("Space")
    assert (seen(page) == 2).sum() == WIDTH * HEIGHT - 10
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+Shift+z")
    page.keyboard.press("Control+z")
    assert (seen(page) == 1).sum() == 10
    page.keyboard.press("Escape")
    assert page.evaluate("editor.keyboardCursor") is None


def test_the_cursor_stays_on_screen_and_on_the_map(page: Page) -> None:
    page.evaluate("editor.element.focus(); editor.zoomTo(20)")
    for _ in range(8):
        page.keyboard.press("Shift+ArrowLeft")
        page.keyboard.press("Shift+ArrowUp")
    assert page.evaluate("editor.keyboardCursor") == {"x": 0.5, "y": 0.5}
    x, y = on_screen(page, 0.5, 0.5)
    assert 0 < x < 900 and 0 < y < 700


def test_undo_while_a_stroke_is_drawn_gives_it_up(page: Page) -> None:
    use(page, tool="brush", size=9)
    page.mouse.move(*on_screen(page, 10, 10))
    page.mouse.down()
    page.mouse.move(*on_screen(page, 50, 40), steps=5)
    page.evaluate("nextFrame()")
    assert (seen(page) == 1).any()
    page.keyboard.press("Control+z")
    page.mouse.move(*on_screen(page, 60, 40))
    page.mouse.up()
    assert (seen(page) == 255).all() and not page.evaluate("painting.canUndo || painting.canRedo")


@pytest.fixture
def touch(browser: Browser, address: str) -> Iterator[tuple[Page, CDPSession]]:
    """A phone's page, and a way to put fingers and pens on it."""
    options = {
        "viewport": {"width": 360, "height": 640},
        "has_touch": True,
        "is_mobile": True,
        "device_scale_factor": 2,
    }
    with canvas(browser, address, WIDTH, HEIGHT, **options) as page:
        use(page, tool="brush", size=6, smoothing=0, **{"class": 1})
        yield page, page.context.new_cdp_session(page)


def fingers(cdp: CDPSession, kind: str, *points: tuple[float, float]) -> None:
    touches = [{"x": x, "y": y, "id": number, "force": 0.5} for number, (x, y) in enumerate(points)]
    cdp.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})
    cdp.send("Runtime.evaluate", {"expression": "nextFrame()", "awaitPromise": True})  # Moves come with a frame.


def pen(cdp: CDPSession, kind: str, x: float, y: float, force: float = 0.5) -> None:
    button = {} if kind == "mouseMoved" else {"button": "left", "clickCount": 1}
    given = {"type": kind, "x": x, "y": y, "pointerType": "pen", "force": force, "buttons": 1, **button}
    cdp.send("Input.dispatchMouseEvent", given)


def test_one_finger_paints_two_zoom_and_move(touch: tuple[Page, CDPSession]) -> None:
    page, cdp = touch
    a, b = on_screen(page, 20, 20), on_screen(page, 60, 40)
    fingers(cdp, "touchStart", a)
    fingers(cdp, "touchMove", b)
    fingers(cdp, "touchEnd")
    painted = seen(page)
    assert painted[20, 20] == 1 and painted[30, 40] == 1 and page.evaluate("painting.history.done") == 1

    # The second finger comes at once: nothing is painted, the map grows between the fingers.
    scale = page.evaluate("editor.view.scale")
    middle = page.evaluate("[editor.view.toMapX(180), editor.view.toMapY(320)]")
    fingers(cdp, "touchStart", (150, 320))
    fingers(cdp, "touchStart", (150, 320), (210, 320))
    for spread in (40, 50, 60):
        fingers(cdp, "touchMove", (180 - spread, 320), (180 + spread, 320))
    assert page.evaluate("editor.view.scale") == pytest.approx(2 * scale, rel=0.02)
    assert np.allclose(on_screen(page, *middle), (180, 320), atol=2)
    before = page.evaluate("[editor.view.x, editor.view.y]")
    fingers(cdp, "touchMove", (130, 340), (250, 340))
    after = page.evaluate("[editor.view.x, editor.view.y]")
    assert np.allclose(np.subtract(after, before), (10, 20), atol=2)
    fingers(cdp, "touchEnd")
    assert (seen(page) == painted).all() and page.evaluate("painting.history.done") == 1


def test_once_a_pen_was_seen_fingers_do_not_paint(touch: tuple[Page, CDPSession]) -> None:
    page, cdp = touch

    # A palm that came before the pen has painted nothing.
    fingers(cdp, "touchStart", on_screen(page, 80, 50))
    fingers(cdp, "touchMove", on_screen(page, 84, 52))
    pen(cdp, "mousePressed", *on_screen(page, 20, 20))
    for x in range(20, 60, 4):
        pen(cdp, "mouseMoved", *on_screen(page, x, 20))
    pen(cdp, "mouseReleased", *on_screen(page, 60, 20))
    fingers(cdp, "touchEnd")
    after = seen(page)
    assert (after[20, 20:56] == 1).all() and (after[40:] == 255).all()
    assert page.evaluate("painting.history.done") == 1

    # A finger now moves the view.
    before = page.evaluate("[editor.view.x, editor.view.y]")
    fingers(cdp, "touchStart", (100, 300))
    fingers(cdp, "touchMove", (110, 300))
    fingers(cdp, "touchMove", (130, 320))
    fingers(cdp, "touchEnd")
    moved = np.subtract(page.evaluate("[editor.view.x, editor.view.y]"), before)
    assert (moved > 5).all() and (seen(page) == after).all() and page.evaluate("painting.history.done") == 1


def test_a_pens_pressure_changes_the_size_when_asked_for(touch: tuple[Page, CDPSession]) -> None:
    page, cdp = touch

    def stroke(y: float) -> np.ndarray:
        pen(cdp, "mousePressed", *on_screen(page, 10, y), 0.1)
        for x in range(10, 90, 2):
            pen(cdp, "mouseMoved", *on_screen(page, x, y), 0.1 + 0.9 * (x - 10) / 80)
        pen(cdp, "mouseReleased", *on_screen(page, 90, y), 1)
        return (seen(page)[int(y) - 12 : int(y) + 12] == 1).sum(0)

    use(page, size=16)
    even = stroke(15)
    use(page, pressure=True)
    pressed = stroke(45)
    assert len(set(even[20:80])) == 1
    assert (np.diff(pressed[20:80]) >= -1).all() and pressed[75] > pressed[20] + 5
    replayed = np.array(page.evaluate(REPLAY)).reshape(HEIGHT, WIDTH)
    assert (replayed == seen(page)).all()


def test_smoothing_takes_the_tremor_out_and_ends_where_the_pointer_does(page: Page) -> None:
    told = page.evaluate(
        """async () => {
          const { Smoother } = await import("/canvas/smoothing.js");
          const trace = (strength, wiggle) => {
            const points = [];
            const smoother = new Smoother(strength, 2, (x, y) => points.push([x, y]));
            for (let n = 0; n <= 200; n++) {
              smoother.to(n / 4, 20 + (n && n < 200 ? wiggle * (n % 2 ? 1 : -1) : 0), 0.5, n * 8);
            }
            smoother.finish();
            return points;
          };
          const tremor = (points) => Math.hypot(...points.map(([, y]) => y - 20)) / Math.sqrt(points.length);
          const last = (strength) => trace(strength, 1).at(-1);
          return {
            tremor: [0, 0.25, 0.5, 0.75, 1].map((strength) => tremor(trace(strength, 1))),
            ends: [0, 0.25, 0.5, 0.75, 1].map(last),
          };
        }"""
    )
    assert told["tremor"] == sorted(told["tremor"], reverse=True) and told["tremor"][2] < 0.35 * told["tremor"][0]
    assert all(end == [50, 20] for end in told["ends"])


def test_a_coarse_circle_becomes_round(page: Page) -> None:
    """Twelve points around a circle: the line stays nearer to it than the twelve-sided figure does."""
    radii = page.evaluate(
        """async () => {
          const { Smoother } = await import("/canvas/smoothing.js");
          const points = [];
          const smoother = new Smoother(0.1, 40, (x, y) => points.push(Math.hypot(x, y)));
          for (let n = 0; n < 120; n++) {
            smoother.to(10 * Math.cos((n * Math.PI) / 6), 10 * Math.sin((n * Math.PI) / 6), 0.5, n * 16);
          }
          return points.slice(-400);
        }"""
    )
    chord = 10 * (1 - np.cos(np.pi / 12))
    assert np.ptp(radii) < 0.6 * chord


def test_patterns_palette_and_overlay(page: Page) -> None:
    page.evaluate("painting.replaceWith(new Uint16Array(96 * 64).fill(2), 96, 64)")

    def colors() -> set[tuple[int, ...]]:
        return {tuple(looks_painted(page, x + 0.5, y + 0.5)) for x in range(20, 28) for y in range(20, 22)}

    assert colors() == {(60, 140, 70, 255)}
    page.evaluate("editor.setPatterns(true)")
    assert len(colors()) == 2
    page.evaluate("editor.setPatterns(false); editor.setPalette({ 0: [0, 0, 0], 1: [0, 0, 0], 2: [1, 2, 3] })")
    assert colors() == {(1, 2, 3, 255)}
    page.evaluate(
        """() => {
          const red = new OffscreenCanvas(2, 2);
          red.getContext("2d").fillStyle = "#f00";
          red.getContext("2d").fillRect(0, 0, 2, 2);
          editor.setOverlay(red, 1);
        }"""
    )
    assert colors() == {(255, 0, 0, 255)}
    page.evaluate("editor.setOverlay(null)")
    assert colors() == {(1, 2, 3, 255)}


def test_tidying_is_one_step_on_the_layers_that_are_seen(page: Page) -> None:
    use(page, tool="pencil", size=1)
    page.evaluate("painting.replaceWith(new Uint16Array(96 * 64).fill(2), 96, 64)")
    drag(page, (5.5, 5.5), (5.5, 5.5))
    page.evaluate("painting.activate('near')")
    drag(page, (20.5, 20.5), (22.5, 20.5))
    use(page, tool="rectangle")
    drag(page, (40.5, 40.5), (60.5, 50.5))
    before = seen(page)
    assert page.evaluate("editor.tidy(10)") == 2
    after = seen(page)
    assert (after[5, 5], after[20, 21], after[45, 50]) == (2, 2, 1) and (before != after).sum() == 4
    page.keyboard.press("Control+z")
    assert (seen(page) == before).all()
