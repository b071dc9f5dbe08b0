"""What happens when a preparation runs again, is killed, or meets what it can't use."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from spadework.data.prepare import Ade20k, Cityscapes, DataSet, FlickrLandscapes, Prepared, prepare
from spadework.data.prepare.preparation import Progress
from spadework.lock import FolderLock
from tests.data.prepare import owners
from tests.data.prepare.owners import lay_out

CHALLENGE = "ADEChallengeData2016"
FIRST_LABEL = f"{CHALLENGE}/annotations/training/ADE_train_00000001.png"


def everything(folder: Path) -> dict[str, bytes]:
    """All files below a folder but its lock."""
    files = [file for file in folder.rglob("*") if file.is_file() and file.name != ".lock"]
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}


def times(folder: Path) -> dict[str, int]:
    return {str(file): file.stat().st_mtime_ns for file in folder.rglob("*") if file.is_file() and file.name != ".lock"}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return lay_out(owners.ade20k_challenge(), tmp_path / "down", "zip")


def test_running_again_does_nothing(source: Path, tmp_path: Path) -> None:
    first = prepare(Ade20k(), source, tmp_path / "out")
    before = times(tmp_path / "out")
    again = prepare(Ade20k(), source, tmp_path / "out")
    thorough = prepare(Ade20k(), source, tmp_path / "out", verify=True)
    assert first.made == first.files == 12
    assert again.made == thorough.made == 0 and again.pairs == first.pairs and again.bytes == first.bytes
    assert times(tmp_path / "out") == before


def test_missing_and_damaged_files_are_made_again(source: Path, tmp_path: Path) -> None:
    prepare(Ade20k(), source, tmp_path / "out")
    whole = everything(tmp_path / "out")
    (tmp_path / "out/train/photos/ADE_train_00000001.jpg").unlink()
    (tmp_path / "out/train/labels/ADE_train_00000002.png").write_bytes(b"")
    assert prepare(Ade20k(), source, tmp_path / "out").made == 2
    assert everything(tmp_path / "out") == whole

    # One flipped byte is no other size: it takes a look at every byte.
    path = tmp_path / "out/val/photos/ADE_val_00000001.jpg"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert prepare(Ade20k(), source, tmp_path / "out").made == 0
    assert prepare(Ade20k(), source, tmp_path / "out", verify=True).made == 1
    assert everything(tmp_path / "out") == whole


def test_a_change_in_the_source_is_followed(tmp_path: Path) -> None:
    source = lay_out(owners.ade20k_challenge(), tmp_path / "down", "folder")
    prepare(Ade20k(), source, tmp_path / "out", copy=True)
    (source / FIRST_LABEL).write_bytes(owners.gray(np.full((24, 32), 5, np.uint8)))
    assert prepare(Ade20k(), source, tmp_path / "out", copy=True).made == 1
    assert (np.asarray(Image.open(tmp_path / "out/train/labels/ADE_train_00000001.png")) == 5).all()


def test_a_larger_source_adds_to_what_is_there(tmp_path: Path) -> None:
    prepare(Ade20k(), lay_out(owners.ade20k_challenge(4), tmp_path / "small", "folder"), tmp_path / "out")
    more = lay_out(owners.ade20k_challenge(6), tmp_path / "large", "folder")
    for photo in (tmp_path / "small").rglob("*.jpg"):
        (more / photo.relative_to(tmp_path / "small")).write_bytes(photo.read_bytes())
    prepared = prepare(Ade20k(), more, tmp_path / "out")
    assert (prepared.pairs["train"], prepared.made) == (6, 4)


def test_a_source_that_lost_files_is_refused(source: Path, tmp_path: Path) -> None:
    prepare(Ade20k(), source, tmp_path / "out")
    before = everything(tmp_path / "out")
    smaller = lay_out(owners.ade20k_challenge(2), tmp_path / "smaller", "zip")
    with pytest.raises(ValueError, match=r"4 of the 12 files that were prepared there are no longer in the source"):
        prepare(Ade20k(), smaller, tmp_path / "out")
    assert everything(tmp_path / "out") == before


def test_other_options_and_data_sets_are_refused(source: Path, tmp_path: Path) -> None:
    prepare(Ade20k(), source, tmp_path / "out")
    with pytest.raises(ValueError, match=r"out: it was prepared with splits train, val, now val is asked for"):
        prepare(Ade20k(splits=("val",)), source, tmp_path / "out")
    streets = lay_out(owners.cityscapes(), tmp_path / "streets", "zip")
    with pytest.raises(ValueError, match=r"out: ade20k was prepared there, now cityscapes is asked for"):
        prepare(Cityscapes(), streets, tmp_path / "out")


def test_folders_of_others_are_left_alone(source: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.txt").write_text("important")
    with pytest.raises(ValueError, match=r"mine: it holds files that no preparation made \(thesis\.txt\)"):
        prepare(Ade20k(), source, tmp_path / "mine")
    assert everything(tmp_path / "mine") == {"thesis.txt": b"important"}
    with pytest.raises(ValueError, match="source and target are the same folder"):
        prepare(Ade20k(), source, source)
    with pytest.raises(ValueError, match=r"thesis\.txt: it is a file"):
        prepare(Ade20k(), source, tmp_path / "mine/thesis.txt")


@pytest.mark.parametrize("text", ["{", "[]", '{"name": "else"}'])
def test_a_manifest_of_others_is_refused(text: str, source: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/manifest.json").write_text(text)
    with pytest.raises(ValueError, match=r"out/manifest\.json: .*(not JSON|not what `prepare` writes)"):
        prepare(Ade20k(), source, tmp_path / "out")


def test_one_preparation_at_a_time(source: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    lock = FolderLock(tmp_path / "out", "preparation", "folder to write to")
    with pytest.raises(ValueError, match=r"another preparation \(process \d+ on .*\) is writing in .*out"):
        prepare(Ade20k(), source, tmp_path / "out")
    lock.release()
    prepare(Ade20k(), source, tmp_path / "out")


# Links and copies.


def test_files_of_folders_are_linked(tmp_path: Path) -> None:
    source = lay_out(owners.ade20k_challenge(), tmp_path / "down", "folder")
    prepare(Ade20k(), source, tmp_path / "linked")
    prepare(Ade20k(), source, tmp_path / "copied", copy=True)
    for name, linked in (("linked", True), ("copied", False)):
        assert (tmp_path / name / "train/labels/ADE_train_00000001.png").samefile(source / FIRST_LABEL) == linked
    assert everything(tmp_path / "linked") == everything(tmp_path / "copied")


def test_making_again_does_not_write_through_links(tmp_path: Path) -> None:
    source = lay_out(owners.ade20k_challenge(), tmp_path / "down", "folder")
    prepare(Ade20k(), source, tmp_path / "out")
    label, original = tmp_path / "out/train/labels/ADE_train_00000001.png", (source / FIRST_LABEL).read_bytes()
    label.unlink()
    label.symlink_to(source / FIRST_LABEL.replace("01.png", "02.png"))  # somebody put another file there
    second = (source / FIRST_LABEL.replace("01.png", "02.png")).read_bytes()
    assert prepare(Ade20k(), source, tmp_path / "out", copy=True, verify=True).made == 1
    assert label.read_bytes() == original
    assert (source / FIRST_LABEL.replace("01.png", "02.png")).read_bytes() == second != original


def test_links_in_the_source_are_followed(tmp_path: Path) -> None:
    real = lay_out(owners.ade20k_challenge(), tmp_path / "real", "folder")
    (tmp_path / "down").mkdir()
    (tmp_path / "down" / CHALLENGE).symlink_to(real / CHALLENGE)
    (tmp_path / "down/again").symlink_to(tmp_path / "down")
    assert prepare(Ade20k(), tmp_path / "down", tmp_path / "out").pairs == {"train": 4, "val": 2}
    assert not [file for file in (tmp_path / "out").rglob("*") if file.is_symlink()]


# Faulty pairs.


def break_pairs(tmp_path: Path) -> Path:
    """A source with a cut photo, a label map of another size, and one with an unknown id."""
    archives = owners.ade20k_challenge(6)
    files = archives[CHALLENGE]
    cut = f"{CHALLENGE}/images/training/ADE_train_00000001.jpg"
    files[cut] = files[cut][: len(files[cut]) // 2]
    files[FIRST_LABEL.replace("001.png", "002.png")] = owners.gray(np.zeros((32, 24), np.uint8))
    files[FIRST_LABEL.replace("001.png", "003.png")] = owners.gray(np.full((24, 32), 200, np.uint8))
    return lay_out(archives, tmp_path / "faulty", "zip")


def test_faulty_pairs_are_listed_after_all_others_are_done(tmp_path: Path) -> None:
    source = break_pairs(tmp_path)
    for _ in range(2):
        with pytest.raises(
            ValueError, match=r"3 faulty pairs in .*faulty; 14 good files are finished and kept"
        ) as error:
            prepare(Ade20k(), source, tmp_path / "out")
    for line in (
        r"images/training/ADE_train_00000001.jpg: can't be read as a picture",
        r"annotations/training/ADE_train_00000002.png is 24x32, but ",
        r"annotations/training/ADE_train_00000003.png: ",
        "--skip-faulty",
    ):
        assert line in str(error.value)
    assert not (tmp_path / "out/manifest.json").exists()

    # Once repaired, only the rest is made.
    repaired = lay_out(owners.ade20k_challenge(6), tmp_path / "repaired", "zip")
    assert prepare(Ade20k(), repaired, tmp_path / "out").pairs == {"train": 6, "val": 2}


def test_faulty_pairs_can_be_left_out(tmp_path: Path) -> None:
    source = break_pairs(tmp_path)
    prepared = prepare(Ade20k(), source, tmp_path / "out", skip_faulty=True)
    assert prepared.pairs == {"train": 3, "val": 2} and prepared.files == 10
    assert set(prepared.left_out) == {f"train/ADE_train_0000000{number}" for number in (1, 2, 3)}
    assert sorted(file.stem for file in (tmp_path / "out/train/photos").iterdir()) == sorted(
        file.stem for file in (tmp_path / "out/train/labels").iterdir()
    )
    assert json.loads((tmp_path / "out/manifest.json").read_text())["left_out"] == prepared.left_out
    assert prepare(Ade20k(), source, tmp_path / "out").made == 0


def test_too_little_room_is_told_before(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = type("Usage", (), {"free": 1000})
    monkeypatch.setattr("spadework.data.prepare.work.shutil.disk_usage", lambda folder: usage)
    with pytest.raises(ValueError, match=r"out: about \d.* are to be written, 1000 bytes are free there"):
        prepare(Ade20k(), source, tmp_path / "out")
    assert everything(tmp_path / "out") == {}


# Several processes, and kills.


def test_the_number_of_processes_changes_nothing(tmp_path: Path) -> None:
    source = lay_out(owners.ade20k_challenge(20, 5), tmp_path / "down", "zip")
    told: list[tuple[str, int, int]] = []
    prepare(Ade20k(), source, tmp_path / "one")
    several = prepare(Ade20k(), source, tmp_path / "three", workers=3, progress=lambda *progress: told.append(progress))
    assert several.made == 50
    assert told == [("preparing", number, 50) for number in range(1, 51)]
    assert everything(tmp_path / "one") == everything(tmp_path / "three")


def test_faults_in_other_processes_are_listed_too(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="3 faulty pairs"):
        prepare(Ade20k(), break_pairs(tmp_path), tmp_path / "out", workers=2)


SCRIPT = """
import sys
from pathlib import Path
from spadework.data.prepare import Ade20k, prepare
if __name__ == "__main__":
    prepare(Ade20k(), Path(sys.argv[1]), Path(sys.argv[2]), workers=int(sys.argv[3]),
            progress=lambda *told: print(*told, flush=True))
