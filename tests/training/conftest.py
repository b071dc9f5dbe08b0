"""What holds for all tests of trainings."""

from __future__ import annotations

import pytest

from spadework.training import samples


@pytest.fixture(autouse=True)
def few_pictures_for_statistics(monkeypatch: pytest.MonkeyPatch) -> None:
    """Averaged weights get their norms' statistics from fewer pictures than else: the same code in less time."""
    monkeypatch.setattr(samples, "REFRESH", 32)
