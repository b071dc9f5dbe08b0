"""From a stroke to the updated picture on the screen: the studio's page in a real Chromium.

    python benchmarks/studio_browser.py MODEL
    python benchmarks/studio_browser.py MODEL --strokes 100 --size 512

Strokes of some 200 ms are drawn with the mouse at random places of an example map, one after the other, each when the
photo of the one before is complete. What is measured, in the page's own clock: from the last change of the map to the
photo that shows it being on the screen, the quick preview where there is one (`first`) and full size (`full`); from the
first change to the first photo after it, while the stroke is still being drawn (`while drawing`); and the frames of the
page that took over 50 ms while strokes were drawn, with all frames.
"""

from __future__ import annotations

import platform
import random
import shutil
import statistics
import time
from dataclasses import dataclass

import tyro
from playwright.sync_api import Page, sync_playwright
from studio import Options as Server  # benchmarks/studio.py, beside this file
from studio import studio
from tyro.conf import Positional

WARM_UP = 5
"""Strokes that are not counted."""
POINTS, PAUSE = 12, 16
"""Places of the mouse in a stroke, and milliseconds between them."""
LONG_FRAME = 50
"""Milliseconds."""

CLEARED = "{began: 0, ended: 0, sequence: 0, early: 0, first: 0, full: 0}"
WATCH = """() => {
    const watched = (globalThis.watched = {...CLEARED, frames: 0, long: 0});
    const screen = (then) => requestAnimationFrame(() => setTimeout(() => then(performance.now())));
    studio.painting.addEventListener("change", ({detail}) => {
        watched.began ||= performance.now();
        if (!detail.live) return;
        Object.assign(watched, {ended: performance.now(), first: 0, full: 0});
        requestAnimationFrame(() => requestAnimationFrame(() => (watched.sequence = studio.live.sequence)));
    });
    studio.live.addEventListener("picture", ({detail}) => screen((now) => {
        if (watched.began) watched.early ||= now - watched.began;
        if (!watched.sequence || detail.sequence < watched.sequence) return;
        watched.first ||= now - watched.ended;
        if (detail.final) watched.full ||= now - watched.ended;
    }));
    let last = performance.now();
    const frame = (now) => {
        if (watched.began && !watched.full) {
            watched.frames += 1;
            watched.long += now - last > LONG_FRAME;
        }
        last = now;
        requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
}""".replace("LONG_FRAME", str(LONG_FRAME)).replace("CLEARED", CLEARED)


@dataclass(frozen=True)
class Options:
    """Measure the studio's latency in a browser."""

    model: Positional[str]
    """A model folder, a run folder, or a model's name."""
    strokes: int = 60
    """Strokes that are counted."""
    size: int | None = None
    """Side of the map in pixels; the size that the model was trained at unless given."""
    precision: str = "float32"
    """float32 or bf16."""
    seed: int = 0
    """Where the strokes are."""


def until(page: Page, condition: str) -> None:
    """Wait for an expression to hold; the page's policy forbids wait_for_function."""
    end = time.monotonic() + 120
    while not page.evaluate(condition):
        if time.monotonic() > end:
            raise SystemExit(f"it never came to be that {condition}")
        page.wait_for_timeout(20)


def draw(page: Page, dice: random.Random) -> dict[str, float]:
    """One stroke of another class; what the page measured of it."""
    page.evaluate(f"Object.assign(watched, {CLEARED})")
    page.evaluate("place => (studio.editor.class = studio.model.ontology.classes.at(place).id)", dice.randrange(4))
    corner = page.locator("#map").bounding_box()
    left, top, side = page.evaluate(
        "[studio.editor.view.x, studio.editor.view.y, studio.editor.view.scale * studio.painting.height]"
    )
    assert corner is not None
    x, y = (start + side * dice.uniform(0.15, 0.6) for start in (corner["x"] + left, corner["y"] + top))
    page.mouse.move(x, y)
    page.mouse.down()
    for step in range(POINTS):
        page.mouse.move(x + step * side / 60, y + step * side / 90)
        page.wait_for_timeout(PAUSE)
    page.mouse.up()
    until(page, "watched.full > 0 || !watched.began")
    measured: dict[str, float] = page.evaluate("({...watched})")
    return measured


def tell(name: str, values: list[float]) -> None:
    """Median and 95th percentile."""
    ordered = sorted(values)
    high = ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
    spread = f"least {ordered[0]:.0f}, most {ordered[-1]:.0f}, n = {len(ordered)}"
    print(f"{name:14} median {statistics.median(ordered):5.0f} ms   95th percentile {high:5.0f} ms   ({spread})")


def main(options: Options) -> None:
    """Measure and print."""
    dice = random.Random(options.seed)
    chromium = next(found for name in ("chromium", "google-chrome") if (found := shutil.which(name)))
    with studio(Server(options.model, precision=options.precision)) as address, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.add_init_script("localStorage['spadework-studio'] = JSON.stringify({welcomed: true})")
        page.goto(address)
        until(page, "globalThis.studio && document.body.dataset.state === 'ready' && !studio.photo.empty")
        if options.size:
            page.evaluate(
                """side => {
                    const {painting, editor} = studio;
                    const {width, height} = painting;
                    const [row, column] = [(y) => Math.floor(y * height / side), (x) => Math.floor(x * width / side)];
                    const from = (at) => row(Math.floor(at / side)) * width + column(at % side);
                    const ids = Uint16Array.from({length: side * side}, (_, at) => painting.composite()[from(at)]);
                    painting.replaceWith(ids, side, side);
                    editor.fit();
                }""",
                options.size,
            )
        until(page, "!studio.live.waiting")
        page.evaluate(WATCH)
        strokes = []
        for number in range(WARM_UP + options.strokes):
            measured = draw(page, dice)
            if number == WARM_UP - 1:
                page.evaluate("Object.assign(watched, {frames: 0, long: 0})")
            elif number >= WARM_UP and measured["full"]:
                strokes.append(measured)
        width, height = page.evaluate("[studio.painting.width, studio.painting.height]")
        print(f"{width} x {height}, {platform.processor() or platform.machine()}, {browser.version}")
        tell("while drawing", [stroke["early"] for stroke in strokes])
        tell("first", [stroke["first"] for stroke in strokes])
        tell("full", [stroke["full"] for stroke in strokes])
        frames, long = strokes[-1]["frames"], strokes[-1]["long"]
        print(f"frames over {LONG_FRAME} ms: {long:.0f} of {frames:.0f}")
        browser.close()


if __name__ == "__main__":
    main(tyro.cli(Options))
