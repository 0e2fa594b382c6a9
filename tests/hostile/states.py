"""States of a target, changes and saved plans."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

from tests.hostile import (
    CONDA,
    FILE,
    HostileInput,
    described,
    filled,
    numbered,
    packages,
    project,
    run,
    tags,
)
from tests.hostile_inputs import BASE

_APPLY: Final = (("apply", "--plan", "plan.json", "--yes"),)


def _after_apply(before: Mapping[str, str], after: Mapping[str, str], root: Path) -> None:
    project(before, root)
    run(root, "apply", "--yes")
    project(after, root)


def _change(before: str, after: str, name: str = "environments/conda.yml") -> HostileInput:
    first = {"environments/e.yml": CONDA, name: before}
    second = {"environments/e.yml": CONDA, name: after}
    commands = (("plan", "-v"), ("plan", "--format", "markdown"), ("apply", "--yes"))
    return HostileInput(partial(_after_apply, first, second), commands)


def _changes() -> dict[str, HostileInput]:
    return {
        "versions of packages": _change(packages(1), packages(2)),
        "names of packages": _change(packages(1), packages(1, "- other{0}={1}\n")),
        "order of packages": _change(
            packages(1),
            "dependencies:\n" + "".join(f"- package{n}=1\n" for n in reversed(range(20_000))),
        ),
        "repeated packages": _change(packages(1, "- a=1\n"), packages(2, "- a=2\n")),
        "pip packages": _change(
            "dependencies:\n- pip:\n" + "".join(f"  - package{n}==1\n" for n in range(20_000)),
            "dependencies:\n- pip:\n" + "".join(f"  - package{n}==2\n" for n in range(20_000)),
        ),
        "variables": _change(
            "dependencies: [a=1]\nvariables:\n" + "".join(f"  k{n}: a\n" for n in range(20_000)),
            "dependencies: [a=1]\nvariables:\n" + "".join(f"  k{n}: b\n" for n in range(20_000)),
        ),
        "channels": _change(
            packages(1, count=1) + "channels:\n" + "".join(f"- c{n}\n" for n in range(20_000)),
            packages(1, count=1) + "channels:\n" + "".join(f"- d{n}\n" for n in range(20_000)),
        ),
        "one long package": _change(
            "dependencies: ['a=1" + filled("1") + "']\n",
            "dependencies: ['a=1" + filled("2") + "']\n",
        ),
        "tags": _change(tags("a"), tags("b"), FILE),
        "tags with URLs": _change(tags("a"), tags("https://a:b@c", 12_000), FILE),
        "description": _change(described("a"), described(filled("a ")), FILE),
        "description of marks": _change(described("a"), described(filled("!") + "a"), FILE),
        "description of backticks": _change(described("a"), described(filled("`")), FILE),
        "description of backticks and blanks": _change(
            described("a"), described(filled("` ")), FILE
        ),
        "description of brackets": _change(described("a"), described(filled("(")), FILE),
        "description without blanks": _change(described("a"), described(filled("a")), FILE),
        "description of blanks": _change(described("a"), described("a" + filled(" ") + "b"), FILE),
        "description of wide characters": _change(
            described("a"), described(filled("\u6f22")), FILE
        ),
        "description of colons": _change(described("a"), described(filled("::")), FILE),
        "description of commands": _change(described("a"), described(filled("##vso[")), FILE),
        "description of control characters": _change(
            described("a"), BASE.replace(": d", ': "' + filled("\\e[") + '"'), FILE
        ),
    }


def _saved(edit: Callable[[dict[str, Any]], Any], root: Path) -> None:
    """Saves a plan, and changes it."""
    project({}, root)
    run(root, "plan", "--out", "plan.json")
    plan = root / "plan.json"
    edited = edit(json.loads(plan.read_text()))
    plan.write_text(edited if isinstance(edited, str) else json.dumps(edited))


def _repeat_changes(data: dict[str, Any]) -> dict[str, Any]:
    change = data["changes"][0]
    size = len(json.dumps(change)) + 20
    data["changes"] = []
    for number in range(900_000 // size):
        data["changes"].append(copy.deepcopy(change) | {"name": f"e{number}"})
    return data


def _long_fields(data: dict[str, Any]) -> dict[str, Any]:
    field = {"path": "tags.a", "before": None, "after": "b"}
    data["changes"][0]["fields"] = [{**field, "path": f"tags.k{n}"} for n in range(16_000)]
    return data


def _with(**values: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda data: {**data, **values}


def _saved_plans() -> dict[str, Callable[[dict[str, Any]], Any]]:
    return {
        "many changes": _repeat_changes,
        "many fields": _long_fields,
        "unknown keys": lambda data: {**{f"k{n}": n for n in range(60_000)}, **data},
        "repeated keys": lambda _: '{"a": ' + '1, "a": ' * 100_000 + "1}",
        "brackets": lambda _: filled("["),
        "nesting": lambda _: filled("[", 400_000) + filled("]", 400_000),
        "a long number": lambda _: filled("1"),
        "a long number as version": lambda _: '{"format_version": ' + filled("1") + "}",
        "a long fraction": lambda _: "0." + filled("1"),
        "a long exponent": lambda _: "1e" + filled("1"),
        "a long string": _with(project=filled("a")),
        "a long digest": _with(digest=filled("a")),
        "escaped characters": lambda _: '"' + filled("\\u0001") + '"',
        "blanks": lambda data: filled(" ") + json.dumps(data),
        "no end": lambda data: json.dumps(_repeat_changes(data))[:-1],
        "a list": lambda data: json.dumps([data] * 300),
        "changes of another type": _with(changes=[1] * 300_000),
        "empty changes": _with(changes=[{}] * 200_000),
        "long values of a format": _with(format_version=filled("1")),
    }


def _imported(files: Mapping[str, str], root: Path) -> None:
    project(files, root)
    run(root, "apply", "--yes")
    (root / FILE).unlink()


def inputs() -> dict[str, HostileInput]:
    """Returns the inputs by title."""
    return {
        **{f"change: {title}": item for title, item in _changes().items()},
        **{
            f"saved plan: {title}": HostileInput(partial(_saved, edit), _APPLY)
            for title, edit in _saved_plans().items()
        },
        **{
            f"import: {title}": HostileInput(partial(_imported, files), (("import",), ("list",)))
            for title, files in {
                "packages": {FILE: CONDA, "environments/conda.yml": packages(1)},
                "tags": {FILE: tags("a")},
                "description": {FILE: described(filled("a "))},
                "description of blanks": {FILE: described("a" + filled(" ") + "b")},
                "description of quotes": {FILE: described(filled("''"))},
                "description of line breaks": {
                    FILE: BASE.replace(": d", ': "' + filled("\\n") + '"')
                },
                "files": numbered("environments/{0}.yml", "i:1"),
            }.items()
        },
    }
