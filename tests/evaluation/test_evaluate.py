"""An evaluation from beginning to end, on drawn data with a judge that cannot err there."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from spadework.data.ontology import Ontology
from spadework.evaluation.judges import Judges
from spadework.evaluation.measure import confusions
from spadework.evaluation.protocol import find_protocol
from spadework.evaluation.variety import Variety
from spadework.model_folder import write_seen_styles
from spadework.seen_styles import SeenStyles
from tests.evaluation.drawn import ColorSegmenter, draw_data, draw_model, make_generating, pictures, run


@pytest.fixture
def data(tmp_path: Path, ontology: Ontology) -> Path:
    return draw_data(tmp_path / "park", ontology, 37)


@pytest.fixture
def model(tmp_path: Path, ontology: Ontology) -> Path:
    return draw_model(tmp_path / "model", ontology)


def report(out: Path) -> dict[str, Any]:
    """report.json without what differs from run to run."""
    read = json.loads((out / "report.json").read_text())
    assert read.pop("timings")
    return read


def test_the_real_photos_are_the_ceiling(data: Path, tmp_path: Path) -> None:
    found = run(pictures(data), data, tmp_path / "out", cache=tmp_path / "cache")
    assert found.fake is not None and found.real is not None
    assert found.fake.scores == found.real.scores
    assert found.fake.scores.mean_iou == found.fake.scores.accuracy == 1.0
    assert found.fake.scores.accuracy_all_pixels < 1.0  # unlabelled pixels
    assert (found.fake.mean_iou.low, found.fake.mean_iou.high) == (1.0, 1.0)
    for distances in (found.inception, found.segmenter):
        assert distances is not None and distances.precision_recall is not None
        assert distances.frechet == pytest.approx(0, abs=1e-6)
        assert distances.kernel.value <= 0
        assert (distances.precision_recall.precision, distances.precision_recall.recall) == (1.0, 1.0)
    assert [one.what for one in found.left_out] == ["diversity, style fidelity"]


def test_pictures_for_other_label_maps_are_worse(data: Path, tmp_path: Path) -> None:
    shuffled = tmp_path / "shuffled"
    shuffled.mkdir()
    for number in range(37):
        (shuffled / f"p{number}.png").write_bytes((data / "photos" / f"p{(number + 5) % 37}.png").read_bytes())
    found = run(pictures(shuffled), data, tmp_path / "out", cache=tmp_path / "cache")
    assert found.fake is not None and found.segmenter is not None
    assert found.fake.scores.accuracy == pytest.approx(0.25, abs=0.05)
    assert found.fake.mean_iou.low < found.fake.scores.mean_iou < found.fake.mean_iou.high < 0.2
    assert found.segmenter.frechet == pytest.approx(0, abs=1e-6), "the same photos in another order"


def test_a_report_holds_what_made_it(data: Path, model: Path, tmp_path: Path) -> None:
    run(make_generating(str(model)), data, tmp_path / "out", cache=tmp_path / "cache")
    read = report(tmp_path / "out")
    assert read["subject"]["system"] == "spade" and len(read["subject"]["weights_sha256"]) == 64
    assert read["data"]["pairs"] == 37 and len(read["data"]["labels_sha256"]) == 64
    assert read["protocol"]["rounding"] == "truncate" and read["size"] == [32, 24]
    assert read["segmenter"]["name"] == "colours" and read["segmenter"]["ignored"] == ["unlabelled"]
    assert {"torch", "spadework"} <= read["versions"].keys()
    numbers = read["numbers"]
    assert set(numbers) == {"segmentation", "inception", "segmenter_features", "diversity", "style_fidelity"}
    assert numbers["diversity"]["pairs_per_map"] == 3
    assert numbers["diversity"]["measures"]["mean_difference"]["value"] > 0
    assert set(numbers["segmentation"]["pictures"]["mean_iou_by_rule"]) == {"truth", "union", "zero"}
    assert len(read["worst"]) == len(read["best"]) == 6
    assert read["worst"][0]["accuracy"] <= read["worst"][-1]["accuracy"] <= read["best"][0]["accuracy"]
    assert {one["what"] for one in read["left_out"]} == {"LPIPS", "MS-SSIM"}
    assert len(list((tmp_path / "out" / "photos").glob("*.png"))) == 37


def test_two_processes_give_the_same_numbers_as_one(data: Path, model: Path, tmp_path: Path) -> None:
    for processes in (1, 2):
        options = {"cache": tmp_path / f"cache{processes}", "processes": processes}
        run(make_generating(str(model)), data, tmp_path / f"out{processes}", **options)
    assert report(tmp_path / "out1") == report(tmp_path / "out2")
    for path in (tmp_path / "out1" / "photos").iterdir():
        assert path.read_bytes() == (tmp_path / "out2" / "photos" / path.name).read_bytes()


def test_stopped_at_every_step_the_report_is_the_same(data: Path, model: Path, tmp_path: Path) -> None:
    run(make_generating(str(model)), data, tmp_path / "whole", cache=tmp_path / "cache")

    class Stop(Exception):
        pass

    def stop(title: str, done: int, total: int) -> None:
        if (title, done) not in told:
            told.add((title, done))
            raise Stop

    told: set[tuple[str, int]] = set()
    for _ in range(50):
        try:
            run(make_generating(str(model)), data, tmp_path / "stopped", cache=tmp_path / "cache2", progress=stop)
        except Stop:
            continue
        break
    assert len(told) >= 7 * 2
    assert report(tmp_path / "stopped") == report(tmp_path / "whole")


@pytest.mark.slow
def test_killed_again_and_again_the_report_is_the_same(data: Path, model: Path, tmp_path: Path) -> None:
    run(make_generating(str(model)), data, tmp_path / "whole", cache=tmp_path / "cache")
    arguments = [str(each) for each in (model, data, tmp_path / "killed", tmp_path / "cache2", 2)]
    dice, kills = random.Random(0), 0
    for attempt in range(40):
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.evaluation.drawn", *arguments], start_new_session=True, env=one_thread()
        )
        # Somewhere between its first file and its end.
        began, wait = time.monotonic(), dice.uniform(0.0, 2.0) * (1 + attempt / 10)
        while process.poll() is None and not (tmp_path / "killed" / "work.json").is_file():
            time.sleep(0.01)
        while process.poll() is None and time.monotonic() < began + 60 and wait > 0:
            time.sleep(0.05)
            wait -= 0.05
        if process.poll() is None and kills < 6:
            os.killpg(process.pid, signal.SIGKILL)
            kills += 1
        if process.wait() == 0:
            break
    assert process.returncode == 0 and kills >= 3
    assert report(tmp_path / "killed") == report(tmp_path / "whole")
    assert not [path for path in (tmp_path / "killed").rglob("*") if path.suffix == ".partial"]


def test_damaged_results_are_made_anew(data: Path, model: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(make_generating(str(model)), data, out, cache=tmp_path / "cache")
    before = report(out)
    blocks = sorted((out / "blocks").rglob("*.npz"))
    for path in blocks[::3]:
        path.write_bytes(path.read_bytes()[:-40])
    (out / "photos" / "p3.png").unlink()
    run(make_generating(str(model)), data, out, cache=tmp_path / "cache")
    assert report(out) == before


def test_another_evaluation_in_the_same_folder_is_refused(data: Path, model: Path, tmp_path: Path) -> None:
    out, cache = tmp_path / "out", tmp_path / "cache"
    run(make_generating(str(model)), data, out, cache=cache)
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file() and path.name != ".lock"}
    for subject, options, complaint in [
        (make_generating(str(model), seed=1), {}, "subject / seed 0, now it is 1"),
        (make_generating(str(model)), {"size": (16, 16)}, "size"),
        (make_generating(str(model)), {"protocol": find_protocol("train-on-fake", "x")}, "protocol / name own"),
        (make_generating(str(model)), {"judges": Judges(ColorSegmenter)}, "inception"),
    ]:
        with pytest.raises(ValueError, match="choose another --out") as error:
            run(subject, data, out, cache=cache, **options)
        assert complaint in str(error.value)
    assert before == {path: path.read_bytes() for path in out.rglob("*") if path.is_file() and path.name != ".lock"}


def test_styles_that_seeds_draw_from_and_filling_are_part_of_the_model(data: Path, model: Path, tmp_path: Path) -> None:
    out, cache = tmp_path / "out", tmp_path / "cache"
    run(make_generating(str(model)), data, out, cache=cache)
    assert report(out)["subject"]["seen_styles_sha256"] is None and not report(out)["subject"]["fill_unlabelled"]

    config = json.loads((model / "config.json").read_text())
    (model / "config.json").write_text(json.dumps({**config, "fill_unlabelled": True}))
    with pytest.raises(ValueError, match="subject / fill_unlabelled false, now it is true"):
        run(make_generating(str(model)), data, out, cache=cache)
    (model / "config.json").write_text(json.dumps(config))

    size = config["config"]["style_size"]
    write_seen_styles(model, SeenStyles(torch.ones(3, size), torch.zeros(3, size)))
    with pytest.raises(ValueError, match="subject / seen_styles_sha256"):
        run(make_generating(str(model)), data, out, cache=cache)


def test_classes_and_objects_are_part_of_the_data(data: Path, tmp_path: Path, ontology: Ontology) -> None:
    """Nothing of an evaluation by other classes is taken up, neither in its folder nor out of the cache."""
    out, cache = tmp_path / "out", tmp_path / "cache"
    before = run(pictures(data), data, out, cache=cache)
    one, two, *rest = ontology.classes
    swapped = replace(ontology, classes=(replace(one, name=two.name), replace(two, name=one.name), *rest))
    swapped.write(data / "ontology.json")
    with pytest.raises(ValueError, match="data / ontology_sha256"):
        run(pictures(data), data, out, cache=cache)
    after = run(pictures(data), data, tmp_path / "other", cache=cache)
    assert before.real is not None and after.real is not None
    assert before.real.scores.accuracy == 1.0 > after.real.scores.accuracy

    (data / "instances").mkdir()
    for label in (data / "labels").iterdir():
        shutil.copy(label, data / "instances" / label.name)
    with pytest.raises(ValueError, match="data / instances_sha256"):
        run(pictures(data), data, tmp_path / "other", cache=cache)


def test_styles_of_photos_want_an_encoder(data: Path, tmp_path: Path, ontology: Ontology) -> None:
    model = draw_model(tmp_path / "plain", ontology, encoder=False)
    with pytest.raises(ValueError, match="plain has no style encoder; take --style seed"):
        run(make_generating(str(model), style="encoded"), data, tmp_path / "out", cache=tmp_path / "cache")
    assert not (tmp_path / "out").exists()


def test_style_fidelity_of_one_map_is_left_out_aloud(data: Path, model: Path, tmp_path: Path) -> None:
    found = run(
        make_generating(str(model)), data, tmp_path / "out", cache=tmp_path / "cache", variety=Variety(maps=1, styles=2)
    )
    assert [one.why for one in found.left_out if one.what == "style fidelity"] == [
        "it is measured between the photos of several label maps; there is 1"
    ]


def test_a_judge_may_come_later(data: Path, model: Path, tmp_path: Path) -> None:
    out, cache = tmp_path / "out", tmp_path / "cache"
    run(make_generating(str(model)), data, out, cache=cache, judges=Judges())
    assert "segmentation" not in report(out)["numbers"]
    made = {path.name: path.stat().st_mtime_ns for path in (out / "photos").iterdir()}
    run(make_generating(str(model)), data, out, cache=cache)
    assert made == {path.name: path.stat().st_mtime_ns for path in (out / "photos").iterdir()}
    run(make_generating(str(model)), data, tmp_path / "whole", cache=cache)
    assert report(out) == report(tmp_path / "whole")


def test_other_files_and_other_holders_are_left_alone(data: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("mine")
    with pytest.raises(ValueError, match="holds files that no evaluation made"):
        run(pictures(data), data, tmp_path / "out", cache=tmp_path / "cache")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["thesis.txt"]


def test_pictures_that_do_not_fit(data: Path, tmp_path: Path, ontology: Ontology) -> None:
    some = tmp_path / "some"
    some.mkdir()
    Image.new("RGB", (32, 24)).save(some / "p0.png")
    with pytest.raises(ValueError, match="no picture for 36 of 37 label maps, p1 for one"):
        run(pictures(some), data, tmp_path / "out", cache=tmp_path / "cache")
    with pytest.raises(ValueError, match="none of the segmenter's"):
        judges = Judges(lambda: ColorSegmenter(("sky", "grass", "house", "water")))
        run(pictures(data), data, tmp_path / "out", cache=tmp_path / "cache", judges=judges)
    renamed = (*ontology.classes[:3], replace(ontology.classes[3], name="path"))
    other = Ontology(ontology.name, renamed, unlabelled=(255,))
    wrong = draw_model(tmp_path / "wrong", other)
    with pytest.raises(ValueError, match="the model's ontology"):
        run(make_generating(str(wrong)), data, tmp_path / "out2", cache=tmp_path / "cache")


def test_weights_that_change_meanwhile_are_noticed(data: Path, model: Path, tmp_path: Path, ontology: Ontology) -> None:
    def change(title: str, done: int, total: int) -> None:
        if title == "photos" and done == 0:
            draw_model(model, ontology, generator_width=2)

    with pytest.raises(ValueError, match="changed while it was evaluated"):
        run(make_generating(str(model)), data, tmp_path / "out", cache=tmp_path / "cache", progress=change)


def test_real_photos_are_looked_at_once(data: Path, model: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    run(pictures(data), data, tmp_path / "a", cache=cache)
    before = {path: path.stat().st_mtime_ns for path in cache.rglob("*.npz")}
    run(make_generating(str(model)), data, tmp_path / "b", cache=cache)
    assert before and before == {path: path.stat().st_mtime_ns for path in cache.rglob("*.npz")}
    Image.open(data / "photos" / "p0.png").transpose(Image.Transpose.ROTATE_180).save(data / "photos" / "p0.png")
    run(pictures(data), data, tmp_path / "c", cache=cache)
    assert len(list(cache.rglob("*.npz"))) == 2 * len(before), "other photos are another set"


def test_entries_of_matrices() -> None:
    generator = torch.Generator().manual_seed(0)
    matrices = torch.randint(0, 3, (2, 5, 5), generator=generator) * 10
    flat = matrices.flatten(1)
    entries = [[row, cell, int(flat[row, cell])] for row in range(2) for cell in flat[row].nonzero().flatten().tolist()]
    results = {"entries": torch.tensor(entries).numpy(), "ignored": torch.zeros(2).numpy()}
    assert torch.equal(confusions(results, 5), matrices)


def one_thread() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1"}
