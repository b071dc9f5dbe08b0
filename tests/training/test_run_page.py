"""Curves, and the page of a run: complete in itself, true to the log, whole at any moment."""

from __future__ import annotations

import json
import math
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from PIL import Image

from spadework.training.curves import HEIGHT, LEFT, TOP, WIDTH, charts_as_png, charts_as_svg, smoothed
from spadework.training.run import Run
from spadework.training.run_page import SHEETS, page, write_page
from tests.browser import chromium


def line(images: int, **more: Any) -> dict[str, Any]:
    speed = {"images_per_second": 12.5, "eta_seconds": 7200.0, "peak_memory_mib": 2048.0, "skipped": 3}
    return {"images": images, "losses": {"gan": 1 / images, "<b>": 2.0}, **speed, "time": "2026-01-01T00:00:00", **more}


def made_run(folder: Path, sheets: int = 3) -> Run:
    run = Run(folder)
    (folder / "samples").mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({"system": "spade", "config": {"norm": "batch"}}))
    lines = [line(500 * i, **({"scores": {"sharpness": i / 9}} if i % 2 else {})) for i in range(1, 9)]
    (folder / "log.jsonl").write_text("".join(json.dumps(one) + "\n" for one in lines))
    for number in range(1, sheets + 1):
        Image.new("RGB", (60, 20), (20 * number % 256, 0, 0)).save(run.sample_path(500 * number))
    return run


def test_a_line_runs_from_corner_to_corner() -> None:
    """What grows evenly is a straight line through its frame."""
    (svg,) = charts_as_svg({"score": [(images, float(images)) for images in range(0, 101, 10)]})
    lines = ElementTree.fromstring(svg).findall("polyline")
    points = [tuple(map(float, point.split(","))) for point in lines[0].attrib["points"].split()]
    assert points[0] == (LEFT, TOP + HEIGHT) and points[-1] == (LEFT + WIDTH, TOP)
    slopes = {round((b[1] - a[1]) / (b[0] - a[0]), 3) for a, b in pairwise(points)}
    assert slopes == {-HEIGHT / WIDTH}


@pytest.mark.parametrize(
    "values",
    [[(5, 1.0)], [(1, 0.0), (2, 0.0)], [(i, math.nan if i % 3 else 1.0) for i in range(50)], [(0, 1e-30), (9, 1e30)]],
)
def test_odd_series_are_drawn(values: list[tuple[int, float]]) -> None:
    (svg,) = charts_as_svg({"a & b": values})
    assert "nan" not in svg and ElementTree.fromstring(svg) is not None
    assert charts_as_png({"a & b": values}).width > WIDTH


def test_what_cannot_be_drawn_is_left_out() -> None:
    assert charts_as_svg({"none": [(1, math.inf)], "empty": []}) == []
    assert charts_as_png({}).width > 0


def test_a_long_series_is_thinned_and_a_spike_flattens_nothing() -> None:
    values = [(i, 1e9 if i == 5000 else 1 + i / 1e4) for i in range(1, 10001)]
    (svg,) = charts_as_svg({"loss": values})
    assert len(svg) < 30_000
    assert smoothed([(i, float(i)) for i in range(100)]) == [(i, float(i)) for i in range(100)]


def test_the_page_holds_everything(tmp_path: Path) -> None:
    run = made_run(tmp_path / "park")
    assert write_page(run, 8000) == []
    text = (run.folder / "page.html").read_text()
    assert "<b>4,000</b> of 8,000 images" in text and "2.0 h" in text and "unreadable pairs replaced" in text
    assert text.count("data:image/jpeg") == 3 and "after 1,500 images" in text and "sharpness" in text
    assert "<b>:" not in text and "&lt;b&gt;: " in text
    assert "src=\"http" not in text and "href=" not in text
    assert Image.open(run.folder / "curves.png").width > 600
    assert sorted(path.name for path in run.folder.iterdir() if path.name.startswith(".")) == []


def test_many_sheets_are_spread_over_the_run(tmp_path: Path) -> None:
    run = made_run(tmp_path / "park", sheets=40)
    write_page(run, 8000)
    text = (run.folder / "page.html").read_text()
    assert text.count("data:image/jpeg") == SHEETS
    assert "after 20,000 images" in text and "after 500 images" in text


def test_a_run_that_has_only_begun_has_a_page(tmp_path: Path) -> None:
    assert "0</b> of 100 images" in page({"system": "spade"}, tmp_path, [], [], 100)


def test_pictures_that_somebody_put_beside_the_sheets_are_left_out(tmp_path: Path) -> None:
    run = made_run(tmp_path)
    for name in ("000000500 (copy).png", "good.png"):
        Image.new("RGB", (60, 20)).save(run.folder / "samples" / name)
    write_page(run, 4000)
    assert (run.folder / "page.html").read_text().count("data:image/jpeg") == 3


def test_a_damaged_sheet_is_left_out(tmp_path: Path) -> None:
    run = made_run(tmp_path / "park")
    run.sample_path(500).write_bytes(b"\x89PNG")
    write_page(run, 8000)
    assert (run.folder / "page.html").read_text().count("data:image/jpeg") == 2


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_phones_in_a_browser(tmp_path: Path, scheme: Any) -> None:
    run = made_run(tmp_path / "park")
    write_page(run, 8000)
    with chromium() as browser:
        web = browser.new_page(viewport={"width": 390, "height": 844}, color_scheme=scheme)
        web.goto((run.folder / "page.html").as_uri())
        assert web.evaluate("document.documentElement.scrollWidth") == 390
        assert web.locator(".charts svg").count() == 3
        assert web.evaluate("[...document.images].every(image => image.naturalWidth > 0)")
