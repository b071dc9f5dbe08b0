"""What the browser keeps: nothing is lost by a reload, a killed browser, a full disk or a damaged record."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser import chromium
from tests.studio.browser.canvas_page import PATIENCE, open_canvas, served

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

pytestmark = pytest.mark.slow

BEGIN = """async () => {
  const { Autosave } = await import("/canvas/autosave.js");
  window.extras = { look: 0 };
  window.autosave = new Autosave(painting, "park", () => extras);
  window.troubles = [];
  autosave.addEventListener("trouble", ({ detail }) => troubles.push(detail.message));
  const kept = await autosave.restore();
  return kept && { ...kept, troubles };
}"""
STROKE = """(id) => {
  painting.begin("brush");
  for (let y = 0; y < painting.height; y++) painting.row(y, id * 3, id * 3 + 9 + (y % 7), id);
  painting.commit({ class: id });
}"""
NO_DATABASE = "() => { IDBDatabase.prototype.transaction = () => { throw new Error('gone') } }"
STATE = """() => JSON.stringify([
  painting.layers.map(({ id, visible, ids }) => [id, visible, Array.from(ids)]), painting.active, painting.history.done,
  painting.history.steps.length, painting.strokes.map(({ tool }) => tool)])"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with served() as url:
        yield url


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context()
    context.set_default_timeout(PATIENCE)
    yield context
    context.close()


@pytest.fixture
def enter(context: BrowserContext, address: str) -> Callable[[], tuple[Page, dict | None]]:
    """Opens another tab; gives what was taken up there."""

    def opened() -> tuple[Page, dict | None]:
        page = context.new_page()
        open_canvas(page, address, 64, 48)
        return page, page.evaluate(BEGIN)

    return opened


def again(page: Page) -> dict | None:
    """Reload the page; gives what was taken up."""
    page.reload()
    page.wait_for_function("() => 'start' in window")
    page.evaluate("start(64, 48)")
    return page.evaluate(BEGIN)


def test_a_reload_loses_nothing(enter: Callable[[], tuple[Page, dict | None]]) -> None:
    page, kept = enter()
    assert kept is None
    for number in range(6):
        page.evaluate(STROKE, number)
    page.evaluate("painting.undo(); painting.undo(); painting.addLayer('birds'); extras.look = 7; autosave.touch()")
    page.evaluate("painting.setLayer('far', { visible: false })")
    page.evaluate("autosave.save()")
    before = page.evaluate(STATE)
    kept = again(page)
    assert kept == {"extras": {"look": 7}, "lost": [], "troubles": []} and page.evaluate(STATE) == before

    # Undo goes on where it was, and so does keeping.
    for _ in range(5):
        page.evaluate("painting.undo()")
    page.evaluate("painting.redo()")
    before = page.evaluate(STATE)
    page.evaluate("autosave.save()")
    again(page)
    assert page.evaluate(STATE) == before
    page.evaluate("painting.redo()")
    assert page.evaluate("painting.composite().includes(1)")


def test_a_stroke_just_before_the_reload_is_kept(enter: Callable[[], tuple[Page, dict | None]]) -> None:
    page, _ = enter()
    page.evaluate(STROKE, 1)
    before = page.evaluate(STATE)
    again(page)
    assert page.evaluate(STATE) == before

    # Also one that is not finished yet.
    page.evaluate("painting.begin('brush'); painting.row(40, 0, 64, 4)")
    again(page)
    assert page.evaluate("painting.composite()[40 * 64 + 63]") == 4
    page.evaluate("painting.undo()")
    assert page.evaluate(STATE).split('"near"')[1][:200] == before.split('"near"')[1][:200]


def test_what_the_database_never_hears_of_is_kept(enter: Callable[[], tuple[Page, dict | None]]) -> None:
    page, _ = enter()
    page.evaluate(STROKE, 1)
    page.evaluate(STROKE, 2)
    page.evaluate("autosave.save()")
    page.evaluate(NO_DATABASE)
    page.evaluate(STROKE, 3)
    page.evaluate("painting.undo(); painting.undo(); extras.look = 9")
    before = page.evaluate(STATE)
    kept = again(page)
    assert kept == {"extras": {"look": 9}, "lost": [], "troubles": []} and page.evaluate(STATE) == before

    # Then it is in the database, and was not said twice.
    page.evaluate("painting.redo()")
    before = page.evaluate(STATE)
    page.evaluate("autosave.save()")
    assert page.evaluate("Object.keys(localStorage)") == []
    again(page)
    assert page.evaluate(STATE) == before


