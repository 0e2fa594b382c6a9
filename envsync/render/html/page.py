"""Renders a report as one HTML page, which contains its style and its script."""

from __future__ import annotations

import re
from base64 import b64encode
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any, Final

from jinja2 import DictLoader, Environment, StrictUndefined, Template
from markupsafe import Markup, escape

from envsync._version import __version__
from envsync.model.wording import printable
from envsync.plan.report import Report
from envsync.render.html.history import apply_views
from envsync.render.html.places import status_rows, used_rows
from envsync.render.html.timeline import environment_views
from envsync.render.plan_view import view
from envsync.render.status_view import rejected_count, size_text, state_counts

_CODE: Final = re.compile("`([^`]+)`")


def report_html(report: Report) -> str:
    """Returns a report as an HTML page. A report without a status is a page about plans."""
    style, script = _file("style.css"), _file("script.js")
    return _template().render(
        report=report,
        # The style and the script are files of envsync. The hashes in the policy allow nothing
        # else.
        style=Markup(style),  # noqa: S704 - a file of envsync
        script=Markup(script),  # noqa: S704 - a file of envsync
        policy=_policy(style, script),
        envsync_version=__version__,
        at=f"{report.at[:16].replace('T', ' ')} UTC",
        plans=[view(target.plan) for target in report.targets],
        status=_status(report),
        used=used_rows(report),
        environments=environment_views(report),
        applies=apply_views(report),
        without_history=[
            target.plan.target.name for target in report.targets if target.history is None
        ],
    )


@cache
def _template() -> Template:
    environment = Environment(
        loader=DictLoader({"page": _file("page.html")}),
        autoescape=True,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters["prose"] = _prose
    return environment.get_template("page")


@cache
def _file(name: str) -> str:
    return files("envsync.render.html").joinpath(name).read_text("utf-8")


def _policy(style: str, script: str) -> str:
    """Returns the Content-Security-Policy, which allows only the style and script of the page."""

    def allowed(text: str) -> str:
        return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"

    return (
        f"default-src 'none'; style-src {allowed(style)}; script-src {allowed(script)}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _shown(value: Any) -> Any:
    """Makes each string of the page printable, and hides credentials. The template escapes HTML."""
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _prose(text: str) -> Markup:
    """Returns a sentence as HTML. Words in backticks become code, and so does a whole command."""
    html = str(escape(printable(text)))
    if html.startswith("envsync "):
        html = f"`{html}`"
    return Markup(_CODE.sub(r"<code>\1</code>", html))  # noqa: S704 - escaped above


def _status(report: Report) -> dict[str, Any] | None:
    if report.status is None:
        return None
    return {
        "targets": report.status.targets,
        "unreachable": report.status.unreachable,
        "size": size_text(report.status),
        "counts": state_counts(report.status),
        "rejected": rejected_count(report.status),
        "rows": status_rows(report.status),
    }
