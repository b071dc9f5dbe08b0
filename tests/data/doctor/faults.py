"""The faults that the doctor must find: how each comes about, the finding, and the cure that it must name."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from spadework.data.doctor.finding import Severity
from spadework.data.ontology import Ontology, SemanticClass
from tests.data.doctor.packs import Pack


@dataclass(frozen=True)
class Fault:
    """One kind of mistake."""

    name: str
    plant: Callable[[Pack], None]
    finding: str
    cure: str
    """Words that the cure must hold."""
    severity: Severity = "error"
    instances: bool = False
    """Only where there are instance maps."""
    softer: bool = False
    """A warning only, where what the mistake leaves can still be read."""
    companions: frozenset[str] = frozenset()
    """Other errors that come of the same mistake."""


SPLITS = ("train", "val")


# Tools.


def ids_of(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path)).astype(np.int64)


def save(path: Path, ids: np.ndarray) -> None:
    Image.fromarray(ids.astype(np.uint8 if ids.max() < 256 else np.uint16)).save(path)


def change(paths: Iterable[Path], function: Callable[[np.ndarray], np.ndarray]) -> None:
    for path in paths:
        save(path, function(ids_of(path)))


def change_ontology(pack: Pack, **changes: object) -> None:
    replace(pack.ontology, **changes).write(pack.root / "ontology.json")  # type: ignore[arg-type]


def without_unlabelled(pack: Pack, ids: np.ndarray) -> np.ndarray:
    """Unlabelled pixels become the first class, so that sums on ids stay small."""
    first = min(one.id for one in pack.ontology.classes if one.id not in pack.ontology.unlabelled)
    return np.where(np.isin(ids, pack.ontology.unlabelled), first, ids)


def brighter(number: int) -> tuple[int, int, int]:
    """A colour for each of up to 40 numbers, the next always brighter."""
    return number * 6, 40 + number * 5, number * 37 % 32


def well_spread(number: int) -> tuple[int, int, int]:
    """A colour for each of up to 40 numbers, neighbours far from each other."""
    return 10 + number * 6, 250 - number * 5, number * 37 % 256


def plain(pack: Pack, color: Callable[[int], tuple[int, int, int]] = well_spread) -> list[int]:
    """Give a pack the ids 0..n-1 of classes that both splits show, and no unlabelled id; returns them."""
    ontology = pack.ontology
    shown = [
        {id for path in pack.files(split, "labels") for id in np.unique(ids_of(path)).tolist()} for split in SPLITS
    ]
    kept = sorted(one.id for one in ontology.classes if one.id in shown[0] & shown[1] - set(ontology.unlabelled))
    table = {id: number for number, id in enumerate(kept)}
    for path in pack.labels():
        ids = ids_of(path)
        save(path, np.vectorize(lambda id: table.get(id, 0))(ids))
    by_id = {one.id: one for one in ontology.classes}
    classes = tuple(SemanticClass(number, by_id[id].name, color(number)) for id, number in table.items())
    Ontology(ontology.name, classes).write(pack.root / "ontology.json")
    return list(range(len(kept)))


def palette(pack: Pack) -> np.ndarray:
    """[256, 3]: the colour of each id."""
    colors = np.zeros((256, 3), np.uint8)
    for one in pack.ontology.classes:
        colors[one.id] = one.color
    return colors


# Files.


def remove(split: str, kind: str) -> Callable[[Pack], None]:
    return lambda pack: pack.files(split, kind)[1].unlink()


def second_photo(pack: Pack) -> None:
    path = pack.files("train", "photos")[2]
    Image.open(path).transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(path.with_suffix(".webp"))


def truncate(kind: str, share: float) -> Callable[[Pack], None]:
    def plant(pack: Pack) -> None:
        path = pack.files("train", kind)[3]
        path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])

    return plant


def garbage(kind: str) -> Callable[[Pack], None]:
    return lambda pack: (pack.files("val", kind)[0].write_bytes(b"<html>404 Not Found</html>"), None)[1]


def deep_photo(pack: Pack) -> None:
    path = pack.files("train", "photos")[0]
    grey = np.asarray(Image.open(path).convert("L")).astype(np.uint16) * 257
    path.unlink()
    Image.fromarray(grey).save(path.with_suffix(".png"))


def split_without_labels(pack: Pack) -> None:
    shutil.copytree(pack.root / "val/photos", pack.root / "test/photos")


# Sizes.


def smaller_label(pack: Pack) -> None:
    path = pack.files("train", "labels")[1]
    image = Image.open(path)
    image.resize((image.width // 2, image.height // 2), Image.Resampling.NEAREST).save(path)


def turned_label(pack: Pack) -> None:
    path = not_square(pack)
    Image.open(path).transpose(Image.Transpose.ROTATE_90).save(path)


def exif_photo(pack: Pack) -> None:
    label = not_square(pack)
    path = next(photo for photo in pack.files("train", "photos") if photo.stem == label.stem)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.open(path).save(path, exif=exif, quality=95)


def not_square(pack: Pack) -> Path:
    return next(path for path in pack.files("train", "labels") if len(set(Image.open(path).size)) == 2)


def cropped_label(pack: Pack) -> None:
    path = pack.files("train", "labels")[4]
    image = Image.open(path)
    image.crop((0, 0, image.width, image.height * 2 // 3)).save(path)


# Ids.


def smoothed(pack: Pack) -> None:
    for path in pack.files("train", "labels")[:3]:
        image = Image.open(path)
        small = image.resize((image.width * 3 // 4, image.height * 3 // 4), Image.Resampling.BILINEAR)
        small.resize(image.size, Image.Resampling.NEAREST).save(path)


def shifted(by: int) -> Callable[[Pack], None]:
    def plant(pack: Pack) -> None:
        plain(pack)
        if by < 0:  # The ontology counts from 1, the files from 0.
            classes = tuple(replace(one, id=one.id + 1) for one in pack.ontology.classes)
            change_ontology(pack, classes=classes)
        else:
            change(pack.labels(), lambda ids: ids + 1)

    return plant


def shifted_val(pack: Pack) -> None:
    plain(pack)
    change(pack.files("val", "labels"), lambda ids: ids + 1)


def inverted(pack: Pack) -> None:
    plain(pack)
    change(pack.labels(), lambda ids: 255 - ids)


def stretched(pack: Pack) -> None:
    plain(pack)
    change(pack.labels(), lambda ids: ids * 6)


def spread(pack: Pack) -> None:
    last = plain(pack)[-1]
    change(pack.labels(), lambda ids: np.round(ids * 255 / last).astype(np.int64))


def mask(pack: Pack) -> None:
    classes = (SemanticClass(0, "ground", (0, 0, 0)), SemanticClass(1, "thing", (255, 255, 255)))
    change_ontology(pack, classes=classes, unlabelled=())
    change(pack.labels(), lambda ids: np.where(ids > np.median(ids), 255, 0))


def undeclared(pack: Pack) -> None:
    plain(pack)
    for path in pack.labels():
        ids = ids_of(path)
        ids[:3] = 255
        save(path, ids)


def unknown(pack: Pack) -> None:
    path = pack.files("train", "labels")[5]
    ids = ids_of(path)
    ids[4:14, 4:30] = 222
    save(path, ids)


def inverted_val(pack: Pack) -> None:
    classes = (SemanticClass(0, "ground", (0, 0, 0)), SemanticClass(1, "thing", (255, 255, 255)))
    change_ontology(pack, classes=classes, unlabelled=())
    for folder in pack.root.glob("*/instances"):
        shutil.rmtree(folder)
    for split in ("train", "val"):
        for path in pack.files(split, "labels"):
            ids = (np.indices(ids_of(path).shape)[0] * 5 // ids_of(path).shape[0] == 1).astype(np.int64)
            ids[-1, : 3 + hash_of(path)] = 1
            save(path, ids if split == "train" else 1 - ids)


def hash_of(path: Path) -> int:
    """A small number that differs between the files of a folder, so that no label map is another's copy."""
    return sorted(path.parent.iterdir()).index(path)


