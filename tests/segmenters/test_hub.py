"""Folders by path and by name; nothing is fetched unasked, and what is fetched is told first."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from spadework.segmenters.hub import find_folder, is_whole, weights_files
from tests.segmenters import hub_server

# What is done in one process whose hub is the stand-in, a line or two of answer each.
SCRIPT = """
import os, pathlib, sys, urllib.request, warnings
warnings.showwarning = lambda message, *rest, **more: print("told:", message)
warnings.simplefilter("always")
from spadework.segmenters.hub import find_folder
for step in sys.argv[1:]:
    what, _, name = step.partition(" ")
    print("-", step)
    try:
        if what == "stop-the-hub":
            urllib.request.urlopen(os.environ["HF_ENDPOINT"] + "/stop")
        else:
            folder = find_folder(name, fetch=what == "fetch")
            print(folder, *sorted(file.name for file in folder.iterdir() if file.exists()))
            if what == "damage":
                (folder / "model.safetensors").unlink()
    except ValueError as error:
        print("error:", error)
"""
STEPS = (
    *("find some/park", "fetch some/park", "find some/park", "damage some/park", "fetch some/park"),
    *("fetch some/old", "fetch some/other", "fetch some/nothing"),
    *("stop-the-hub", "find some/park", "fetch some/park", "fetch some/other"),
)


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> list[list[str]]:
    """What was answered at each step; the requests of the hub are last."""
    folder = tmp_path_factory.mktemp("hub")
    write_repository(
        folder / "repositories/some/park",
        "apache-2.0",
        *("config.json", "preprocessor_config.json", "model.safetensors", "pytorch_model.bin", "run.py", "x.onnx"),
    )
    write_repository(folder / "repositories/some/old", "", "config.json", "pytorch_model.bin", "training_args.bin")
    write_repository(folder / "repositories/some/other", "mit", "config.json", "model.h5")
    log = folder / "requests.txt"
    with log.open("w") as file:
        server = subprocess.Popen([sys.executable, hub_server.__file__, str(folder / "repositories")], stdout=file)
    try:
        while not log.read_text().endswith("\n"):
            assert server.poll() is None
        address = log.read_text().splitlines()[0]
        environment = {**os.environ, "HF_ENDPOINT": address, "HF_HOME": str(folder / "cache")}
        environment |= {"HF_HUB_DISABLE_XET": "1", "HF_HUB_OFFLINE": "0"}
        command = [sys.executable, "-c", SCRIPT, *STEPS]
        output = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True).stdout
    finally:
        server.kill()
        server.wait()
    answers = [part.splitlines()[1:] for part in ("\n" + output).split("\n- ")[1:]]
    assert len(answers) == len(STEPS)
    return [*answers, log.read_text().splitlines()[1:]]


def write_repository(folder: Path, licence: str, *names: str) -> None:
    folder.mkdir(parents=True)
    (folder / "README.md").write_text(licence)
    for number, name in enumerate(names):
        (folder / name).write_bytes(bytes([number]) * 1000)


def test_nothing_is_fetched_unasked(said: list[list[str]]) -> None:
    (unasked,) = said[0]
    assert unasked.startswith("error: some/park: no such folder") and "Nothing is downloaded unasked" in unasked
    asked_for_facts = [line for line in said[-1] if line == "GET api/models/some/park"]
    assert len(asked_for_facts) == 2, "only the two permitted downloads may ask the hub"


def test_what_is_fetched_is_told_first(said: list[list[str]]) -> None:
    told, files = said[1]
    assert told == "told: fetching some/park from the hub: 3 files, 0.0 MiB, licence: apache-2.0"
    folder, *names = files.split()
    assert names == ["config.json", "model.safetensors", "preprocessor_config.json"]
    assert Path(folder).name == hub_server.COMMIT
    assert said[2] == [files], "it is there from then on"


def test_an_interrupted_download_goes_on(said: list[list[str]]) -> None:
    assert said[4] == said[1]


def test_older_weights_are_taken_where_there_are_no_better(said: list[list[str]]) -> None:
    told, files = said[5]
    assert files.split()[1:] == ["config.json", "pytorch_model.bin"]
    assert "licence: not stated" in told


def test_what_the_hub_has_not_is_an_error(said: list[list[str]]) -> None:
    assert "no weights there in a form that is read" in said[6][0]
    assert said[7][0].startswith("error: some/nothing: cannot be fetched from the hub")


def test_without_the_hub_there_is_what_was_fetched(said: list[list[str]]) -> None:
    assert said[9] == said[10] == said[2]
    assert said[11][0].startswith("error: some/other: cannot be fetched from the hub")


def test_a_folder_is_itself(tmp_path: Path) -> None:
    assert find_folder(tmp_path) == tmp_path


def test_what_is_neither_a_folder_nor_a_name_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text(json.dumps({}))
    with pytest.raises(ValueError, match="this is a file; give the folder"):
        find_folder(tmp_path / "file")
    for source in (tmp_path / "none", "./none", "a/b/c", "none"):
        with pytest.raises(ValueError, match="there is no such folder"):
            find_folder(source)
    with pytest.raises(ValueError, match="nor is it a name on the hub"):
        find_folder("no name/but..text")


def test_weights_of_a_folder(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="there are no weights in it"):
        weights_files(tmp_path)
    for name in ("pytorch_model.bin", "config.json", "notes.txt"):
        (tmp_path / name).touch()
    assert [file.name for file in weights_files(tmp_path)] == ["pytorch_model.bin"]
    assert is_whole(tmp_path)

    # Better ones, in two parts.
    names = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
    index = {"weight_map": dict(zip("ab", names, strict=True))}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    (tmp_path / names[0]).touch()
    assert not is_whole(tmp_path)
    (tmp_path / names[1]).touch()
    assert is_whole(tmp_path)
    assert [file.name for file in weights_files(tmp_path)] == names
