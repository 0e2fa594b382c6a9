"""`envsync targets`: the targets of `envsync.yaml`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable

from envsync.cli.options import TargetsFormat
from envsync.cli.session import Session
from envsync.model.canonical import JSON
from envsync.model.wording import printable
from envsync.project.settings.config import Config
from envsync.project.settings.targets import TargetConfig
from envsync.render.paint import Paint, columns


def run(session: Session, output: TargetsFormat) -> int:
    """Prints the targets. Variables that are not set are no error here: nothing is opened."""
    config = session.config()
    if output is TargetsFormat.JSON:
        session.out_json(_json(config))
    elif output is TargetsFormat.MATRIX:
        session.out(json.dumps({"target": _shared(config.targets.values())}))
    else:
        session.out(_text(config, session.paint(sys.stdout)))
    return 0


def _text(config: Config, paint: Paint) -> str:
    rows = [("NAME", "KIND", "WHERE")]
    rows += [
        (
            target.name + (" (default)" if target.name == config.default_target else ""),
            target.kind,
            printable(_where(target)),
        )
        for target in config.targets.values()
    ]
    header, *lines = columns(rows)
    return "\n".join([paint("bold", header), *lines])


def _where(target: TargetConfig) -> str:
    """A path, or from the subscription down to the name."""
    keys = ("path", "subscription_id", "resource_group", "workspace", "registry")
    return "/".join(target.settings[key] for key in keys if key in target.settings)


def _json(config: Config) -> JSON:
    return {
        "format_version": 1,
        "targets": [
            {
                "name": target.name,
                "kind": target.kind,
                "default": target.name == config.default_target,
                "settings": dict(target.settings),
            }
            for target in config.targets.values()
        ],
    }


def _shared(targets: Iterable[TargetConfig]) -> list[str]:
    """The targets that pipelines of several machines share; the local ones if there are no others.

    A local target is a file of one machine, which is empty again on the next runner.
    """
    kinds = {target.name: target.kind for target in targets}
    return [name for name, kind in kinds.items() if kind != "local"] or list(kinds)