def test_damaged_last_words_cost_the_last_change_alone(enter: Callable[[], tuple[Page, dict | None]]) -> None:
    page, _ = enter()
    page.evaluate(STROKE, 1)
    page.evaluate("autosave.save()")
    before = page.evaluate(STATE)
    spoilt = """() => {
      const set = Storage.prototype.setItem;
      Storage.prototype.setItem = function (key, text) {
        const words = JSON.parse(text);
        words.painting.layers[1].runs.bytes = "AAAA";
        set.call(this, key, JSON.stringify(words));
      };
    }"""
    page.evaluate(NO_DATABASE)
    page.evaluate(spoilt)
    page.evaluate(STROKE, 3)
    kept = again(page)
    assert kept is not None and "last change" in kept["troubles"][0] and page.evaluate(STATE) == before


def test_saving_happens_by_itself_and_writes_only_what_is_new(enter: Callable[[], tuple[Page, dict | None]]) -> None:
    page, _ = enter()
    page.evaluate(
        """() => {
          window.puts = [];
          const put = IDBObjectStore.prototype.put;
          IDBObjectStore.prototype.put = function (...given) { puts.push(this.name); return put.apply(this, given); };
          window.saves = 0;
          autosave.addEventListener("saved", () => saves++);
        }"""
    )
    for number in range(3):
        page.evaluate("() => { puts.length = saves = 0 }")
        page.evaluate(STROKE, number)
        page.wait_for_function("() => saves === 1")
        puts = page.evaluate("puts")
        assert puts.count("steps") == 1 and puts.count("strokes") <= 2 and puts.count("paintings") == 1


def test_two_tabs_do_not_mix(enter: Callable[[], tuple[Page, dict | None]]) -> None:
    one, _ = enter()
    one.evaluate(STROKE, 1)
    one.evaluate("autosave.save()")
    two, kept = enter()
    assert kept is None
    two.evaluate(STROKE, 2)
    two.evaluate("autosave.save()")
    one.evaluate(STROKE, 3)
    one.evaluate("autosave.save()")
    states = one.evaluate(STATE), two.evaluate(STATE)
    again(two)
    again(one)
    assert (one.evaluate(STATE), two.evaluate(STATE)) == states

    # A tab that is opened when the first is closed goes on with its work.
    one.close()
    three, kept = enter()
    assert kept is not None and three.evaluate(STATE) == states[0]


SPOIL = """async (how) => {
  autosave.stop();
  const request = indexedDB.open("spadework", 1);
  const database = await new Promise((done) => { request.onsuccess = () => done(request.result) });
  const transaction = database.transaction(["paintings", "steps", "strokes"], "readwrite");
  const table = (name) => transaction.objectStore(name);
  const reading = table("paintings").get("park");
  reading.onsuccess = () => {
    const kept = reading.result;
    if (how === "pixels") kept.layers[1].runs = kept.layers[1].runs.slice(0, -1);
    if (how === "size") kept.height += 1;
    if (how === "nonsense") kept.layers = 5;
    if (how === "step") table("steps").delete(["park", kept.stepNumbers[0]]);
    if (how === "runs") {
      const reading = table("steps").get(["park", kept.stepNumbers[0]]);
      reading.onsuccess = () => {
        reading.result.patches[0].runs = new Uint8Array([255, 255]);
        table("steps").put(reading.result, ["park", kept.stepNumbers[0]]);
      };
    }
    if (how === "strokes") table("strokes").clear();
    table("paintings").put(kept, "park");
  };
  await new Promise((done) => { transaction.oncomplete = done });
  database.close();
}"""


@pytest.mark.parametrize("how", ["pixels", "size", "nonsense"])
def test_a_damaged_map_is_put_aside(enter: Callable[[], tuple[Page, dict | None]], how: str) -> None:
    page, _ = enter()
    page.evaluate(STROKE, 1)
    page.evaluate("autosave.save()")
    page.evaluate(SPOIL, how)
    assert again(page) is None and "damaged" in page.evaluate("troubles")[0]
    keys = """async () => {
      const request = indexedDB.open("spadework", 1);
      const database = await new Promise((done) => { request.onsuccess = () => done(request.result) });
      const reading = database.transaction("paintings").objectStore("paintings").getAllKeys();
      return new Promise((done) => { reading.onsuccess = () => { database.close(); done(reading.result) } });
    }"""
    assert [key for key in page.evaluate(keys) if key.startswith("park, damaged, ")]

    # The page works, and keeps again.
    page.evaluate(STROKE, 2)
    before = page.evaluate(STATE)
    page.evaluate("autosave.save()")
    assert again(page) is not None and page.evaluate(STATE) == before


@pytest.mark.parametrize(("how", "lost"), [("step", "steps"), ("runs", "steps"), ("strokes", "record of strokes")])
def test_damaged_steps_do_not_cost_the_map(enter: Callable[[], tuple[Page, dict | None]], how: str, lost: str) -> None:
    page, _ = enter()
    page.evaluate(STROKE, 1)
    page.evaluate(STROKE, 2)
    page.evaluate("autosave.save()")
    before = page.evaluate("Array.from(painting.composite())")
    page.evaluate(SPOIL, how)
    kept = again(page)
    assert kept is not None and lost in kept["lost"][0] and lost in kept["troubles"][0]
    assert page.evaluate("Array.from(painting.composite())") == before


