"""Writes `envsync/project/environment/retired.json` again from its sources.

Run it with `python scripts/refresh_retired.py`, review the difference, and add a line to
`CHANGELOG.md`. Only series that have ended are written, so envsync itself needs no clock.
"""

from __future__ import annotations

import argparse
import calendar
import datetime
import json
import re
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
DATA = ROOT / "envsync" / "project" / "environment" / "retired.json"

PYTHON = "https://raw.githubusercontent.com/python/devguide/main/include/release-cycle.json"
UBUNTU = "https://endoflife.date/api/ubuntu.json"
CUDA = "https://endoflife.date/api/cuda.json"
IMAGES = (
    "https://raw.githubusercontent.com/MicrosoftDocs/azure-ai-docs/main/articles/machine-learning/"
    "how-to-troubleshoot-environments.md"
)

Fetch = Callable[[str], str]


def main() -> int:
    """Runs the script."""
    parser = argparse.ArgumentParser(description=__doc__)
    today = datetime.date.today().isoformat()
    parser.add_argument("--date", default=today, help="leave out what ends after this day")
    date: str = parser.parse_args().date
    before = json.loads(DATA.read_text("utf-8"))
    text = json.dumps(refreshed(before, fetch, date), indent=2) + "\n"
    DATA.write_text(text, "utf-8")
    sys.stdout.write(f"Wrote {DATA.relative_to(ROOT)}.\n")
    return 0


def fetch(url: str) -> str:
    """Downloads a text.

    Raises:
        OSError: the download failed.
    """
    with urllib.request.urlopen(url, timeout=60) as response:
        content: bytes = response.read()
    return content.decode()


def refreshed(before: dict[str, Any], fetch: Fetch, date: str) -> dict[str, Any]:
    """Returns the new data.

    Args:
        before: the data in the file. Series and images that a source no longer lists are kept.
        fetch: downloads the text at a URL.
        date: the day up to which a series must have ended, such as `2026-11-28`.

    Raises:
        ValueError: a source has no data, so its format has probably changed.
    """
    page = fetch(IMAGES)
    found = {
        "python": _python(json.loads(fetch(PYTHON))),
        "ubuntu": {item["cycle"]: item["eol"] for item in json.loads(fetch(UBUNTU))},
        "cuda": _cuda(json.loads(fetch(CUDA))),
    }
    series = {
        name: {**before[name], **_ended(dates, date)} if dates else _fail(name)
        for name, dates in found.items()
    }
    images = set(before["images"]) | _images(page)
    return {
        "date": date,
        "sources": before["sources"] | {"images": _source(before["sources"]["images"], page)},
        **{name: dict(sorted(dates.items(), key=_number)) for name, dates in series.items()},
        "images": sorted(images),
        "successors": before["successors"],
    }


def _python(cycles: dict[str, dict[str, str]]) -> dict[str, str]:
    found = {name: item["end_of_life"] for name, item in cycles.items() if name.startswith("3.")}
    # All series of Python 2 ended with 2.7.
    return {"2": cycles["2.7"]["end_of_life"], **found}


def _cuda(releases: list[dict[str, Any]]) -> dict[str, str]:
    """Returns the day on which the second major version after each major version was released."""
    first: dict[int, str] = {}
    for item in releases:
        major = int(re.split(r"\D", item["cycle"])[0])
        first[major] = min(first.get(major, item["releaseDate"]), item["releaseDate"])
    return {str(major): first[major + 2] for major in first if major + 2 in first}


def _images(page: str) -> set[str]:
    start = page.find("The following base images are deprecated")
    found = re.match(r"[^\n]*\n+((?:[*-] `[^`\n]+`\s*\n)+)", page[start:]) if start >= 0 else None
    return set(re.findall(r"`([^`\n]+)`", found[1])) if found else _fail("images")


def _source(text: str, page: str) -> str:
    """Returns the source of the images with the date of the page."""
    month, day, year = re.findall(r"^ms\.date: (\d\d)/(\d\d)/(\d{4})", page, re.MULTILINE)[0]
    return re.sub(r"page of .*", f"page of {year}-{month}-{day}", text)


def _ended(dates: dict[str, Any], date: str) -> dict[str, str]:
    full = {name: _full_date(end) for name, end in dates.items() if isinstance(end, str)}
    return {name: end for name, end in full.items() if end <= date}


def _full_date(text: str) -> str:
    """Completes a month such as `2026-10` with its last day."""
    year, month, *day = text.split("-")
    last = calendar.monthrange(int(year), int(month))[1]
    return f"{year}-{month}-{day[0] if day else f'{last:02}'}"


def _number(item: tuple[str, str]) -> list[int]:
    return [int(part) for part in item[0].split(".")]


def _fail(name: str) -> Any:
    raise ValueError(f"The source of {name} has no data. Compare its format with this script.")


if __name__ == "__main__":
    sys.exit(main())
