"""From a folder to shards to a trained model, from a shell's point of view."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from spadework.cli import main
from spadework.training.run import Run
from tests.cli.small import run, start, train_arguments
from tests.data.shards.stores import s3_store, upload, web_server

MakeFolder = Callable[..., Path]

OFTEN = ("--checkpoint-every", "4", "--log-every", "4")


def test_shards_train_the_model_that_their_folder_trains(make_folder: MakeFolder, tmp_path: Path) -> None:
    data = make_folder(count=9)
    assert main(["shards", str(data), str(tmp_path / "shards"), "--shard-size", "0.001", "--workers", "0"]) == 0
    assert len(list((tmp_path / "shards/train").glob("*.tar"))) > 1
    assert main(train_arguments(data, tmp_path / "folder", 8)) == 0
    assert main(train_arguments(tmp_path / "shards", tmp_path / "run", 8)) == 0
    assert weights(tmp_path / "run") == weights(tmp_path / "folder")

    # What began on the folder goes on with the shards.
    assert main(train_arguments(data, tmp_path / "moved", 4)) == 0
    assert main(train_arguments(tmp_path / "shards", tmp_path / "moved", 8, "--resume")) == 0
    assert weights(tmp_path / "moved") == weights(tmp_path / "folder")
    assert (tmp_path / "run/samples/000000008.png").read_bytes() == (
        tmp_path / "folder/samples/000000008.png"
    ).read_bytes()


def weights(folder: Path) -> bytes:
    return (folder / "model.safetensors").read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("store", ["http", "s3"])
def test_train_kill_resume_from_afar(
    make_folder: MakeFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store: str
) -> None:
    """kill -9 in the middle of an epoch, a cache for half of the shards: the end is that of an undisturbed run."""
    data = make_folder(count=40)
    shards = tmp_path / "shards"
    assert main(["shards", str(data), str(shards), "--shard-size", "0.000001", "--workers", "0"]) == 0
    code, _, errors = run(*train_arguments(shards, tmp_path / "whole", 60, *OFTEN), "--workers", "2")
    assert code == 0, errors

    with web_server(shards) if store == "http" else s3_store(monkeypatch) as opened:
        url = opened[0] if store == "http" else upload(shards, "park")
        room = str(20 * (shards / "train/00000.tar").stat().st_size / 2**30)
        far = ("--cache", str(tmp_path / "cache"), "--cache-size", room, "--workers", "2")
        arguments = train_arguments(Path("DATA"), tmp_path / "run", 60, *OFTEN)
        arguments = [url if argument == "DATA" else argument for argument in [*arguments, *far]]

        # Killed where it stands, then on to the end.
        killed = start(*arguments)
        deadline = time.monotonic() + 120
        while not (tmp_path / "run/checkpoints/000000020.pt").exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        killed.send_signal(signal.SIGKILL)
        killed.communicate()
        checkpoint = Run(tmp_path / "run").latest_checkpoint()
        assert checkpoint is not None and 20 <= checkpoint.images < 60
        code, _, errors = run(*arguments, "--resume")
        assert code == 0, errors
    assert weights(tmp_path / "run") == weights(tmp_path / "whole")
    assert sum(path.stat().st_size for path in (tmp_path / "cache").iterdir()) <= float(room) * 2**30


def test_a_set_that_is_not_finished(
    make_folder: MakeFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = make_folder()
    assert main(["shards", str(data), str(tmp_path / "shards"), "--workers", "0"]) == 0
    index = tmp_path / "shards/shards.json"
    index.write_text(index.read_text().replace('"complete": true', '"complete": false'))
    assert main(train_arguments(tmp_path / "shards", tmp_path / "run", 4)) == 2
    assert "run `spadework shards` again" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
