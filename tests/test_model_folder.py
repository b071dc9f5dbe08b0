"""Models on disk."""

from __future__ import annotations

import json
import os
import re
import socket
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from spadework.data.ontology import Ontology
from spadework.model_folder import (
    describe,
    find_model,
    read_model,
    write_model,
    write_seen_styles,
    write_tensors,
    write_weights,
)
from spadework.seen_styles import SeenStyles
from spadework.systems.spade import Spade
from spadework.training.run import Run
from tests import tiny

STYLED = tiny.config(stem="style", encoder=True)


@pytest.fixture(scope="module")
def system() -> Spade:
    return tiny.lively(Spade(STYLED))


@pytest.fixture
def folder(system: Spade, tmp_path: Path) -> Path:
    write_model(tmp_path / "model", "spade", system, tiny.ONTOLOGY)
    return tmp_path / "model"


def change_json(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def change_config(folder: Path, **changes: Any) -> None:
    config = json.loads((folder / "config.json").read_text())["config"]
    change_json(folder / "config.json", config=config | changes)


# Round trips.


def test_a_round_trip_is_exact(system: Spade, folder: Path) -> None:
    model = read_model(folder)
    assert (model.system_name, model.system.config, model.ontology) == ("spade", STYLED, tiny.ONTOLOGY)
    assert model.system.networks.keys() == {"generator", "encoder"}
    for name, network in model.system.networks.items():
        expected = system.networks[name].state_dict()
        assert network.state_dict().keys() == expected.keys()
        for key, value in network.state_dict().items():
            assert value.dtype == expected[key].dtype and torch.equal(value, expected[key]), key
    assert not model.system.training and not any(p.requires_grad for p in model.system.parameters())


def test_styles_that_were_seen_come_along(folder: Path) -> None:
    generator = torch.Generator().manual_seed(0)
    styles = SeenStyles(torch.randn(5, STYLED.style_size, generator=generator), torch.rand(5, STYLED.style_size))
    assert read_model(folder).seen_styles is None
    write_seen_styles(folder, styles)
    read = read_model(folder).seen_styles
    assert read is not None
    assert torch.equal(read.mean, styles.mean) and torch.equal(read.log_variance, styles.log_variance)


def test_styles_of_another_model_or_none(folder: Path) -> None:
    write_seen_styles(folder, SeenStyles(torch.zeros(5, 3), torch.zeros(5, 3)))
    with pytest.raises(ValueError, match=rf"seen_styles.safetensors: styles of 3 .* takes {STYLED.style_size}"):
        read_model(folder)
    write_tensors(folder / "seen_styles.safetensors", {"a": {"b": torch.zeros(1)}})
    with pytest.raises(ValueError, match=r"seen_styles.safetensors: holds a.b, expected mean and log_variance"):
        read_model(folder)
    (folder / "seen_styles.safetensors").write_bytes(b"nonsense")
    with pytest.raises(ValueError, match=r"seen_styles.safetensors: damaged"):
        read_model(folder)


def test_the_folder_holds_three_files(folder: Path) -> None:
    assert {path.name for path in folder.iterdir()} == {"config.json", "ontology.json", "model.safetensors"}
    keys = load_file(folder / "model.safetensors").keys()
    assert {key.partition(".")[0] for key in keys} == {"generator", "encoder"}


def test_equal_weights_give_equal_bytes(system: Spade, folder: Path, tmp_path: Path) -> None:
    time.sleep(0.01)
    elsewhere = tmp_path / "another" / "place"
    write_model(elsewhere, "spade", system, tiny.ONTOLOGY)
    model = read_model(folder)
    write_model(tmp_path / "again", "spade", model.system, model.ontology)
    for name in ("config.json", "ontology.json", "model.safetensors"):
        content = (folder / name).read_bytes()
        assert (elsewhere / name).read_bytes() == (tmp_path / "again" / name).read_bytes() == content, name


def test_writing_replaces_an_older_model(folder: Path) -> None:
    other = Spade(tiny.config())
    write_model(folder, "spade", other, tiny.ONTOLOGY)
    assert read_model(str(folder)).system.config == other.config
    assert len(list(folder.iterdir())) == 3


def test_a_run_folder_is_a_model(system: Spade, tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    run.create(describe("spade", system, recipe={"batch_size": 2}), tiny.ONTOLOGY)
    with pytest.raises(ValueError, match=r"model\.safetensors: no such file: there is no generator here"):
        read_model(run.folder)
    write_weights(run.model_path, {name: system.networks[name] for name in system.inference_names})
    assert read_model(run.folder).system.config == STYLED


def test_fewer_classes_than_channels_will_do(folder: Path) -> None:
    smaller = Ontology("smaller", tiny.ONTOLOGY.classes[:2])
    smaller.write(folder / "ontology.json")
    assert read_model(folder).ontology == smaller


# Folders that are wrong.


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("config.json", "is no model: it has no config.json"),
        ("ontology.json", "ontology.json: can't read the ontology"),
        ("model.safetensors", "model.safetensors: no such file"),
    ],
)
def test_a_missing_file(folder: Path, name: str, message: str) -> None:
    (folder / name).unlink()
    with pytest.raises(ValueError, match=re.escape(str(folder)) + ".*" + re.escape(message)):
        read_model(folder)


