"""The page in a real browser: nothing is lost or counted twice, whatever people and machines do."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from spadework.evaluation.study.plan import Study
from spadework.evaluation.study.store import Store
from spadework.evaluation.study.vote import Vote
from tests.browser import chromium
from tests.evaluation.study.made import small_study

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

pytestmark = pytest.mark.slow

PATIENCE = 120_000
"""Milliseconds."""
PHONE = {"viewport": {"width": 360, "height": 640}, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}


ASKED = """other => {
    const image = document.querySelector('main.question:not(.answered) .choice img');
    return image && !document.querySelector('.chosen') && Number(image.src.split('/').at(-2)) !== other;
}"""
"""Whether a question is on screen that can be answered, another one than `other`."""


class Served:
    """A study, served by a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = 0
        self.start()

    def start(self) -> None:
        arguments = [sys.executable, "-m", "spadework", "study", "serve", str(self.folder), "--port", str(self.port)]
        self.process = subprocess.Popen(
            arguments, stdout=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}
        )
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if found := re.search(r"http://127\.0\.0\.1:(\d+)/", line):
                self.url, self.port = found[0], int(found[1])
                return
        raise AssertionError("the server did not start")

    def kill(self) -> None:
        """As by kill -9."""
        self.process.kill()
        self.process.wait()

    def votes(self) -> list[Vote]:
        store = Store(self.folder, Study.read(self.folder))
        try:
            return store.votes()
        finally:
            store.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = small_study(
        tmp_path_factory.mktemp("study"), 8, answers=40, per_worker=4, checks=0.25, contact="jane@example.org"
    )
    served = Served(folder)
    yield served
    served.kill()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context()
    context.set_default_timeout(PATIENCE)
    yield context
    context.close()


def begin(context: BrowserContext, served: Served) -> Page:
    """A page with the first question."""
    page = context.new_page()
    page.goto(served.url)
    page.click("text=I agree, start")
    asked(page)
    return page


def asked(page: Page, other_than: int | None = None) -> int:
    """The number of the question on screen, once it is there and an answer counts."""
    page.wait_for_function(ASKED, arg=-1 if other_than is None else other_than)
    number = page.eval_on_selector(".choice img", "image => Number(image.src.split('/').at(-2))")
    page.wait_for_timeout(400)
    return int(number)


def mine(page: Page, served: Served) -> list[tuple[int, str]]:
    """The kept votes of the page's worker: (question, side)."""
    token = page.url.split("/w/")[1].split("#")[0]
    store = Store(served.folder, Study.read(served.folder))
    try:
        worker = store.worker(token)
        assert worker is not None
        return [(vote.question, vote.side) for vote in store.votes_of(worker.number)]
    finally:
        store.close()


def answer_all(page: Page, how: str, said: list[tuple[int, str]], meanwhile: Callable[[], None]) -> str:
    """Answer to the end, alternately A and B; returns the code. `meanwhile` runs after each answer."""
    last = None
    while True:
        page.wait_for_function(
            f"other => document.querySelector('.code') || ({ASKED})(other)", arg=-1 if last is None else last
        )
        if page.query_selector(".code"):
            return page.inner_text(".code")
        last = asked(page, last)
        side = "AB"[len(said) % 2]
        if how == "touch":
            page.tap(f"[data-side={side}]")
        else:
            page.keyboard.press({"A": "ArrowLeft", "B": "2"}[side])
        page.wait_for_selector(".chosen")
        said.append((last, side))
        meanwhile()


def test_two_browsers_at_once_while_the_server_is_killed(tmp_path: Path) -> None:
    folder = small_study(tmp_path, 10, answers=2, per_worker=None, checks=0.2)
    served = Served(folder)
    said: dict[str, list[tuple[int, str]]] = {"touch": [], "keys": []}
    codes: dict[str, Any] = {}
    kills = []
    one_at_a_time = threading.Lock()

    def kill_now_and_then() -> None:
        """With the answer on its way, and the other browser wherever it is."""
        with one_at_a_time:
            if sum(map(len, said.values())) >= 6 * (len(kills) + 1) and len(kills) < 3:
                kills.append(time.monotonic())
                served.kill()
                served.start()

    def work(how: str) -> None:
        try:
            with chromium() as browser:
                context = browser.new_context(**(PHONE if how == "touch" else {}))
                context.set_default_timeout(PATIENCE)
                page = context.new_page()
                page.goto(served.url)
                page.click("text=I agree, start")
                codes[how] = answer_all(page, how, said[how], kill_now_and_then)
        except BaseException as error:
            codes[how] = error

    threads = [threading.Thread(target=work, args=(how,)) for how in said]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    served.kill()

    # What the two saw accepted is what is kept: all of it, once.
    assert len(kills) == 3
    assert all(re.fullmatch(r"[A-Z2-9]{4}-[A-Z2-9]{4}", str(code)) for code in codes.values()), codes
    study, votes = Study.read(folder), served.votes()
    kept = {number: [(vote.question, vote.side) for vote in votes if vote.worker == number] for number in (1, 2)}
    assert sorted(kept.values()) == sorted(said.values())
    counts = Counter(vote.question for vote in votes)
    assert counts == dict.fromkeys(range(len(study.questions)), 2) and not any(vote.surplus for vote in votes)
    assert all(vote.milliseconds is not None and vote.milliseconds >= 350 for vote in votes)


