"""Data folders of terrain: photos, label maps, instance maps, ontology and a manifest of seeds.

    OUT/train/photos/000000007_s2.jpg       layout 7 under its style 2
    OUT/train/labels/000000007_s2.png       the same for all styles of a layout
    OUT/train/instances/000000007_s2.png
    OUT/ontology.json, OUT/manifest.json

A picture's bytes are a function of (layout seed, style seed, size) and the renderer's version, whatever the number of
processes. The seeds of the
splits lie in ranges of their own, so no layout is ever in two of them, not even of two folders with other first seeds.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from PIL import Image
from torch import Tensor

from spadework.atomic import sweep_partial, write_atomic, write_json_atomic
from spadework.data.shipped import shipped_ontology
from spadework.lock import FolderLock
from spadework.terrain.layout import Layout, check_size
from spadework.terrain.style import Style
from spadework.workers import fresh_processes, leave_signals_to_the_parent

MANIFEST = "manifest.json"
ONTOLOGY = "landscapes"
SPLITS = {"train": 0, "val": 1_000_000_000, "test": 2_000_000_000}
"""Split -> what is added to its layouts' seeds."""
RENDERER = 2
"""Its version: pictures of one seed are the same bytes as long as it stays."""
MOST_LAYOUTS = 1_000_000_000
MOST_STYLES = 1000


@dataclass(frozen=True)
class Order:
    """What is to be drawn."""

    count: int
    """Layouts in train."""
    size: tuple[int, int] = (256, 256)
    """Height and width, pixels."""
    seed: int = 0
    """The first layout's."""
    styles: int = 4
    """Photos per layout."""
    val: int = 0
    """Layouts in val."""
    test: int = 0
    """Layouts in test."""
    photos: Literal["jpg", "png"] = "jpg"

    def __post_init__(self) -> None:
        check_size(self.size)
        for name, low, high in (("count", 0, MOST_LAYOUTS), ("val", 0, MOST_LAYOUTS), ("test", 0, MOST_LAYOUTS)):
            value = getattr(self, name)
            if not low <= value or self.seed + value > high:
                raise ValueError(
                    f"{name} {value} with seed {self.seed}: expected {low} or more, and seeds below {high:,}"
                )
        if self.seed < 0:
            raise ValueError(f"seed {self.seed}: expected 0 or more")
        if not 1 <= self.styles <= MOST_STYLES:
            raise ValueError(f"styles {self.styles}: expected 1 to {MOST_STYLES}")

    def layouts(self) -> Iterator[tuple[str, int]]:
        """Split and seed of every layout."""
        for split, count in (("train", self.count), ("val", self.val), ("test", self.test)):
            for number in range(count):
                yield split, SPLITS[split] + self.seed + number

    def files(self, split: str, seed: int) -> list[str]:
        """All files of a layout, those that are written last at the end."""
        names = [f"{seed:09d}_s{number}" for number in range(self.styles)]
        return [
            *(f"{split}/photos/{name}.{self.photos}" for name in names),
            *(f"{split}/instances/{name}.png" for name in names),
            *(f"{split}/labels/{name}.png" for name in names),
        ]


def style_seed(layout: int, number: int) -> int:
    """The seed of a layout's style of that number, 0 to MOST_STYLES - 1."""
    return layout * MOST_STYLES + number


def write_terrain(
    order: Order, folder: Path, *, processes: int = 1, progress: Callable[[int, int], None] | None = None
) -> int:
    """Draw what is not yet there; returns the number of layouts drawn now.

    A run that was killed is taken up by the same call. Raises ValueError for a folder that holds something else.
    """
    if processes < 1:
        raise ValueError(f"processes {processes}: expected 1 or more")
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder} is a file: choose a folder for the pictures")
    folder.mkdir(parents=True, exist_ok=True)
    lock = FolderLock(folder, work="drawing of terrain")
    try:
        _begin(order, folder)
        everything = list(order.layouts())
        missing = [(split, seed) for split, seed in everything if not _complete(order, folder, split, seed)]
        done = len(everything) - len(missing)
        for _ in _draw_all(order, folder, missing, processes):
            done += 1
            if progress is not None:
                progress(done, len(everything))
        write_json_atomic(folder / MANIFEST, {**_header(order), "complete": True, "layouts": _listed(order)})
    finally:
        lock.release()
    return len(missing)


def _header(order: Order) -> dict[str, Any]:
    return {"terrain": RENDERER, "options": json.loads(json.dumps(asdict(order)))}


def _listed(order: Order) -> dict[str, list[int]]:
    """Split -> its layouts' seeds; the seeds of styles follow by `style_seed`."""
    listed: dict[str, list[int]] = {}
    for split, seed in order.layouts():
        listed.setdefault(split, []).append(seed)
    return listed


