"""The site of the documentation: `mkdocs build --strict`, and its pages in Chromium."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from xml.etree import ElementTree

import pytest
from playwright.sync_api import Browser, Page

from tests.browser import OVERFLOWING, browser, in_chromium, new_page

__all__ = ["browser"]

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built with all warnings of MkDocs as errors."""
    directory = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(directory)],
        cwd=ROOT,
        # Material for MkDocs prints an announcement otherwise.
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return directory


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Logs nothing."""


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(site)))
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()
    thread.join()


def paths(site: Path) -> list[str]:
    found = (path.relative_to(site).parent.as_posix() for path in site.rglob("index.html"))
    return sorted("" if path == "." else f"{path}/" for path in found)


def test_the_site_has_a_page_for_each_markdown_file(site: Path) -> None:
    expected = {
        path.relative_to(DOCS).with_suffix("").as_posix().removesuffix("README").strip("/")
        for path in DOCS.rglob("*.md")
    }

    assert {path.strip("/") for path in paths(site)} == expected


def test_no_page_shows_a_comment_that_only_the_tests_read(site: Path) -> None:
    texts = {path: path.read_text("utf-8") for path in site.rglob("index.html")}
    marks = (
        "```",
        "<!-- before",
        "<!-- file",
        "yaml environment",
        "yaml config",
        "yaml bad",
        r"\|",
    )

    found = [
        (path.relative_to(site).as_posix(), mark)
        for path, text in texts.items()
        for mark in marks
        if mark in text
    ]
    assert found == []


# On each page, the theme builds the index of its search again in a worker. That takes half of the
# CPU time of a page.
WITHOUT_SEARCH = "window.Worker = class extends EventTarget { postMessage() {} };"

# Otherwise, the theme moves its search field for a moment after the width has changed.
WITHOUT_TRANSITIONS = """
document.adoptedStyleSheets = [new CSSStyleSheet()];
document.adoptedStyleSheets[0].replaceSync('* { transition: none !important; }');
"""


class Watched:
    """The requests and the errors of a page.

    Attributes:
        requests: the URL of each request.
        errors: the message of each exception that no script handles.
    """

    def __init__(self, page: Page) -> None:
        self.requests: list[str] = []
        self.errors: list[str] = []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def foreign(self, address: str) -> list[str]:
        """Returns the requests to other hosts than `address`."""
        return [url for url in self.requests if not url.startswith((address, "data:", "blob:"))]


# Opens each page in a hidden frame, because Chromium does not draw it. To draw the pages would take
# a third of the CPU time. Media queries use the width of the frame as the width of the window.
IN_A_FRAME = """
async ([paths, overflowing]) => {
  const frame = document.createElement('iframe');
  frame.style = 'position: fixed; height: 900px; border: 0; visibility: hidden';
  document.body.append(frame);
  const measured = async (width) => {
    frame.style.width = `${width}px`;
    // Before the next animation frame, the theme reacts to the new width.
    await new Promise((next) => frame.contentWindow.requestAnimationFrame(next));
    return frame.contentWindow.eval(`(${overflowing})()`);
  };
  const found = [];
  const widths = [400, 1280];
  for (const path of paths) {
    await new Promise((loaded) => { frame.onload = loaded; frame.src = `/${path}`; });
    const [navigation] = frame.contentWindow.performance.getEntriesByType('navigation');
    if (navigation.responseStatus !== 200) found.push([path, navigation.responseStatus]);
    // Changing the width takes time. So each page is opened with the width that the page before
    // had at last.
    widths.reverse();
    for (const width of widths)
      found.push(...(await measured(width)).map((wide) => [path, width, wide]));
  }
  // The test can fail: the page itself is too wide for such an element.
  frame.contentDocument.querySelector('article').style.width = '900px';
  return [found, await measured(400)];
}
"""


@in_chromium
def test_pages_fit_the_window_and_request_nothing_from_other_hosts(
    site: Path, address: str, browser: Browser
) -> None:
    page = new_page(browser)
    page.add_init_script(WITHOUT_SEARCH)
    page.add_init_script(WITHOUT_TRANSITIONS)
    watched = Watched(page)
    page.goto(address)
    overflowing, detected = page.evaluate(IN_A_FRAME, [paths(site), OVERFLOWING])
    page.close()

    assert overflowing == []
    assert detected
    assert {f"{address}{path}" for path in paths(site)} <= {*watched.requests}
    assert watched.errors == []
    assert watched.foreign(address) == []


@in_chromium
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_search_finds_a_page_in_both_colour_schemes(
    address: str, browser: Browser, scheme: Any
) -> None:
    page = new_page(browser, color_scheme=scheme)
    watched = Watched(page)
    # The theme reads the query when its search is ready. Text that is typed earlier is lost.
    page.goto(f"{address}?q=roll+back")
    page.locator(".md-search-result__link").first.wait_for()

    links = page.locator(".md-search-result__link").evaluate_all("all => all.map((a) => a.href)")
    used = page.evaluate("document.body.dataset.mdColorScheme")
    page.close()
    assert any("how-to/rolling-back/" in link for link in links)
    assert used == {"light": "default", "dark": "slate"}[scheme]
    assert watched.errors == []
    assert watched.foreign(address) == []


@in_chromium
def test_the_words_of_the_picture_stay_inside_it(address: str, browser: Browser) -> None:
    page = new_page(browser)
    page.goto(f"{address}loop.svg")
    outside = page.evaluate(
        """() => {
          const box = document.documentElement.getBoundingClientRect();
          return [...document.querySelectorAll('text')].map((text) => {
            const own = text.getBoundingClientRect();
            const inside = own.left >= box.left && own.right <= box.right
              && own.top >= box.top && own.bottom <= box.bottom;
            return inside ? null : text.textContent;
          }).filter(Boolean);
        }"""
    )
    page.close()

    assert outside == []


def test_the_picture_has_a_description_and_colours_for_dark_pages() -> None:
    text = (DOCS / "loop.svg").read_text("utf-8")
    root = ElementTree.fromstring(text)  # noqa: S314 - a file of this repository
    names = [child.tag.rpartition("}")[2] for child in root]

    assert names[:2] == ["title", "desc"]
    assert "prefers-color-scheme: dark" in text
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")
