"""The HTML page of a report, as text and in Chromium."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, Page

from envsync.plan.report import Report
from envsync.render.html.page import report_html
from tests.browser import OVERFLOWING, browser, in_chromium, new_page
from tests.render.hostile import NASTY
from tests.render.html.reports import example, hostile, large

__all__ = ["browser"]

AXE = Path(sys.prefix) / "axe-core/node_modules/axe-core/axe.min.js"
PAGE = Path(__file__).parents[3] / "envsync" / "render" / "html"
INJECTIONS = (
    "</script><script>window.hit = 1</script>",
    "</style><style>* { display: none }</style>",
    "\"><img src=x onerror='window.hit = 1'>",
    "' onclick=window.hit=1 x='",
    "--></title></textarea><svg onload=window.hit=1>",
    "<meta http-equiv=refresh content='0; url=https://evil.example'>",
    "{{ 7 * 7 }}{% raw %}",
)
SCHEMES: tuple[tuple[Literal["light", "dark"], int], ...] = (("light", 1280), ("dark", 400))
"""Colour schemes, with the width of the window."""

Opened = Callable[..., Page]


class Tags(HTMLParser):
    """Collects the tags of a page with the names of their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, tuple[str, ...]]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        # Words in backticks are code.
        if tag != "code":
            self.found.append((tag, tuple(name for name, _ in attrs)))


@pytest.fixture
def opened(browser: Browser, tmp_path: Path) -> Iterator[Opened]:
    """Returns a function that opens the page of a report."""
    pages = []

    def open_(report: Report, **options: Any) -> Page:
        path = tmp_path / "report.html"
        path.write_text(report_html(report), "utf-8")
        page = new_page(browser, **options)
        pages.append(page)
        page.goto(path.as_uri())
        return page

    yield open_
    for page in pages:
        page.close()


# No text consists only of spaces, because an empty text changes which parts the page has.
@pytest.mark.parametrize("text", [*INJECTIONS, *(text for text in NASTY if text.strip())])
def test_hostile_text_adds_no_tag_and_no_attribute(text: str) -> None:
    assert Tags(report_html(hostile(text))).found == Tags(report_html(hostile("x"))).found


def test_every_character_of_the_page_is_printable() -> None:
    text = report_html(hostile("".join(map(chr, range(0x20))) + "\x7f\u202e\u2066\u200b"))

    assert {c for c in text if not c.isprintable()} == {"\n"}
    assert r"\u202e\u2066\u200b" in text


def test_credentials_are_hidden() -> None:
    text = report_html(hostile("https://user:hunter2-secret@example.com/simple"))

    assert "hunter2" not in text
    assert "https://***@example.com/simple" in text


def test_the_page_names_no_outside_address() -> None:
    text = report_html(example())

    assert "//" not in text.replace("  // ", "")
    assert 'content="default-src ' in text


def test_a_page_about_plans_shows_only_plans() -> None:
    report = example()
    text = report_html(Report("churn", report.at, targets=report.targets[:1]))

    assert 'id="changes"' in text
    assert 'id="status"' not in text
    assert "<title>churn: plan</title>" in text


def test_the_source_of_the_page_has_less_than_a_thousand_lines() -> None:
    files = [path for path in PAGE.iterdir() if path.is_file()]

    assert {path.suffix for path in files} == {".py", ".html", ".css", ".js"}
    assert sum(len(path.read_text("utf-8").splitlines()) for path in files) < 1000


@in_chromium
def test_hostile_text_runs_nothing_requests_nothing_and_fits_a_phone(
    opened: Opened, browser: Browser
) -> None:
    report = hostile("".join([*INJECTIONS, *NASTY]))
    page = opened(report, viewport={"width": 400, "height": 800})
    requests: list[str] = []
    problems: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda message: problems.append(message.text))
    page.reload()
    page.click("#unfold")

    assert page.evaluate("window.hit") is None
    assert [url for url in requests if not url.startswith(("file:", "data:"))] == []
    assert problems == []
    assert page.evaluate(OVERFLOWING) == []


@in_chromium
def test_the_policy_of_the_page_forbids_other_scripts_and_addresses(opened: Opened) -> None:
    page = opened(example())
    blocked = page.evaluate(
        """async () => {
          const found = [];
          document.addEventListener(
            "securitypolicyviolation", (event) => found.push(event.effectiveDirective));
          const script = document.createElement("script");
          script.textContent = "window.hit = 1";
          document.body.append(script);
          await fetch("https://evil.example").catch(() => null);
          await new Promise((resolve) => setTimeout(resolve));
          return found;
        }"""
    )

    assert sorted(blocked) == ["connect-src", "script-src-elem"]
    assert page.evaluate("window.hit") is None


@in_chromium
@pytest.mark.skipif(not AXE.exists(), reason="axe-core is not installed")
def test_axe_finds_no_violation_in_both_colour_schemes(opened: Opened) -> None:
    page = opened(example())
    page.click("#unfold")
    page.evaluate(AXE.read_text("utf-8"))
    for scheme, width in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 900})
        found = page.evaluate("axe.run()")
        assert [
            (item["id"], node["html"][:200], node.get("failureSummary"))
            for item in found["violations"]
            for node in item["nodes"]
        ] == [], scheme
    # The test can fail: without its label, the field has no name.
    page.evaluate("document.getElementById('filter').parentElement.replaceWith(filter)")
    found = page.evaluate("axe.run('#filter')")
    assert "label" in {item["id"] for item in found["violations"]}


@in_chromium
def test_the_page_can_be_read_without_javascript(opened: Opened) -> None:
    page = opened(example(), java_script_enabled=False)
    field = page.get_by_text("numpy=2")

    assert not page.locator("#tools").is_visible()
    assert not field.is_visible()
    page.locator("#changes summary").first.click()
    assert field.is_visible()


@in_chromium
def test_the_printed_page_shows_folded_parts_and_no_navigation(opened: Opened) -> None:
    page = opened(example(), color_scheme="dark", java_script_enabled=False)
    page.emulate_media(media="print")

    assert page.get_by_text("numpy=2").is_visible()
    assert not page.locator("nav").is_visible()
    assert page.locator("body").evaluate("e => getComputedStyle(e).backgroundColor") == (
        "rgb(255, 255, 255)"
    )


@in_chromium
def test_the_filter_of_a_large_page_writes_only_to_rows_that_change(opened: Opened) -> None:
    page = opened(large(100, 5))
    page.evaluate(
        """() => {
          window.writes = 0;
          new MutationObserver((all) => { window.writes += all.length; }).observe(
            document.querySelector("main"), {subtree: true, attributes: true});
        }"""
    )

    def written(text: str) -> int:
        page.evaluate("window.writes = 0")
        page.fill("#filter", text)
        return int(page.evaluate("window.writes"))

    rows = page.locator("[data-item]").count()
    first = written("environment-04")
    # Each of the ten environments has a row in three parts, and there are ten applies with them.
    left = page.locator("[data-item]:not([hidden])").count()
    assert (left, page.text_content("#count")) == (40, f"40 of {rows} rows")
    assert first <= rows - left + 2
    assert written("ENVIRONMENT-04 ") == 0
    assert written("environment-042") == 27
    page.fill("#filter", "")
    page.check("#attention")
    assert page.locator("#status [data-item]:not([hidden])").count() == 50
    assert page.locator("#references .none").is_visible()
