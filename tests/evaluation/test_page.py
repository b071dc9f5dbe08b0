"""The page: whole, self-contained, with text for whoever cannot see it; in a real browser, light, dark, on a phone."""

from __future__ import annotations

import shutil
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
import torch

from spadework.data.ontology import Ontology
from spadework.evaluation.bootstrap import Interval, PictureCounts
from spadework.evaluation.ground_truth import GroundTruth
from spadework.evaluation.judges import Judges
from spadework.evaluation.numbers import Judgement
from spadework.evaluation.page import page
from spadework.evaluation.protocol import find_protocol
from spadework.evaluation.published import published
from spadework.evaluation.report import Report
from spadework.evaluation.segmentation import segmentation_scores
from spadework.evaluation.shown import Shown
from tests.evaluation.drawn import ColorSegmenter, draw_data, draw_model, make_generating, run

VOID = {"meta", "img", "br", "link", "input", "hr"}


class Strict(HTMLParser):
    """Every tag is closed, in order; what is loaded or pointed at is kept."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.sources: list[str] = []
        self.images_without_text = 0
        self.headings: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.sources += [given[name] or "" for name in ("src", "href") if name in given]
        self.images_without_text += tag == "img" and not given.get("alt")
        if tag not in VOID:
            self.open.append(tag)
        self.headings += [tag] if tag in ("h1", "h2", "h3") else []

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open.pop() == tag, f"</{tag}> closes nothing"


def parse(text: str) -> Strict:
    parser = Strict()
    parser.feed(text)
    assert parser.open == []
    return parser


@pytest.fixture
def out(tmp_path: Path, ontology: Ontology) -> Path:
    data, model = draw_data(tmp_path / "park & <ride>", ontology, 20), draw_model(tmp_path / "model", ontology)
    run(make_generating(str(model)), data, tmp_path / "out", cache=tmp_path / "cache", judges=Judges(ColorSegmenter))
    return tmp_path / "out"


def test_the_page_is_whole_and_needs_nothing_else(out: Path) -> None:
    text = (out / "report.html").read_text()
    parsed = parse(text)
    assert all(source.startswith("data:image/") for source in parsed.sources) and len(parsed.sources) > 60
    assert parsed.images_without_text == 0 and parsed.headings.count("h1") == 1
    assert "park &amp; &lt;ride&gt;" in text
    for part in ("mean IoU", "95 % interval", "Left out", "Classes", "Worst pictures", "Best pictures", "Styles",
                 "Styles of photos", "What is taken for what", "What it cost", "How these numbers were made"):
        assert part in text, part


def large_report(classes: int) -> Report:
    """A report with many classes and published rows, made up."""
    generator = torch.Generator().manual_seed(0)
    matrix = torch.randint(0, 30, (classes, classes), generator=generator)
    matrix += torch.diag(torch.randint(0, 3000, (classes,), generator=generator))
    matrix[:, 7] = matrix[7] = 0
    scores = segmentation_scores(matrix, "truth", ignored=500)
    counts = PictureCounts(torch.ones(4, classes).int(), torch.ones(4, classes).int(), torch.ones(4, classes).int())
    judged = Judgement(scores, {"truth": (scores.mean_iou, 1)}, Interval(0.3, 0.4), Interval(0.5, 0.6), matrix, counts)
    names = tuple(f"class <{place}>" for place in range(classes))
    protocol = find_protocol("spade-2019", "coco-stuff")
    work = {"subject": {"name": "big"}, "data": {"path": "coco", "split": "val"}, "versions": {"torch": "2"}}
    truth = GroundTruth(names, tuple(range(classes)), (), ())
    colors = torch.randint(0, 256, (classes, 3), generator=generator).tolist()
    rows = published("coco-stuff")
    return Report(
        work, protocol, (256, 256), 5000, truth, colors, judged, judged, None, None, None, None, published=rows
    )


@pytest.mark.parametrize("classes", [12, 182])
def test_few_classes_and_many(classes: int) -> None:
    text = page(large_report(classes), Shown())
    parsed = parse(text)
    assert "class &lt;3&gt;" in text and "class <3>" not in text
    assert text.count(">measured here<") == 1 and text.count(">published<") == len(published("coco-stuff"))
    assert len(parsed.sources) == (classes > 24), "a picture of the matrix where a table would be too large"
    assert "1 class occurs nowhere" in text


def test_a_page_without_a_segmenter() -> None:
    report = replace(large_report(12), fake=None, real=None, truth=None, published=())
    parse(page(report, Shown()))


@pytest.mark.slow
def test_the_page_in_a_browser(out: Path, tmp_path: Path) -> None:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright comes with the extra `dev`")
    browser_path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert browser_path, "this test wants Chromium: install the Debian package chromium"
    (tmp_path / "large.html").write_text(page(large_report(182), Shown()))
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
        for scheme in ("light", "dark"):
            for width in (360, 1400):
                for file in (out / "report.html", tmp_path / "large.html"):
                    tab = browser.new_page(color_scheme=scheme, viewport={"width": width, "height": 900})
                    said: list[str] = []
                    asked: list[str] = []
                    tab.on("console", lambda message, said=said: said.append(message.text))
                    tab.on("request", lambda request, asked=asked: asked.append(request.url))
                    tab.goto(file.as_uri())
                    assert said == [] and [url for url in asked if not url.startswith(("file:", "data:"))] == []
                    assert tab.evaluate("document.documentElement.scrollWidth") <= width, "no scrolling sideways"
                    loaded = "[...document.images].every(one => (one.loading = 'eager', true))"
                    assert tab.evaluate(loaded)
                    tab.wait_for_function("[...document.images].every(one => one.complete && one.naturalWidth > 0)")
                    ground = tab.evaluate("getComputedStyle(document.body).backgroundColor")
                    assert (ground == "rgb(20, 23, 28)") == (scheme == "dark")
                    tab.close()
        browser.close()
