"""Small trees in the exact layout and naming of the data sets' owners, with drawn pictures; as folders or archives."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image

Archives = dict[str, dict[str, bytes]]
"""Archive, without its suffix -> path in it -> content."""

HEIGHT, WIDTH = 24, 32


def photo(seed: int, kind: str = "JPEG", size: tuple[int, int] = (WIDTH, HEIGHT)) -> bytes:
    """Noise, so that every photo is another one."""
    values = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    return encoded(Image.fromarray(values), kind)


def blocks(seed: int, ids: Iterable[int], size: tuple[int, int] = (WIDTH, HEIGHT)) -> np.ndarray:
    """[H, W] uint8: blocks of 8 x 8 pixels."""
    choice = np.random.default_rng(seed).choice(np.array(list(ids), np.uint8), (size[1] // 8, size[0] // 8))
    return choice.repeat(8, axis=0).repeat(8, axis=1)


def gray(ids: np.ndarray) -> bytes:
    """Ids as a PNG of 8 or 16 bits."""
    return encoded(Image.fromarray(ids), "PNG")


def encoded(image: Image.Image, kind: str) -> bytes:
    stream = io.BytesIO()
    image.save(stream, format=kind)
    return stream.getvalue()


def lay_out(archives: Archives, root: Path, form: str) -> Path:
    """Write the archives (form "zip", "tar" or "tar.gz") or what unpacking them gives ("folder")."""
    root.mkdir(parents=True)
    for name, files in archives.items():
        if form == "zip":
            with zipfile.ZipFile(root / f"{name}.zip", "w", zipfile.ZIP_DEFLATED) as archive:
                for path, content in files.items():
                    archive.writestr(path, content)
        elif form.startswith("tar"):
            with tarfile.open(root / f"{name}.{form}", "w:gz" if form == "tar.gz" else "w") as packed:
                for path, content in files.items():
                    info = tarfile.TarInfo(path)
                    info.size = len(content)
                    packed.addfile(info, io.BytesIO(content))
        else:
            for path, content in files.items():
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                (root / path).write_bytes(content)
    return root


def ade20k_challenge(train: int = 4, val: int = 2) -> Archives:
    """ADEChallengeData2016.zip."""
    files = {"ADEChallengeData2016/objectInfo150.txt": b"Idx\tRatio\tTrain\tVal\tName\n"}
    scenes = []
    for split, short, count in (("training", "train", train), ("validation", "val", val)):
        for number in range(1, count + 1):
            name = f"ADE_{short}_{number:08d}"
            files[f"ADEChallengeData2016/images/{split}/{name}.jpg"] = photo(number + 100 * count)
            labels = gray(blocks(number, range(151)))
            files[f"ADEChallengeData2016/annotations/{split}/{name}.png"] = labels
            scenes.append(f"{name} {('street', 'bathroom', 'church_outdoor', 'something_new')[number % 4]}")
    files["ADEChallengeData2016/sceneCategories.txt"] = "\n".join(scenes).encode()
    return {"ADEChallengeData2016": files}


def ade20k_full(places: Iterable[int] = (2978, 312, 783, 1), release: int = 2016) -> Archives:
    """ADE20K_2016_07_26.zip, or the release of 2021, with these places of its index in the label maps."""
    root = "ADE20K_2016_07_26/images" if release == 2016 else "ADE20K_2021_17_01/images/ADE"
    files: dict[str, bytes] = {}
    for number, (split, scene) in enumerate([("training", "a/abbey"), ("validation", "b/bathroom")], 1):
        short = {"training": "train", "validation": "val"}[split]
        stem = f"{root}/{split}/{scene}/ADE_{short}_{number:08d}"
        choice = np.array(list(places))[blocks(number, range(len(list(places)))).astype(int)]
        colors = np.stack([choice // 256 * 10, choice % 256, blocks(number, range(9))], axis=-1).astype(np.uint8)
        files |= {f"{stem}.jpg": photo(number), f"{stem}_seg.png": encoded(Image.fromarray(colors), "PNG")}
        files |= {f"{stem}_parts_1.png": encoded(Image.fromarray(colors), "PNG")}
        files |= {f"{stem}_atr.txt": b""} if release == 2016 else {f"{stem}.json": b"{}"}
    return {"ADE20K_2016_07_26" if release == 2016 else "ADE20K_2021_17_01": files}


def cityscapes(train: int = 3, val: int = 2) -> Archives:
    """leftImg8bit_trainvaltest.zip and gtFine_trainvaltest.zip."""
    photos: dict[str, bytes] = {"README": b"", "license.txt": b""}
    fine: dict[str, bytes] = {"README": b"", "license.txt": b""}
    for split, city, count in (("train", "aachen", train), ("val", "frankfurt", val), ("test", "berlin", 1)):
        for number in range(count):
            stem = f"{city}_{number:06d}_000019"
            ids = blocks(number, range(34))
            photos[f"leftImg8bit/{split}/{city}/{stem}_leftImg8bit.png"] = photo(number, "PNG")
            fine[f"gtFine/{split}/{city}/{stem}_gtFine_labelIds.png"] = gray(ids)
            objects = np.where(ids >= 24, ids.astype(np.uint16) * 1000 + number, ids).astype(np.uint16)
            fine[f"gtFine/{split}/{city}/{stem}_gtFine_instanceIds.png"] = gray(objects)
            fine[f"gtFine/{split}/{city}/{stem}_gtFine_color.png"] = photo(number, "PNG")
            fine[f"gtFine/{split}/{city}/{stem}_gtFine_polygons.json"] = b"{}"
    return {"leftImg8bit_trainvaltest": photos, "gtFine_trainvaltest": fine}


def coco_stuff(train: int = 3, val: int = 2) -> Archives:
    """The four archives of COCO-Stuff; each photo has two objects, a crowd, and one object in two pieces."""
    archives: Archives = {}
    maps: dict[str, bytes] = {}
    annotations: dict[str, bytes] = {}
    for split, count in (("train", train), ("val", val)):
        photos: dict[str, bytes] = {}
        listed = []
        for number in range(1, count + 1):
            photos[f"{split}2017/{number:012d}.jpg"] = photo(number)
            maps[f"{split}2017/{number:012d}.png"] = gray(blocks(number, [0, 2, 91, 181, 255]))
            listed += [
                {"image_id": number, "iscrowd": 0, "segmentation": [[2, 2, 10, 2, 10, 10, 2, 10]], "category_id": 1},
                {"image_id": number, "iscrowd": 1, "segmentation": {"counts": [0, 768], "size": [24, 32]}},
                {
                    "image_id": number,
                    "iscrowd": 0,
                    "segmentation": [[8, 2, 20, 2, 20, 10, 8, 10], [24, 16, 30, 16, 30, 22]],
                },
            ]
        archives[f"{split}2017"] = photos
        images = [{"id": number, "file_name": f"{number:012d}.jpg"} for number in range(1, count + 1)]
        content = {"info": {"year": 2017}, "images": images, "annotations": listed, "categories": [{"id": 1}]}
        annotations[f"annotations/instances_{split}2017.json"] = json.dumps(content).encode()
    return archives | {"stuffthingmaps_trainval2017": maps, "annotations_trainval2017": annotations}


def facades(base: int = 6, extended: int = 4) -> Archives:
    """CMP_facade_DB_base.zip and CMP_facade_DB_extended.zip."""
    archives: Archives = {}
    for part, letter, count in (("base", "b", base), ("extended", "x", extended)):
        files = {"label_names.txt": b"background 1 0\n"}
        for number in range(1, count + 1):
            image = Image.fromarray(blocks(number, range(1, 13)))
            image.putpalette([value for index in range(256) for value in (index, 255 - index, 7)])
            stem = f"{part}/cmp_{letter}{number:04d}"
            files |= {f"{stem}.jpg": photo(number), f"{stem}.png": encoded(image, "PNG"), f"{stem}.xml": b"<object>\n"}
        archives[f"CMP_facade_DB_{part}"] = files
    return archives


def landscapes(count: int = 12) -> Archives:
    """A folder of photos."""
    return {"photos": {f"lakes/{number:03d}.jpg": photo(number) for number in range(count)}}
