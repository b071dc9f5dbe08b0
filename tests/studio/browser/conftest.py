"""One browser and one studio for the tests of the page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser import chromium
from tests.studio.browser.studio_page import StudioPage, landscapes_model, studio_page
from tests.studio.served import Served

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A Chromium for one file of tests."""
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="session")
def landscapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny model of landscapes."""
    return landscapes_model(tmp_path_factory.mktemp("models") / "landscapes")


@pytest.fixture(scope="session")
def studio(landscapes: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A studio with that model."""
    with Served("--model", landscapes, "--requests-per-second", "1000", cwd=tmp_path_factory.mktemp("cwd")) as served:
        yield served


@pytest.fixture
def opened(browser: Browser, studio: Served) -> Iterator[StudioPage]:
    """The studio on a wide screen."""
    with studio_page(browser, studio.url, viewport={"width": 1280, "height": 800}) as page:
        yield page
