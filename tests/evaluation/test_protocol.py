"""Named protocols: each is whole, and says the facts that the papers' numbers were made with."""

from __future__ import annotations

import json
from typing import get_args

import numpy as np
import pytest

from spadework.data.shipped import SHIPPED, shipped_ontology
from spadework.evaluation.ground_truth import match_classes
from spadework.evaluation.inception_input import MODES
from spadework.evaluation.protocol import ANY, PROTOCOLS, SPADE_2019, Protocol, find_protocol
from spadework.evaluation.published import published
from spadework.evaluation.segmentation import AbsentRule
from spadework.segmenters.load import PUBLISHED

EVERY = [(name, data_set) for name, of_data_set in PROTOCOLS.items() for data_set in of_data_set]


def outputs_of(ontology: str) -> list[str]:
    """The outputs of a segmenter for a published data set: its labelled classes by id."""
    shipped = shipped_ontology(ontology)
    judged = [each for each in shipped.classes if each.id not in shipped.unlabelled]
    return [each.name for each in sorted(judged, key=lambda each: each.id)]


@pytest.mark.parametrize(("name", "data_set"), EVERY)
def test_every_protocol_is_whole(name: str, data_set: str) -> None:
    protocol = find_protocol(name, data_set)
    assert (protocol.name, protocol.data_set) == (name, data_set)
    assert protocol.inception in MODES and protocol.absent in get_args(AbsentRule)
    assert protocol.segmenter in (None, "given", *PUBLISHED)
    if protocol.segmenter in PUBLISHED:
        assert set(protocol.segmenter_settings) <= set(PUBLISHED[protocol.segmenter].settings)
        assert protocol.weights, "people must know which file"
        names = outputs_of(PUBLISHED[protocol.segmenter].ontology)
        truth = match_classes(shipped_ontology(data_set), names, protocol.ignored)
        assert truth.unused == (), "the data set has all classes that are judged"
    assert json.loads(json.dumps(protocol.to_json()))["name"] == name
    assert len(protocol.in_words()) == 6 and all(sentence.endswith(".") for sentence in protocol.in_words())
    assert protocol.data_set == ANY or protocol.data_set in SHIPPED
    assert protocol.published is None or published(protocol.published)


def test_variants_differ_from_the_paper_s_protocol() -> None:
    for name, of_data_set in PROTOCOLS.items():
        for data_set, protocol in of_data_set.items():
            if name not in ("spade-2019", "own", "train-on-fake"):
                paper = SPADE_2019[data_set].to_json() | {"name": name, "about": protocol.about, "published": None}
                assert protocol.to_json() != paper, f"{name} on {data_set} changes nothing"
                assert protocol.published is None, "published rows stand beside the paper's protocol only"


@pytest.mark.parametrize(
    ("data_set", "size", "segmenter", "absent"),
    [
        ("coco-stuff", (256, 256), "deeplab-v2", "truth"),
        ("ade20k", (256, 256), "upernet", "zero"),
        ("ade20k-outdoor", (256, 256), "upernet", "zero"),
        ("cityscapes", (512, 256), "drn-d-105", "union"),
        ("flickr-landscapes", (256, 256), None, "union"),
    ],
)
def test_the_paper_s_protocol(data_set: str, size: tuple[int, int], segmenter: str | None, absent: str) -> None:
    protocol = find_protocol("spade-2019", data_set)
    assert (protocol.size, protocol.segmenter, protocol.absent) == (size, segmenter, absent)
    assert (protocol.rounding, protocol.inception, protocol.real) == ("truncate", "pytorch-fid", "resized")
    assert protocol.judged_size(size) == size


def test_judged_sizes() -> None:
    assert find_protocol("cityscapes-2048", "cityscapes").judged_size((512, 256)) == (2048, 1024)
    assert find_protocol("coco-512", "coco-stuff").judged_size((256, 256)) == (512, 512)
    assert Protocol("x", ANY, "x", judged_at=512).judged_size((300, 200)) == (512, 341)


def test_a_wrong_name_or_data_set() -> None:
    with pytest.raises(ValueError, match=r"did you mean 'spade-2019'"):
        find_protocol("spade-2018", "coco-stuff")
    with pytest.raises(ValueError, match=r"protocol 'coco-182' is for coco-stuff; .*'park'.*--protocol own"):
        find_protocol("coco-182", "park")
    assert find_protocol("own", "park").data_set == ANY


# Ground truth: matched by name, the result is the published tables of numbers.


def test_coco_stuff_keeps_its_ids() -> None:
    ontology = shipped_ontology("coco-stuff")
    truth = match_classes(ontology, outputs_of("coco-stuff"))
    assert len(truth.classes) == 182 and truth.of_index[:182] == tuple(range(182))
    assert truth.of_index[182] == -1 and ontology.to_index(np.array([255]))[0] == 182


def test_ade20k_counts_from_0() -> None:
    ontology = shipped_ontology("ade20k")
    truth = match_classes(ontology, outputs_of("ade20k"), SPADE_2019["ade20k"].ignored)
    assert len(truth.classes) == 150
    for index, id in enumerate(ontology.channel_ids):
        assert truth.of_index[index] == id - 1


def test_cityscapes_train_ids() -> None:
    table = {7: 0, 8: 1, 11: 2, 12: 3, 13: 4, 17: 5, 19: 6, 20: 7, 21: 8, 22: 9, 23: 10, 24: 11, 25: 12}
    table |= {26: 13, 27: 14, 28: 15, 31: 16, 32: 17, 33: 18}
    ontology = shipped_ontology("cityscapes")
    truth = match_classes(ontology, outputs_of("cityscapes-19"), SPADE_2019["cityscapes"].ignored)
    assert {id: truth.of_index[index] for index, id in enumerate(ontology.channel_ids)} == {
        id: table.get(id, -1) for id in range(35)
    }
    assert len(truth.ignored) == 16


def test_strangers_are_named() -> None:
    with pytest.raises(ValueError, match=r"15 of 35 classes .* 'ego vehicle', .*--ontology NAME"):
        match_classes(shipped_ontology("cityscapes"), outputs_of("cityscapes-19"))
    with pytest.raises(ValueError, match=r"it has 'road-2', which the data lack"):
        match_classes(shipped_ontology("cityscapes-19"), ["wall", "road-2"])


def test_names_are_compared_loosely() -> None:
    loud = [name.upper().replace(" ", "_") for name in outputs_of("cityscapes-19")]
    truth = match_classes(shipped_ontology("cityscapes-19"), loud)
    assert truth.of_index == (*range(19), -1)
