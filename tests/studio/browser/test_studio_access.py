"""The studio for everybody: no serious fault that axe-core can find, small and large screens, colours, calm motion."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.studio.browser.studio_page import PHONE, StudioPage, studio_page
from tests.studio.served import Served

axe = pytest.importorskip("axe_playwright_python", reason="it comes with the extra `dev`, and brings axe-core along")

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.slow

SCREENS: dict[str, dict[str, Any]] = {
    "360": PHONE,
    "1280": {"viewport": {"width": 1280, "height": 800}},
    "2560": {"viewport": {"width": 2560, "height": 1440}},
}
FAULTS = """async () => {
    const {violations} = await axe.run(document, {resultTypes: ["violations"]});
    return violations.filter(({impact}) => impact === "serious" || impact === "critical")
        .map(({id, help, nodes}) => `${id}: ${help}: ${nodes.map((node) => node.html.slice(0, 200)).join(" | ")}`);
}"""


def faults(page: StudioPage) -> list[str]:
    """Serious faults of the page as it stands."""
    page.page.evaluate((Path(axe.__file__).parent / "axe.min.js").read_text())
    found: list[str] = page.page.evaluate(FAULTS)
    return found


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("screen", SCREENS)
def test_every_screen_fits_and_has_no_serious_fault(
    browser: Browser, studio: Served, screen: str, scheme: Any
) -> None:
    with studio_page(browser, studio.url, color_scheme=scheme, reduced_motion="reduce", **SCREENS[screen]) as page:
        page.keep(f"studio-{screen}-{scheme}")
        assert page.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert faults(page) == []
        assert page.errors == []


def test_a_planted_fault_is_found(opened: StudioPage) -> None:
    opened.page.evaluate("document.querySelector('[data-tool=brush]').removeAttribute('aria-label')")
    opened.page.evaluate("document.querySelector('[data-tool=brush] .tool-name').remove()")
    assert any(fault.startswith("button-name") for fault in faults(opened))


def test_sheets_and_panels_have_no_serious_fault(opened: StudioPage) -> None:
    opened.page.keyboard.press("?")
    opened.until("!!document.querySelector('dialog')")
    opened.page.wait_for_timeout(400)
    assert faults(opened) == []
    opened.page.keyboard.press("Escape")
    for entry in ("New, and examples", "Share as a page", "Many maps", "Figure 3"):
        opened.menu(entry)
        opened.until("!!document.querySelector('dialog')")
        opened.page.wait_for_timeout(400)
        assert faults(opened) == []
        opened.page.keyboard.press("Escape")
        opened.until("!document.querySelector('dialog')")
    opened.page.get_by_role("button", name="Colours and appearance").click()
    opened.page.wait_for_timeout(400)
    assert faults(opened) == []
    opened.page.keyboard.press("Escape")
    opened.page.keyboard.press("y")
    opened.until("!!document.querySelector('.drawer select option')")
    opened.stroke([(0.5, 0.5), (0.6, 0.5)])
    opened.until("!!document.querySelector('.bar-row')")
    assert faults(opened) == []


def test_hints_have_no_serious_fault(browser: Browser, studio: Served) -> None:
    with studio_page(browser, studio.url, welcomed=False, reduced_motion="reduce", **PHONE) as page:
        assert page.page.locator(".hint").is_visible()
        assert faults(page) == []
        box = page.page.locator(".hint").bounding_box()
        assert box is not None
        assert box["x"] >= 0 and box["x"] + box["width"] <= 360


def test_what_a_finger_touches_on_a_phone_is_large_enough(browser: Browser, studio: Served) -> None:
    with studio_page(browser, studio.url, **PHONE) as page:
        for sheet in range(4):
            page.page.locator(".dock button").nth(sheet).tap()
            page.page.wait_for_timeout(400)
            small = page.page.evaluate(
                """() => [...document.querySelectorAll("button, [role=option]")]
                    .filter((each) => each.checkVisibility({visibilityProperty: true}))
                    .map((each) => [each.getAttribute("aria-label") ?? each.textContent, each.getBoundingClientRect()])
                    .filter(([name, {width, height}]) => width && (width < 24 || height < 24))
                    .map(([name]) => name)"""
            )
            assert small == []
        page.page.locator(".dock button").first.tap()
        page.page.get_by_role("option", name="flowers").tap()
        page.until("!document.body.dataset.sheet")
        assert page.page.locator(".dock button").first.inner_text().strip() == "flowers"


def test_patterns_and_safe_colours_reach_map_and_list(opened: StudioPage) -> None:
    samples = "() => [...document.querySelectorAll('.class .swatch')].map((each) => getComputedStyle(each).background)"
    own = opened.page.evaluate(samples)
    opened.page.get_by_role("button", name="Colours and appearance").click()
    opened.page.get_by_text("Colour-blind safe").click()
    safe = opened.page.evaluate(samples)
    opened.page.get_by_text("Patterns on the map").click()
    patterned = opened.page.evaluate(samples)
    assert len(set(own)) == len(set(safe)) == len(set(patterned)) == 13
    assert sum(one == other for one, other in zip(own, safe, strict=True)) <= 1  # White stays white.
    assert sum("data:image/png" in each for each in patterned) == 13
    opened.page.reload()
    opened.until("document.body.dataset.state === 'ready'")
    assert opened.page.evaluate(samples) == patterned


def test_motion_is_calm_where_people_want_that(browser: Browser, studio: Served) -> None:
    with studio_page(browser, studio.url, reduced_motion="reduce") as page:
        page.page.keyboard.press("?")
        page.until("!!document.querySelector('dialog')")
        moving = page.page.evaluate("document.getAnimations().filter(({playState}) => playState === 'running').length")
        assert moving == 0


def test_the_theme_can_be_chosen_against_the_system(opened: StudioPage) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    light = opened.page.evaluate(ground)
    opened.page.get_by_role("button", name="Colours and appearance").click()
    opened.page.get_by_text("Dark", exact=True).click()
    dark = opened.page.evaluate(ground)
    assert light != dark
    opened.page.reload()
    opened.until("document.body.dataset.state === 'ready'")
    assert opened.page.evaluate(ground) == dark
