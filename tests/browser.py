"""A real Chromium for the tests of pages."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

NAMES = ("chromium", "chromium-browser", "google-chrome")


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser of its own, for the thread that asks; without one the test is skipped."""
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="playwright is missing; it comes with the extra `dev`"
    )
    path = next((found for name in NAMES if (found := shutil.which(name))), None)
    if path is None:
        pytest.skip("there is no Chromium here; on Debian: sudo apt install chromium")
    sandbox = [] if os.getuid() else ["--no-sandbox"]  # Chromium refuses to sandbox root.
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=sandbox)
        try:
            yield browser
        finally:
            browser.close()
