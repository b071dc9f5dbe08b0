"""Ontologies: class indices, JSON in both forms, and errors that help."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from spadework.data.ontology import Ontology, SemanticClass, UnknownIds


def classes(*ids: int) -> tuple[SemanticClass, ...]:
    return tuple(SemanticClass(id, f"class {id}", (id % 256, 7, id // 256)) for id in ids)


def entry(id: Any, name: Any = None, **more: Any) -> dict[str, Any]:
    return {"id": id, "name": name or f"class {id}", **more}


# Class indices.


def test_unlabelled_that_is_no_class_comes_last() -> None:
    coco = Ontology("coco", classes(*range(182)), unlabelled=(255,))
    assert coco.channels == 183 and coco.unlabelled_index == 182
    assert coco.to_index(np.array([[0, 181, 255]], np.uint8)).tolist() == [[0, 181, 182]]
    assert coco.names[182] == "unlabelled"


def test_unlabelled_that_is_listed_keeps_its_rank() -> None:
    offroad = Ontology("offroad", classes(0, 1, 2), unlabelled=(0,))
    assert offroad.channels == 3 and offroad.unlabelled_index == 0
    camvid = Ontology("camvid", classes(*range(12)), unlabelled=(11,))
    assert camvid.channels == 12 and camvid.unlabelled_index == 11


def test_no_unlabelled_no_index() -> None:
    ontology = Ontology("plain", classes(3, 1, 7))
    assert ontology.channels == 3 and ontology.unlabelled_index is None
    assert ontology.to_index(torch.tensor([1, 3, 7])).tolist() == [0, 1, 2]


def test_all_unlabelled_ids_share_one_index() -> None:
    ontology = Ontology("many", classes(0, 1, 2, 5), unlabelled=(255, 2, 5))
    assert ontology.channels == 3 and ontology.unlabelled_index == 2
    assert ontology.to_index(torch.tensor([0, 1, 2, 5, 255])).tolist() == [0, 1, 2, 2, 2]
    assert ontology.to_ids(torch.tensor([0, 1, 2])).tolist() == [0, 1, 255]


@given(
    listed=st.sets(st.integers(0, 400), min_size=1, max_size=30),
    unlabelled=st.lists(st.integers(0, 400), max_size=4, unique=True),
)
def test_indices_and_ids_are_each_others_inverse(listed: set[int], unlabelled: list[int]) -> None:
    ontology = Ontology("any", classes(*listed), unlabelled=tuple(unlabelled))
    index = torch.arange(ontology.channels)
    assert torch.equal(ontology.to_index(ontology.to_ids(index)), index)
    known = torch.tensor(ontology.known_ids())
    assert set(ontology.to_index(known).tolist()) == set(index.tolist())
    assert len(ontology.colors()) == ontology.channels == len(ontology.names)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int32, np.int64])
def test_any_integer_dtype(ontology: Ontology, dtype: type) -> None:
    index = ontology.to_index(np.array([[0, 3]], dtype))
    assert index.dtype == torch.int64 and index.tolist() == [[0, 3]]


@pytest.mark.parametrize("values", [np.array([0.5]), torch.tensor([1.0]), [0, 1]])
def test_values_that_are_no_integers(ontology: Ontology, values: Any) -> None:
    with pytest.raises(ValueError, match="ids are whole numbers"):
        ontology.to_index(values)


# Unknown ids: what came, what was expected, the cure.


@pytest.mark.parametrize(
    ("ids", "pixels", "cure"),
    [
        ([0, 1, 77, 77], {77: 2}, r'declare it as unlabelled \("unlabelled": \[77\]\), or add it'),
        ([0, 1, 2, 254], {254: 1}, "declare it as unlabelled"),
        ([-1, 0, 1], {-1: 1}, "declare it as unlabelled"),
        ([1, 2, 3, 4], {4: 1}, r"count from 1\? Subtract 1, so that they hold 0..3"),
        ([9, 10, 11, 1], {9: 1, 10: 1, 11: 1}, "is this the right ontology"),
    ],
)
def test_unknown_ids(ids: list[int], pixels: dict[int, int], cure: str) -> None:
    ontology = Ontology("park", classes(0, 1, 2, 3))
    with pytest.raises(UnknownIds, match=cure) as caught:
        ontology.to_index(torch.tensor(ids))
    assert caught.value.pixels == pixels
    assert "ontology 'park' has ids 0..3" in str(caught.value)
    for id, count in pixels.items():
        assert f"label {id} in {count} pixels" in str(caught.value)


def test_a_mask_is_recognised() -> None:
    ontology = Ontology("park", classes(0, 1, 2, 3))
    with pytest.raises(UnknownIds, match=r"is this a 0/255 mask\?"):
        ontology.to_index(np.array([[0, 255]], np.uint8))
    with pytest.raises(UnknownIds, match=r'"unlabelled": \[255\]\), or did you mean a 0/255 mask\?'):
        ontology.to_index(np.array([[0, 1, 2, 255]], np.uint8))


def test_files_that_count_from_zero() -> None:
    with pytest.raises(UnknownIds, match="count from 0"):
        Ontology("ade", classes(1, 2, 3)).to_index(torch.tensor([0, 1, 2]))


def test_unknown_ids_survive_pickling() -> None:
    error = pickle.loads(pickle.dumps(UnknownIds("text", {7: 2}, [0, 7])))
    assert (str(error), error.pixels, error.present) == ("text", {7: 2}, (0, 7))


# Merged packs.


def test_from_pack() -> None:
    ontology = Ontology("both", classes(0, 1, 2), (0,), {"a": {0: 1, 9: 0}, "b": {4: 2}})
    assert ontology.to_index(np.array([0, 9]), pack="a").tolist() == [1, 0]
    assert ontology.to_index(np.array([4]), pack="b").tolist() == [2]
    with pytest.raises(UnknownIds, match=r"label 5 in 1 pixels; pack 'b' of ontology 'both' has ids 4: add"):
        ontology.to_index(np.array([5]), pack="b")
    with pytest.raises(ValueError, match="no id map for pack 'c'; packs with one: a, b"):
        ontology.to_index(np.array([5]), pack="c")


# Colours.


def test_colorize(ontology: Ontology) -> None:
    picture = ontology.colorize(torch.tensor([[0, 4]]))
    assert picture.dtype == torch.uint8 and picture.tolist() == [[[0, 0, 250], [0, 0, 0]]]


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.int32, torch.int64])
def test_class_indices_of_any_integer_type(ontology: Ontology, dtype: torch.dtype) -> None:
    index = torch.tensor([[0, 1, 4]], dtype=dtype)
    assert ontology.to_ids(index).tolist() == [[0, 1, 255]]
    assert ontology.colorize(index).tolist() == [[[0, 0, 250], [0, 250, 0], [0, 0, 0]]]


def test_generated_colors_are_distinct_and_stay() -> None:
    data = {"name": "many", "classes": [entry(id) for id in range(182)], "unlabelled": [255]}
    colors = Ontology.from_json(data).colors().to(torch.float32)
    distance = torch.cdist(colors, colors) + 1e9 * torch.eye(len(colors))
    assert distance.min() > 12
    assert colors[182].tolist() == [0, 0, 0]

    # Other classes, other given colours: a class keeps its own.
    fewer = Ontology.from_json({"name": "few", "classes": [entry(20), entry(5, color=[1, 2, 3])]}).colors()
    assert fewer[1].tolist() == colors[20].tolist()


def test_generated_colors_keep_clear_of_given_ones() -> None:
    alone = Ontology.from_json({"name": "one", "classes": [entry(3)]}).colors()[0].tolist()
    data = {
        "name": "two",
        "classes": [entry(3), entry(4, color=alone), entry(9, ignore=True), entry(10, color=[0] * 3)],
    }
    assert len({tuple(color) for color in Ontology.from_json(data).colors().tolist()}) == 4


# JSON.


@given(
    ids=st.sets(st.integers(0, 500), min_size=1, max_size=8),
    unlabelled=st.lists(st.integers(0, 500), max_size=3, unique=True),
    thing=st.booleans(),
    key=st.none() | st.characters(categories=("L", "N", "P", "S")),
    group=st.none() | st.text(min_size=1, max_size=3).filter(str.strip),
    note=st.text(max_size=3),
)
def test_json_round_trip(
    ids: set[int], unlabelled: list[int], thing: bool, key: str | None, group: str | None, note: str
) -> None:
    first = min(ids)
    made = tuple(
        SemanticClass(id, f"k{id}", (1, 2, id % 256), thing, key if id == first else None, group) for id in ids
    )
    ontology = Ontology("any", made, tuple(unlabelled), {"pack": {3: first}}, note)
    again = Ontology.from_json(json.loads(json.dumps(ontology.to_json())))
    assert again == ontology and again.note == note


def test_groups() -> None:
    data = {"name": "x", "classes": [entry(0, group="land"), entry(1), entry(2, group="sky"), entry(3, group="land")]}
    groups = Ontology.from_json(data).groups
    assert {name: [each.id for each in classes] for name, classes in groups.items()} == {
        "land": [0, 3],
        None: [1],
        "sky": [2],
    }


def test_files_round_trip(tmp_path: Path, ontology: Ontology) -> None:
    ontology.write(tmp_path / "ontology.json")
    assert Ontology.read(tmp_path / "ontology.json") == ontology
    assert [path.name for path in tmp_path.iterdir()] == ["ontology.json"]


def test_the_form_of_packs() -> None:
    data = {"name": "pack", "note": "free text", "ignore_id": 7, "classes": [entry(0), entry(9, ignore=True)]}
    ontology = Ontology.from_json(data)
    assert ontology.unlabelled == (7, 9)
    assert ontology.to_index(torch.tensor([0, 7, 9])).tolist() == [0, 1, 1]
    assert Ontology.from_json({**data, "ignore_id": [7]}) == ontology
    assert Ontology.from_json(ontology.to_json()) == ontology


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], "expected a JSON object, got list"),
        ({"classes": []}, "'name' is missing"),
        ({"name": "x"}, "'classes' is missing"),
        ({"name": 3, "classes": []}, "'name' is 3"),
        ({"name": "x", "classes": []}, "it has no classes"),
        ({"name": "x", "classes": {}}, "must be a list of objects"),
        ({"name": "x", "classes": [{"id": 1}]}, "'name' is missing"),
        ({"name": "x", "classes": [{"name": "a"}]}, "'id' is missing"),
        ({"name": "x", "classes": [entry(0, name=[1])]}, "expected text"),
        ({"name": "x", "classes": [entry("0")]}, "expected a whole number"),
        ({"name": "x", "classes": [entry(True)]}, "expected a whole number"),
        ({"name": "x", "classes": [entry(-1)]}, "is -1; ids are 0..65535"),
        ({"name": "x", "classes": [entry(70000)]}, "is 70000; ids are 0..65535"),
        ({"name": "x", "classes": [entry(0), entry(0, "b")]}, "id 0 stands there 2 times"),
        ({"name": "x", "classes": [entry(0, "a"), entry(1, "a")]}, "name 'a' stands there 2 times"),
        ({"name": "x", "classes": [entry(0, color=[0, 0])]}, r"its color is \[0, 0\], expected \[red, green, blue\]"),
        ({"name": "x", "classes": [entry(0, color=[0, 0, 256])]}, "its color is"),
        ({"name": "x", "classes": [entry(0, color=[0, 0, [1]])]}, "its color is"),
        ({"name": "x", "classes": [entry(0, color=None)]}, "its color is None"),
        ({"name": "x", "classes": [entry(0, thing="yes")]}, "expected true or false"),
        ({"name": "x", "classes": [entry(0, ignore="yes")]}, "'ignore' is 'yes', expected true or false"),
        ({"name": "x", "classes": [entry(0, key="ctrl")]}, "'key' is 'ctrl', expected one character"),
        ({"name": "x", "classes": [entry(0, key="")]}, "'key' is '', expected one character"),
        ({"name": "x", "classes": [entry(0, key=1)]}, "'key' is 1, expected one character"),
        ({"name": "x", "classes": [entry(0, key="s"), entry(1, key="s")]}, "key 's' stands there 2 times"),
        ({"name": "x", "classes": [entry(0, group=" ")]}, "'group' is ' ', expected the text of a heading"),
        ({"name": "x", "classes": [entry(0, colour=[0, 0, 0])]}, "unknown key 'colour': did you mean 'color'"),
        ({"name": "x", "classes": [entry(0)], "ignore_ids": [3]}, "did you mean 'ignore_id'"),
        ({"name": "x", "classes": [entry(0)], "unlabeled": [3]}, "did you mean 'unlabelled'"),
        ({"name": "x", "classes": [entry(0)], "unlabelled": ["a"]}, "unlabelled is 'a', expected a whole number"),
        ({"name": "x", "classes": [entry(0)], "from_pack": {"a": {"0": 5}}}, "sends id 0 to 5, which is no class"),
        ({"name": "x", "classes": [entry(0)], "from_pack": {"a": {"z": 0}}}, "from_pack"),
        ({"name": "x", "classes": [entry(0)], "from_pack": ["a"]}, "from_pack"),
    ],
)
def test_wrong_json(tmp_path: Path, data: Any, message: str) -> None:
    path = tmp_path / "classes.json"
    path.write_text(json.dumps(data))
    with pytest.raises(ValueError, match=message) as caught:
        Ontology.read(path)
    assert str(caught.value).startswith(str(path))


def test_files_with_a_byte_order_mark(tmp_path: Path, ontology: Ontology) -> None:
    path = tmp_path / "ontology.json"
    path.write_text(json.dumps(ontology.to_json()), encoding="utf-8-sig")
    assert Ontology.read(path) == ontology


def test_files_that_are_no_json(tmp_path: Path) -> None:
    path = tmp_path / "classes.json"
    with pytest.raises(ValueError, match="can't read the ontology"):
        Ontology.read(path)
    for content in (b"id,name\n0,sky\n", b"\xff\xfe\x00", b"", b"[" * 100_000, b"1" * 5000):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"classes\.json: not JSON"):
            Ontology.read(path)


def test_a_failed_write_leaves_the_old_file(
    tmp_path: Path, ontology: Ontology, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "ontology.json"
    path.write_text("old")

    def refuse(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("os.replace", refuse)
    with pytest.raises(OSError, match="disk full"):
        ontology.write(path)
    assert path.read_text() == "old" and len(list(tmp_path.iterdir())) == 1
