"""Shapes, bucket fill and tidy-up in a real browser, against references in NumPy, SciPy and Pillow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image, ImageDraw
from scipy import ndimage

from tests.browser import chromium
from tests.studio.browser.canvas_page import canvas, served

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.slow

WIDTH, HEIGHT = 71, 53


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    with served() as url, canvas(browser, url, WIDTH, HEIGHT) as page:
        yield page


def drawn(page: Page, shape: str, *arguments: Any) -> np.ndarray:
    """Which pixels a function of shapes.js paints: [H, W]. A row outside the map is cut."""
    rows = page.evaluate(
        """async ([shape, given]) => {
          const rows = [];
          const shapes = await import("/canvas/shapes.js");
          shapes[shape]({ row: (y, left, right) => rows.push([y, left, right]) }, ...given);
          return rows;
        }""",
        [shape, list(arguments)],
    )
    mask = np.zeros((HEIGHT, WIDTH), bool)
    for y, left, right in rows:
        if 0 <= y < HEIGHT:
            mask[int(y), max(int(left), 0) : max(int(right), 0)] = True
    return mask


def centres() -> tuple[np.ndarray, np.ndarray]:
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    return x + 0.5, y + 0.5


def distances(x0: float, y0: float, x1: float, y1: float) -> np.ndarray:
    """From each pixel's centre to a segment."""
    x, y = centres()
    length = (x1 - x0) ** 2 + (y1 - y0) ** 2
    along = ((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / length if length else np.zeros_like(x)
    along = np.clip(along, 0, 1)
    return np.hypot(x - x0 - along * (x1 - x0), y - y0 - along * (y1 - y0))


@pytest.mark.parametrize("seed", range(12))
def test_a_stroke_is_the_pixels_near_its_line(page: Page, seed: int) -> None:
    random = np.random.default_rng(seed)
    x0, x1 = random.uniform(-20, WIDTH + 20, 2)
    y0, y1 = random.uniform(-20, HEIGHT + 20, 2)
    if seed % 4 == 1:
        y1 = y0
    elif seed % 4 == 2:
        x1 = x0
    elif seed % 4 == 3:
        x1, y1 = x0, y0
    radius = random.uniform(0.6, 18)
    distance = distances(x0, y0, x1, y1)
    painted = drawn(page, "capsule", x0, y0, x1, y1, radius)
    decided = abs(distance - radius) > 1e-9
    assert (painted == (distance <= radius))[decided].all()


@pytest.mark.parametrize("size", range(1, 9))
def test_small_tips_keep_their_shape(page: Page, size: int) -> None:
    shapes = set()
    for x, y in np.random.default_rng(size).uniform(20, 30, (12, 2)):
        painted = page.evaluate(
            """async ([x, y, size]) => {
              const { Pen } = await import("/canvas/strokes.js");
              const other = new Painting({ width: 71, height: 53, unlabelled: 255 });
              other.begin("brush");
              new Pen(other, { tool: "brush", class: 1, size }).to(x, y);
              return Array.from(other.composite());
            }""",
            [float(x), float(y), size],
        )
        mask = np.array(painted).reshape(HEIGHT, WIDTH) == 1
        rows, columns = np.nonzero(mask)
        assert len(rows) and abs(rows.mean() + 0.5 - y) <= 0.5 and abs(columns.mean() + 0.5 - x) <= 0.5
        box = mask[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
        assert box.shape == (size, size)
        shapes.add(box.tobytes())
    assert len(shapes) == 1


@pytest.mark.parametrize("seed", range(8))
def test_a_pencil_line_has_no_gaps_and_one_pixel_per_step(page: Page, seed: int) -> None:
    random = np.random.default_rng(seed)
    x0, x1 = random.uniform(0, WIDTH, 2)
    y0, y1 = random.uniform(0, HEIGHT, 2)
    painted = drawn(page, "pixelLine", x0, y0, x1, y1, 1)
    steps = max(abs(int(x1) - int(x0)), abs(int(y1) - int(y0)))
    assert painted.sum() == steps + 1 and painted[int(y0), int(x0)] and painted[int(y1), int(x1)]
    assert ndimage.label(painted, np.ones((3, 3)))[1] == 1


@pytest.mark.parametrize("seed", range(12))
def test_a_polygon_is_what_it_winds_around(page: Page, seed: int) -> None:
    random = np.random.default_rng(seed)
    points = random.uniform(-15, 85, (int(random.integers(3, 12)), 2))
    if seed % 3 == 0:
        points = np.round(points * 2) / 2  # corners and edges on pixel centres
    x, y = centres()
    winding = np.zeros((HEIGHT, WIDTH), int)
    for (x0, y0), (x1, y1) in zip(points, np.roll(points, -1, 0), strict=True):
        crosses = (np.minimum(y0, y1) <= y) & (y < np.maximum(y0, y1))
        at = x0 + (y - y0) * (x1 - x0) / (y1 - y0 or 1)
        winding += np.where(crosses & (at <= x), int(np.sign(y1 - y0)), 0)
    painted = drawn(page, "polygon", points.ravel().tolist(), HEIGHT)
    assert (painted == (winding != 0)).all()


@pytest.mark.parametrize("seed", range(6))
def test_a_simple_polygon_is_pillows_but_for_its_edge(page: Page, seed: int) -> None:
    random = np.random.default_rng(seed)
    angles = np.sort(random.uniform(0, 2 * np.pi, 9))
    radii = random.uniform(10, 24, 9)
    points = np.stack([WIDTH / 2 + radii * np.cos(angles), HEIGHT / 2 + radii * np.sin(angles)], 1)
    picture = Image.new("1", (WIDTH, HEIGHT))
    ImageDraw.Draw(picture).polygon([tuple(point - 0.5) for point in points], fill=1)  # Pillow counts from centres.
    differs = drawn(page, "polygon", points.ravel().tolist(), HEIGHT) != np.array(picture)
    edge = np.min([distances(*a, *b) for a, b in zip(points, np.roll(points, -1, 0), strict=True)], 0)
    assert differs.mean() < 0.03 and (edge[differs] < 1.5).all()  # Pillow paints the outline, too.


def blobs(seed: int, classes: int = 4) -> np.ndarray:
    """A random map with regions of all sizes."""
    random = np.random.default_rng(seed)
    field = ndimage.gaussian_filter(random.normal(size=(HEIGHT, WIDTH)), 0.5 + seed % 4)
    cuts = np.quantile(field, np.linspace(0, 1, classes + 1)[1:-1])
    return np.digitize(field, cuts)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("fill", ["flood", "everywhere"])
def test_bucket_fill_is_scipys_connected_region(page: Page, seed: int, fill: str) -> None:
    ids = blobs(seed)
    random = np.random.default_rng(seed)
    y, x = int(random.integers(HEIGHT)), int(random.integers(WIDTH))
    rows = page.evaluate(
        """async ([fill, ids, width, height, x, y]) => {
          const rows = [];
          const all = await import("/canvas/flood.js");
          all[fill](Uint16Array.from(ids), width, height, x, y, (...row) => rows.push(row));
          return rows;
        }""",
        [fill, ids.ravel().tolist(), WIDTH, HEIGHT, x, y],
    )
    times = np.zeros((HEIGHT, WIDTH), int)
    for row, left, right in rows:
        times[row, left:right] += 1
    regions = ndimage.label(ids == ids[y, x])[0]
    wanted = regions == regions[y, x] if fill == "flood" else ids == ids[y, x]
    assert (times == wanted).all()


def regions_of(ids: np.ndarray) -> np.ndarray:
    """A number per connected region of one id, by SciPy."""
    numbers = np.zeros(ids.shape, int)
    for id in np.unique(ids):
        found, _ = ndimage.label(ids == id)
        numbers[found > 0] = found[found > 0] + numbers.max()
    return numbers


@pytest.mark.parametrize("seed", range(6))
def test_regions_are_scipys(page: Page, seed: int) -> None:
    ids = blobs(seed)
    told = page.evaluate(
        """async ([ids, width, height]) => {
          const { regionsOf } = await import("/canvas/tidy.js");
          const { region, sizes } = regionsOf(Uint16Array.from(ids), width, height);
          return { region: Array.from(region), sizes };
        }""",
        [ids.ravel().tolist(), WIDTH, HEIGHT],
    )
    ours, theirs = np.array(told["region"]), regions_of(ids).ravel()
    pairs = set(zip(ours.tolist(), theirs.tolist(), strict=True))
    assert len(pairs) == len(set(ours.tolist())) == len(set(theirs.tolist()))
    assert told["sizes"] == np.bincount(ours).tolist()


def tidied(page: Page, ids: np.ndarray, minimum: int) -> tuple[np.ndarray, int]:
    told = page.evaluate(
        """async ([ids, width, height, minimum]) => {
          const { withoutSpecks } = await import("/canvas/tidy.js");
          const tidy = withoutSpecks(Uint16Array.from(ids), width, height, minimum);
          return { ids: Array.from(tidy.ids), count: tidy.count };
        }""",
        [ids.ravel().tolist(), ids.shape[1], ids.shape[0], minimum],
    )
    return np.array(told["ids"]).reshape(ids.shape), told["count"]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("minimum", [2, 9, 60])
def test_tidying_leaves_no_specks_and_large_regions_alone(page: Page, seed: int, minimum: int) -> None:
    ids = blobs(seed)
    after, count = tidied(page, ids, minimum)
    before = regions_of(ids)
    small = np.bincount(before.ravel())[before] < minimum
    assert count >= len(np.unique(before[small]))
    assert (after == ids)[~small].all()
    sizes = np.bincount(regions_of(after).ravel())[1:]
    assert (sizes >= minimum).all() or len(sizes) == 1


def test_a_speck_takes_its_most_frequent_neighbour(page: Page) -> None:
    ids = np.full((5, 6), 1)
    ids[:, 3:] = 2
    ids[2, 3] = ids[2, 2] = 3  # two pixels: three sides with each
    ids[0, 5] = 4  # in a corner
    after, count = tidied(page, ids, 3)
    assert count == 2 and after[0, 5] == 2
    assert Counter(after[2].tolist()) == {1: 4, 2: 2}  # a tie: the smaller id
    unchanged, none = tidied(page, ids, 1)
    assert none == 0 and (unchanged == ids).all()


def test_one_class_alone_is_no_speck(page: Page) -> None:
    after, count = tidied(page, np.full((3, 3), 7), 100)
    assert count == 0 and (after == 7).all()


@pytest.mark.parametrize("seed", range(8))
def test_runs_give_back_what_they_were_made_of(page: Page, seed: int) -> None:
    random = np.random.default_rng(seed)
    ids = np.repeat(random.choice([0, 1, 127, 128, 300, 65534, 65535], 400), random.integers(1, 40, 400))
    ids = np.resize(ids, HEIGHT * WIDTH)
    x, y = int(random.integers(WIDTH - 1)), int(random.integers(HEIGHT - 1))
    width, height = int(random.integers(1, WIDTH - x + 1)), int(random.integers(1, HEIGHT - y + 1))
    box = {"x": x, "y": y, "width": width, "height": height}
    told = page.evaluate(
        """async ([ids, width, box]) => {
          const { encode, decode, toggle, toText, fromText, check } = await import("/canvas/runs.js");
          const before = Uint16Array.from(ids);
          const bytes = fromText(toText(encode(before, width, box)));
          const after = new Uint16Array(before.length).fill(7);
          decode(bytes, after, width, box);
          const other = before.map((id, at) => (at % 3 ? id : id + 5));
          const difference = encode(before, width, box, other);
          const back = other.slice();
          toggle(difference, back, width, box);
          let refused = 0;
          for (let end = 0; end < bytes.length; end++) {
            try { check(bytes.subarray(0, end), box.width * box.height); } catch { refused++; }
          }
          return { after: Array.from(after), back: Array.from(back), refused, length: bytes.length };
        }""",
        [ids.tolist(), WIDTH, box],
    )
    inside = np.zeros((HEIGHT, WIDTH), bool)
    inside[y : y + height, x : x + width] = True
    inside = inside.ravel()
    assert (np.array(told["after"])[inside] == ids[inside]).all() and set(np.array(told["after"])[~inside]) <= {7}
    assert (np.array(told["back"])[inside] == ids[inside]).all()
    assert told["refused"] == told["length"] > 0
