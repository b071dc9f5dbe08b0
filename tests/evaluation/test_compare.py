"""Evaluations side by side: differences are of the models, and what can't be compared is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from spadework.cli import main
from spadework.data.ontology import Ontology
from spadework.evaluation.compare import compare
from spadework.evaluation.variety import Variety
from tests.evaluation.drawn import draw_data, draw_model, make_generating, pictures, run


@pytest.fixture
def reports(tmp_path: Path, ontology: Ontology) -> list[Path]:
    """The real photos, and the same with a tenth and with two tenths of their pixels black."""
    data, cache = draw_data(tmp_path / "park", ontology, 24), tmp_path / "cache"
    folders = []
    for name, rows in (("whole", 0), ("hurt", 3), ("broken", 6)):
        made = tmp_path / f"made-{name}"
        made.mkdir()
        for path in (data / "photos").iterdir():
            values = np.array(Image.open(path))
            values[:rows] = COLORS_OF_SKY
            Image.fromarray(values).save(made / path.name)
        run(pictures(made), data, tmp_path / name, cache=cache)
        folders.append(tmp_path / name)
    return folders


COLORS_OF_SKY = (0, 0, 250)


def test_differences_have_an_order_and_intervals(reports: list[Path]) -> None:
    found = compare(reports)
    lines = {line.name: line for line in found.lines}
    accuracy = lines["accuracy"]
    assert accuracy.values[0] == 100 and accuracy.best() == 0
    for place in (1, 2):
        difference = accuracy.differences[place]
        assert difference is not None and difference.clear
        assert difference.interval.low < difference.value < difference.interval.high < 0
        interval = accuracy.intervals[place]
        assert interval is not None and interval.low < (accuracy.values[place] or 0) < interval.high
    assert accuracy.differences[0] is None and accuracy.ceiling == 100
    assert 100 > (accuracy.values[1] or 0) > (accuracy.values[2] or 0)
    assert lines["segmenter Fréchet"].best() == 0 and lines["segmenter Fréchet"].better == "lower"
    assert [line.name for line in found.classes] == ["sky", "grass", "house", "road"]


def test_an_evaluation_against_itself(reports: list[Path]) -> None:
    found = compare([reports[1], reports[1]])
    difference = found.lines[0].differences[1]
    assert difference is not None and not difference.clear
    assert (difference.value, difference.interval.low, difference.interval.high) == (0, 0, 0)


def test_the_command(reports: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "side-by-side"
    assert main(["compare", *map(str, reports), "--out", str(out), "--pictures", "2"]) == 0
    said = capsys.readouterr().out
    assert "accuracy, hurt against whole: -" in said and "mean IoU" in said
    data = json.loads((out / "compare.json").read_text())
    assert [one["name"] for one in data["evaluations"]] == ["whole", "hurt", "broken"]
    text = (out / "compare.html").read_text()
    assert text.count("<figure>") == 2 * 5 and "clear" in text and "http" not in text


def test_pictures_that_are_gone_are_told(reports: list[Path], tmp_path: Path) -> None:
    (tmp_path / "park").rename(tmp_path / "moved")
    assert main(["compare", *map(str, reports), "--out", str(tmp_path / "out")]) == 0
    assert "Pictures can&#x27;t be shown" in (tmp_path / "out" / "compare.html").read_text()


def test_diversity_on_other_numbers_of_maps_is_not_compared(tmp_path: Path, ontology: Ontology) -> None:
    data, model = draw_data(tmp_path / "data", ontology, 6), draw_model(tmp_path / "model", ontology)
    for name, maps in (("a", 2), ("b", 2), ("c", 3)):
        variety = Variety(maps=maps, styles=2)
        run(make_generating(str(model)), data, tmp_path / name, cache=tmp_path / "cache", variety=variety)
    names = {line.name for line in compare([tmp_path / "a", tmp_path / "b"]).lines}
    assert {"diversity, levels", "style fidelity, colours"} <= names
    found = compare([tmp_path / "a", tmp_path / "c"])
    assert {line.name for line in found.lines} == {
        name for name in names if not name.startswith(("diversity", "style fidelity"))
    }
    assert any("other numbers of label maps and styles" in note for note in found.notes)


def test_what_cannot_be_compared(
    reports: list[Path], tmp_path: Path, ontology: Ontology, capsys: pytest.CaptureFixture[str]
) -> None:
    smaller = draw_data(tmp_path / "smaller", ontology, 20)
    run(pictures(smaller), smaller, tmp_path / "other", cache=tmp_path / "cache")
    run(pictures(tmp_path / "park"), tmp_path / "park", tmp_path / "sized", cache=tmp_path / "cache", size=(16, 12))
    (tmp_path / "sized" / "report.json").rename(tmp_path / "kept.json")
    for second, complaint in [
        (tmp_path / "other", "data / pairs 24, the second 20"),
        (tmp_path / "sized", "not finished"),
        (tmp_path / "park", "spadework evaluate MODEL"),
        (tmp_path / "nowhere", "no evaluation is there"),
    ]:
        assert main(["compare", str(reports[0]), str(second)]) == 2
        assert complaint in capsys.readouterr().err
    (tmp_path / "kept.json").rename(tmp_path / "sized" / "report.json")
    assert main(["compare", str(reports[0]), str(tmp_path / "sized")]) == 2
    assert "size [32, 24], the second [16, 12]" in capsys.readouterr().err
    assert main(["compare", str(reports[0])]) == 2