@pytest.mark.parametrize("content", [b"", b"\xff\x00no", b"[1, 2]", b"17"])
@pytest.mark.parametrize("name", ["config.json", "ontology.json", "model.safetensors"])
def test_a_damaged_file(folder: Path, name: str, content: bytes) -> None:
    (folder / name).write_bytes(content)
    with pytest.raises(ValueError, match=re.escape(str(folder / name))):
        read_model(folder)


def test_cut_off_weights(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match=r"model\.safetensors: damaged or no safetensors file"):
        read_model(folder)


def test_a_folder_in_place_of_a_file(folder: Path) -> None:
    (folder / "config.json").unlink()
    (folder / "config.json").mkdir()
    with pytest.raises(ValueError, match=r"config\.json: can't be read"):
        read_model(folder)


@pytest.mark.parametrize("name", ["spoon", None, 3, ["spade"]])
def test_an_unknown_system(folder: Path, name: Any) -> None:
    change_json(folder / "config.json", system=name)
    with pytest.raises(ValueError, match=r"config\.json: system .* is unknown; this version has spade"):
        read_model(folder)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"flavour": 1}, "its config holds flavour, which SpadeConfig does not know"),
        ({"norm": "bach"}, "norm = 'bach', expected 'batch' or 'sync_batch'"),
        ({"kernel_size": 4}, "kernel_size = 4, expected 1 or 3 or 5"),
        ({"classes": "five"}, "classes = 'five', expected int"),
        ({"classes": 5.0}, "classes = 5.0, expected int"),
        ({"edges": 1}, "edges = 1, expected bool"),
        ({"beta2": None}, "beta2 = None, expected float"),
        ({"height": 50}, "training size 64x50"),
    ],
)
def test_a_config_that_makes_no_sense(folder: Path, changes: dict[str, Any], message: str) -> None:
    change_config(folder, **changes)
    with pytest.raises(ValueError, match=r"config\.json: .*" + re.escape(message)):
        read_model(folder)


@pytest.mark.parametrize("config", [None, [1], "spade"])
def test_a_config_that_is_none(folder: Path, config: Any) -> None:
    change_json(folder / "config.json", config=config)
    with pytest.raises(ValueError, match=r"config\.json: its config holds .*, which SpadeConfig does not know"):
        read_model(folder)


def test_whole_numbers_are_numbers(folder: Path) -> None:
    change_config(folder, kl_weight=1)
    assert read_model(folder).system.config.kl_weight == 1


def test_an_ontology_of_another_model(folder: Path) -> None:
    classes = [{"id": id, "name": f"class {id}"} for id in range(6)]
    Ontology.from_json({"name": "other", "classes": classes}).write(folder / "ontology.json")
    with pytest.raises(ValueError, match=r"ontology\.json has 6 classes, .*config\.json has 5: these files belong to"):
        read_model(folder)


def test_weights_of_another_model(folder: Path) -> None:
    other = Spade(tiny.config())
    write_weights(folder / "model.safetensors", {"generator": other.generator})
    with pytest.raises(ValueError, match=r"model\.safetensors: \d+ weights are missing and \d+ are unknown .* for one"):
        read_model(folder)


def test_weights_of_another_shape(folder: Path) -> None:
    path = folder / "model.safetensors"
    tensors = load_file(path)
    save_file(tensors | {"generator.to_photo.bias": torch.zeros(4)}, path)
    with pytest.raises(ValueError, match=r"model\.safetensors: .*to_photo\.bias|model\.safetensors: .*do(es)? not fit"):
        read_model(folder)


# Names.


def test_a_name_that_was_never_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("it went to the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    with pytest.raises(ValueError, match=r"nobody/never-fetched: no such folder, .* run `hf download nobody/never-f"):
        find_model("nobody/never-fetched")


@pytest.mark.parametrize("name", ["nowhere", "./nobody/model", "a/b/c", "~/model", "-bad-/!name"])
def test_what_is_neither_folder_nor_name(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=re.escape(name)):
        find_model(name)


def test_a_file_is_no_model(folder: Path) -> None:
    with pytest.raises(ValueError, match=r"model\.safetensors: expected a model folder or a run folder"):
        find_model(folder / "model.safetensors")
    assert find_model(folder) == folder and find_model(os.fspath(folder)) == folder