# Colours.


def colored(pack: Pack, color: Callable[[int], tuple[int, int, int]] = well_spread) -> None:
    plain(pack, color)
    for path in pack.labels():
        Image.fromarray(palette(pack)[ids_of(path)]).save(path)


def smoothed_colors(pack: Pack) -> None:
    colored(pack)
    path = pack.files("train", "labels")[0]
    image = Image.open(path)
    image.resize((image.width // 2, image.height // 2), Image.Resampling.BILINEAR).resize(
        image.size, Image.Resampling.BILINEAR
    ).save(path)


def wrong_colors(pack: Pack) -> None:
    plain(pack)
    for path in pack.files("train", "labels")[:2]:
        Image.fromarray(np.array([[0, 0, 0], [90, 5, 200], [200, 100, 255]] * 14, np.uint8)[ids_of(path)]).save(path)


def turned_grey(pack: Pack) -> None:
    colored(pack, brighter)
    for path in pack.labels():
        Image.open(path).convert("L").save(path)


def lossy_ids(pack: Pack) -> None:
    path = pack.files("train", "labels")[2]
    Image.open(path).convert("L").save(path.with_suffix(".jpg"), quality=70)
    path.unlink()


def renumbered_palette(pack: Pack) -> None:
    last = plain(pack)[-1]
    path = max(pack.files("train", "labels"), key=lambda path: len(np.unique(ids_of(path))))
    ids = ids_of(path)
    image = Image.fromarray((last - ids).astype(np.uint8), "P")
    image.putpalette(palette(pack)[: last + 1][::-1].tobytes())
    image.save(path)


def photo_as_label(pack: Pack) -> None:
    for path in pack.files("train", "labels")[:2]:
        with Image.open(path) as label:
            size = label.size
        noise = np.random.default_rng(1).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
        Image.fromarray(noise).save(path)


# Duplicates.


def copy_pair(pack: Pack, source: Path, split: str, name: str) -> None:
    for kind in ("photos", "labels", "instances"):
        for path in (source.parent.parent / kind).glob(f"{source.stem}.*"):
            shutil.copyfile(path, pack.root / split / kind / f"{name}{path.suffix}")


def across_splits(pack: Pack) -> None:
    copy_pair(pack, pack.files("val", "photos")[0], "train", "copied")


def inside_split(pack: Pack) -> None:
    copy_pair(pack, pack.files("train", "photos")[0], "train", "copied")


def same_label(pack: Pack) -> None:
    first, *_, last = pack.files("train", "labels")
    _share_label(pack, first, last)


def several_looks(pack: Pack) -> None:
    labels = pack.files("train", "labels")
    for one, other in zip(labels[::2], labels[1::2], strict=False):
        _share_label(pack, one, other)


def _share_label(pack: Pack, one: Path, other: Path) -> None:
    """The other's photo has the one's label map."""
    photo = next(path for path in pack.files("train", "photos") if path.stem == other.stem)
    Image.open(photo).resize(Image.open(one).size).save(photo)
    for kind in ("labels", "instances") if pack.has_instances else ("labels",):
        shutil.copyfile(one.parent.parent / kind / one.name, one.parent.parent / kind / other.name)


def nearly_across_splits(pack: Pack) -> None:
    across_splits(pack)
    path = next((pack.root / "train/photos").glob("copied.*"))
    Image.open(path).save(path, quality=60)


# Content.


def nothing_labelled(pack: Pack) -> None:
    path = pack.files("train", "labels")[6]
    save(path, np.full_like(ids_of(path), pack.ontology.unlabelled[0]))


def blank_photo(pack: Pack) -> None:
    path = pack.files("train", "photos")[6]
    Image.new("RGB", Image.open(path).size, (8, 8, 8)).save(path)


def grey_photo(pack: Pack) -> None:
    path = pack.files("train", "photos")[6]
    Image.open(path).convert("L").save(path)


def transparent_photo(pack: Pack) -> None:
    path = pack.files("train", "photos")[6]
    image = Image.open(path).convert("RGBA")
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    path.unlink()
    image.save(path.with_suffix(".png"))


def unread_photo(pack: Pack) -> None:
    path = pack.files("train", "photos")[6]
    path.rename(path.with_suffix(".heic"))


def painted_photo(pack: Pack) -> None:
    plain(pack)
    label = pack.files("train", "labels")[0]
    photo = next(path for path in pack.files("train", "photos") if path.stem == label.stem)
    photo.unlink()
    Image.fromarray(palette(pack)[ids_of(label)]).save(photo.with_suffix(".png"))


def transparent(pack: Pack) -> None:
    path = pack.files("train", "labels")[0]
    image = Image.open(path).convert("RGBA")
    image.putalpha(Image.new("L", image.size, 128))
    image.save(path)


def float_label(pack: Pack) -> None:
    path = pack.files("train", "labels")[0]
    np.save(path.with_suffix(".npy"), ids_of(path) + 0.5)
    path.unlink()


def extra_class(pack: Pack) -> None:
    change_ontology(pack, classes=(*pack.ontology.classes, SemanticClass(200, "unicorn", (1, 2, 3))))


def tiny_class(pack: Pack) -> None:
    extra_class(pack)
    path = pack.files("train", "labels")[0]
    ids = ids_of(path)
    ids[10, 10:12] = 200
    save(path, ids)


# Instances.


def instances_of_another(pack: Pack) -> None:
    path = pack.files("train", "instances")[0]
    ids = ids_of(path)
    save(path, (np.indices(ids.shape).sum(0) // (sum(ids.shape) // 3 + 1)))


def instance_of_other_size(pack: Pack) -> None:
    path = pack.files("train", "instances")[0]
    ids = ids_of(path)
    save(path, ids.repeat(2, 0).repeat(2, 1))


def colored_instance(pack: Pack) -> None:
    path = pack.files("train", "instances")[0]
    colors = np.random.default_rng(0).integers(0, 256, (*ids_of(path).shape, 3), dtype=np.uint8)
    Image.fromarray(colors).save(path)


ALONE = frozenset({"instance-without-label"})
NO_PHOTO = "label-without-photo"

FAULTS = [
    Fault("a photo is missing", remove("train", "photos"), "label-without-photo", "rename"),
    Fault("a label map is missing", remove("val", "labels"), "photo-without-label", "rename", companions=ALONE),
    Fault(
        "an instance map is missing", remove("train", "instances"), "label-without-instance", "rename", "error", True
    ),
    Fault("a photo of a kind that is not read", unread_photo, "not-read", "JPEG", companions=frozenset({NO_PHOTO})),
    Fault("two photos of a name", second_photo, "same-name", "keep one"),
    Fault("half a photo", truncate("photos", 0.5), "unreadable-photo", "get these files again"),
    Fault("an empty photo", truncate("photos", 0), "unreadable-photo", "get these files again"),
    Fault("an error page as photo", garbage("photos"), "unreadable-photo", "get these files again"),
    Fault("a photo of 16 bits", deep_photo, "unreadable-photo", "get these files again"),
    Fault("half a label map", truncate("labels", 0.5), "unreadable-label", "get these files again"),
    Fault("an error page as label map", garbage("labels"), "unreadable-label", "get these files again"),
    Fault("a split without label maps", split_without_labels, "unusable-split", "label maps"),
    Fault("a smaller label map", smaller_label, "sizes-differ", "nearest neighbour"),
    Fault("a turned label map", turned_label, "turned", "turn label map or photo"),
    Fault("a photo turned by its EXIF", exif_photo, "exif-rotation", "without the EXIF rotation"),
    Fault("a cropped label map", cropped_label, "proportions-differ", "cropped"),
    Fault("smoothed ids", smoothed, "smoothed-edges", "without anti-aliasing", softer=True),
    Fault("ids from 1", shifted(1), "ids-shifted", "id - 1"),
    Fault("ids from 0", shifted(-1), "ids-shifted", "id + 1"),
    Fault("ids from 1 in one split", shifted_val, "ids-shifted", "id - 1"),
    Fault("inverted ids", inverted, "ids-inverted", "255 - id"),
    Fault("ids times 6", stretched, "ids-stretched", "id / 6"),
    Fault("ids over 0..255", spread, "ids-stretched", "write id"),
    Fault("0/255 masks", mask, "mask-0-255", "write 1 instead of 255"),
    Fault("255 not declared", undeclared, "unlabelled-undeclared", '"unlabelled": [255]'),
    Fault("an id that is no class", unknown, "unknown-ids", "declare it"),
    Fault("one split inverted", inverted_val, "ids-inverted", "the last id - id", "warning"),
    Fault("label maps in colours", colored, "coloured-labels", "save ids", "note"),
    Fault("smoothed colours", smoothed_colors, "smoothed-colours", "without anti-aliasing", softer=True),
    Fault("colours of another palette", wrong_colors, "unknown-colours", "in the ontology"),
    Fault("colours turned grey", turned_grey, "colours-turned-grey", "each class's id"),
    Fault("ids as JPEG", lossy_ids, "lossy-label", "PNG, from the original"),
    Fault("a renumbered palette", renumbered_palette, "palette-contradicts", "RGB", "warning"),
    Fault("photos as label maps", photo_as_label, "label-is-photo", "swapped"),
    Fault("a photo in two splits", across_splits, "duplicate-across-splits", "one split only", "warning"),
    Fault("a photo almost in two splits", nearly_across_splits, "near-duplicate-across-splits", "by scene", "note"),
    Fault("a photo twice", inside_split, "duplicate-photo", "keep one", "warning"),
    Fault("a label map twice", same_label, "duplicate-label", "its own label map", "warning"),
    Fault("each label map twice", several_looks, "label-of-several-photos", "one split", "note"),
    Fault("nothing labelled", nothing_labelled, "empty-label", "take them out", "warning"),
    Fault("a blank photo", blank_photo, "blank-photo", "take these pairs out", "warning"),
    Fault("a transparent photo", transparent_photo, "transparent-photo", "over a background", "note"),
    Fault("a photo without colour", grey_photo, "grey-photo", "take them out", "note"),
    Fault("a label map as photo", painted_photo, "photo-is-label", "folder of photos", "note"),
    Fault("a transparent label map", transparent, "unusable-label", "one channel"),
    Fault("fractions as ids", float_label, "unusable-label", "one channel"),
    Fault("a class that never occurs", extra_class, "never-seen", "add pictures", "note"),
    Fault("a tiny class", tiny_class, "tiny-classes", "merge", "note"),
    Fault("another's instance map", instances_of_another, "instances-disagree", "Make them anew", "warning", True),
    Fault("a larger instance map", instance_of_other_size, "instance-size", "nearest neighbour", "error", True),
    Fault("a coloured instance map", colored_instance, "unusable-instance", "one channel", "error", True),
]