def _begin(order: Order, folder: Path) -> None:
    """Refuse a folder of something else; sweep what a killed run left; say what the folder is for."""
    manifest = folder / MANIFEST
    if manifest.is_file():
        _check_manifest(manifest, order)
    else:
        others = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
        if others:
            shown = ", ".join(others[:3])
            raise ValueError(f"{folder}: it holds files that are no terrain ({shown}); choose an empty folder")
    write_json_atomic(manifest, {**_header(order), "complete": False})  # first: a killed run is known by it
    for split, count in (("train", order.count), ("val", order.val), ("test", order.test)):
        for kind in ("photos", "labels", "instances") if count else ():
            (folder / split / kind).mkdir(parents=True, exist_ok=True)
            sweep_partial(folder / split / kind)
    shipped_ontology(ONTOLOGY).write(folder / "ontology.json")


def _check_manifest(manifest: Path, order: Order) -> None:
    """More layouts may join; size, first seed, number of styles and format must stay."""
    try:
        said = json.loads(manifest.read_text(encoding="utf-8"))
        before, renderer = said["options"], said["terrain"]
    except (ValueError, KeyError, TypeError):
        raise ValueError(f"{manifest}: it is not what `terrain` writes; choose an empty folder") from None
    if renderer != RENDERER:
        raise ValueError(
            f"{manifest.parent}: it was drawn by version {renderer} of the renderer; version {RENDERER} draws other "
            "pictures for the same seeds: choose another folder"
        )
    now = _header(order)["options"]
    for name in ("size", "seed", "styles", "photos"):
        if before.get(name) != now[name]:
            raise ValueError(
                f"{manifest.parent}: it was drawn with {name} {before.get(name)}, now {now[name]} is asked for: "
                "choose another folder, or the same value"
            )
    for name in ("count", "val", "test"):
        if before.get(name, 0) > now[name]:
            raise ValueError(
                f"{manifest.parent}: it was drawn with {name} {before[name]}, now {now[name]} is asked for: "
                f"choose another folder, or {before[name]} or more"
            )


def _complete(order: Order, folder: Path, split: str, seed: int) -> bool:
    return all((folder / name).is_file() for name in order.files(split, seed))


def _draw_all(
    order: Order, folder: Path, missing: Sequence[tuple[str, int]], processes: int
) -> Iterator[tuple[str, int]]:
    """Draw in this process, or in several; yields each layout as it is done."""
    if processes == 1 or len(missing) < 2:
        for split, seed in missing:
            yield draw_files(order, folder, split, seed)
        return
    fresh = fresh_processes(__name__)
    with ProcessPoolExecutor(min(processes, len(missing)), fresh, initializer=_prepare_worker) as pool:
        pending: set[Future[tuple[str, int]]] = set()
        waiting = iter(missing)
        try:
            for split, seed in waiting:
                pending.add(pool.submit(draw_files, order, folder, split, seed))
                if len(pending) >= 2 * processes:
                    done, pending = wait(pending, return_when=FIRST_COMPLETED)
                    yield from (future.result() for future in done)
            while pending:
                done, pending = wait(pending, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in done)
        except BrokenProcessPool:
            raise OSError(
                "one of the drawing processes was killed, perhaps for want of memory; what is finished is kept: "
                "run the same command again, with fewer --processes"
            ) from None
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def draw_files(order: Order, folder: Path, split: str, seed: int) -> tuple[str, int]:
    """Draw one layout and write its files; label maps come last."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # sums over several threads differ in their last bits
    try:
        layout = Layout.draw(seed, order.size)
        photos = [layout.photo(Style.draw(style_seed(seed, number))) for number in range(order.styles)]
    finally:
        torch.set_num_threads(threads)
    contents = [as_picture(photo) for photo in photos]
    contents += [Image.fromarray(layout.instance_map.numpy().astype("uint16"))] * order.styles
    contents += [Image.fromarray(layout.label_map.numpy().astype("uint8"))] * order.styles
    for name, picture in zip(order.files(split, seed), contents, strict=True):
        save_picture(picture, folder / name)
    return split, seed


def as_picture(photo: Tensor) -> Image.Image:
    """A photo [3, H, W] in [-1, 1] as a picture of 8 bits."""
    return Image.fromarray(((photo + 1) * 127.5).round().clamp(0, 255).to(torch.uint8).permute(1, 2, 0).numpy())


def save_picture(picture: Image.Image, path: Path) -> None:
    """Write a picture, whole or not at all; JPEG at quality 95 without subsampled colour."""
    if path.suffix.lower() in (".jpg", ".jpeg"):
        write_atomic(path, lambda file: picture.save(file, "JPEG", quality=95, subsampling=0))
    else:
        write_atomic(path, lambda file: picture.save(file, "PNG"))


def _prepare_worker() -> None:
    """A core per process, and interrupts are the parent's business."""
    torch.set_num_threads(1)
    leave_signals_to_the_parent()
