"""One studio for all tests that leave it as it is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

for _package in ("fastapi", "uvicorn", "websockets", "python_multipart"):
    pytest.importorskip(_package, reason=f"{_package} is not installed here; it comes with the extra `studio`")

from tests.studio.served import Served, tiny_model  # noqa: E402


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny model."""
    return tiny_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="session")
def served(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A studio with that model, which nobody slows down, in an empty folder."""
    with Served("--model", model, "--requests-per-second", "100000", cwd=tmp_path_factory.mktemp("cwd")) as served:
        yield served
