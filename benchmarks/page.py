"""Measures the page of `envsync report` with 500 environments in 5 targets.

Prints the time to render the page, its size, and the time from a key in the filter until Chromium
has laid out the page again. On a shared machine, times vary, so the smallest of several is printed.

    python -m benchmarks.page [--environments 500] [--targets 5]
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from playwright.sync_api import sync_playwright

from envsync.render.html.page import report_html
from tests.browser import CHROMIUM, new_page
from tests.render.html.reports import large

REPEAT = 5
TEXTS = ("e", "environment-0", "environment-04", "environment-042", "nothing", "")

# Reading `offsetHeight` makes the browser compute the layout, as it would before it paints.
FILTER = """
(text) => {
  const field = document.getElementById("filter");
  const start = performance.now();
  field.value = text;
  field.dispatchEvent(new Event("input"));
  const done = performance.now();
  document.body.offsetHeight;
  return [done - start, performance.now() - start];
}
"""


def main() -> None:
    """Prints the times."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--environments", type=int, default=500)
    parser.add_argument("--targets", type=int, default=5)
    arguments = parser.parse_args()
    report = large(arguments.environments, arguments.targets)
    report_html(report)  # The first page also compiles the template.
    times = []
    for _ in range(REPEAT):
        start = time.perf_counter()
        text = report_html(report)
        times.append(time.perf_counter() - start)
    print(f"{'render':24}{min(times) * 1000:8.0f} ms{len(text.encode()) / 1e6:8.1f} MB")
    with tempfile.TemporaryDirectory() as directory, sync_playwright() as playwright:
        path = Path(directory, "report.html")
        path.write_text(text, "utf-8")
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = new_page(browser)
        page.goto(path.as_uri())
        found: dict[str, list[list[float]]] = {item: [] for item in TEXTS}
        for _ in range(REPEAT):
            for item in TEXTS:
                found[item].append(page.evaluate(FILTER, item))
        browser.close()
    print(f"{'filter':24}{'script':>8}   {'with layout':>11}")
    for item, runs in found.items():
        script, whole = (min(run[part] for run in runs) for part in (0, 1))
        print(f"{item or '(empty)':24}{script:8.1f}   {whole:8.1f} ms")


if __name__ == "__main__":
    main()
