"""The model of a painting in a real browser: whatever was done can be undone, kept and drawn again, to the pixel."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.browser import chromium
from tests.studio.browser.canvas_page import canvas, served

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    with served() as url, canvas(browser, url) as page:
        page.evaluate(RANDOM_PAINTER)
        yield page


RANDOM_PAINTER = """() => {
  window.dice = (seed) => () => {  // mulberry32
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  window.stateOf = ({ width, height, layers }) =>
    JSON.stringify([width, height, layers.map(({ id, ids }) => [id, Array.from(ids)])]);

  // One random change of a painting; what cannot be done on a locked or hidden layer is left out.
  window.change = async (painting, random) => {
    const { drawAgain } = await import("/canvas/strokes.js");
    const { tidy } = await import("/canvas/tidy.js");
    const upTo = (count) => Math.floor(random() * count);
    const anyLayer = () => painting.layers[upTo(painting.layers.length)].id;
    const tools = ["brush", "pencil", "eraser", "line", "rectangle", "polygon", "lasso"];
    const stroke = (kept) => {
      if (painting.refusal()) return;
      const tool = tools[upTo(tools.length)];
      const count = ["line", "rectangle"].includes(tool) ? 2 : 3 + upTo(6);
      const points = Array.from({ length: 2 * count }, () => Math.floor(random() * 8 * 60 - 40) / 8);
      const id = tool === "eraser" ? NOTHING : upTo(5);
      const mirror = ["", "", "x", "y", "xy"][upTo(5)];
      const made = { tool, class: id, size: 1 + upTo(20), layer: painting.active, mirror, points };
      if (random() < 0.3) made.sizes = Array.from({ length: count }, () => Math.floor(random() * 80 + 8) / 8);
      if (tool === "pencil") made.square = true;
      painting.begin(tool);
      drawAgain(painting, made);
      if (kept) painting.commit(made);
      else painting.cancel();
    };
    const fill = () => {
      if (painting.refusal()) return;
      painting.begin("fill");
      for (let n = 0; n < 30; n++) painting.row(upTo(painting.height), upTo(40) - 5, upTo(90), upTo(5));
      painting.commit({ class: 1 });
    };
    const acts = [
      [8, () => stroke(true)], [1, () => stroke(false)], [2, fill],
      [1, () => painting.layers.some((layer) => layer.visible && !layer.locked) && tidy(painting, 1 + upTo(30))],
      [1, () => painting.layers.length < 6 && painting.addLayer(undefined, upTo(painting.layers.length + 1))],
      [0.7, () => painting.layers.length > 1 && painting.removeLayer(anyLayer())],
      [1, () => painting.moveLayer(anyLayer(), upTo(painting.layers.length))],
      [2, () => painting.activate(anyLayer())],
      [1, () => painting.setLayer(anyLayer(), { visible: random() < 0.8, locked: random() < 0.2 })],
      [0.4, () => {
        const [width, height] = [20 + upTo(60), 20 + upTo(60)];
        painting.replaceWith(Uint16Array.from({ length: width * height }, (_, at) => (at >> 5) % 5), width, height);
      }],
    ];
    let at = random() * acts.reduce((sum, [weight]) => sum + weight, 0);
    acts.find(([weight]) => (at -= weight) < 0)[1]();
  };

  // A random painting, and its state after every step.
  window.paintAtRandom = async (seed, changes) => {
    const random = dice(seed);
    const painting = new Painting({ width: 64, height: 48, classes, unlabelled: 255 });
    const states = [stateOf(painting)];
    for (let n = 0; n < changes; n++) {
      const { done } = painting.history;
      await change(painting, random);
      if (painting.history.done > done) states.push(stateOf(painting));
      else if (stateOf(painting) !== states.at(-1)) throw new Error("a change without a step");
    }
    return { painting, states, random };
  };
}"""


@pytest.mark.parametrize("seed", range(6))
def test_every_step_is_undone_and_done_again(page: Page, seed: int) -> None:
    steps = page.evaluate(
        """async (seed) => {
          const { painting, states, random } = await paintAtRandom(seed, 80);
          const steps = states.length - 1;
          const check = (at) => { if (stateOf(painting) !== states[at]) throw new Error(`state ${at} of ${steps}`); };
          for (let at = steps - 1; at >= 0; at--) { painting.undo(); check(at); }
          if (painting.canUndo || painting.undo() !== undefined) throw new Error("undone beyond the beginning");
          for (let at = 1; at <= steps; at++) { painting.redo(); check(at); }
          if (painting.canRedo || painting.redo() !== undefined) throw new Error("redone beyond the end");
          let at = steps;
          for (let n = 0; n < 200; n++) {
            if (random() < 0.5) at = painting.undo() ? at - 1 : at;
            else at = painting.redo() ? at + 1 : at;
            check(at);
          }
          return steps;
        }""",
        seed,
    )
    assert steps > 30


@pytest.mark.parametrize("seed", range(6, 12))
def test_files_stores_and_replays_give_the_same_pixels(page: Page, seed: int) -> None:
    counts = page.evaluate(
        """async (seed) => {
          const { replay } = await import("/canvas/replay.js");
          const { painting, random } = await paintAtRandom(seed, 60);
          const same = (other, what) => {
            if (stateOf(other) !== stateOf(painting)) throw new Error(what + ": other layers");
            const seen = painting.composite();
            if (!other.composite().every((id, at) => id === seen[at])) throw new Error(what + ": looks different");
          };
          for (let n = 0; n < 10; n++) painting.undo();
          for (let n = 0; n < 4; n++) painting.redo();

          // A file: the same layers; opening is one step, and strokes come along.
          const json = JSON.parse(JSON.stringify(painting));
          same(Painting.fromJSON(json, { classes }), "a new painting");
          const other = (await paintAtRandom(seed + 1000, 20)).painting;
          const before = stateOf(other);
          other.fromJSON(json);
          same(other, "an opened file");
          if (JSON.stringify(other.toJSON().strokes.map(({ tool }) => tool))
              !== JSON.stringify(json.strokes.map(({ tool }) => tool))) throw new Error("other strokes");
          let last;
          for ({ painting: last } of replay(json));
          same(last, "a replay");
          for ({ painting: last } of replay(JSON.parse(JSON.stringify(other))));
          same(last, "a replay of the opened file");
          other.undo();
          if (stateOf(other) !== before) throw new Error("opening was not undone");

          // A store: the history, too.
          const kept = structuredClone(painting.snapshot());
          const revived = new Painting({ width: 3, height: 3, classes, unlabelled: 255 });
          if (revived.reviveSnapshot(kept).length) throw new Error("something was lost");
          same(revived, "a revived painting");
          for (let n = 0; n < 60; n++) {
            const back = random() < 0.6;
            painting[back ? "undo" : "redo"]();
            revived[back ? "undo" : "redo"]();
            same(revived, "a revived painting later on");
          }
          for (const one of [painting, revived]) for (let n = 0; n < 10; n++) await change(one, dice(seed + n));
          same(revived, "a revived painting painted on");
          for ({ painting: last } of replay(JSON.parse(JSON.stringify(revived))));
          same(last, "its replay");
          return { strokes: json.strokes.length, bytes: JSON.stringify(json).length };
        }""",
        seed,
    )
    assert counts["strokes"] > 5


def test_old_steps_make_room_and_the_record_begins_anew(page: Page) -> None:
    told = page.evaluate(
        """async () => {
          const painting = new Painting({ width: 64, height: 64, unlabelled: 255, historyBytes: 20_000 });
          for (let n = 0; n < 400; n++) {
            painting.begin("brush");
            for (let y = 0; y < 64; y++) painting.row(y, (n * 7 + y * 13) % 50, 60, n % 5);
            painting.commit();
          }
          const { bytes, steps } = painting.history;
          const { replay } = await import("/canvas/replay.js");
          let last;
          for ({ painting: last } of replay(JSON.parse(JSON.stringify(painting))));
          const same = stateOf(last) === stateOf(painting);
          let undone = 0;
          while (painting.undo()) undone++;
          return { bytes, steps: steps.length, undone, same };
        }"""
    )
    assert told["bytes"] <= 20_000 and told["steps"] == told["undone"] > 10 and told["same"]


def test_an_edit_that_is_given_up_leaves_nothing(page: Page) -> None:
    told = page.evaluate(
        """() => {
          const painting = new Painting({ width: 20, height: 10, unlabelled: 255 });
          const rects = [];
          painting.addEventListener("change", ({ detail }) => rects.push([detail.rect, detail.live]));
          painting.begin("brush");
          painting.row(3, -4, 5, 2);
          painting.row(99, 0, 5, 2);
          painting.flush();
          const live = painting.composite()[3 * 20 + 4];
          painting.undo();
          return { live, all: painting.composite().every((id) => id === 255), rects, canUndo: painting.canUndo };
        }"""
    )
    assert told["live"] == 2 and told["all"] and not told["canUndo"]
    rectangle = {"x": 0, "y": 3, "width": 5, "height": 1}
    assert told["rects"] == [[rectangle, True], [rectangle, False]]


def test_layers_lie_over_each_other(page: Page) -> None:
    told = page.evaluate(
        """() => {
          const painting = new Painting({ width: 4, height: 1, unlabelled: 9 });
          const paint = (layer, left, right, id) => {
            painting.activate(layer);
            painting.begin("brush");
            painting.row(0, left, right, id);
            return painting.commit();
          };
          const seen = [];
          const look = () => seen.push(Array.from(painting.composite()));
          paint("near", 0, 2, 3);
          const covered = paint("sky", 1, 3, 1);
          const hidden = paint("far", 0, 1, 2);
          look();
          painting.setLayer("near", { visible: false });
          look();
          painting.moveLayer("far", 0);
          look();
          painting.setLayer("near", { visible: true });
          paint("near", 0, 1, NOTHING);
          look();
          painting.setLayer("sky", { locked: true });
          painting.setLayer("far", { visible: false });
          return { seen, covered, hidden, refusals: ["sky", "far", "near"].map((id) => painting.refusal(id)) };
        }"""
    )
    assert told["seen"] == [[3, 3, 1, 9], [2, 1, 1, 9], [2, 1, 1, 9], [2, 3, 1, 9]]
    assert told["covered"] == {"changed": True, "shows": True}
    assert told["hidden"] == {"changed": True, "shows": False}
    assert told["refusals"] == ["The layer “sky” is locked.", "The layer “far” is hidden.", ""]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        ("json.format = 'other'", "This is no painting: its format is other"),
        ("json.version = 2", "version 2; this studio reads version 1"),
        ("json.width = 0", "cannot be 0 x 48 pixels"),
        ("json.height = 47", "cover 3072 pixels of 3008"),
        ("json.layers = []", "no layers"),
        ("json.layers[1].id = json.layers[0].id", "two layers have the same id"),
        ("json.layers[0].runs = btoa(atob(json.layers[0].runs).slice(0, -1))", "damaged runs"),
        ("json.layers[0].runs = btoa(String.fromCharCode(255, 255, 255, 255, 255, 255))", "damaged runs"),
        ("json.layers[0].runs = '?'", ""),
        ("json.strokes = [{ tool: 'fill', patches: [{ runs: '?' }] }]", ""),
    ],
)
def test_a_damaged_file_is_refused_and_changes_nothing(page: Page, spoil: str, message: str) -> None:
    told = page.evaluate(
        f"""async () => {{
          const {{ painting }} = await paintAtRandom(3, 15);
          painting.replaceWith(new Uint16Array(64 * 48).fill(1), 64, 48);
          const json = JSON.parse(JSON.stringify(painting));
          {spoil};
          const before = stateOf(painting) + painting.history.done + painting.strokes.length;
          let error = "";
          try {{ painting.fromJSON(json); }} catch (thrown) {{ error = thrown.message; }}
          return {{ error, same: stateOf(painting) + painting.history.done + painting.strokes.length === before }};
        }}"""
    )
    assert told["error"] and message in told["error"] and told["same"]


def test_a_map_of_the_wrong_size_is_refused(page: Page) -> None:
    error = page.evaluate("() => { try { painting.replaceWith([1, 2], 2, 2) } catch (error) { return error.message } }")
    assert error == "2 ids are no map of 2 x 2 pixels"