def test_a_full_disk_costs_old_steps_first_and_never_the_map(
    context: BrowserContext, enter: Callable[[], tuple[Page, dict | None]], address: str
) -> None:
    # The browser asks for the quota before the first write, and for half a minute only where it seems to be used up.
    session = context.new_cdp_session(context.new_page())
    quota = {"origin": address.rstrip("/"), "quotaSize": 1_500_000}
    session.send("Storage.overrideQuotaForOrigin", quota)
    page, _ = enter()
    page.evaluate("autosave.save()")
    noise = """(seed) => {  // of a kind that no database can make smaller
      painting.begin("brush");
      for (let y = 0; y < painting.height; y++) {
        for (let x = 0; x < painting.width; x++) {
          seed = (Math.imul(seed, 1664525) + 1013904223) | 0;
          painting.row(y, x, x + 1, (seed >>> 24) % 97);
        }
      }
      painting.commit();
    }"""
    page.evaluate("painting.replaceWith(new Uint16Array(256 * 256).fill(1), 256, 256)")
    page.evaluate("painting.activate('near')")
    for seed in range(1, 17):
        page.evaluate(noise, seed)
        page.evaluate("autosave.save()")

    # The browser frees what is deleted when it has time; what could not be kept is tried again until it is.
    page.evaluate("() => { window.saves = 0; autosave.addEventListener('saved', () => saves++); autosave.touch() }")
    page.wait_for_function("() => saves > 0")
    before = page.evaluate("Array.from(painting.composite()).join()")
    assert page.evaluate("painting.history.done") == 17
    assert again(page) is not None and page.evaluate("Array.from(painting.composite()).join()") == before
    assert 0 < page.evaluate("painting.history.done") < 17

    # No room at all: that is told, and the page goes on.
    session.send("Storage.overrideQuotaForOrigin", {**quota, "quotaSize": 1})
    page.evaluate(noise, 99)
    page.evaluate("autosave.save()")
    assert "could not keep the map" in page.evaluate("troubles.at(-1)")
    told = page.evaluate("troubles.length")
    session.send("Storage.overrideQuotaForOrigin", {"origin": quota["origin"]})
    page.evaluate("() => { window.saves = 0; autosave.addEventListener('saved', () => saves++) }")
    page.wait_for_function("() => saves > 0")
    assert page.evaluate("troubles.length") == told
    before = page.evaluate("Array.from(painting.composite()).join()")
    assert again(page) is not None and page.evaluate("Array.from(painting.composite()).join()") == before


def test_extras_that_cannot_be_kept_are_told_and_cost_nothing(enter: Callable[[], tuple[Page, dict | None]]) -> None:
    page, _ = enter()
    page.evaluate(STROKE, 1)
    page.evaluate("autosave.save()")
    before = page.evaluate(STATE)
    page.evaluate("extras.bad = () => 1")
    page.evaluate(STROKE, 2)
    page.evaluate("autosave.save()")
    assert "could not keep" in page.evaluate("troubles.at(-1)")
    page.evaluate("autosave.stop()")
    again(page)
    assert page.evaluate(STATE) == before


def test_a_killed_browser_keeps_the_strokes(browser: Browser, address: str, tmp_path: Path) -> None:
    launch = {"executable_path": _path(browser), "args": [] if os.getuid() else ["--no-sandbox"]}
    kind = browser.browser_type
    context = kind.launch_persistent_context(str(tmp_path), **launch)
    page = context.new_page()
    open_canvas(page, address, 64, 48)
    page.evaluate(BEGIN)
    for number in range(4):
        page.evaluate(STROKE, number)
    page.evaluate("autosave.save()")
    before = page.evaluate(STATE)
    page.wait_for_timeout(1000)  # for the browser's own process to write
    for process in _processes(tmp_path):
        os.kill(process, signal.SIGKILL)
    context = kind.launch_persistent_context(str(tmp_path), **launch)
    page = context.new_page()
    open_canvas(page, address, 64, 48)
    assert page.evaluate(BEGIN) is not None and page.evaluate(STATE) == before
    context.close()


def _path(browser: Browser) -> str:
    """The program of a browser that runs."""
    import shutil

    from tests.browser import NAMES

    return next(found for name in NAMES if (found := shutil.which(name)))


def _processes(profile: Path) -> list[int]:
    """The browser that was started with a profile."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes().decode(errors="replace")
        except OSError:
            continue
        if f"--user-data-dir={profile}" in command:
            found.append(int(folder.name))
    return found