def test_a_double_click_is_one_answer(context: BrowserContext, served: Served) -> None:
    page = begin(context, served)
    first = asked(page)
    page.dblclick("[data-side=A]")
    second = asked(page, first)
    page.evaluate("for (let i = 0; i < 5; i++) document.querySelector('[data-side=B]').click()")
    third = asked(page, second)

    # A click just after a question appeared was meant for the one before.
    page.evaluate(
        "const early = () => document.querySelector('[data-side=B]:not(.chosen)')?.click();"
        "new MutationObserver(() => setTimeout(early, 80))"
        ".observe(document.getElementById('stage'), {childList: true})"
    )
    page.click("[data-side=A]")
    asked(page, third)
    assert mine(page, served) == [(first, "A"), (second, "B"), (third, "A")]


def test_a_replayed_request_changes_nothing(context: BrowserContext, served: Served) -> None:
    page = begin(context, served)
    first = asked(page)
    with page.expect_request("**/votes") as sent:
        page.click("[data-side=B]")
    second = asked(page, first)
    for side in "AB":
        data = {**sent.value.post_data_json, "side": side}
        reply = page.request.post(sent.value.url, data=data)
        assert reply.ok and reply.json()["vote"] == {"position": 1, "side": "B", "new": False}
        assert reply.json()["upcoming"][0]["question"] == second
    assert mine(page, served) == [(first, "B")]


def test_the_back_button_shows_what_was_answered(context: BrowserContext, served: Served) -> None:
    page = begin(context, served)
    first = asked(page)
    page.click("[data-side=B]")
    second = asked(page, first)
    page.keyboard.press("a")
    third = asked(page, second)
    given = [(first, "B"), (second, "A")]

    # Two steps back: the first question as it was answered, and no way to answer it anew.
    page.go_back()
    page.wait_for_selector(".answered >> text=You chose A")
    page.go_back()
    page.wait_for_selector(".answered >> text=You chose B")
    assert page.get_attribute("[data-side=B]", "aria-pressed") == "true" and page.is_disabled("[data-side=A]")
    page.wait_for_timeout(400)
    page.keyboard.press("ArrowLeft")
    page.evaluate("document.querySelector('[data-side=A]').click()")
    page.go_forward()
    page.wait_for_selector(".answered >> text=You chose A")
    assert mine(page, served) == given

    # On to the question that is still open, by the button and by the history.
    page.click("text=Go on")
    assert asked(page) == third
    page.go_back()
    page.wait_for_selector(".answered")
    page.go_forward()
    assert asked(page) == third
    page.click("[data-side=A]")
    asked(page, third)
    assert mine(page, served) == [*given, (third, "A")]


def test_back_to_the_welcome_and_reload(context: BrowserContext, served: Served) -> None:
    page = begin(context, served)
    first = asked(page)
    page.go_back()
    page.click("text=I agree, start")
    assert asked(page) == first
    page.reload()
    assert asked(page) == first
    page.click("[data-side=A]")
    second = asked(page, first)
    page.reload()
    assert asked(page) == second and mine(page, served) == [(first, "A")]


def test_the_link_goes_on_in_another_browser(browser: Browser, context: BrowserContext, served: Served) -> None:
    page = begin(context, served)
    first = asked(page)
    page.click("[data-side=A]")
    second = asked(page, first)
    link = page.url.split("#")[0]
    elsewhere = browser.new_context(**PHONE)
    other = elsewhere.new_page()
    other.goto(link)
    other.wait_for_selector("text=1 of 5 are done")
    other.tap("text=Go on")
    assert asked(other) == second

    # Both have the same question on screen: one answer counts, the other page goes on.
    other.tap("[data-side=B]")
    third = asked(other, second)
    page.click("[data-side=A]")
    assert asked(page, second) == third
    assert mine(page, served) == [(first, "A"), (second, "B")]
    elsewhere.close()

    # The open link knows its worker again.
    page.goto(served.url)
    assert asked(page) == third


