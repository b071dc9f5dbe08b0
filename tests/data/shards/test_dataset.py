"""Shards as data: the folder's samples bit for bit, in the same order; damage and its cures."""

from __future__ import annotations

import pickle
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from spadework.data.folder import FolderDataset
from spadework.data.ontology import Ontology
from spadework.data.open import open_data
from spadework.data.preprocess import Preprocess
from spadework.data.shards import ShardDataset, make_shards
from spadework.data.stream import SampleStream, batches
from spadework.draw import Draw
from tests.data.shards.reading import assert_same_batches, read_all, same
from tests.data.shards.stores import web_server

Make = Callable[..., Path]
SETTINGS = Preprocess(load_size=20, crop_size=16)
SMALL = 700
"""Bytes per shard: a few of the made-up pairs."""


def shards_of(folder: Path, **options: object) -> Path:
    make_shards(folder, folder.parent / "shards", shard_bytes=SMALL, **options)  # type: ignore[arg-type]
    return folder.parent / "shards"


@pytest.mark.parametrize("instances", [False, True])
def test_samples_are_the_folders(make_folder: Make, instances: bool) -> None:
    folder = FolderDataset(make_folder(count=12, instances=instances), settings=SETTINGS)
    shards = ShardDataset(shards_of(folder.pairs[0].label.parents[1]), settings=SETTINGS)
    assert len(shards) == 12 and len(shards.shards) > 2 and shards.ontology == folder.ontology
    for index in range(12):
        draw = Draw(3, [index])
        assert same(folder.sample(index, draw), shards.sample(index, draw))
        assert same(folder[index], shards[index])
    with pytest.raises(IndexError):
        shards[12]


def test_few_shards_train_in_the_folders_order(make_folder: Make) -> None:
    root = make_folder(count=12)
    folder, shards = FolderDataset(root, settings=SETTINGS), ShardDataset(shards_of(root), settings=SETTINGS)
    assert 2 < len(shards.shards) <= 16
    assert_same_batches(read_all(SampleStream(folder, 7), 0), read_all(SampleStream(shards, 7), 0))
    assert shards.fingerprint() == folder.fingerprint()


def test_order_and_samples_do_not_depend_on_workers_or_processes(make_folder: Make) -> None:
    root = make_folder(count=40)
    make_shards(root, root.parent / "shards", shard_bytes=1)
    stream = SampleStream(ShardDataset(root.parent / "shards", settings=SETTINGS), 7)
    assert len(stream.dataset.shard_sizes) == 40  # more than are mixed at a time
    whole = read_all(stream, 0)
    for workers in (1, 2):
        assert_same_batches(whole, read_all(stream, workers))

    # Two processes of a training, half a batch each.
    halves = [read_all(stream, 1, start, 2, 4) for start in (0, 2)]
    names = [[*one.names, *two.names] for one, two in zip(*halves, strict=True)]
    assert names == [batch.names for batch in whole]


def test_the_middle_of_an_epoch_is_reached_at_once(make_folder: Make) -> None:
    root = make_folder(count=40)
    make_shards(root, root.parent / "shards", shard_bytes=1)
    whole = read_all(SampleStream(ShardDataset(root.parent / "shards", settings=SETTINGS), 7), 0)
    fresh = ShardDataset(root.parent / "shards", settings=SETTINGS)
    read: list[str] = []
    read_table = fresh._read_table
    fresh._table = lambda number: read.append(fresh.shards[number].file) or read_table(number)  # type: ignore
    rest = batches(SampleStream(fresh, 7), 52, 4, 0, stop=80)
    assert next(rest)[1].names == whole[13].names
    assert len(set(read)) <= 4  # nothing but what the batch is made of
    assert_same_batches([batch for _, batch in rest], whole[14:])


def test_split_ontology_and_packs_travel(make_folder: Make, ontology: Ontology, tmp_path: Path) -> None:
    for pack in ("a", "b"):
        make_folder(pack, inside="train")
    merged = Ontology(
        "both",
        ontology.classes,
        (255,),
        {"a": {0: 1, 1: 0, 2: 2, 3: 3, 255: 255}, "b": {i: i for i in (0, 1, 2, 3, 255)}},
    )
    merged.write(tmp_path / "both.json")
    make_shards(tmp_path / "both.json", tmp_path / "shards", shard_bytes=SMALL)
    folder = FolderDataset(tmp_path / "both.json", split="train", settings=SETTINGS)
    shards = ShardDataset(tmp_path / "shards", split="train", settings=SETTINGS)
    assert shards.ontology == merged and shards.splits == {"train"}
    assert [shards.name(i) for i in range(10)] == [pair.name for pair in folder.pairs]
    assert all(same(folder[i], shards[i]) for i in range(10))
    with pytest.raises(ValueError, match=r"no split 'val'; there are train"):
        ShardDataset(tmp_path / "shards", split="val")
    with pytest.raises(ValueError, match=r"its own ontology; leave --ontology out"):
        ShardDataset(tmp_path / "shards", ontology=ontology)


