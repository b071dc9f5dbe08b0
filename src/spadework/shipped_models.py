"""The models that come with the library, by name: a model folder each, in `models/`."""

from __future__ import annotations

from pathlib import Path

MODELS = Path(__file__).parent / "models"


def shipped_models() -> dict[str, Path]:
    """Name -> model folder."""
    if not MODELS.is_dir():
        return {}
    return {folder.name: folder for folder in sorted(MODELS.iterdir()) if (folder / "config.json").is_file()}
