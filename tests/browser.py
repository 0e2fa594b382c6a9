"""Opens pages in Chromium. Tests that need it carry the mark `in_chromium`."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
in_chromium = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")

# The address bar of each window has a page of its own, which takes longer than many of the pages in
# the tests. Playwright disables the other features, but Chromium obeys only the last option.
WITHOUT = (
    "WebUIOmniboxPopup",
    "WebUIOmniboxFullPopup",
    "WebUIOmniboxAimPopup",
    "AvoidUnnecessaryBeforeUnloadCheckSync",
    "DestroyProfileOnBrowserClose",
    "HttpsFirstBalancedModeAutoEnable",
    "HttpsUpgrades",
    "LensOverlay",
    "MediaRouter",
    "NetworkTimeServiceQuerying",
    "OptimizationHints",
    "PaintHolding",
    "PreconnectToSearch",
    "ThirdPartyStoragePartitioning",
)

# Elements that are wider than the window, and have no scroll bar of their own.
OVERFLOWING = """
() => {
  const scrolls = (element) => {
    for (let e = element; e && e !== document.body; e = e.parentElement)
      if (['auto', 'scroll', 'hidden'].includes(getComputedStyle(e).overflowX)) return true;
    return false;
  };
  const wide = [...document.querySelectorAll('body *')].filter((element) => {
    const box = element.getBoundingClientRect();
    return box.width > 0 && box.right > window.innerWidth + 1 && box.left < window.innerWidth
      && !scrolls(element);
  });
  const page = document.documentElement.scrollWidth > window.innerWidth ? ['the page'] : [];
  return page.concat(wide.map((element) => element.outerHTML.slice(0, 100)));
}
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", f"--disable-features={','.join(WITHOUT)}"],
            timeout=0,
        )
        yield browser
        browser.close()


def new_page(browser: Browser, **options: Any) -> Page:
    """Opens a page without time limits: a busy machine is slow, and pytest has a limit."""
    page = browser.new_page(**options)
    page.set_default_timeout(0)
    return page
