"""The page in a real browser: what is shown, what keys and buttons do, and that it complains of nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from ragkit.evaluation.page import write_page
from ragkit.evaluation.report import Report
from ragkit.evaluation.texts import HeldTexts
from tests.unit.evaluation.page.browser import CHROMIUM, Browser
from tests.unit.evaluation.page.reports import QUOTE, TEXTS, failed, result, small, with_text

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium was found: apt install chromium")


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    started = Browser(tmp_path_factory.mktemp("profile"))
    yield started
    started.close()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("page") / "report.html"
    write_page(small(), path, TEXTS)
    return path.as_uri()


def test_it_loads_nothing_and_complains_of_nothing(browser: Browser, address: str) -> None:
    browser.complaints.clear()
    browser.requests.clear()
    wrong = ("#q=nobody", "#q=%", "#__proto__=1", "#questions&f=constructor&s=toString")
    for view in ("", "#questions", "#questions&q=q1", "#versus", *wrong):
        browser.open(address + view)
    assert browser.complaints == []
    assert {request.partition("#")[0] for request in browser.requests} <= {address, "about:blank"}


def test_a_question_is_reached_by_its_address(browser: Browser, address: str) -> None:
    browser.open(f"{address}#q=q2")
    assert browser.run("document.querySelector('.bar-top .id').textContent") == "q2"
    assert browser.run("document.querySelectorAll('.card').length") == 2
    assert browser.run("document.querySelector('.wanted mark').textContent") == QUOTE


def test_keys_go_through_the_list(browser: Browser, address: str) -> None:
    browser.open(f"{address}#questions")
    seen = []
    for key in "jjkjjj":
        browser.press(key)
        seen.append(browser.run("new URLSearchParams(location.hash.slice(1)).get('q')"))
    assert seen == ["q1", "q2", "q1", "q2", "q3", "q4"]
    browser.press("Escape")
    assert browser.run("location.hash") == "#questions"


def test_the_focus_stays_where_it_was(browser: Browser, address: str) -> None:
    browser.open(f"{address}#questions")
    browser.run("document.querySelector('[data-key=\"chip wins\"]').focus()")
    browser.run("document.activeElement.click()")
    assert ids(browser) == ["q2"]
    assert browser.run("document.activeElement.dataset.key") == "chip wins"
    browser.press("j")
    assert browser.run("document.activeElement.id") == "asked"
    browser.press("Escape")
    assert browser.run("document.activeElement.dataset.key") == "row q2"


def test_the_summary_is_shown_where_scripts_are_off(browser: Browser, address: str) -> None:
    browser.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        browser.open(address)
        shown = browser.run("document.body.innerText")
    finally:
        browser.call("Emulation.setScriptExecutionDisabled", value=False)
    assert "Measures of mini" in shown
    assert "need JavaScript, which is off" in shown
    assert "Wins and losses" not in shown


def test_a_slash_goes_to_the_search(browser: Browser, address: str) -> None:
    browser.open(address)
    browser.press("/")
    assert browser.run("document.activeElement.id") == "search"
    for letter in "gone":
        browser.press(letter)
    assert browser.run("document.querySelector('#search').value") == "gone"
    assert ids(browser) == ["q4"]


def test_questions_are_filtered_and_sorted(browser: Browser, address: str) -> None:
    for view, expected in {
        "f=failed": ["q4"],
        "f=lost": ["q1"],
        "f=wins": ["q2"],
        "f=losses": ["q1"],
        "f=abstained": [],
        "k=fuse": ["q1"],
        "s=worst": ["q1", "q3", "q2", "q4"],
        "s=losses": ["q1", "q3", "q2", "q4"],
        "p=old&s=best": ["q1", "q3", "q4", "q2"],
    }.items():
        browser.open(f"{address}#questions&{view}")
        assert ids(browser) == expected, view


def test_a_citation_opens_its_quote_in_context(browser: Browser, address: str) -> None:
    browser.open(f"{address}#q=q1")
    browser.run("document.querySelector('.marker').click()")
    assert browser.run("document.querySelector('.quote .cited').textContent") == QUOTE
    assert "Printers use port 9100." in browser.run("document.querySelector('.quote').textContent")
    browser.run("document.querySelector('.marker').click()")
    assert browser.run("document.querySelector('.quote').hidden") is True


def test_the_stage_that_lost_it_is_open(browser: Browser, address: str) -> None:
    browser.open(f"{address}#q=q1")
    card = "document.querySelectorAll('.card')[1]"
    assert browser.run(f"{card}.querySelector('.stage[open] b').textContent") == "fuse"
    assert "did not hand it on" in browser.run(f"{card}.querySelector('.verdict').textContent")


def test_spans_are_marked_beyond_the_first_plane(browser: Browser, tmp_path: Path) -> None:
    texts = {"mini": HeldTexts({"a.md": "🏮" * 20 + QUOTE})}
    write_page(small(), tmp_path / "r.html", texts)
    browser.open((tmp_path / "r.html").as_uri() + "#q=q1")
    assert browser.run("document.querySelector('.wanted mark').textContent") == QUOTE


def test_wins_and_losses_lie_side_by_side(browser: Browser, address: str) -> None:
    browser.open(f"{address}#versus")
    assert browser.run("document.querySelector('.headline').textContent").endswith(
        "1 win, 1 loss, 1 tie, 1 question on which one alone failed"
    )
    assert ids(browser, "#view-versus") == ["q1", "q2", "q4"]


@pytest.mark.parametrize("width", [390, 768, 1440])
@pytest.mark.parametrize("view", ["", "#questions", "#q=q1", "#versus"])
def test_nothing_is_wider_than_the_window(browser: Browser, address: str, width: int, view: str) -> None:
    browser.open(address + view, width=width)
    assert browser.run("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("text", ["</script><img src=x onerror=alert(1)>", "\u202eevil", "x" * 4096])
def test_mean_texts_stay_texts(browser: Browser, tmp_path: Path, text: str) -> None:
    write_page(with_text(text), tmp_path / "r.html", {text: HeldTexts({text: text, "a.md": text})})
    browser.complaints.clear()
    for view in ("", f"#q={quote(text)}", "#versus"):
        browser.open((tmp_path / "r.html").as_uri() + view, width=390)
        assert browser.run("document.images.length") == 0
        assert browser.run("document.documentElement.scrollWidth") <= 390
    assert browser.complaints == []


def test_colours_are_told_apart_in_the_dark_too(browser: Browser, address: str) -> None:
    for is_dark in (False, True):
        browser.open(f"{address}#q=q1", is_dark=is_dark)
        assert browser.run(_LEAST_CONTRAST) >= 4.5


def test_failures_alone_can_be_looked_through(browser: Browser, tmp_path: Path) -> None:
    all_failed = result("one", [failed("q1"), failed("q2")], {})
    write_page(Report("r", results=(all_failed,), comparisons={}, facts={}), tmp_path / "r.html", TEXTS)
    browser.complaints.clear()
    browser.open((tmp_path / "r.html").as_uri() + "#q=q1")
    assert "the model is gone" in browser.run("document.querySelector('.error').textContent")
    assert browser.complaints == []


def ids(browser: Browser, within: str = ".list") -> list[str]:
    script = f"[...document.querySelectorAll('{within} .id')].map((e) => e.textContent)"
    found: list[str] = browser.run(script)
    return found


# The least contrast of any text with what is painted behind it: WCAG 2.2, 1.4.3.
_LEAST_CONTRAST = """(() => {
  const parts = (colour) => (colour.match(/[\\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((c) => c / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const found = parts(getComputedStyle(at).backgroundColor);
      if (found.length === 3 || found[3] === 1) return found;
    }
    return [255, 255, 255];
  };
  let least = 21;
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.data.trim() || !element.checkVisibility()) continue;
    if (element.closest("script, style, :disabled")) continue;
    const [a, b] = [light(parts(getComputedStyle(element).color)), light(behind(element))];
    least = Math.min(least, (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05));
  }
  return least;
})()"""
