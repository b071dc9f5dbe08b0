"""The folder of one training, a run.

    config.json            what is trained, and how
    ontology.json          the classes
    checkpoints/           000003200.pt: everything needed to go on after 3200 images
    model.safetensors      the weights for generating
    log.jsonl, events/     losses and speed (see `log`)
    samples/               000003200.png: pictures made on the way

Every file is written whole or not at all, so a kill at any moment loses at most the images since the last checkpoint.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from spadework.atomic import sweep_partial, write_json_atomic
from spadework.checkpoints import Checkpoint, Checkpoints, images_of
from spadework.lock import FolderLock


class Writable(Protocol):
    """An ontology, as far as a run needs it."""

    def write(self, path: Path, /) -> object:
        """Write itself to a JSON file."""


class Run:
    """The folder of one training; making this object touches nothing on disk.

    `keep` is the number of newest checkpoints that stay.
    """

    def __init__(self, folder: Path | str, keep: int = 3) -> None:
        self.folder = Path(folder)
        self.keep = keep
        self._checkpoints = Checkpoints(self.folder / "checkpoints", keep)

    @property
    def config_path(self) -> Path:
        """`config.json`."""
        return self.folder / "config.json"

    @property
    def ontology_path(self) -> Path:
        """`ontology.json`."""
        return self.folder / "ontology.json"

    @property
    def model_path(self) -> Path:
        """`model.safetensors`."""
        return self.folder / "model.safetensors"

    def sample_path(self, images: int) -> Path:
        """`samples/<images>.png`."""
        return self.folder / "samples" / f"{images:09d}.png"

    def checkpoint_path(self, images: int) -> Path:
        """`checkpoints/<images>.pt`."""
        return self._checkpoints.path(images)

    @contextmanager
    def lock(self, option: str = "--out") -> Iterator[None]:
        """Be the only training in this folder, and clear away what killed ones left half-written.

        The folder is made when needed, and gone again where nothing came of it. Raises ValueError while another
        training holds it, and for a folder that `create` refuses as no run's; `option` is how its message calls the
        folder. The lock ends with the block or with the process, however it dies.
        """
        self._refuse_foreign()
        new = not self.folder.exists()
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = FolderLock(self.folder, option=option)
        try:
            for folder in (self.folder, self.folder / "checkpoints", self.folder / "samples"):
                if folder.is_dir():
                    sweep_partial(folder)
            yield
        finally:
            lock.release()
            if new and [path.name for path in self.folder.iterdir()] == [".lock"]:
                shutil.rmtree(self.folder)

    def create(self, config: dict[str, Any], ontology: Writable, overwrite: bool = False) -> None:
        """Write config.json and ontology.json, and make the folders.

        A folder that already holds checkpoints is refused with ValueError, unless `overwrite`, for going on with that
        run: then the two files are written anew and the checkpoints stay. A folder with such files that no training
        made (a model, a data set) is always refused.
        """
        checkpoints = self.folder / "checkpoints"
        self._refuse_foreign()
        if not overwrite and (paths := self.checkpoints()):
            raise ValueError(
                f"{self.folder} holds a run of {images_of(paths[-1])} images: "
                "add --resume to go on, or choose another --out"
            )

        # The folder of checkpoints marks a run, so it comes first.
        checkpoints.mkdir(parents=True, exist_ok=True)
        (self.folder / "samples").mkdir(exist_ok=True)
        ontology.write(self.ontology_path)
        write_json_atomic(self.config_path, config)

    def read_config(self) -> dict[str, Any]:
        """What `create` was given; raises ValueError where there is no run."""
        try:
            config = json.loads(self.config_path.read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            raise ValueError(
                f"{self.folder} is not a run: it has no config.json; give the --out folder of a training"
            ) from None
        except ValueError as error:
            raise ValueError(
                f"{self.config_path}: not a JSON file ({error}); restore it, or start a new run"
            ) from error
        if not isinstance(config, dict):
            raise ValueError(f"{self.config_path}: holds a {type(config).__name__}, expected a JSON object; restore it")
        return config

    def checkpoints(self) -> list[Path]:
        """The checkpoint files, oldest first, unread."""
        return self._checkpoints.paths()

    def save_checkpoint(self, images: int, state: dict[str, Any]) -> Path:
        """Write `checkpoints/<images>.pt`, then delete the ones before the newest `keep`.

        The state may hold tensors, numbers, strings, None, and lists, tuples and dicts of them: what can be read again
        without executing anything; others raise ValueError at once. Raises DiskFullError when there is no room.
        """
        return self._checkpoints.save(images, state)

    def latest_checkpoint(self) -> Checkpoint | None:
        """The newest complete checkpoint, or None before the first.

        A damaged file is named in a warning and the one before it is taken; when all are damaged, ValueError lists
        them.
        """
        return self._checkpoints.latest()

    def _refuse_foreign(self) -> None:
        if (self.folder / "checkpoints").is_dir():
            return
        if self.folder.exists() and not self.folder.is_dir():
            raise ValueError(f"{self.folder} is a file: --out takes a folder for the run")
        for path in (self.config_path, self.ontology_path, self.model_path):
            if path.exists():
                raise ValueError(
                    f"{self.folder} holds a {path.name} that no training wrote there: choose another --out"
                )