"""


def kill_and_go_on(source: Path, target: Path, workers: int, kills: list[int]) -> None:
    """Kill a preparation when it has told of so many files, once for each number, then let one finish."""
    for number in kills:
        command = [sys.executable, "-c", SCRIPT, str(source), str(target), str(workers)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
            assert process.stdout is not None
            for line in process.stdout:
                if line.startswith("preparing") and int(line.split()[1]) >= number:
                    break
            os.killpg(process.pid, signal.SIGKILL)
        time.sleep(0.1)
        assert not (target / "manifest.json").exists()
    done = sum(line.endswith(b"}") for line in (target / ".prepare.jsonl").read_bytes().split(b"\n")) - 1
    assert prepare(Ade20k(), source, target).made <= 60 - done < 60


@pytest.mark.parametrize("workers", [1, 2])
def test_killed_and_gone_on_gives_the_same_bytes(workers: int, tmp_path: Path) -> None:
    source = lay_out(owners.ade20k_challenge(25, 5), tmp_path / "down", "zip")
    prepare(Ade20k(), source, tmp_path / "whole")
    kill_and_go_on(source, tmp_path / "killed", workers, [7, 11])
    assert everything(tmp_path / "whole") == everything(tmp_path / "killed")


@pytest.mark.slow
def test_many_kills_at_any_moment(tmp_path: Path) -> None:
    source = lay_out(owners.ade20k_challenge(250, 20), tmp_path / "down", "zip")
    prepare(Ade20k(), source, tmp_path / "whole")
    moments, kills = random.Random(0), 0
    while not (tmp_path / "killed/manifest.json").exists():
        command = [sys.executable, "-c", SCRIPT, str(source), str(tmp_path / "killed"), "2"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
            assert process.stdout is not None
            # After so many more files, and a random part of the next ones: a quick machine is killed as often.
            told = (line for line in process.stdout if line.startswith("preparing"))
            enough = next(islice(told, moments.randint(0, 60), None), None) is not None
            time.sleep(moments.uniform(0, 0.01))
            if enough and process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                kills += 1
    assert kills >= 2
    assert everything(tmp_path / "whole") == everything(tmp_path / "killed")


def test_a_journal_cut_short_is_read_up_to_there(source: Path, tmp_path: Path) -> None:
    prepare(Ade20k(), source, tmp_path / "whole")
    broken = tmp_path / "broken"
    with pytest.raises(KeyboardInterrupt):
        prepare(Ade20k(), source, broken, progress=interrupt_after(5))
    journal = broken / ".prepare.jsonl"
    journal.write_bytes(journal.read_bytes()[:-40])
    (broken / ".manifest.json.12-0.partial").write_bytes(b"{")

    # What is added then stands on lines of its own, so that it counts after one more interruption.
    with pytest.raises(KeyboardInterrupt):
        prepare(Ade20k(), source, broken, progress=interrupt_after(3))
    assert prepare(Ade20k(), source, broken).made == 12 - 4 - 3
    assert everything(broken) == everything(tmp_path / "whole")


def interrupt_after(count: int) -> Progress:
    def progress(what: str, done: int, total: int) -> None:
        if what == "preparing" and done == count:
            raise KeyboardInterrupt

    return progress


# Segmenters.


def sky_above(photo: Image.Image) -> np.ndarray:
    """Sky (156) over grass (123)."""
    ids = np.full((photo.height, photo.width), 123)
    ids[: photo.height // 2] = 156
    return ids


def prepare_landscapes(data_set: DataSet, tmp_path: Path, workers: int = 1) -> Prepared:
    source = tmp_path / "photos"
    if not source.exists():
        lay_out(owners.landscapes(), source, "folder")
    return prepare(data_set, source, tmp_path / "out", workers=workers)


def test_a_segmenter_labels_photos(tmp_path: Path) -> None:
    prepared = prepare_landscapes(FlickrLandscapes(segmenter=sky_above), tmp_path, workers=4)
    assert sum(prepared.pairs.values()) == 12
    for label in (tmp_path / "out").glob("*/labels/*.png"):
        assert np.array_equal(np.asarray(Image.open(label)), sky_above(Image.new("RGB", (32, 24))))
    assert prepare_landscapes(FlickrLandscapes(segmenter=sky_above), tmp_path).made == 0
    with pytest.raises(ValueError, match="prepared with segmenter sky_above, now <lambda> is asked for"):
        prepare_landscapes(FlickrLandscapes(segmenter=lambda photo: sky_above(photo)), tmp_path)


@pytest.mark.parametrize(
    ("segmenter", "message"),
    [
        (lambda photo: np.zeros((8, 8), int), r"the segmenter gave int64 \[8, 8\], expected whole numbers \[24, 32\]"),
        (lambda photo: np.zeros((24, 32)), r"gave float64 \[24, 32\], expected whole numbers"),
        (lambda photo: np.full((24, 32), 999), r"lakes/000\.jpg: .*999"),
    ],
)
def test_what_a_segmenter_gives_is_looked_at(segmenter, message: str, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=message):
        prepare_landscapes(FlickrLandscapes(segmenter=segmenter), tmp_path)


def test_photos_without_any_label_maps_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"these photos have no label maps: .*--labels DIR.*segmenter=CALLABLE"):
        prepare_landscapes(FlickrLandscapes(), tmp_path)
