"""A model's folder: a path, or what the Hugging Face hub has under `owner/name`. Nothing is fetched unasked."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

DESCRIPTIONS = ("config.json", "preprocessor_config.json")
WEIGHTS = ("*.safetensors", "*.safetensors.index.json")
OLD_WEIGHTS = ("pytorch_model*.bin", "pytorch_model.bin.index.json")
"""Fetched only where there is nothing better; torch reads them without executing anything in them."""


def find_folder(source: Path | str, *, fetch: bool = False) -> Path:
    """The folder of a model; with `fetch` it is downloaded from the hub if it is not there yet.

    What is fetched is told first, with its size and licence, as a warning. Raises ValueError when there is no such
    folder, when nothing of that name was fetched before and `fetch` is off, or when the hub has no such model.
    """
    folder, name = Path(source), str(source)
    if folder.is_dir():
        return folder
    if folder.exists():
        raise ValueError(f"{source}: this is a file; give the folder with config.json and the weights")
    if name.count("/") != 1 or name.startswith((".", "/", "~")):
        raise ValueError(f"{source}: there is no such folder, nor can it be a name on the hub (owner/name)")

    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    # Only some files of a repository are fetched: its description tells where they lie.
    try:
        description = try_to_load_from_cache(name, "config.json")
    except HFValidationError as error:
        raise ValueError(f"{source}: there is no such folder, nor is it a name on the hub ({error})") from error
    if isinstance(description, str) and (not fetch or is_whole(Path(description).parent)):
        return Path(description).parent
    if not fetch:
        raise ValueError(
            f"{source}: no such folder, and no model of that name was fetched from the hub yet. Nothing is downloaded "
            f"unasked: look at its licence and size there, then run `hf download {name}`, or allow it in Python "
            "(fetch=True), and both are told first"
        )
    return _fetch(name)


def name_of(source: Path | str) -> str:
    """What a report calls a model: its name on the hub, or its folder's without where that lies."""
    return Path(source).resolve().name if Path(source).is_dir() else str(source)


def _fetch(name: str) -> Path:
    from huggingface_hub import HfApi, snapshot_download

    try:
        facts = HfApi().model_info(name, files_metadata=True)
    except Exception as error:  # the client lets those of its network library through
        raise _unreachable(name, error) from error
    wanted = _wanted(facts, WEIGHTS) or _wanted(facts, OLD_WEIGHTS)
    if not wanted:
        raise ValueError(f"{name}: the hub has no weights there in a form that is read (safetensors, .bin)")
    files = _wanted(facts, DESCRIPTIONS) | wanted
    size = sum(bytes or 0 for bytes in files.values())
    licence = getattr(facts.card_data, "license", None) or "not stated: look at its page before you use it"
    what = f"{len(files)} files, {size / 2**20:.1f} MiB, licence: {licence}"
    warnings.warn(f"fetching {name} from the hub: {what}", stacklevel=4)
    try:
        return Path(snapshot_download(name, allow_patterns=sorted(files)))
    except Exception as error:
        raise _unreachable(name, error) from error


def _unreachable(name: str, error: Exception) -> ValueError:
    reason = (str(error).strip() or type(error).__name__).splitlines()[0]
    return ValueError(f"{name}: cannot be fetched from the hub ({reason})")


def _wanted(facts: Any, patterns: tuple[str, ...]) -> dict[str, int | None]:
    """The files of a repository's top folder that match a pattern -> their sizes in bytes."""
    return {
        file.rfilename: file.size
        for file in facts.siblings
        if "/" not in file.rfilename and any(Path(file.rfilename).match(pattern) for pattern in patterns)
    }


def weights_files(folder: Path) -> list[Path]:
    """The files of weights in a folder, the better form where there are both; raises ValueError without any."""
    found = _weights(folder)
    if not found:
        raise ValueError(f"{folder}: there are no weights in it ({WEIGHTS[0]} or {OLD_WEIGHTS[0]})")
    return found


def _weights(folder: Path) -> list[Path]:
    return sorted(folder.glob(WEIGHTS[0])) or sorted(folder.glob(OLD_WEIGHTS[0]))


def is_whole(folder: Path) -> bool:
    """Whether a folder has a description and all files of weights: a download may have been interrupted."""
    if not (folder / "config.json").is_file():
        return False
    indices = list(folder.glob("*.index.json"))
    parts = {name for index in indices for name in json.loads(index.read_text())["weight_map"].values()}
    return all((folder / part).is_file() for part in parts) if parts else bool(_weights(folder))