def test_an_answer_without_connection_is_kept_and_sent(context: BrowserContext, served: Served) -> None:
    page = begin(context, served)
    first = asked(page)
    link = page.url.split("#")[0]
    context.set_offline(True)
    page.click("[data-side=A]")
    page.wait_for_selector("text=Your answer is kept and will be sent")
    context.set_offline(False)
    second = asked(page, first)
    assert mine(page, served) == [(first, "A")]

    # Even when the page is closed meanwhile.
    context.set_offline(True)
    page.click("[data-side=B]")
    page.wait_for_selector("text=Your answer is kept and will be sent")
    page.close()
    context.set_offline(False)
    page = context.new_page()
    page.goto(link)
    page.wait_for_selector("text=2 of 5 are done")
    assert mine(page, served) == [(first, "A"), (second, "B")]


def test_by_keyboard_alone(context: BrowserContext, served: Served) -> None:
    page = context.new_page()
    page.goto(served.url)
    page.wait_for_selector(".go")
    page.keyboard.press("Tab")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    given, question = [], None
    for key, side in (("ArrowLeft", "A"), ("ArrowRight", "B"), ("b", "B"), ("1", "A")):
        question = asked(page, question)
        page.keyboard.press("Control+" + key if key == "b" else "Shift")  # These choose nothing.
        page.keyboard.press(key)
        given.append((question, side))
    asked(page, question)
    assert page.evaluate("document.activeElement.tagName") == "H1"
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.dataset.side") == "B"
    given.append((asked(page), "B"))
    page.keyboard.press("Enter")
    page.wait_for_selector(".code")
    assert mine(page, served) == given


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [(320, 568), (360, 640), (390, 844), (640, 360), (1280, 800), (2560, 1440)])
def test_everything_is_on_screen(browser: Browser, served: Served, size: tuple[int, int], scheme: Any) -> None:
    small = min(size) < 500
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]}, has_touch=small, is_mobile=small, color_scheme=scheme
    )
    page = begin(context, served)
    page.emulate_media(reduced_motion="reduce")
    boxes = [
        box
        for box in (page.locator(one).bounding_box() for one in (".layout img", "[data-side=A]", "[data-side=B]"))
        if box
    ]
    assert len(boxes) == 3
    for box in boxes:
        assert box["x"] >= 0 and box["y"] >= 0
        assert box["x"] + box["width"] <= size[0] and box["y"] + box["height"] <= size[1]
    assert all(box["width"] >= 120 for box in boxes[1:])
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    light = page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(244, 245, 247)"
    assert light == (scheme == "light")
    context.close()


def test_what_readers_of_screens_hear(context: BrowserContext, served: Served) -> None:
    page = begin(context, served)
    assert page.get_by_role("heading", name="Which looks more like a photo of this layout?").is_visible()
    assert (
        page.get_by_role("button", name="Picture A").is_visible()
        and page.get_by_role("button", name="Picture B").is_visible()
    )
    assert page.get_by_role("img", name=re.compile("The layout: .*sky")).is_visible()
    assert "Question 1 of 5" in page.inner_text(".spoken")
    bar = page.get_by_role("progressbar")
    assert (bar.get_attribute("aria-valuenow"), bar.get_attribute("aria-valuemax")) == ("0", "5")
    first = asked(page)
    page.click("[data-side=A]")
    asked(page, first)
    assert "Question 2 of 5" in page.inner_text(".spoken") and bar.get_attribute("aria-valuenow") == "1"


def test_the_next_pictures_come_beforehand_and_nothing_from_elsewhere(context: BrowserContext, served: Served) -> None:
    page = context.new_page()
    requested: list[str] = []
    page.on("request", lambda request: requested.append(request.url))
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(served.url)
    page.click("text=I agree, start")
    first = asked(page)
    page.wait_for_load_state("networkidle")
    fetched = {int(found[1]) for url in requested if (found := re.search(r"/questions/(\d+)/", url))}
    assert len(fetched) == 2 and first in fetched
    page.click("[data-side=A]")
    assert asked(page, first) in fetched
    assert all(url.startswith(served.url) for url in requested) and not complaints


def test_links_that_lead_nowhere_and_names(context: BrowserContext, served: Served) -> None:
    page = context.new_page()
    page.goto(f"{served.url}w/nobody")
    page.wait_for_selector("text=This link leads nowhere")
    page.goto(f"{served.url}?id=P-7")
    page.wait_for_selector("text=with the name in your link (P-7)")
    page.click("text=I agree, start")
    first = asked(page)
    page.click("[data-side=B]")
    asked(page, first)
    page.goto(f"{served.url}?id=%3Cscript%3E")
    page.click("text=I agree, start")
    page.wait_for_selector("text=That did not work")
