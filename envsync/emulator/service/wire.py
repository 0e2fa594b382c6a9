"""What a PUT says: the JSON of a request as a store's rows."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Final, cast

import yaml

from envsync.emulator.service.errors import user_error
from envsync.model.canonical import JSON, canonical_json
from envsync.model.environment import ROUTES
from envsync.targets.store.rows import FIXED_EXTRA, NewVersion, VersionSpec, Written

LABELS: Final = "azureml.labels"
"""A key of a version's `properties` that the service writes itself (recorded since 2023-10)."""

_OS_TYPES = {"linux": "Linux", "windows": "Windows"}
_OLD_PYTHON = re.compile(r"python\s*={1,2}\s*((?:2|3\.[0-7])(?:\.[\d.*]+)?)\s*")


def properties_of(body: JSON) -> dict[str, JSON]:
    """The `properties` of a body, without those that are null, which stand for absent ones.

    Raises:
        ServiceError: there are none (400).
    """
    properties = body.get("properties") if isinstance(body, dict) else None
    if not isinstance(properties, dict):
        raise user_error("The request body must have a JSON object as its properties.")
    return {key: value for key, value in properties.items() if value is not None}


def written(properties: Mapping[str, JSON], *, numbers: bool = True) -> Written:
    """What a PUT says of the part that may change.

    A stage, where there is one, says whether the version is archived (recorded in 2023-10: a PUT
    with `isArchived: true` and `stage: Development` archives nothing).

    Args:
        properties: of the body.
        numbers: whether the value of a tag may be a number.

    Raises:
        ServiceError: a value has another type (400).
    """
    stage = _text(properties, "stage")
    archived = _flag(properties, "isArchived")
    tags = properties.get("tags")
    numeric: dict[str, JSON] = {}
    if numbers and isinstance(tags, dict):
        numeric = {key: json.dumps(value) for key, value in tags.items() if _is_number(value)}
        tags = {**tags, **numeric}
    kept = _texts("properties", properties.get("properties"))
    if kept is not None:
        kept.pop(LABELS, None)  # the service's own, whatever a client sends back
    return Written(
        description=_text(properties, "description"),
        tags=_texts("tags", tags),
        properties=kept,
        archived=archived if stage is None else stage == "Archived",
        stage=stage,
        numbers=frozenset(numeric),
    )


def new_version(
    name: str,
    version: str,
    properties: Mapping[str, JSON],
    say: Written,
    *,
    rename_conda: bool = False,
) -> NewVersion:
    """The version that a PUT describes, with the service's defaults filled in.

    Args:
        name: of the environment.
        version: its own name.
        properties: of the body.
        say: what the body says of the part that may change.
        rename_conda: whether the conda file's name is replaced.

    Raises:
        ServiceError: the service would not take it (400).
    """
    conda, text = _conda(properties, rename_conda)
    uri, dockerfile = _build(properties)
    anonymous = _flag(properties, "isAnonymous")
    stage = say.stage or ("Logged" if anonymous else "Development")
    extra: dict[str, JSON] = {
        "condaFile": text,
        "isAnonymous": anonymous,
        "autoRebuild": _text(properties, "autoRebuild") or FIXED_EXTRA["autoRebuild"],
        "stage": stage,
        **({"numbers": cast("JSON", sorted(say.numbers))} if say.numbers else {}),
    }
    return NewVersion(
        name,
        version,
        VersionSpec(
            image=_text(properties, "image") or None,
            conda_file=conda,
            build_uri=uri,
            build_context=None,
            dockerfile_path=dockerfile,
            os_type=_os_type(properties),
            inference_config=_inference(properties),
        ),
        say.description,
        say.tags or {},
        properties=say.properties or {},
        extra=extra,
    )


def check_python(new: NewVersion) -> None:
    """Whether a conda file asks for a Python that is not nearing its end of life.

    Raises:
        ServiceError: it does not (400), in the words of the one recorded refusal.
    """
    conda = None if new.spec.conda_file is None else json.loads(new.spec.conda_file)
    dependencies = conda.get("dependencies") if isinstance(conda, dict) else None
    for item in dependencies if isinstance(dependencies, list) else []:
        if isinstance(item, str) and (match := _OLD_PYTHON.fullmatch(item)):
            raise user_error(
                f"Python versions matching the specification {match[1]} have reached or are "
                "nearing end-of-life. Python versions 3.8+ are recommended.",
                inner="NewRecommendedPythonVersions",
            )


def _is_number(value: JSON) -> bool:
    return isinstance(value, bool | int | float)


def _conda(properties: Mapping[str, JSON], rename: bool) -> tuple[str | None, str]:
    """A conda file as canonical JSON, and as the service rewrites it: indented, in its order."""
    text = _text(properties, "condaFile")
    if not text:
        return None, ""
    try:
        meaning = _meaning(text)
        if rename and isinstance(meaning, dict):
            nameless = {key: value for key, value in meaning.items() if key != "name"}
            digest = hashlib.md5(canonical_json(nameless).encode(), usedforsecurity=False)
            meaning = {**meaning, "name": f"azureml_{digest.hexdigest()}"}
        canonical = canonical_json(meaning)
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        raise user_error(f"The conda file cannot be read: {error}", inner="InvalidCondaFile") from (
            error
        )
    if not isinstance(meaning, dict):
        raise user_error("The conda file has to be a mapping.", inner="InvalidCondaFile")
    return canonical, json.dumps(meaning, indent=2)


def _meaning(text: str) -> JSON:
    try:
        return cast("JSON", json.loads(text))
    except ValueError:
        return cast("JSON", yaml.safe_load(text))


def _build(properties: Mapping[str, JSON]) -> tuple[str | None, str | None]:
    build = properties.get("build")
    if build is None:
        return None, None
    if not isinstance(build, dict):
        raise user_error("build has to be an object.")
    uri = _text(build, "contextUri")
    if not uri:
        raise user_error("build needs a contextUri.")
    return uri, _text(build, "dockerfilePath") or "Dockerfile"


def _inference(properties: Mapping[str, JSON]) -> str | None:
    config = properties.get("inferenceConfig")
    if config is None:
        return None
    routes: dict[str, JSON] = {}
    for name, key in ROUTES.items():
        route = config.get(key) if isinstance(config, dict) else None
        path, port = (route.get("path"), route.get("port")) if isinstance(route, dict) else (0, 0)
        if not isinstance(path, str) or type(port) is not int:
            raise user_error(f"inferenceConfig needs a {key} with port and path.")
        routes[name] = {"path": path, "port": port}
    return canonical_json(routes)


def _os_type(properties: Mapping[str, JSON]) -> str:
    text = _text(properties, "osType") or "Linux"
    if text.lower() not in _OS_TYPES:
        raise user_error(f"{text} is no operating system type: Linux or Windows.")
    return _OS_TYPES[text.lower()]


def _text(properties: Mapping[str, JSON], key: str) -> str | None:
    value = properties.get(key)
    if value is not None and not isinstance(value, str):
        raise user_error(f"{key} has to be a string.")
    return value


def _flag(properties: Mapping[str, JSON], key: str) -> bool:
    value = properties.get(key, False)
    if not isinstance(value, bool):
        raise user_error(f"{key} has to be true or false.")
    return value


def _texts(key: str, value: JSON) -> dict[str, str] | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        raise user_error(f"{key} has to be an object.")
    texts: dict[str, str] = {}
    for name, text in value.items():
        if isinstance(text, str):
            texts[name] = text
        elif text is not None:  # OpenAPI allows null there, which is taken for an absent one
            raise user_error(f"{key}.{name} has to be a string.")
    return texts