def test_arrays_and_16_bits(make_folder: Make) -> None:
    root = make_folder(count=3)
    for number, name in enumerate(("p0", "p1")):
        values = np.array(Image.open(root / f"labels/{name}.png"))
        (root / f"labels/{name}.png").unlink()
        if number:
            np.save(root / f"labels/{name}.npy", values)
        else:
            Image.fromarray(values.astype(np.uint16)).save(root / f"labels/{name}.PNG")
    folder, shards = FolderDataset(root, settings=SETTINGS), ShardDataset(shards_of(root), settings=SETTINGS)
    assert all(same(folder[i], shards[i]) for i in range(3))


def test_what_the_check_says_is_true(make_folder: Make) -> None:
    root = make_folder(count=5)
    found, told = FolderDataset(root).check(), ShardDataset(shards_of(root)).check()
    assert (told.pairs, told.checked) == (5, 5)
    assert told.shares == pytest.approx(found.shares)


def test_other_programs_can_read_the_shards(make_folder: Make) -> None:
    root = make_folder(count=2)
    with tarfile.open(shards_of(root) / "train/00000.tar") as tar:
        assert [member.name for member in tar][:2] == ["p0.photo.png", "p0.label.png"]
        stored = tar.extractfile("p0.label.png")
        assert stored is not None and stored.read() == (root / "labels/p0.png").read_bytes()


def test_it_can_be_sent_to_another_process(make_folder: Make) -> None:
    shards = ShardDataset(shards_of(make_folder()), settings=SETTINGS)
    assert same(shards[1], pickle.loads(pickle.dumps(shards))[1])


# Wrong input.


def test_damage_is_named_with_its_cure(make_folder: Make) -> None:
    root = shards_of(make_folder(count=12))
    shards = ShardDataset(root, settings=SETTINGS)
    member = shards._entry(1)[1].label
    path = root / "train/00000.tar"
    data = bytearray(path.read_bytes())
    data[member.offset + member.size // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(
        ValueError, match=r"train/00000\.tar: damaged \(the label of 'p1' has a wrong checksum\): copy .* anew"
    ):
        shards[1]
    assert shards[0].name == "p0"

    # The cure that the message names.
    path.unlink()
    with pytest.raises(ValueError, match=r"00000\.tar: there is no such shard"):
        shards[1]
    (root / "train/00000.json").unlink()
    make_shards(root.parent / "park", root, shard_bytes=SMALL)
    assert ShardDataset(root, settings=SETTINGS)[1].name == "p1"


def test_a_damaged_table(make_folder: Make) -> None:
    root = shards_of(make_folder())
    table = root / "train/00000.json"
    table.write_bytes(table.read_bytes().replace(b"p0", b"q0"))
    with pytest.raises(ValueError, match=r"00000\.json: damaged \(wrong checksum\)"):
        ShardDataset(root)[0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", r"shards\.json: not JSON"),
        ("[]", r"no index of shards"),
        (
            '{"format": "spadework shards", "version": 1, "complete": false}',
            "not finished: run `spadework shards` again",
        ),
        ('{"format": "spadework shards", "version": 9, "complete": true}', "version 9, expected .* version 1"),
    ],
)
def test_an_index_that_is_none(make_folder: Make, text: str, said: str) -> None:
    root = shards_of(make_folder())
    (root / "shards.json").write_text(text)
    with pytest.raises(ValueError, match=said):
        open_data([str(root)])


def test_shards_are_not_mixed_with_folders(make_folder: Make) -> None:
    folder = make_folder()
    root = shards_of(folder)
    assert isinstance(open_data([str(root)]), ShardDataset) and isinstance(open_data([str(folder)]), FolderDataset)
    with pytest.raises(ValueError, match="can't be mixed"):
        open_data([str(folder), str(root)])


def test_addresses_that_lead_nowhere(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"shards\.json: there is no such file"):
        ShardDataset(tmp_path / "nothing")
    with pytest.raises(ValueError, match=r"can't be read here: .*nosuch"):
        ShardDataset("nosuch://bucket/park")
    with (
        web_server(tmp_path) as (url, _),
        pytest.raises(ValueError, match=rf"{url}/park/shards\.json: there is no such"),
    ):
        ShardDataset(f"{url}/park")


def test_a_store_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    from spadework.data.shards import storage

    monkeypatch.setattr(storage, "RETRIES", 1)
    monkeypatch.setattr(storage.time, "sleep", lambda seconds: None)
    with pytest.raises(OSError, match=r"127\.0\.0\.1:9/park/shards\.json: can't be read: .*tried 2 times"):
        ShardDataset("http://127.0.0.1:9/park")
